//! Where the next page of a listing is, by the header `Link`.
//!
//! Source: RFC 8288, and OCI distribution spec 1.1, "Listing Tags".

use reqwest::Url;

/// The URL of the next page; `None` on the last one. `Err` when it leads to another server.
pub(super) fn next<'a>(here: &Url, links: impl Iterator<Item = &'a str>) -> Result<Option<Url>, String> {
    let Some(target) = links.flat_map(targets).next() else {
        return Ok(None);
    };
    let mut next = here.join(&target).map_err(|_| "its next page is no URL".to_owned())?;
    // Registries behind a proxy that does their TLS take themselves for one of http.
    if here.scheme() == "https" && next.scheme() == "http" && next.host_str() == here.host_str() {
        let port = next.port().filter(|it| *it != 443).or(here.port());
        let _ = next.set_scheme("https").and_then(|()| next.set_port(port));
    }
    // What is secret goes to whom it belongs, and so does the question.
    match next.origin() == here.origin() {
        true => Ok(Some(next)),
        false => Err(format!("its next page is on `{}`", next.host_str().unwrap_or_default())),
    }
}

/// The targets of the links of one header that lead to a next page.
fn targets(header: &str) -> Vec<String> {
    let (mut found, mut rest) = (Vec::new(), header);
    while let Some((target, after)) = rest.split_once('<').and_then(|(_, it)| it.split_once('>')) {
        // Up to the next link: a comma that is followed by `<`.
        let end = after
            .match_indices(',')
            .map(|(at, _)| at)
            .find(|at| after[at + 1..].trim_start().starts_with('<'));
        let (parameters, next) = after.split_at(end.unwrap_or(after.len()));
        let is_next = parameters.split(';').any(|it| {
            let (name, value) = it.split_once('=').unwrap_or((it, ""));
            let mut relations = value.trim().trim_matches('"').split_ascii_whitespace();
            name.trim().eq_ignore_ascii_case("rel") && relations.any(|it| it.eq_ignore_ascii_case("next"))
        });
        if is_next {
            found.push(target.to_owned());
        }
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_registries() {
        let here: Url = "https://r.example.com/v2/acme/web/tags/list?n=100".parse().unwrap();
        let of = |header: &str| next(&here, [header].into_iter()).map(|it| it.map(|it| it.to_string()));
        let page = |tail: &str| Ok(Some(format!("https://r.example.com{tail}")));
        for (header, expected) in [
            (
                r#"</v2/acme/web/tags/list?last=b&n=100>; rel="next""#,
                page("/v2/acme/web/tags/list?last=b&n=100"),
            ),
            (
                "<https://r.example.com/v2/acme/web/tags/list?last=b>; rel=next",
                page("/v2/acme/web/tags/list?last=b"),
            ),
            ("<?next_page=gAAAA%3D>; rel=\"next\"", page("/v2/acme/web/tags/list?next_page=gAAAA%3D")),
            ("</a,b?c;d>; title=\"x\"; Rel=\"prev next\"", page("/a,b?c;d")),
            (r#"</first>; rel="first", </second>; rel="next""#, page("/second")),
            (r#"</first>; rel="first""#, Ok(None)),
            ("", Ok(None)),
            ("</cut", Ok(None)),
            (
                r#"<https://evil.example.com/v2/>; rel="next""#,
                Err("its next page is on `evil.example.com`".into()),
            ),
            (r#"<http://r.example.com/v2/x>; rel="next""#, page("/v2/x")),
            (
                r#"<http://r.example.com:8080/v2/x>; rel="next""#,
                Err("its next page is on `r.example.com`".into()),
            ),
            (r#"<https://>; rel="next""#, Err("its next page is no URL".into())),
        ] {
            assert_eq!(of(header), expected, "{header}");
        }
    }
}
