//! The words of a command, read one after the other.

use super::{Command, Player, Slip};
use crate::pipeline::Environment;
use crate::{FreightId, Name, NotA, Seconds, UnixSeconds};
use std::str::FromStr;

/// What stands behind a command's name.
pub(super) struct Words<'a> {
    command: &'static Command,
    left: std::vec::IntoIter<&'a str>,
}

impl<'a> Words<'a> {
    pub(super) fn new(command: &'static Command, words: Vec<&'a str>) -> Self {
        Self { command, left: words.into_iter() }
    }

    /// The next word, if there is one.
    pub(super) fn next(&mut self) -> Option<&'a str> {
        self.left.next()
    }

    /// True when the next word is a certain one, which is taken then.
    pub(super) fn takes(&mut self, word: &str) -> bool {
        let is = self.left.as_slice().first() == Some(&word);
        if is {
            self.left.next();
        }
        is
    }

    /// The next word; an error says what is missing.
    pub(super) fn word(&mut self, what: &str) -> Result<&'a str, Slip> {
        self.next().ok_or_else(|| self.slip(format!("`{}` needs {what}", self.command.name)))
    }

    /// How many words are left.
    pub(super) fn left(&self) -> usize {
        self.left.len()
    }

    /// Refuses words that nobody asked for.
    pub(super) fn end(&mut self) -> Result<(), Slip> {
        match self.next() {
            None => Ok(()),
            Some(word) => Err(self.slip(format!("`{word}` is one word too many"))),
        }
    }

    /// A value of a type.
    pub(super) fn value<T: FromStr<Err = NotA>>(&mut self, what: &str) -> Result<T, Slip> {
        let word = self.word(what)?;
        word.parse().map_err(|it: NotA| self.slip(it.to_string()))
    }

    /// An environment of the pipeline.
    pub(super) fn environment<'p>(&mut self, player: &'p Player) -> Result<&'p Environment, Slip> {
        let name: Name = self.value("an environment")?;
        player.world().pipeline.environment(&name).ok_or_else(|| {
            let all = &player.world().pipeline.environments;
            let all: Vec<String> = all.iter().map(|it| format!("`{}`", it.name)).collect();
            let message = format!("`{name}` is no environment of the pipeline");
            Slip::word(message, format!("there are {}", all.join(", ")))
        })
    }

    /// Freight by its letter.
    pub(super) fn freight(&mut self, player: &Player) -> Result<FreightId, Slip> {
        let letter = self.word("freight")?;
        player.called(letter).cloned().ok_or_else(|| {
            let message = format!("there is no freight `{letter}` yet");
            Slip::word(message, "freight is called `a`, `b`, `c`… in the order in which it is recorded")
        })
    }

    /// A small whole number from 1, or a default.
    pub(super) fn number(&mut self, default: usize) -> Result<usize, Slip> {
        match self.next() {
            None => Ok(default),
            Some(word) => match word.parse() {
                Ok(number @ 1..=99) => Ok(number),
                _ => Err(self.slip(format!("`{word}` is no number from 1 to 99"))),
            },
        }
    }

    /// One of the two controllers, by index; the first by default.
    pub(super) fn controller(&mut self) -> Result<usize, Slip> {
        match self.number(1)? {
            number @ 1..=2 => Ok(number - 1),
            number => Err(self.slip(format!("there is no controller {number}, only 1 and 2"))),
        }
    }

    /// A span of time.
    pub(super) fn span(&mut self) -> Result<Seconds, Slip> {
        self.value("a span of time")
    }

    /// A point in time: RFC 3339, or the time of a day (UTC) that comes next.
    pub(super) fn time(&mut self, now: UnixSeconds) -> Result<UnixSeconds, Slip> {
        let word = self.word("a time")?;
        if let Some((hours, minutes)) = word.split_once(':').filter(|_| word.len() == 5)
            && let (Ok(hours @ 0..=23), Ok(minutes @ 0..=59)) = (hours.parse::<i64>(), minutes.parse::<i64>())
        {
            let day = now.0 - now.0.rem_euclid(86_400);
            let today = day + hours * 3_600 + minutes * 60;
            return Ok(UnixSeconds(if today > now.0 { today } else { today + 86_400 }));
        }
        word.parse().map_err(|it: NotA| self.slip(format!("{it} or `16:30`")))
    }

    /// A slip with the command's form as hint.
    pub(super) fn slip(&self, message: impl Into<String>) -> Slip {
        Slip::word(message, format!("write `{}`", self.command.form()))
    }
}
