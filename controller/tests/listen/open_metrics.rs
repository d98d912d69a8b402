//! A strict reader of the OpenMetrics text format: what it takes, Prometheus takes.
//!
//! Source: OpenMetrics 1.0, "ABNF" and "Metric Types"; no exemplars, timestamps, summaries or state sets, which are not
//! written here.

use std::collections::{BTreeMap, BTreeSet};

/// One sample.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// The samples of a text. Panics where it breaks the format.
pub(crate) fn samples(text: &str) -> Vec<Sample> {
    let body = text.strip_suffix("# EOF\n").expect_end(text);
    let mut families: BTreeMap<String, String> = BTreeMap::new();
    let mut family = String::new();
    let mut samples: Vec<Sample> = Vec::new();
    for line in body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let mut words = comment.splitn(3, ' ');
            let (what, name, rest) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
            assert!(is_name(name), "{line}");
            if name != family {
                assert!(!families.contains_key(name), "{name} comes in two places");
                name.clone_into(&mut family);
                families.insert(family.clone(), String::new());
            }
            match what {
                "TYPE" => families.insert(family.clone(), rest.into()).map(drop).unwrap(),
                "UNIT" => assert!(name.ends_with(&format!("_{rest}")), "{line}"),
                "HELP" => assert!(rest.ends_with('.') && !rest.ends_with(".."), "{line}"),
                _ => panic!("{line}"),
            }
            continue;
        }
        let sample = sample(line);
        let suffix = sample.name.strip_prefix(&family).unwrap_or_else(|| panic!("{line} is not of {family}"));
        let suffixes: &[&str] = match families[&family].as_str() {
            "counter" => &["_total"],
            "gauge" => &[""],
            "info" => &["_info"],
            "histogram" => &["_bucket", "_count", "_sum"],
            other => panic!("{family} is {other}"),
        };
        assert!(suffixes.contains(&suffix), "{line}");
        let same = |it: &&Sample| it.name == sample.name && it.labels == sample.labels;
        assert!(samples.iter().find(same).is_none(), "twice: {line}");
        assert!(!matches!(suffix, "_total" | "_bucket" | "_count") || sample.value >= 0.0, "{line}");
        samples.push(sample);
    }
    check_histograms(&samples);
    samples
}

trait Ends<'a> {
    fn expect_end(self, text: &str) -> &'a str;
}

impl<'a> Ends<'a> for Option<&'a str> {
    fn expect_end(self, text: &str) -> &'a str {
        self.unwrap_or_else(|| panic!("it does not end: {text}"))
    }
}

fn is_name(text: &str) -> bool {
    text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'_')
        && text.starts_with("promoter_")
}

fn sample(line: &str) -> Sample {
    let (head, value) = line.rsplit_once(' ').unwrap();
    let value = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
    let Some((name, mut rest)) = head.split_once('{') else {
        return Sample { name: head.into(), labels: BTreeMap::new(), value };
    };
    assert!(is_name(name), "{line}");
    let mut labels = BTreeMap::new();
    loop {
        let (key, quoted) = rest.split_once("=\"").unwrap();
        assert!(!key.is_empty() && key.bytes().all(|it| it.is_ascii_lowercase() || it == b'_'), "{line}");
        let (text, after) = unquoted(quoted);
        assert!(labels.insert(key.to_owned(), text).is_none(), "{line}");
        match after {
            "}" => return Sample { name: name.into(), labels, value },
            after => rest = after.strip_prefix(',').unwrap(),
        }
    }
}

/// The text up to the closing quote, and what comes behind it.
fn unquoted(quoted: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, it)) = chars.next() {
        match it {
            '"' => return (text, &quoted[at + 1..]),
            '\\' => match chars.next().unwrap().1 {
                'n' => text.push('\n'),
                it @ ('"' | '\\') => text.push(it),
                it => panic!("\\{it}"),
            },
            it => text.push(it),
        }
    }
    panic!("no end: {quoted}")
}

fn check_histograms(samples: &[Sample]) {
    let names: BTreeSet<&str> = samples.iter().filter_map(|it| it.name.strip_suffix("_bucket")).collect();
    for name in names {
        let counts = samples.iter().filter(|it| it.name == format!("{name}_count"));
        for count in counts {
            let of = |it: &&Sample| {
                let mut labels = it.labels.clone();
                labels.remove("le");
                it.name == format!("{name}_bucket") && labels == count.labels
            };
            let buckets: Vec<(f64, f64)> = samples
                .iter()
                .filter(of)
                .map(|it| (it.labels["le"].replace("+Inf", "inf").parse().unwrap(), it.value))
                .collect();
            assert!(buckets.is_sorted_by(|a, b| a.0 < b.0 && a.1 <= b.1), "{name}: {buckets:?}");
            assert_eq!(buckets.last(), Some(&(f64::INFINITY, count.value)), "{name}");
        }
    }
}
