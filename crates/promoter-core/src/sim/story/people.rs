//! What the world and people do in a story.

use super::player::name;
use super::words::Words;
use super::{Player, Slip};
use crate::pipeline::SubscriptionOrigin;
use crate::record::{RequestAction, path};
use crate::{Artifact, Digest, Name, Origin, Setting, UnixSeconds};

type Played = Result<(), Slip>;

pub(super) fn push(player: &mut Player, words: &mut Words<'_>) -> Played {
    let mut changed = Vec::new();
    while words.left() > 0 {
        changed.push(name(words.environment(player)?));
    }
    commit(player, &changed, None);
    Ok(())
}

pub(super) fn broken(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    commit(player, &[], Some(environment));
    Ok(())
}

fn commit(player: &mut Player, changed: &[Name], broken: Option<Name>) {
    let world = player.world_mut();
    let mut content = world.dry.get(&world.dry_head).cloned().unwrap_or_default();
    for environment in changed {
        *content.renders.entry(environment.clone()).or_default() += 1;
    }
    content.broken = broken.into_iter().collect();
    world.push_dry(content);
}

pub(super) fn tag(player: &mut Player, words: &mut Words<'_>) -> Played {
    let artifacts = artifacts(player, words)?;
    made(player, &artifacts, "ci")
}

pub(super) fn create(player: &mut Player, words: &mut Words<'_>) -> Played {
    let artifacts = artifacts(player, words)?;
    made(player, &artifacts, "ada")
}

pub(super) fn publish(player: &mut Player, words: &mut Words<'_>) -> Played {
    let (name, tag) = published(player, words)?;
    let again = words.takes("again");
    words.end()?;
    let known = player.world().registry.get(&name).and_then(|it| it.get(&tag));
    // Each push of one tag has content of its own.
    let mut content = tag.clone();
    while again && known.is_some_and(|it| *it == Digest::of(format!("{name} {content}").as_bytes())) {
        content.push_str(" again");
    }
    player.world_mut().publish(&name, &tag, &content);
    Ok(())
}

pub(super) fn unpublish(player: &mut Player, words: &mut Words<'_>) -> Played {
    let (name, tag) = published(player, words)?;
    words.end()?;
    player.world_mut().unpublish(&name, &tag);
    Ok(())
}

/// A subscription that a registry answers for, and a tag there.
fn published(player: &Player, words: &mut Words<'_>) -> Result<(Name, String), Slip> {
    let name: Name = words.value("a subscription")?;
    let tag = words.word("a tag")?.to_owned();
    match player.world().pipeline.subscription(&name).map(|it| &it.origin) {
        Some(SubscriptionOrigin::Image(_) | SubscriptionOrigin::Chart(_)) => Ok((name, tag)),
        _ => {
            let message = format!("`{name}` is no subscription to an image or chart");
            Err(Slip::word(message, "name one of the subscriptions in promoter.yaml"))
        }
    }
}

fn made(player: &mut Player, artifacts: &[Artifact], by: &str) -> Played {
    match player.world_mut().create_freight(artifacts, by) {
        Some(_) => Ok(()),
        None => Err(Slip::word(
            "no freight is made: another subscription has no artifact yet, or a record cannot be read",
            "name an artifact for every subscription the first time: `create web 1.0 api 2.0`",
        )),
    }
}

fn artifacts(player: &Player, words: &mut Words<'_>) -> Result<Vec<Artifact>, Slip> {
    let mut artifacts = vec![artifact(player, words)?];
    while words.left() > 0 {
        artifacts.push(artifact(player, words)?);
    }
    Ok(artifacts)
}

/// One artifact; its digest is made of its name and version.
fn artifact(player: &Player, words: &mut Words<'_>) -> Result<Artifact, Slip> {
    let name: Name = words.value("a subscription")?;
    let version = words.word("a version")?;
    let mut subscriptions = player.world().pipeline.subscriptions.iter();
    let origin = match subscriptions.find(|it| it.name == name).map(|it| &it.origin) {
        Some(SubscriptionOrigin::Image(it)) => Origin::Image(it.repository.clone()),
        Some(SubscriptionOrigin::Chart(it)) => Origin::Chart(it.url.clone()),
        Some(SubscriptionOrigin::Dry(_) | SubscriptionOrigin::Git(_)) => {
            let message = format!("`{name}` is the git subscription");
            return Err(Slip::word(message, "`push ENV` makes a commit"));
        }
        None => {
            let message = format!("`{name}` is no subscription of the pipeline");
            return Err(Slip::word(message, "name one of the subscriptions in promoter.yaml"));
        }
    };
    let digest = Digest::of(format!("{name} {version}").as_bytes());
    let setting = Setting { name, value: format!("{version}@{digest}") };
    setting.resolve(Some(&origin)).map_err(|it| words.slip(it.to_string()))
}

pub(super) fn tick(player: &mut Player, words: &mut Words<'_>) -> Played {
    let now = player.world().now;
    let time = if words.takes("until") { words.time(now)? } else { words.span()?.after(now) };
    words.end()?;
    if time < now {
        return Err(words.slip(format!("{time} is over, it is {now}")));
    }
    player.world_mut().now = time;
    Ok(())
}

pub(super) fn clock(player: &mut Player, words: &mut Words<'_>) -> Played {
    let sign = match words.word("`back` or `ahead`")? {
        "back" => -1,
        "ahead" => 1,
        word => return Err(words.slip(format!("`{word}` is neither `back` nor `ahead`"))),
    };
    let span = words.span()?;
    words.end()?;
    let world = player.world_mut();
    world.now = UnixSeconds(world.now.0 + sign * i64::from(span.0));
    Ok(())
}

