//! What a policy asks of images: their subscriptions take no other, and the gates of environments let no other in, so that
//! freight that a person made, or that is older than the rule, is held too.

use super::{ImageRule, among};
use crate::pipeline::{Gate, GateRule, Pipeline, SubscriptionOrigin};
use crate::signature::{ImageGate, Images, Requirement, SignatureRule, Wanted};

impl ImageRule {
    /// Puts the rule over a pipeline.
    pub(super) fn apply(&self, pipeline: &mut Pipeline) {
        if !among(&self.pipelines, &pipeline.name) {
            return;
        }
        let requirement = Requirement { wanted: Wanted::Signature, signer: self.signer.clone() };
        let mut is_about_any = false;
        for subscription in &mut pipeline.subscriptions {
            let SubscriptionOrigin::Image(image) = &mut subscription.origin else { continue };
            let name = image.repository.to_string();
            if !self.repositories.iter().any(|it| it.fits(&name)) {
                continue;
            }
            is_about_any = true;
            // Where only some environments ask for it, the others may have the image.
            if self.environments.is_empty() {
                image.signatures.push(SignatureRule {
                    at: self.at.clone(),
                    requirement: requirement.clone(),
                    policy: Some(self.name.clone()),
                });
            }
        }
        if !is_about_any {
            return;
        }
        let gate = ImageGate { about: Images::Of(self.repositories.clone()), requirement };
        for environment in &mut pipeline.environments {
            if among(&self.environments, &environment.name) {
                environment.gates.push(Gate {
                    at: self.at.clone(),
                    rule: GateRule::Image(Box::new(gate.clone())),
                    required: true,
                    policy: Some(self.name.clone()),
                });
            }
        }
    }
}
