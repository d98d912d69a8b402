//! The few conditions that random pipelines are given, said in Rust: a second answer to the expressions in CEL.

use promoter_core::{Artifact, Content};

/// No pre-release, by the text of the tag.
pub(crate) const NO_PRERELEASE: &str = "!artifacts.web.tag.contains(\"-\")";
/// An even last digit of the commit, as a condition that half of all freight meets.
pub(crate) const EVEN: &str = "['0', '2', '4', '6', '8'].exists(it, artifacts.config.commit.endsWith(it))";

/// True when artifacts satisfy one of the conditions.
pub(crate) fn holds(condition: &str, artifacts: &[Artifact]) -> bool {
    let of = |name: &str| artifacts.iter().find(|it| it.name.as_str() == name).map(|it| &it.content);
    match condition {
        NO_PRERELEASE => {
            matches!(of("web"), Some(Content::Image(it)) if it.tag.as_ref().is_none_or(|it| !it.as_str().contains('-')))
        }
        EVEN => {
            matches!(of("config"), Some(Content::Git { commit, .. }) if commit.as_str().ends_with(['0', '2', '4', '6', '8']))
        }
        other => panic!("say in Rust what `{other}` means"),
    }
}
