//! What holds for every text and every listing.

use promoter_core::discovery::{Candidate, Found, ImageFacts, Provenance, Range, Step, version};
use promoter_core::pipeline::{
    ImageStrategy, ImageSubscription, PathPattern, Pattern, SubscriptionOrigin, TagFilter, VersionRule,
};
use promoter_core::{Content, PinnedImage};
use proptest::prelude::*;

/// Texts in which what ranges, globs and expressions are made of turns up.
fn texts() -> impl Strategy<Value = String> {
    let words = [
        "1",
        "x",
        "*",
        "v",
        ".",
        "-",
        "+",
        " ",
        ",",
        "||",
        ">=",
        "<",
        "!=",
        "~",
        "^",
        "2.0.0",
        "-rc.1",
        "[",
        "]",
        "!",
        "**/",
        "?",
        "\\",
        "(",
        "ä",
        "glob:",
        "regex:",
        "18446744073709551616",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..12).prop_map(|it| it.concat())
}

/// Tags of few versions, so that they meet.
fn tags() -> impl Strategy<Value = Vec<String>> {
    let tag = ("v?", 0u8..3, 0u8..3, prop::sample::select(vec!["", "", "-rc.1", "-rc.2"]));
    let tag = tag.prop_map(|(v, minor, patch, pre)| format!("{v}1.{minor}.{patch}{pre}"));
    prop::collection::vec(tag, 0..12)
}

fn rule(prereleases: bool, range: Option<&str>) -> ImageSubscription {
    let range = range.map(|it| it.parse().unwrap());
    ImageSubscription {
        repository: "ghcr.io/acme/web".parse().unwrap(),
        strategy: ImageStrategy::SemVer(VersionRule { range, prereleases, strict: true }),
        tags: TagFilter::default(),
        platform: None,
        signatures: Vec::new(),
        discovery_limit: 20,
    }
}

fn image(tag: &str) -> Content {
    let digest = promoter_core::Digest::of(tag.as_bytes()).to_string();
    Content::Image(PinnedImage {
        repository: "ghcr.io/acme/web".parse().unwrap(),
        tag: Some(tag.parse().unwrap()),
        digest: digest.parse().unwrap(),
    })
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in prop_oneof![texts(), any::<String>()]) {
        if let Ok(range) = text.parse::<Range>() {
            let again: Range = range.to_string().parse().unwrap();
            prop_assert_eq!(&again, &range);
            if let Some(version) = version(&text, false) {
                range.accepts(&version, true);
            }
        }
        if let Some(strict) = version(&text, true) {
            prop_assert_eq!(version(&text, false), Some(strict));
        }
        let _ = (Pattern::parse(&text), PathPattern::parse(&text));
    }

    /// The order is that of the versions, whatever the listing's; what is taken and what is left out is all there is.
    #[test]
    fn the_order_is_that_of_versions(tags in tags(), prereleases: bool) {
        let rule = rule(prereleases, Some(">=1.0.1"));
        let ordered = rule.order(tags.iter().map(String::as_str));
        let mut backwards: Vec<&str> = tags.iter().map(String::as_str).collect();
        backwards.reverse();
        prop_assert_eq!(&ordered.names, &rule.order(backwards).names);
        let versions: Vec<_> = ordered.names.iter().map(|it| version(it, true).unwrap()).collect();
        prop_assert!(versions.windows(2).all(|it| it[0] >= it[1]), "{:?}", ordered.names);
        let mut all: Vec<&String> = tags.iter().collect();
        all.sort();
        let taken = all.iter().filter(|it| ordered.names.contains(&it.as_str())).count();
        prop_assert_eq!(taken + ordered.left_out.count(), all.len());
    }

    /// Nothing that fits the rule gives way to something lower, whatever is still listed and can be looked up.
    #[test]
    fn nothing_goes_back(tags in tags(), held in tags(), lost in any::<u16>()) {
        let rule = rule(true, None);
        let ordered = rule.order(tags.iter().map(String::as_str));
        let facts = ImageFacts::default();
        let looked_up = ordered.names.iter().enumerate().map(|(index, tag)| {
            let digest = promoter_core::Digest::of(tag.as_bytes()).to_string().parse().unwrap();
            (*tag, if lost & (1 << (index % 16)) == 0 { Ok((digest, &facts)) } else { Err("gone".into()) })
        });
        let found: Found = rule.choose(&ordered, looked_up);
        let origin = SubscriptionOrigin::Image(rule);
        for held in held {
            let content = image(&held);
            if let Step::Take(Candidate { content: Content::Image(taken), .. }) =
                found.step(&origin, Some((&content, Some(&Provenance::default()))))
            {
                let taken = version(taken.tag.as_ref().unwrap().as_str(), true);
                prop_assert!(taken >= version(&held, true), "{held} gives way to {taken:?}");
            }
        }
    }
}
