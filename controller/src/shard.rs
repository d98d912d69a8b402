//! Which pipelines are one controller's, where several share them.

use std::str::FromStr;

use promoter_core::{Digest, Name};

/// A share of the pipelines, by their names: of so many shares, this one. Written `0/3`, `1/3`, `2/3`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shard {
    index: u64,
    count: u64,
}

impl Shard {
    /// True when a pipeline belongs to this share. Which one it is follows from its name alone, on every machine.
    pub fn takes(self, pipeline: &Name) -> bool {
        let digest = Digest::of(pipeline.as_str().as_bytes());
        // The first 16 of 64 hexadecimal digits.
        let number = u64::from_str_radix(&digest.hex()[..16], 16).unwrap_or_default();
        number % self.count == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers =
            text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if index < count => Ok(Self { index, count }),
            _ => Err(format!("`{text}` is not of the form INDEX/COUNT, with an index from 0 to COUNT - 1")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pipeline_belongs_to_one_shard() {
        let shards: Vec<Shard> = (0..3).map(|it| format!("{it}/3").parse().unwrap()).collect();
        let mut taken = [0; 3];
        for index in 0..300 {
            let name: Name = format!("app-{index}").parse().unwrap();
            let takes: Vec<usize> = (0..3).filter(|it| shards[*it].takes(&name)).collect();
            assert_eq!(takes.len(), 1, "{name}");
            taken[takes[0]] += 1;
        }
        assert!(taken.iter().all(|it| (70..130).contains(it)), "{taken:?}");
        for wrong in ["3/3", "1", "0/0", "-1/2", "a/b"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
