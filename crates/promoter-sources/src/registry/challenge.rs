//! What a registry wants to see before it answers, by the header `WWW-Authenticate`.
//!
//! Source: RFC 9110 §11.6.1, and the distribution project's specification of token authentication.

/// What a registry wants to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// User name and password.
    Basic,
    /// A token of another server.
    Bearer {
        /// Where tokens are given out.
        realm: String,
        /// For whom.
        service: Option<String>,
        /// For what; the registry says so only in answer to a question.
        scope: Option<String>,
    },
}

/// The strongest of what the headers ask for that we can give: a token before a password.
pub(super) fn challenge<'a>(headers: impl Iterator<Item = &'a str>) -> Option<Challenge> {
    let all: Vec<Challenge> = headers.flat_map(read).collect();
    let is_bearer = |it: &&Challenge| matches!(it, Challenge::Bearer { .. });
    all.iter().find(is_bearer).or_else(|| all.first()).cloned()
}

/// The challenges of one header that we know.
fn read(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = header.trim();
    while let Some((scheme, after)) = word(rest) {
        let (parameters, next) = parameters(after.trim_start());
        let value = |name: &str| {
            parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone())
        };
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer")
            && let Some(realm) = value("realm")
        {
            let filled = |name: &str| value(name).filter(|it| !it.is_empty());
            found.push(Challenge::Bearer { realm, service: filled("service"), scope: filled("scope") });
        }
        rest = next.trim_start_matches([',', ' ', '\t']);
    }
    found
}

/// The token of RFC 9110 at the beginning, and what follows it.
fn word(text: &str) -> Option<(&str, &str)> {
    let is_sign = |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(it);
    let end = text.find(|it| !is_sign(it)).unwrap_or(text.len());
    (end > 0).then(|| text.split_at(end))
}

/// Parameters `key=value` up to the next scheme, and the rest.
fn parameters(text: &str) -> (Vec<(&str, String)>, &str) {
    let (mut found, mut rest) = (Vec::new(), text);
    loop {
        let here = rest.trim_start_matches([',', ' ', '\t']);
        let Some((key, after)) = word(here) else { return (found, skip(here)) };
        // A word without a value is the next scheme.
        let Some(after) = after.trim_start().strip_prefix('=') else { return (found, here) };
        let after = after.trim_start();
        match after.strip_prefix('"') {
            Some(quoted) => {
                let (value, after) = unquote(quoted);
                found.push((key, value));
                rest = after;
            }
            None => {
                let (value, after) = word(after).unwrap_or(("", skip(after)));
                found.push((key, value.to_owned()));
                rest = after;
            }
        }
    }
}

/// Past a sign that belongs nowhere, so that reading goes on.
fn skip(text: &str) -> &str {
    let mut signs = text.chars();
    signs.next();
    signs.as_str()
}

fn unquote(text: &str) -> (String, &str) {
    let (mut value, mut signs) = (String::new(), text.chars());
    while let Some(sign) = signs.next() {
        match sign {
            '"' => break,
            '\\' => value.extend(signs.next()),
            sign => value.push(sign),
        }
    }
    (value, signs.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bearer(realm: &str, service: Option<&str>, scope: Option<&str>) -> Option<Challenge> {
        let own = |it: Option<&str>| it.map(str::to_owned);
        Some(Challenge::Bearer { realm: realm.into(), service: own(service), scope: own(scope) })
    }

    #[test]
    fn challenges_of_registries() {
        let of = |header: &str| challenge([header].into_iter());
        assert_eq!(
            of(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:library/nginx:pull""#
            ),
            bearer(
                "https://auth.docker.io/token",
                Some("registry.docker.io"),
                Some("repository:library/nginx:pull")
            )
        );
        assert_eq!(
            of(r#"bearer realm="https://a/t?x=1,2", service=reg"#),
            bearer("https://a/t?x=1,2", Some("reg"), None)
        );
        assert_eq!(of(r#"Basic realm="Registry \"Realm\"""#), Some(Challenge::Basic));
        assert_eq!(of(r#"Basic realm="a", Bearer realm="https://a/t""#), bearer("https://a/t", None, None));
        assert_eq!(of(r#"Negotiate, Basic"#), Some(Challenge::Basic));
        for nothing in ["", "Bearer", "Bearer service=x", "Negotiate abc==", "=", "\"", "Bearer realm", ",,,"]
        {
            assert_eq!(of(nothing), None, "{nothing}");
        }
        assert_eq!(
            challenge(["Basic", r#"Bearer realm="https://a/t""#].into_iter()),
            bearer("https://a/t", None, None)
        );
        assert_eq!(of("Bearer realm=\"open"), bearer("open", None, None));
    }
}
