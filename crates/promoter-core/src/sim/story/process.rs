//! What controllers do in a story, and what goes wrong with them.

use super::words::Words;
use super::{Player, Slip};
use crate::sim::Fault;
use std::fmt::Write as _;

type Played = Result<(), Slip>;

pub(super) fn run(player: &mut Player, words: &mut Words<'_>) -> Played {
    words.end()?;
    let plan = player.settle()?;
    let _ = write!(player.out, "{plan}");
    Ok(())
}

pub(super) fn pass(player: &mut Player, words: &mut Words<'_>) -> Played {
    let index = words.controller()?;
    words.end()?;
    let (seen, plan) = player.look(index)?;
    Ok(player.carry_out(index, &seen, &plan)?)
}

pub(super) fn look(player: &mut Player, words: &mut Words<'_>) -> Played {
    let index = words.controller()?;
    words.end()?;
    let looked = player.look(index)?;
    player.keep(index, looked);
    Ok(())
}

pub(super) fn act(player: &mut Player, words: &mut Words<'_>) -> Played {
    let index = words.controller()?;
    words.end()?;
    match player.kept(index) {
        Some((seen, plan)) => Ok(player.carry_out(index, &seen, &plan)?),
        None => Err(Slip::word("nothing was planned that waits", "write `look` before `act`")),
    }
}

pub(super) fn restart(player: &mut Player, words: &mut Words<'_>) -> Played {
    let index = words.controller()?;
    words.end()?;
    player.restart(index);
    Ok(())
}

pub(super) fn crash(player: &mut Player, words: &mut Words<'_>) -> Played {
    player.mishap.crash = Some(words.number(1)?);
    words.end()
}

pub(super) fn miss(player: &mut Player, words: &mut Words<'_>) -> Played {
    player.mishap.miss = Some(words.number(1)?);
    words.end()
}

pub(super) fn twice(player: &mut Player, words: &mut Words<'_>) -> Played {
    player.mishap.twice = Some(words.number(1)?);
    words.end()
}

pub(super) fn lose(player: &mut Player, words: &mut Words<'_>) -> Played {
    let fault = if words.takes("dry") {
        Fault::Dry
    } else if words.takes("state") {
        Fault::State
    } else if words.takes("registry") {
        Fault::Registry
    } else {
        let name = words.environment(player)?.name.clone();
        if words.takes("proposed") { Fault::Proposed(name) } else { Fault::Active(name) }
    };
    words.end()?;
    player.lost.insert(fault);
    Ok(())
}

pub(super) fn find(player: &mut Player, words: &mut Words<'_>) -> Played {
    words.end()?;
    player.lost.clear();
    Ok(())
}

pub(super) fn show(player: &mut Player, words: &mut Words<'_>) -> Played {
    words.end()?;
    let (_, plan) = player.look(0)?;
    let table = super::show::table(player, &plan);
    player.out.push_str(&table);
    Ok(())
}
