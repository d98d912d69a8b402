//! Signatures and attestations of the images of freight.

use super::Verdict;
use crate::facts::Facts;
use crate::signature::{Answer, ImageGate, Images, Question, Wanted};
use crate::{Content, FreightId, PinnedImage};

/// Opens when every image that the gate is about has what is asked for. What is missing may come later, so it waits.
pub(super) fn judge(gate: &ImageGate, freight: &FreightId, facts: &Facts<'_>) -> Verdict {
    let Some(known) = facts.known(freight) else {
        return Verdict::Waiting { until: None, what: "has no readable record".into() };
    };
    let images = match gate.images(&known.record.freight) {
        Ok(images) => images,
        Err(why) => return Verdict::Closed { why },
    };
    let verdicts = images.into_iter().map(|(name, image)| one(gate, &name, image, facts));
    verdicts.max().unwrap_or_else(|| Verdict::Open { how: "holds no image that must be signed".into() })
}

fn one(gate: &ImageGate, name: &str, image: &PinnedImage, facts: &Facts<'_>) -> Verdict {
    let waiting = |what: String| Verdict::Waiting { until: None, what };
    let (requirement, has) = (&gate.requirement, what(&gate.requirement.wanted));
    let question = Question {
        repository: image.repository.clone(),
        digest: image.digest.clone(),
        requirement: requirement.clone(),
    };
    match facts.image(&question) {
        None => waiting(format!("waits for the {requirement} for {name}, which the controller looks for")),
        Some(Err(unread)) => waiting(format!("cannot be judged: {unread}")),
        Some(Ok(Answer::Met { by })) => Verdict::Open { how: format!("has {has} for {name} of {by}") },
        Some(Ok(Answer::Unmet { why })) => waiting(format!("lacks the {requirement} for {name}: {why}")),
    }
}

fn what(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Signature => "a signature".into(),
        Wanted::Attestation { predicate_type, .. } => format!("the attestation {predicate_type}"),
    }
}

impl ImageGate {
    /// The images of freight that it is about, with the names of their artifacts. `Err` when freight has no such
    /// artifact; the words go on after its name.
    pub fn images<'a>(&self, freight: &'a crate::Freight) -> Result<Vec<(String, &'a PinnedImage)>, String> {
        let image = |it: &'a crate::Artifact| match &it.content {
            Content::Image(image) => Some((it.name.to_string(), image)),
            _ => None,
        };
        let mut all = freight.artifacts().iter();
        match &self.about {
            Images::Artifact(name) => match all.find(|it| it.name == *name).map(image) {
                Some(Some(found)) => Ok(vec![found]),
                Some(None) => Err(format!("does not enter: its artifact `{name}` is no image")),
                None => Err(format!("does not enter: it has no artifact `{name}`")),
            },
            Images::Of(repositories) => Ok(all
                .filter_map(image)
                .filter(|(_, it)| repositories.iter().any(|wanted| wanted.fits(&it.repository.to_string())))
                .collect()),
        }
    }
}
