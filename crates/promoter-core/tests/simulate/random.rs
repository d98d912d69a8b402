//! Random pipelines, and commands that fit the moment.

use fastrand::Rng;
use promoter_core::Name;
use promoter_core::sim::story::Player;
use std::fmt::Write as _;

/// The text of a promoter.yaml of one to five environments with every rule.
pub(crate) fn pipeline(rng: &mut Rng) -> String {
    let layout = one(rng, &["branches", "branches", "folders"]);
    let mut out = format!(
        "apiVersion: promoter.dev/v1alpha1\nkind: Pipeline\nmetadata: {{ name: shop }}\nspec:\n  layout: {layout}\n  subscriptions:\n    - {{ name: config, git: {{}} }}\n",
    );
    if often(rng, 60) {
        out.push_str("    - { name: web, image: { repoURL: ghcr.io/acme/web } }\n");
    }
    if often(rng, 40) {
        let _ = writeln!(
            out,
            "  freight: {{ retention: {{ keep: {}, for: {}s }} }}",
            rng.u8(1..=3),
            one(rng, &[10, 60, 600])
        );
    }
    out.push_str("  environments:\n");
    for index in 0..rng.usize(1..=5) {
        environment(rng, index, &mut out);
    }
    out
}

fn environment(rng: &mut Rng, index: usize, out: &mut String) {
    let promotion = one(rng, &["auto", "auto", "auto", "autoMerge", "pullRequest"]);
    let select = one(rng, &["newest", "newest", "newest", "newest", "queue", "queue", "manual"]);
    let soaking = one(rng, &["keep", "displace"]);
    let on_failure = one(rng, &["none", "none", "hold", "hold", "rollback", "rollback", "pause"]);
    let _ = writeln!(
        out,
        "    - name: e{index}\n      source: envs/e{index}\n      promotion: {promotion}\n      select: {select}\n      soaking: {soaking}\n      onFailure: {on_failure}",
    );
    let after: Vec<String> = (0..index).filter(|_| often(rng, 60)).map(|it| format!("e{it}")).collect();
    if !after.is_empty() {
        let quorum = if often(rng, 30) { "any" } else { "all" };
        let _ = writeln!(out, "      after: {{ {quorum}: [{}] }}", after.join(", "));
    }
    let mut gates = String::new();
    let required = |rng: &mut Rng| if often(rng, 25) { ", required: true" } else { "" };
    if !after.is_empty() && often(rng, 40) {
        let _ = writeln!(gates, "        - {{ soak: {}s{} }}", one(rng, &[60, 600]), required(rng));
    }
    if often(rng, 30) {
        let _ =
            writeln!(gates, "        - {{ approvals: {{ required: {} }}{} }}", rng.u8(1..=2), required(rng));
    }
    if often(rng, 20) {
        gates.push_str("        - { commitStatus: { name: ci } }\n");
    }
    if !gates.is_empty() {
        let _ = write!(out, "      gates:\n{gates}");
    }
    let checks = rng.usize(0..=2);
    if checks > 0 {
        out.push_str("      verification:\n");
    }
    for _ in 0..checks {
        let (count, limit) = (rng.u8(1..=2), rng.u8(0..=1));
        let _ = writeln!(
            out,
            "        - http: {{ url: \"http://e{index}\", interval: 10s, count: {count}, failureLimit: {limit} }}",
        );
    }
}

/// How a history begins: mostly with something that runs.
pub(crate) fn beginning(rng: &mut Rng, player: &Player) -> Vec<String> {
    let has_image = player.world().pipeline.subscriptions.len() > 1;
    let first = one(rng, &["create web 1.0", "create web 1.0.0", "publish web 1.0.0"]);
    let first = has_image.then(|| first.to_owned());
    let run = if often(rng, 70) { "run" } else { "pass 1" };
    first.into_iter().chain([run.to_owned()]).collect()
}

/// What happens next: mostly one command, sometimes a mishap and the pass that it befalls.
pub(crate) fn commands(rng: &mut Rng, player: &Player) -> Vec<String> {
    let which = if often(rng, 70) { 1 } else { 2 };
    let pass = format!("pass {which}");
    match rng.u32(0..120) {
        0..40 => vec![pass],
        40..46 => vec!["run".into()],
        46..49 => vec![format!("crash {}", rng.u8(1..=3)), pass],
        49..52 => vec![format!("miss {}", rng.u8(1..=3)), pass],
        52..55 => vec![format!("twice {}", rng.u8(1..=3)), pass],
        55..60 => vec![lose(rng, player), pass],
        60..63 => vec!["find".into()],
        63..75 => meanwhile(rng, player),
        75..76 => vec![format!("restart {which}")],
        76..90 => {
            let span = one(rng, &[1, 10, 10, 10, 30, 60, 300, 600, 4_000]);
            vec![format!("tick {span}s"), pass]
        }
        90..92 => vec![format!("clock {} {}s", one(rng, &["back", "ahead"]), rng.u32(1..5_000))],
        92..98 => vec![world(rng, player)],
        _ => vec![people(rng, player)],
    }
}

