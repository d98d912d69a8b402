//! Cases made from existing trees: their nodes taken out, doubled and put in each other's places.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;

use crate::case::{Case, Content, NAMES, Reading};
use crate::dice::Dice;
use crate::value::{Scalar, Value};

/// What existing trees are made of.
pub(crate) struct Stock {
    cases: Vec<Case>,
    /// Values by the key that they stood under.
    by_key: BTreeMap<String, Vec<Value>>,
}

impl Stock {
    /// Takes in every folder below a directory that holds a kustomization, without those inside of such a folder.
    pub(crate) fn read(directory: &Path) -> Result<Self> {
        let mut stock = Self { cases: Vec::new(), by_key: BTreeMap::new() };
        stock.add(directory)?;
        anyhow::ensure!(!stock.cases.is_empty(), "no kustomization below {}", directory.display());
        for case in &stock.cases {
            for content in case.files.values() {
                if let Content::Yaml(documents, _) = content {
                    documents.iter().for_each(|it| collect(it, &mut stock.by_key));
                }
            }
        }
        Ok(stock)
    }

    fn add(&mut self, directory: &Path) -> Result<()> {
        if NAMES.iter().any(|it| directory.join(it).is_file()) {
            self.cases.extend(Case::read(directory, Reading::Values)?);
            return Ok(());
        }
        let mut below: Vec<_> = std::fs::read_dir(directory)?.collect::<Result<_, _>>()?;
        below.sort_by_key(std::fs::DirEntry::file_name);
        for entry in below {
            if entry.file_type()?.is_dir() {
                self.add(&entry.path())?;
            }
        }
        Ok(())
    }

    /// One of the trees with a few changes.
    pub(crate) fn mutate(&self, dice: &mut Dice) -> Case {
        let mut case = dice.pick(&self.cases).clone();
        for _ in 0..dice.number(1, 4) {
            let mut documents: Vec<&mut Value> = Vec::new();
            for content in case.files.values_mut() {
                if let Content::Yaml(list, _) = content {
                    documents.extend(list);
                }
            }
            if documents.is_empty() {
                break;
            }
            let chosen = dice.number(0, documents.len() - 1);
            self.change(documents.swap_remove(chosen), dice, "");
        }
        case
    }

    /// Goes down to a random node and changes it.
    fn change(&self, value: &mut Value, dice: &mut Dice, key: &str) {
        match value {
            Value::Map { entries, .. } if !entries.is_empty() && dice.chance(90) => {
                let index = dice.number(0, entries.len() - 1);
                match dice.number(0, 19) {
                    0 => drop(entries.remove(index)),
                    1 => {
                        let keys: Vec<&String> = self.by_key.keys().collect();
                        let key = dice.pick(&keys).to_string();
                        let value = dice.pick(&self.by_key[&key]).clone();
                        if entries.iter().all(|(it, _)| it.text != key) {
                            entries.insert(index, (Scalar::new(key, crate::value::Style::Text), value));
                        }
                    }
                    _ => {
                        let (key, value) = &mut entries[index];
                        let key = key.text.clone();
                        self.change(value, dice, &key);
                    }
                }
            }
            Value::Seq { items, .. } if !items.is_empty() && dice.chance(90) => {
                let index = dice.number(0, items.len() - 1);
                match dice.number(0, 9) {
                    0 => drop(items.remove(index)),
                    1 => items.push(items[index].clone()),
                    _ => self.change(&mut items[index], dice, key),
                }
            }
            Value::Embedded(items) if !items.is_empty() => {
                let index = dice.number(0, items.len() - 1);
                self.change(&mut items[index], dice, key);
            }
            // Something else that stood under the same key.
            other => {
                if let Some(others) = self.by_key.get(key) {
                    *other = dice.pick(others).clone();
                }
            }
        }
    }
}

fn collect(value: &Value, by_key: &mut BTreeMap<String, Vec<Value>>) {
    for (key, below) in value.entries() {
        by_key.entry(key.text.clone()).or_default().push(below.clone());
        collect(below, by_key);
    }
    value.items().iter().for_each(|it| collect(it, by_key));
    if let Value::Embedded(documents) = value {
        documents.iter().for_each(|it| collect(it, by_key));
    }
}
