//! Subscriptions with what registries and repositories say, and what is made of it.

use promoter_core::discovery::{Candidate, CommitFacts, Found, ImageFacts, PlatformFacts, Provenance, Step};
use promoter_core::pipeline::{self, Pipeline, SubscriptionOrigin};
use promoter_core::{Content, PinnedImage, UnixSeconds};
use promoter_testkit::golden;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    subscription: serde_yaml::Value,
    /// What the listing holds.
    #[serde(default)]
    listed: Vec<String>,
    /// What looking names up gives, by tag; for a branch by the digit of the commit, the newest first.
    #[serde(default)]
    is: Vec<Is>,
    /// What the newest freight may hold; for each what becomes of what was found.
    #[serde(default)]
    held: Vec<Is>,
}

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
struct Is {
    #[serde(default)]
    tag: Option<String>,
    /// The digit of its digest or commit.
    #[serde(default)]
    pin: Option<char>,
    #[serde(default)]
    platforms: Vec<String>,
    #[serde(default)]
    created: Option<String>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    failed: Option<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    untouched: bool,
}

#[test]
fn subscriptions_choose() {
    golden("discovery/*.yaml", |case: Case| {
        let origin = case.pipeline().subscriptions.pop().unwrap().origin;
        let (order, found) = case.found(&origin);
        let mut out = order;
        let named = |it: &Candidate| format!("{} {}", it.content, words(&it.about));
        let chosen = found.chosen.as_ref().map_or("nothing".into(), named);
        let _ = writeln!(out, "chosen: {}", chosen.trim_end());
        for it in &found.others {
            let _ = writeln!(out, "or: {}", named(it).trim_end());
        }
        let lines = [("note", &found.notes), ("passed over", &found.passed_over)];
        for (kind, lines) in lines {
            for line in lines {
                let _ = writeln!(out, "{kind}: {line}");
            }
        }
        for held in &case.held {
            let content = held.content(&origin);
            let about = held.about();
            let step = match found.step(&origin, Some((&content, Some(&about)))) {
                Step::Take(_) => "is replaced".to_owned(),
                Step::Same => "is what was found".to_owned(),
                Step::Stay(_, why) => format!("stays, {why:?}"),
                Step::Nothing => "stays, nothing was found".to_owned(),
            };
            let _ = writeln!(out, "held {content} {}: {step}", words(&about));
        }
        let digits =
            |out: String, it: char| out.replace(&it.to_string().repeat(64), &it.to_string().repeat(4));
        let commits =
            |out: String, it: char| out.replace(&it.to_string().repeat(40), &it.to_string().repeat(4));
        let out = "abcdef".chars().fold(out, digits);
        "abcdef".chars().fold(out, commits)
    });
}

fn words(about: &Provenance) -> String {
    let created = about.created.map(|it| format!("built {it}"));
    let named = |key: &str, it: &Option<String>| it.as_ref().map(|it| format!("{key} {it}"));
    let all = [named("tag", &about.tag), created, named("of", &about.revision), named("from", &about.source)];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { String::new() } else { format!("({})", all.join(", ")) }
}

fn time(text: &str) -> UnixSeconds {
    text.parse().unwrap()
}

impl Case {
    fn pipeline(&self) -> Pipeline {
        let own = serde_yaml::to_string(&self.subscription).unwrap().trim_end().replace('\n', "\n      ");
        let text = format!(
            "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n    - name: own\n      {own}\n  environments: [{{ name: dev, source: dev }}]\n"
        );
        let read = pipeline::read("promoter.yaml", &text);
        read.unwrap_or_else(|error| panic!("{}\n{text}", error.diagnosis())).remove(0)
    }

