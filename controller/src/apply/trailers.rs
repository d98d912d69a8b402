//! The last lines of our commits' messages, for tools: which freight, where, who asked and why.

use promoter_core::pipeline::Pipeline;
use promoter_core::{FreightId, Name};
use promoter_render::hydrate::Trailer;

/// What every commit of an environment names.
pub(super) fn named(pipeline: &Pipeline, environment: &Name, freight: &FreightId) -> Vec<Trailer> {
    vec![
        Trailer::new(Trailer::FREIGHT, freight.to_string()),
        Trailer::new(Trailer::ENVIRONMENT, environment.as_str()),
        Trailer::new(Trailer::PIPELINE, pipeline.name.as_str()),
    ]
}

/// Who asked for it and why, as far as there is something to say.
pub(super) fn asked(by: Option<&str>, reason: Option<&str>) -> impl Iterator<Item = Trailer> {
    let reason = reason.filter(|it| !it.is_empty()).map(|it| Trailer::new(Trailer::REASON, it));
    by.map(|it| Trailer::new(Trailer::BY, it)).into_iter().chain(reason)
}

/// A message with its trailers below a blank line.
pub(super) fn signed(text: &str, trailers: &[Trailer]) -> String {
    let lines: String = trailers.iter().map(|it| format!("{it}\n")).collect();
    format!("{text}\n\n{lines}")
}
