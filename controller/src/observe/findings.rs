//! What somebody has to mend among the facts of one pipeline.

use std::collections::BTreeMap;

use promoter_core::observation::Unread;
use promoter_core::record::Records;
use promoter_core::{Diagnosis, FreightId, Name};

/// One finding for each record that cannot be read.
pub(super) fn unreadable(records: &Records) -> Vec<Diagnosis> {
    let mut unread: Vec<&Unread> = records.freight.values().filter_map(|it| it.as_ref().err()).collect();
    unread.extend(records.pause.iter().filter_map(|it| it.as_ref().err()));
    for it in records.environments.values() {
        unread.extend(it.verified.values().filter_map(|it| it.as_ref().err()));
        unread.extend(it.approved.values().filter_map(|it| it.as_ref().err()));
        unread.extend(it.rejected.values().filter_map(|it| it.as_ref().err()));
        unread.extend(it.statuses.values().filter_map(|it| it.as_ref().err()));
        unread.extend(it.reverify.values().filter_map(|it| it.as_ref().err()));
        unread.extend(it.request.iter().filter_map(|it| it.as_ref().err()));
    }
    unread.into_iter().map(|it| Diagnosis::input("record-unreadable", it)).collect()
}

/// Why freight does not render in an environment, if it is the newest or was asked for there. What else was refused
/// matters to nobody any more.
pub(super) fn wanted_and_refused(
    refused: &BTreeMap<FreightId, Diagnosis>,
    environment: &Name,
    records: &Records,
) -> Vec<Diagnosis> {
    let newest = records.newest().ok().flatten().map(|it| it.freight.id());
    let own = records.environments.get(environment);
    let asked = own.and_then(|it| it.request.as_ref()?.as_ref().ok()).map(|it| &it.freight);
    let is_wanted = |id: &FreightId| newest.as_ref() == Some(id) || asked == Some(id);
    let is_rejected = |id: &FreightId| own.is_some_and(|it| it.rejected.contains_key(id));
    let wanted = refused.iter().filter(|(id, _)| is_wanted(id) && !is_rejected(id));
    wanted.map(|(_, why)| why.clone()).collect()
}
