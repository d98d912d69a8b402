//! What is remembered of one place: when it is asked, and what it answered.

use std::sync::Arc;

use promoter_core::discovery::Found;
use promoter_core::observation::Unread;
use promoter_core::{Diagnosis, UnixSeconds};

use super::place::{Place, Wanted, Wish};
use super::schedule::Schedule;
use super::{Discovered, image};

/// A place, with what is known of it.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) schedule: Schedule,
    pub(super) images: image::Memory,
    answers: Vec<(Wish, Arc<Discovered>)>,
}

/// What is asked of a place.
pub(super) struct Asked {
    pub(super) place: Place,
    pub(super) source: Source,
    /// True when its time has come; else only new wishes are asked for, of what is remembered.
    pub(super) is_due: bool,
    pub(super) wishes: Vec<Wish>,
    interval: i64,
}

impl Source {
    /// What was answered to a wish.
    pub(super) fn answer(&self, wish: &Wish) -> Option<&Arc<Discovered>> {
        self.answers.iter().find(|(known, _)| known == wish).map(|(_, answer)| answer)
    }

    /// What has to be asked now; no wishes where everything is known and the time has not come.
    pub(super) fn asked(mut self, place: Place, wanted: &Wanted, now: UnixSeconds) -> Asked {
        self.schedule.wanted = now;
        let is_due = self.schedule.due <= now;
        let open = wanted.wishes.iter().filter(|it| is_due || self.answer(it).is_none());
        let wishes: Vec<Wish> = open.cloned().collect();
        // What nobody wishes for any more is dropped when everything is asked anew.
        self.answers.retain(|(known, _)| !is_due || wishes.contains(known));
        Asked { place, source: self, is_due, wishes, interval: wanted.interval }
    }
}

impl Asked {
    /// Takes in the answers, in the order of the wishes.
    pub(super) fn answered(
        self,
        answers: Vec<Result<Found, Diagnosis>>,
        now: UnixSeconds,
    ) -> (Place, Source) {
        let Self { place, mut source, is_due, wishes, interval } = self;
        let failure = answers.iter().find_map(|it| it.as_ref().err());
        if is_due || failure.is_some() {
            source.schedule.asked(failure, interval, now);
        }
        let due = source.schedule.due;
        for (wish, answer) in wishes.into_iter().zip(answers) {
            let new = match answer {
                Ok(found) => Discovered { found: Ok(found), finding: None },
                Err(why) => {
                    let unread = Unread::new(place.to_string(), why.cause.clone()).again(due);
                    Discovered { found: Err(unread), finding: Some(why) }
                }
            };
            match source.answers.iter_mut().find(|(known, _)| *known == wish) {
                // What did not change keeps its place, so that whoever holds it sees at once that nothing is new.
                Some((_, before)) if **before == new => {}
                Some((_, before)) => *before = Arc::new(new),
                None => source.answers.push((wish, Arc::new(new))),
            }
        }
        (place, source)
    }
}