pub(super) fn sick(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    let named = (words.left() > 0).then(|| words.freight(player)).transpose()?;
    words.end()?;
    let world = player.world_mut();
    let Some(id) = named.or_else(|| world.active(&environment).map(|it| it.freight.id())) else {
        return Err(Slip::word(format!("`{environment}` runs nothing"), "let the controller `run` before"));
    };
    world.sick.insert((environment, id));
    Ok(())
}

pub(super) fn well(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().sick.retain(|(it, _)| *it != environment);
    Ok(())
}

pub(super) fn approve(player: &mut Player, words: &mut Words<'_>) -> Played {
    let (environment, id) = (name(words.environment(player)?), words.freight(player)?);
    let by = words.next().unwrap_or("ada");
    words.end()?;
    player.world_mut().approve(&environment, &id, by);
    Ok(())
}

pub(super) fn reject(player: &mut Player, words: &mut Words<'_>) -> Played {
    let (environment, id) = (name(words.environment(player)?), words.freight(player)?);
    words.end()?;
    player.world_mut().reject(&environment, &id, "ada");
    Ok(())
}

pub(super) fn promote(player: &mut Player, words: &mut Words<'_>) -> Played {
    request(player, words, RequestAction::Promote)
}

pub(super) fn hotfix(player: &mut Player, words: &mut Words<'_>) -> Played {
    request(player, words, RequestAction::Hotfix)
}

pub(super) fn rollback(player: &mut Player, words: &mut Words<'_>) -> Played {
    if words.left() > 1 {
        return request(player, words, RequestAction::Rollback);
    }
    let environment = name(words.environment(player)?);
    let lock = player.world().active(&environment);
    let Some(id) = lock.and_then(|it| it.promotion.as_ref()?.previous.clone()) else {
        let message = format!("`{environment}` ran nothing before");
        return Err(Slip::word(message, "name the freight: `rollback ENV FREIGHT`"));
    };
    player.world_mut().request(&environment, RequestAction::Rollback, &id, "ada");
    Ok(())
}

fn request(player: &mut Player, words: &mut Words<'_>, action: RequestAction) -> Played {
    let (environment, id) = (name(words.environment(player)?), words.freight(player)?);
    words.end()?;
    player.world_mut().request(&environment, action, &id, "ada");
    Ok(())
}

pub(super) fn cancel(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().withdraw_request(&environment);
    Ok(())
}

pub(super) fn hold(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().set_hold(&environment, Some("ada"));
    Ok(())
}

pub(super) fn reverify(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().reverify(&environment, "ada");
    Ok(())
}

pub(super) fn release(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().set_hold(&environment, None);
    Ok(())
}

pub(super) fn merge(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    words.end()?;
    player.world_mut().merge_by_hand(&environment);
    Ok(())
}

pub(super) fn edit(player: &mut Player, words: &mut Words<'_>) -> Played {
    let environment = name(words.environment(player)?);
    let freight = match words.left() {
        0 | 1 => {
            let id = words.freight(player)?;
            player.freight(&id).cloned()
        }
        _ => {
            let artifact = artifact(player, words)?;
            player.world().active(&environment).map(|it| it.freight.clone().with(artifact))
        }
    };
    words.end()?;
    let Some(freight) = freight else {
        return Err(Slip::word(format!("`{environment}` runs nothing"), "let the controller `run` before"));
    };
    player.world_mut().edit_freight(&environment, &freight);
    Ok(())
}

pub(super) fn drop_proposed(player: &mut Player, words: &mut Words<'_>) -> Played {
    let branch = words.environment(player)?.proposed_branch.clone();
    words.end()?;
    player.world_mut().branches.remove(&branch);
    Ok(())
}

pub(super) fn damage(player: &mut Player, words: &mut Words<'_>) -> Played {
    let kind = words.word("`lock` or a kind of record")?;
    let environment = name(words.environment(player)?);
    if kind == "lock" {
        words.end()?;
        if player.world().active(&environment).is_some() {
            player.world_mut().break_lock(&environment);
        }
        return Ok(());
    }
    let id = words.freight(player)?;
    words.end()?;
    let pipeline = &player.world().pipeline.name;
    let file = match kind {
        "freight" => path::freight(pipeline, &id),
        "verified" => path::verified(pipeline, &environment, &id),
        "approved" => path::approved(pipeline, &environment, &id),
        "rejected" => path::rejected(pipeline, &environment, &id),
        "requested" => path::requested(pipeline, &environment),
        _ => {
            let kinds = "`lock`, `freight`, `verified`, `approved`, `rejected`, `requested`";
            return Err(words.slip(format!("`{kind}` is none of {kinds}")));
        }
    };
    let world = player.world_mut();
    world.records.put(&file, "broken: [");
    let head = world.state_head.clone();
    world.push_state(head.as_ref(), &[], &[]);
    Ok(())
}

pub(super) fn mend(player: &mut Player, words: &mut Words<'_>) -> Played {
    let rules = words.environment(player)?.clone();
    words.end()?;
    let head = player.world().branches.get(&rules.active_branch);
    if head.is_some_and(|it| it.lock(rules.lock_path()).is_err()) {
        player.world_mut().break_lock(&rules.name);
    }
    Ok(())
}
