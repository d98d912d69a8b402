//! What runs where, as a table.

use super::Player;
use crate::FreightId;
use crate::plan::{Kind, Plan, Subject};
use crate::record::Phase;

/// Environments with their freight and what comes next.
pub(super) fn table(player: &Player, plan: &Plan) -> String {
    let world = player.world();
    let called = |id: FreightId| player.letter(&id).unwrap_or_else(|| id.alias());
    let mut rows = vec![["ENVIRONMENT", "FREIGHT", "VERIFIED", "NEXT"].map(String::from)];
    for rules in &world.pipeline.environments {
        let lock = world.active(&rules.name);
        let mut freight = lock.map_or_else(|| "-".to_owned(), |it| called(it.freight.id()));
        if lock.is_some_and(|it| it.hold.is_some()) {
            freight.push_str(" (held)");
        }
        let own = world.records.environments.get(&rules.name);
        let record = lock.and_then(|it| own?.verified.get(&it.freight.id())?.as_ref().ok());
        let verified = match record.map(|it| it.phase) {
            Some(Phase::Passed) => "yes",
            Some(Phase::Failed) => "failed",
            None => "no",
        };
        let subject = Subject::Environment(rules.name.clone());
        let mut lines = plan.report.iter().filter(|it| it.subject == subject && it.kind != Kind::Is);
        let next = lines.next().map_or_else(|| "-".to_owned(), |it| it.text.clone());
        rows.push([rules.name.to_string(), freight, verified.to_owned(), next]);
    }
    let width = |column: usize| rows.iter().map(|it| it[column].chars().count()).max().unwrap_or_default();
    let (a, b, c) = (width(0), width(1), width(2));
    rows.iter().map(|[w, x, y, z]| format!("{w:a$}  {x:b$}  {y:c$}  {z}\n")).collect()
}
