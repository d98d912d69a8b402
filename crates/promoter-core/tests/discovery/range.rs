//! Ranges against what the real Masterminds/semver says of them (`testdata/range/`, remade by `make oracle`).

use promoter_core::discovery::{Range, version};
use std::fmt::Write as _;

#[test]
fn ranges_are_read_as_helm_and_kargo_read_them() {
    let versions: Vec<&str> = include_str!("../../../../testdata/range/versions.txt").lines().collect();
    let accepted = |range: &Range, prereleases: bool| {
        let accepts = |it: &&str| range.accepts(&version(it, false).unwrap(), prereleases);
        versions.iter().copied().filter(accepts).collect::<Vec<_>>().join(" ")
    };
    let mut answers = String::new();
    for text in include_str!("../../../../testdata/range/ranges.txt").lines() {
        let _ = match text.parse::<Range>() {
            Ok(range) => {
                writeln!(answers, "{text}: {} | {}", accepted(&range, false), accepted(&range, true))
            }
            Err(_) => writeln!(answers, "{text}: refused"),
        };
    }
    let expected = include_str!("../../../../testdata/range/expected.txt");
    let differ: Vec<_> = expected.lines().zip(answers.lines()).filter(|(a, b)| a != b).collect();
    assert!(differ.is_empty(), "the library, and we: {differ:#?}");
    assert_eq!(expected.lines().count(), answers.lines().count());
}

#[test]
fn what_is_too_long_is_refused() {
    assert!("1".repeat(513).parse::<Range>().is_err());
    assert!(vec!["1"; 33].join("||").parse::<Range>().is_err());
    assert!(vec!["1"; 32].join("||").parse::<Range>().is_ok());
    assert_eq!(version(&format!("1.0.0-{}", "a".repeat(300)), true), None);
}
