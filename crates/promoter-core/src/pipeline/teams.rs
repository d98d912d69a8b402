//! Teams: names for several people, so that a rule says who may agree and a list says who that is today.

use crate::Name;
use crate::fields::{FieldError, Fields, OneLine, is_slip};
use std::collections::{BTreeMap, BTreeSet};

/// What a team is called where people are named.
const PREFIX: &str = "team/";

/// The teams of a pipeline, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Teams(BTreeMap<Name, Vec<String>>);

impl Teams {
    /// Reads `spec.teams`; none when it is not there.
    pub(crate) fn read(spec: &Fields<'_>) -> Result<Self, FieldError> {
        let Some(node) = spec.get("teams") else {
            return Ok(Self::default());
        };
        let fields = Fields::open_any(node, spec.name("teams"), spec.path())?;
        let one = |key: &str| {
            let name = key.parse().map_err(|it| fields.wrong(key, it, "name it like `sre`"))?;
            let mut members = Vec::new();
            for it in fields.texts(key)? {
                let OneLine(person) =
                    it.parse().map_err(|it| fields.wrong(key, it, "name people as their approvals do"))?;
                if person.starts_with(PREFIX) {
                    return Err(fields.wrong(key, format!("`{person}` is a team"), "name its people here"));
                }
                members.push(person);
            }
            match members.is_empty() {
                true => Err(fields.wrong(key, "it has nobody", "name people as their approvals do")),
                false => Ok((name, members)),
            }
        };
        fields.keys().into_iter().map(one).collect::<Result<_, _>>().map(Self)
    }

    /// The people that `from` names, members of its teams too. `Err` says what is wrong, and what to write.
    pub(crate) fn people(&self, from: &[&str]) -> Result<BTreeSet<String>, (String, String)> {
        let mut people = BTreeSet::new();
        for word in from {
            let Some(team) = word.strip_prefix(PREFIX) else {
                people.insert((*word).to_owned());
                continue;
            };
            match self.0.iter().find(|(name, _)| name.as_str() == team) {
                Some((_, members)) => people.extend(members.iter().cloned()),
                None => return Err((format!("there is no team `{team}`"), self.hint(team))),
            }
        }
        Ok(people)
    }

    fn hint(&self, wanted: &str) -> String {
        let names: Vec<String> = self.0.keys().map(|it| format!("`{PREFIX}{it}`")).collect();
        match self.0.keys().find(|it| is_slip(wanted, it.as_str())) {
            Some(near) => format!("did you mean `{PREFIX}{near}`"),
            None if names.is_empty() => format!("write `teams: {{ {wanted}: [ … ] }}` below `spec`"),
            None => format!("the teams are {}", names.join(", ")),
        }
    }
}
