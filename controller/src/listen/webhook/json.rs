//! Reading what a message holds, and putting together what it names.

use std::borrow::Cow;

use promoter_core::{GitUrl, ImageRef, Repository};
use serde_json::Value;

use super::Message;
use crate::signal::Sooner;

/// The JSON of a message; a form holds it in its field `payload`, as GitHub sends it when it is not told otherwise.
pub(super) fn json(message: &Message<'_>) -> Option<Value> {
    let is_form = message.header("content-type").starts_with("application/x-www-form-urlencoded");
    let body: Cow<'_, [u8]> = match is_form {
        true => {
            let mut parts = form_urlencoded::parse(message.body);
            let (_, payload) = parts.find(|(key, _)| key == "payload")?;
            payload.into_owned().into_bytes().into()
        }
        false => message.body.into(),
    };
    serde_json::from_slice(&body).ok()
}

/// The text at a JSON pointer; `""` when there is none.
pub(super) fn text<'a>(json: &'a Value, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a JSON pointer; empty when there is none.
pub(super) fn list<'a>(json: &'a Value, pointer: &str) -> &'a [Value] {
    json.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What these addresses of git repositories name; `None` when none of them is one.
pub(super) fn git<'a>(urls: impl IntoIterator<Item = &'a str>) -> Option<Sooner> {
    let urls = urls.into_iter().filter_map(|it| it.parse::<GitUrl>().ok());
    all(urls.map(|it| Sooner::git(&it)))
}

/// What these image references name, whatever their tag or digest; `None` when one of them is none, or there are none.
pub(super) fn images<T: AsRef<str>>(references: impl IntoIterator<Item = T>) -> Option<Sooner> {
    let image = |it: T| {
        // Registries know their repositories in lower case; some tell the name as it was typed.
        let name = it.as_ref().trim_end_matches(':').to_ascii_lowercase();
        // The tag does not matter, and its letters may be of either case.
        name.parse::<ImageRef>().ok().map(|it| it.repository)
    };
    let repositories: Vec<Repository> = references.into_iter().map(image).collect::<Option<_>>()?;
    all(repositories.into_iter().map(Sooner::image))
}

/// All of these together; `None` when there is nothing.
pub(super) fn all(parts: impl IntoIterator<Item = Sooner>) -> Option<Sooner> {
    let mut sooner = Sooner::default();
    parts.into_iter().for_each(|it| sooner.merge(it));
    Some(sooner).filter(|it| !it.is_nothing())
}
