//! Real registries for tests: Debian's `docker-registry` (2.8.2, which lists all tags at once) and the distribution
//! project's v3 (which pages), on the loopback, with images made here.
//!
//! - [`RegistryServer`] is one running registry: `push_image(repository, tag, platforms, created, labels)` gives a digest,
//!   `push_chart`, `push_manifest` and `push_blob` what else is needed.
//! - `push_signed(repository, tag, case)` puts an image with what cosign left beside it (testdata/cosign).
//! - [`RegistryProxy`] stands before it: `requests()` counts what came by kind, `take_log()` lists it, `break_at(part, fault)`
//!   breaks the requests whose `METHOD path?query` contains `part`, `page_by(n)` and `paginate(n, style)` make pages,
//!   `slow_down(time)` makes the way longer.
//! - [`TokenServer`] gives out the tokens that a registry behind [`Entrance::Token`] wants.

mod client;
mod process;
mod proxy;
mod push;
mod serve;
mod signed;
mod token;

pub use process::{Entrance, Flavor, PASSWORD, RegistryServer, USER};
pub use proxy::{LinkStyle, RegistryFault, RegistryProxy, RegistryRequests};
pub use push::digest_of;
pub use token::{IDENTITY_TOKEN, TokenServer};
