//! Laws of locks that hold for random values.

use promoter_core::{
    Artifact, Content, Digest, Freight, Hold, Promotion, PromotionLock, Render, UnixSeconds,
};
use proptest::prelude::*;

const PATH: &str = "promotion.lock.yaml";

/// Names include those that some YAML reader takes for something else.
fn name() -> impl Strategy<Value = promoter_core::Name> {
    let odd = prop::sample::select(vec![
        "on",
        "null",
        "true",
        "0",
        "1e3",
        "0x1f",
        "y",
        "2026-11-20",
        "no",
        "1-2-3",
    ]);
    prop_oneof!["[a-z]([a-z0-9-]{0,10}[a-z0-9])?".prop_map(String::from), odd.prop_map(String::from)]
        .prop_map(|it| it.parse().unwrap())
}

fn digest() -> impl Strategy<Value = Digest> {
    "[0-9a-f]{64}".prop_map(|it| format!("sha256:{it}").parse().unwrap())
}

fn content() -> impl Strategy<Value = Content> {
    let url = prop::sample::select(vec![
        "https://git.example.com/acme/deploy.git",
        "git@git.example.com:acme/deploy",
        "ssh://git@git.example.com:2222/acme/deploy.git/",
        "file:///srv/git/x.git",
        "/srv/git/x",
    ]);
    // Digits only, and digits with one `e`, look like numbers.
    let commit = prop_oneof!["[0-9a-f]{40}", "[0-9]{40}", "[0-9]{20}e[0-9]{19}", Just("0".repeat(64))];
    let git = (url, commit).prop_map(|(url, commit)| Content::Git {
        url: url.parse().unwrap(),
        commit: commit.parse().unwrap(),
    });
    let repository =
        prop::sample::select(vec!["nginx", "ghcr.io/acme/web", "localhost:5000/web", "[::1]:5000/a__b/c"]);
    let image = (repository, prop::option::of("[0-9A-Za-z_][0-9A-Za-z_.-]{0,12}"), digest()).prop_map(
        |(repository, tag, digest)| {
            let tag = tag.map(|it| format!(":{it}")).unwrap_or_default();
            Content::Image(format!("{repository}{tag}@{digest}").parse().unwrap())
        },
    );
    let chart = ("[0-9]{1,2}(\\.[0-9]{1,2}){0,2}", digest()).prop_map(|(version, digest)| Content::Chart {
        url: "oci://ghcr.io/acme/charts/redis".parse().unwrap(),
        version: version.parse().unwrap(),
        digest,
    });
    prop_oneof![git, image, chart]
}

fn artifacts() -> impl Strategy<Value = Vec<Artifact>> {
    prop::collection::btree_map(name(), content(), 1..6)
        .prop_map(|it| it.into_iter().map(|(name, content)| Artifact { name, content }).collect())
}

fn words() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "true",
        "~",
        "a: b",
        "a #b",
        "\"",
        "\\",
        "'",
        "{}",
        "- x",
        "1",
        "é\u{2028}",
        "🦦",
    ]);
    prop_oneof!["[ -~]{0,20}[!-~]".prop_map(String::from), odd.prop_map(String::from)]
}

fn when() -> impl Strategy<Value = UnixSeconds> {
    (0..4_000_000_000_i64).prop_map(UnixSeconds)
}

fn lock() -> impl Strategy<Value = PromotionLock> {
    let render = (
        prop_oneof![Just(String::new()), "[a-z]{1,5}(/[a-z .:#'-]{0,5}[a-z]){0,3}"],
        prop::option::of(digest()),
        prop::option::of("[a-z]{1,5}/[0-9.]{1,5}"),
        any::<bool>(),
        prop::collection::btree_set(words(), 0..3),
    );
    let render = render.prop_map(|(source, digest, engine, allow_empty, secrets)| Render {
        source,
        digest,
        engine,
        allow_empty,
        allow_secrets: secrets.into_iter().collect(),
    });
    let promotion = (prop::option::of(name()), prop::option::of(digest()), when())
        .prop_map(|(from, previous, at)| Promotion { from, previous: previous.map(Into::into), at });
    let hold =
        (words(), words(), prop::option::of(when())).prop_map(|(reason, by, at)| Hold { reason, by, at });
    (name(), name(), artifacts(), render, prop::option::of(promotion), prop::option::of(hold)).prop_map(
        |(pipeline, environment, artifacts, render, promotion, hold)| PromotionLock {
            version: Default::default(),
            pipeline,
            environment,
            freight: Freight::new(artifacts).unwrap(),
            render,
            promotion,
            hold,
        },
    )
}