/// One controller plans, others act, and then it carries out what it planned.
fn meanwhile(rng: &mut Rng, player: &Player) -> Vec<String> {
    let which = rng.u8(1..=2);
    let mut commands = vec![format!("look {which}")];
    let other = format!("pass {}", 3 - which);
    for _ in 0..rng.u8(1..=3) {
        match rng.u8(0..5) {
            0 => commands.push(people(rng, player)),
            1 => commands.push(world(rng, player)),
            // What is proposed moves: recorded in the first pass, proposed in the second.
            2 => commands.extend([push(rng, player), other.clone(), other.clone()]),
            _ => commands.push(other.clone()),
        }
    }
    commands.push(format!("act {which}"));
    commands
}

fn world(rng: &mut Rng, player: &Player) -> String {
    let has_image = player.world().pipeline.subscriptions.len() > 1;
    if !has_image {
        return push(rng, player);
    }
    let version = format!("1.{}.0", rng.u8(0..9));
    match rng.u32(0..100) {
        0..20 => format!("create web {version}"),
        20..25 => format!("create web 1.{}", rng.u8(0..9)),
        25..45 => format!("publish web {version}"),
        45..50 => format!("publish web {version} again"),
        50..60 => format!("unpublish web {version}"),
        _ => push(rng, player),
    }
}

fn people(rng: &mut Rng, player: &Player) -> String {
    let name = pick(rng, player);
    let freight = freight(rng, player);
    match rng.u32(0..58) {
        0..12 => {
            // Mostly what is proposed: people approve what they are shown.
            let proposed = player.world().proposed(&name).map(|it| it.freight.id());
            let shown = proposed.and_then(|it| player.letter(&it)).filter(|_| often(rng, 75));
            format!("approve {name} {} {}", shown.unwrap_or(freight), one(rng, &["ada", "bob", "cyd"]))
        }
        12..14 => format!("reject {name} {freight}"),
        14..18 => format!("{} {name} {freight}", one(rng, &["promote", "hotfix", "rollback"])),
        18..21 => format!("rollback {name}"),
        21 => format!("cancel {name}"),
        22 => format!("hold {name}"),
        23..26 => format!("release {name}"),
        26 => format!("edit {name} {freight}"),
        27 => format!("edit {name} web 9.{}", rng.u8(0..3)),
        28..32 => format!("merge {name}"),
        32..36 => format!("sick {name}"),
        36..38 => format!("well {name}"),
        38 => format!("drop {name}"),
        39 => format!("damage lock {name}"),
        40..42 => format!("mend {name}"),
        42..44 => {
            let kind = one(rng, &["freight", "verified", "approved", "rejected", "requested"]);
            format!("damage {kind} {name} {freight}")
        }
        44..46 => format!("promote {name} {freight}"),
        46..54 => {
            format!("report {name} ci {}", one(rng, &["success", "success", "success", "pending", "failure"]))
        }
        54 => "pause".into(),
        55 => format!("pause {}s", one(rng, &[60, 600])),
        56 => "resume".into(),
        _ => format!("withdraw {name} {freight}"),
    }
}

fn push(rng: &mut Rng, player: &Player) -> String {
    if often(rng, 10) {
        return format!("break {}", pick(rng, player));
    }
    let mut command = "push".to_owned();
    for rules in &player.world().pipeline.environments {
        if rng.bool() {
            let _ = write!(command, " {}", rules.name);
        }
    }
    command
}

fn lose(rng: &mut Rng, player: &Player) -> String {
    match rng.u8(0..7) {
        6 => "lose registry".into(),
        0 => "lose dry".into(),
        1 => "lose state".into(),
        2 | 3 => format!("lose {} proposed", pick(rng, player)),
        _ => format!("lose {}", pick(rng, player)),
    }
}

fn pick(rng: &mut Rng, player: &Player) -> Name {
    let all = &player.world().pipeline.environments;
    all[rng.usize(0..all.len())].name.clone()
}

/// One of the newest four.
fn freight(rng: &mut Rng, player: &Player) -> String {
    let back = rng.usize(0..4);
    let mut all: Vec<String> = player.letters().rev().take(4).collect();
    if all.is_empty() { "a".into() } else { all.swap_remove(back % all.len()) }
}

fn often(rng: &mut Rng, percent: u8) -> bool {
    rng.u8(0..100) < percent
}

fn one<T: Copy>(rng: &mut Rng, all: &[T]) -> T {
    all[rng.usize(0..all.len())]
}
