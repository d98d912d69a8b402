//! What people say about the whole pipeline, about what is proposed, and what they take back.

use super::player::name;
use super::words::Words;
use super::{Player, Slip};
use crate::Name;
use crate::record::StatusPhase;

type Played = Result<(), Slip>;

pub(super) fn pause(player: &mut Player, words: &mut Words<'_>) -> Played {
    let span = (words.left() > 0).then(|| words.span()).transpose()?;
    words.end()?;
    let until = span.map(|it| it.after(player.world().now));
    player.world_mut().pause("ada", until);
    Ok(())
}

pub(super) fn resume(player: &mut Player, words: &mut Words<'_>) -> Played {
    words.end()?;
    player.world_mut().resume();
    Ok(())
}

pub(super) fn withdraw(player: &mut Player, words: &mut Words<'_>) -> Played {
    let (environment, id) = (name(words.environment(player)?), words.freight(player)?);
    words.end()?;
    player.world_mut().withdraw_rejection(&environment, &id);
    Ok(())
}

pub(super) fn report(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    let status: Name = words.value("the name of a status")?;
    let phase = match words.word("`pending`, `success` or `failure`")? {
        "pending" => StatusPhase::Pending,
        "success" => StatusPhase::Success,
        "failure" => StatusPhase::Failure,
        word => return Err(words.slip(format!("`{word}` is none of `pending`, `success`, `failure`"))),
    };
    words.end()?;
    player.world_mut().report(&environment, &status, phase, "ci");
    Ok(())
}
