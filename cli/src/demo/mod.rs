//! `promoter demo`: the main job on real parts, in a temporary folder: a bare repository, the controller's own code, a
//! plugin asked over its socket, a server that is checked by HTTP.
//!
//! Decides what is shown and in which order. Everything that happens is done by the same code that users run.

mod app;
mod plugin;
mod server;
mod stage;
mod story;

use std::io::Write;
use std::path::PathBuf;

use promoter_core::Diagnosis;

use stage::Stage;

/// What `promoter demo` is asked.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct DemoArguments {
    /// Leaves the repository in DIR, to play with
    #[arg(long, value_name = "DIR")]
    pub(super) keep: Option<PathBuf>,
}

/// Plays the story.
pub(crate) fn demo(arguments: &DemoArguments, out: &mut dyn Write) -> Result<(), Diagnosis> {
    let (place, _temporary) = place(arguments)?;
    let mut stage = Stage::build(place)?;
    story::tell(&mut stage, out)?;
    story::what_next(&stage, arguments.keep.as_deref(), out)
}

/// The folder of the demo; a temporary one goes when the second value does.
fn place(arguments: &DemoArguments) -> Result<(PathBuf, Option<tempfile::TempDir>), Diagnosis> {
    let unusable = |what: &str, error: std::io::Error| {
        Diagnosis::input("demo-folder", format!("{what} cannot be used: {error}"))
            .hint("name another folder with `--keep`")
    };
    if let Some(directory) = &arguments.keep {
        let shown = format!("`{}`", directory.display());
        std::fs::create_dir_all(directory).map_err(|error| unusable(&shown, error))?;
        let mut entries = directory.read_dir().map_err(|error| unusable(&shown, error))?;
        if entries.next().is_some() {
            return Err(Diagnosis::input("demo-folder", format!("{shown} is not empty"))
                .hint("name a new folder with `--keep`"));
        }
        return Ok((directory.canonicalize().map_err(|error| unusable(&shown, error))?, None));
    }
    let temporary = tempfile::Builder::new()
        .prefix("promoter-demo-")
        .tempdir()
        .map_err(|error| unusable("the temporary folder", error))?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}

/// A line that cannot be printed ends the demo: nobody watches any more.
#[expect(clippy::needless_pass_by_value, reason = "`map_err` gives the value")]
fn unprintable(error: std::io::Error) -> Diagnosis {
    Diagnosis::upstream("output", format!("the output cannot be written: {error}"))
}