    /// Looks names up as a source does: in order, as many as the rule says.
    fn found(&self, origin: &SubscriptionOrigin) -> (String, Found) {
        let listed = || self.listed.iter().map(String::as_str);
        let is = |tag: &str| self.is.iter().find(|it| it.tag.as_deref() == Some(tag));
        match origin {
            SubscriptionOrigin::Image(own) => {
                let ordered = own.order(listed());
                let facts: Vec<_> =
                    ordered.names.iter().filter_map(|it| Some((*it, is(it)?, is(it)?.facts()))).collect();
                let looked_up = facts.iter().map(|(tag, is, facts)| match &is.failed {
                    Some(why) => (*tag, Err(why.clone())),
                    None => (*tag, Ok((is.digest().parse().unwrap(), facts))),
                });
                (format!("order: {}\n", ordered.names.join(" ")), own.choose(&ordered, looked_up))
            }
            SubscriptionOrigin::Chart(own) => {
                let ordered = own.order(listed());
                let looked_up = ordered.names.iter().filter_map(|it| {
                    let is = is(it)?;
                    let created = is.created.as_deref().map(time);
                    let found = || Ok((is.digest().parse().unwrap(), created));
                    Some((*it, is.failed.clone().map_or_else(found, Err)))
                });
                (format!("order: {}\n", ordered.names.join(" ")), own.choose(&ordered, looked_up))
            }
            SubscriptionOrigin::Git(own) => {
                let ordered = own.rule.order(listed());
                let commits: Vec<_> = match ordered.names.is_empty() {
                    true => self.is.iter().map(Is::commit).collect(),
                    false => ordered.names.iter().filter_map(|it| is(it)).map(Is::commit).collect(),
                };
                (
                    format!("order: {}\n", ordered.names.join(" ")),
                    own.rule.choose(&own.url, &ordered, commits),
                )
            }
            SubscriptionOrigin::Dry(_) => panic!("the dry branch is no case"),
        }
    }
}

impl Is {
    fn digest(&self) -> String {
        format!("sha256:{}", self.pin.unwrap().to_string().repeat(64))
    }

    fn facts(&self) -> ImageFacts {
        let platforms =
            if self.platforms.is_empty() { vec!["linux/amd64".to_owned()] } else { self.platforms.clone() };
        let image = |it: &String| PlatformFacts {
            platform: it.parse().unwrap(),
            created: self.created.as_deref().map(time),
            labels: self.labels.clone(),
        };
        ImageFacts { annotations: self.annotations.clone(), images: platforms.iter().map(image).collect() }
    }

    fn commit(&self) -> Result<CommitFacts, String> {
        let who = "Ada <ada@example.com>".to_owned();
        match &self.failed {
            Some(why) => Err(why.clone()),
            None => Ok(CommitFacts {
                id: self.pin.unwrap().to_string().repeat(40).parse().unwrap(),
                tag: self.tag.clone(),
                author: who.clone(),
                committer: who,
                subject: self.subject.clone(),
                message: self.subject.clone(),
                date: time(self.created.as_deref().unwrap_or("2026-03-01T09:00:00Z")),
                touches: !self.untouched,
            }),
        }
    }

    fn about(&self) -> Provenance {
        Provenance {
            created: self.created.as_deref().map(time),
            tag: self.tag.clone(),
            ..Provenance::default()
        }
    }

    fn content(&self, origin: &SubscriptionOrigin) -> Content {
        match origin {
            SubscriptionOrigin::Image(own) => Content::Image(PinnedImage {
                repository: own.repository.clone(),
                tag: self.tag.as_deref().map(|it| it.parse().unwrap()),
                digest: self.digest().parse().unwrap(),
            }),
            SubscriptionOrigin::Chart(own) => Content::Chart {
                url: own.url.clone(),
                version: self.tag.as_deref().unwrap().parse().unwrap(),
                digest: self.digest().parse().unwrap(),
            },
            SubscriptionOrigin::Git(own) => Content::Git {
                url: own.url.clone(),
                commit: self.pin.unwrap().to_string().repeat(40).parse().unwrap(),
            },
            SubscriptionOrigin::Dry(_) => panic!("the dry branch is no case"),
        }
    }
}