/// A canonical text with comments: `#1#` on a line of its own or behind one, each number once.
fn commented() -> impl Strategy<Value = (PromotionLock, String, usize)> {
    (lock(), prop::collection::vec(0..8_u8, 40)).prop_map(|(lock, places)| {
        let mut text = String::new();
        let mut count = 0;
        let mut comment = || {
            count += 1;
            format!("#{count}# {count}")
        };
        for (line, place) in lock.emit().lines().zip(places.iter().cycle()) {
            if place & 1 == 1 {
                text.push_str(&format!("{}{}\n", " ".repeat((place & 6) as usize), comment()));
            }
            text.push_str(line);
            if place & 2 == 2 {
                text.push_str(&format!(" {}", comment()));
            }
            text.push_str(if place & 4 == 4 { "\n\n" } else { "\n" });
        }
        (lock, text, count)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_reads_back(lock in lock()) {
        let text = lock.emit();
        prop_assert_eq!(PromotionLock::parse(&text, PATH).map_err(|it| format!("{}\n{text}", it.diagnosis())), Ok(lock));
        prop_assert_eq!(PromotionLock::parse(&text, PATH).unwrap().emit(), text);
    }

    /// A reader with other rules for plain scalars sees text where text is meant.
    #[test]
    fn another_reader_sees_the_same_words(lock in lock()) {
        let read: serde_json::Value = serde_yaml::from_str(&lock.emit()).unwrap();
        prop_assert_eq!(read["pipeline"].as_str(), Some(lock.pipeline.as_str()));
        let source = if lock.render.source.is_empty() { "." } else { &lock.render.source };
        prop_assert_eq!(read["render"]["source"].as_str(), Some(source));
        for (read, artifact) in read["freight"]["artifacts"].as_array().unwrap().iter().zip(lock.freight.artifacts()) {
            prop_assert_eq!(read["name"].as_str(), Some(artifact.name.as_str()));
            match &artifact.content {
                Content::Git { commit, .. } => prop_assert_eq!(read["commit"].as_str(), Some(commit.as_str())),
                Content::Image(image) => prop_assert_eq!(read["image"].as_str(), Some(&*image.to_string())),
                Content::Chart { version, .. } => prop_assert_eq!(read["version"].as_str(), Some(version.as_str())),
            }
        }
        if let Some(hold) = &lock.hold {
            prop_assert_eq!(read["hold"]["reason"].as_str(), Some(&*hold.reason));
        }
    }

    #[test]
    fn order_does_not_matter_to_the_id(list in artifacts().prop_shuffle()) {
        let mut sorted = list.clone();
        sorted.sort();
        prop_assert_eq!(Freight::new(list).unwrap().id(), Freight::new(sorted).unwrap().id());
    }

    #[test]
    fn a_flipped_digit_makes_another_id_and_a_stale_lock(lock in lock(), at in any::<prop::sample::Index>()) {
        let canonical = lock.freight.canonical();
        let digits: Vec<usize> = canonical.match_indices(|it: char| it.is_ascii_digit()).map(|(at, _)| at).collect();
        let digit = digits[at.index(digits.len())];
        let mut other = canonical.clone();
        other.replace_range(digit..=digit, if &canonical[digit..=digit] == "7" { "8" } else { "7" });
        prop_assert_ne!(Digest::of(other.as_bytes()), Digest::of(canonical.as_bytes()));

        let id = lock.freight.id().to_string();
        let last = if id.ends_with('0') { "1" } else { "0" };
        let text = lock.emit().replace(&id, &format!("{}{last}", &id[..id.len() - 1]));
        prop_assert_eq!(PromotionLock::parse(&text, PATH).unwrap_err().diagnosis().code, "lock-stale");
        prop_assert_eq!(lock.edit(&text, PATH).unwrap(), lock.emit());
    }

    #[test]
    fn an_edit_ends_at_what_was_wanted(before in lock(), after in lock()) {
        let edited = after.edit(&before.emit(), PATH).unwrap();
        let found = PromotionLock::parse(&edited, PATH).unwrap();
        prop_assert_eq!(found.freight.id(), after.freight.id());
        prop_assert_eq!(&PromotionLock { freight: after.freight.clone(), ..found }, &after);
        prop_assert_eq!(after.edit(&edited, PATH).unwrap(), edited);
    }

    #[test]
    fn formatting_loses_no_comment((lock, text, count) in commented()) {
        let formatted = PromotionLock::format(&text, PATH).unwrap();
        for number in 1..=count {
            prop_assert_eq!(formatted.matches(&format!("#{number}# ")).count(), 1, "{}\n{}", text, formatted);
        }
        prop_assert_eq!(PromotionLock::parse(&formatted, PATH).unwrap(), lock);
        prop_assert_eq!(PromotionLock::format(&formatted, PATH).unwrap(), formatted);
    }

    #[test]
    fn an_edit_of_one_value_changes_one_line((lock, text, _) in commented(), other in name()) {
        let after = PromotionLock { environment: other, ..lock.clone() };
        let edited = after.edit(&text, PATH).unwrap();
        let differs = text.lines().zip(edited.lines()).filter(|(a, b)| a != b).count();
        prop_assert_eq!(text.lines().count(), edited.lines().count());
        prop_assert_eq!(differs, usize::from(after.environment != lock.environment));
    }

    /// Whatever one slip does to a lock: a line for a person or a sound result, never a panic.
    #[test]
    fn a_slip_of_the_keyboard_never_panics(
        (lock, text, _) in commented(),
        at in any::<prop::sample::Index>(),
        slip in prop::sample::select(vec!["", "'", "\"", "|", ">", "{", "}", "[", "]", ",", ":", "#", "\n", "\r", "\t", "- ", "é", "\u{feff}"]),
        gone in 0..3_usize,
    ) {
        let starts: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        let from = at.index(starts.len());
        let to = (from + gone).min(starts.len() - 1);
        let mut broken = text;
        broken.replace_range(starts[from]..starts[to], slip);
        if let Ok(edited) = lock.edit(&broken, PATH) {
            prop_assert_eq!(PromotionLock::parse(&edited, PATH).unwrap().freight.id(), lock.freight.id());
        }
        if let Ok(formatted) = PromotionLock::format(&broken, PATH) {
            prop_assert!(PromotionLock::parse(&formatted, PATH).is_ok());
        }
    }

    #[test]
    fn reading_never_panics(text in "(?s).{0,200}") {
        let _ = PromotionLock::read(&text, PATH).map_err(|it| it.diagnosis().to_string());
    }
}
