//! Stories: what people and the world do, line by line, and what the controller does about it.
//!
//! A story is a promoter.yaml, a line `---`, and commands; `#` begins a remark that the transcript keeps. Freight is
//! called `a`, `b`, `c`… in the order of its discovery.

use crate::history::{History, image};
use promoter_core::plan::{Kind, Plan};
use promoter_core::record::RequestAction;
use promoter_core::sim::DryCommit;
use promoter_core::{FreightId, Name, Seconds, UnixSeconds, pipeline};
use promoter_testkit::golden_text;
use std::collections::BTreeSet;
use std::fmt::Write as _;

#[test]
fn stories() {
    golden_text("story/*.txt", |path, text| {
        let (promoter_yaml, commands) = text.split_once("\n---\n").unwrap();
        let read = pipeline::read("apps/shop/promoter.yaml", promoter_yaml);
        let pipeline = read.unwrap_or_else(|it| panic!("{}: {}", path.display(), it.diagnosis())).remove(0);
        let mut history = History::new(pipeline, crate::check::judge);
        history.world.now = "2026-03-01T09:00:00Z".parse().unwrap();
        let mut out = String::new();
        for line in commands.lines() {
            let _ =
                writeln!(out, "{}{line}", if line.is_empty() || line.starts_with('#') { "" } else { "> " });
            if !line.starts_with('#') {
                play(&mut history, line, &mut out);
            }
        }
        let names = "abcdefghij".chars().zip(freight(&history));
        names.fold(out, |out, (letter, id)| out.replace(&id.alias(), &letter.to_string()))
    });
}

/// Freight from old to new.
fn freight(history: &History) -> Vec<FreightId> {
    let records = history.world.records.freight.iter();
    let mut all: Vec<_> = records.map(|(id, it)| (it.as_ref().unwrap().age(id), id.clone())).collect();
    all.sort();
    all.into_iter().map(|(_, id)| id).collect()
}

fn play(history: &mut History, line: &str, out: &mut String) {
    let words: Vec<&str> = line.split(' ').collect();
    let name = |index: usize| -> Name { words[index].parse().unwrap() };
    let called = |history: &History, index: usize| -> FreightId {
        let letter = words[index].bytes().next().unwrap();
        freight(history)[usize::from(letter - b'a')].clone()
    };
    let world = &mut history.world;
    match words[0] {
        "" => {}
        "push" => {
            let mut content: DryCommit = world.dry[&world.dry_head].clone();
            for index in 1..words.len() {
                *content.renders.entry(name(index)).or_default() += 1;
            }
            world.push_dry(content);
        }
        "create" => drop(world.create_freight(&[image(words[1].parse().unwrap())], "ada")),
        "tick" => {
            let span: Seconds = words[1].parse().unwrap();
            world.now = UnixSeconds(world.now.0 + i64::from(span.0));
        }
        "sick" => {
            let id = world.active(&name(1)).unwrap().freight.id();
            world.sick.insert((name(1), id));
        }
        "well" => world.sick.retain(|(environment, _)| *environment != name(1)),
        "approve" => {
            let id = called(history, 2);
            history.world.approve(&name(1), &id, words[3]);
        }
        "reject" => {
            let id = called(history, 2);
            history.world.reject(&name(1), &id, "ada");
        }
        "promote" | "hotfix" | "rollback" => {
            let action = match words[0] {
                "promote" => RequestAction::Promote,
                "hotfix" => RequestAction::Hotfix,
                _ => RequestAction::Rollback,
            };
            let id = called(history, 2);
            history.world.request(&name(1), action, &id, "ada");
        }
        "hold" => world.set_hold(&name(1), Some("ada")),
        "release" => world.set_hold(&name(1), None),
        "merge" => world.merge_by_hand(&name(1)),
        "run" => run(history, out),
        word => panic!("`{word}` is no command"),
    }
}

/// Lets the controller work until it rests: what moved, and what stands then.
fn run(history: &mut History, out: &mut String) {
    for _ in 0..40 {
        let plan = history.plan(0, &BTreeSet::new());
        if plan.actions.is_empty() {
            let _ = write!(out, "{plan}");
            return;
        }
        moves(&plan, out);
        let _ = history.controllers[0].apply(&mut history.world, &plan, None);
    }
    panic!("it never ends\n{out}");
}

fn moves(plan: &Plan, out: &mut String) {
    for line in plan.report.iter().filter(|it| it.kind == Kind::Moves) {
        let _ = writeln!(out, "  {line}");
    }
}
