//! Puts freight together from what each subscription has.

use super::{Pipeline, Subscription, SubscriptionOrigin};
use crate::record::FreightRecord;
use crate::{Artifact, CommitId, Content, Diagnosis, Freight, GitUrl, Name};

/// Why no freight can be put together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssembleError {
    /// A subscription has no artifact yet.
    #[error("subscription `{0}` has no artifact yet (`promoter freight create {0}=…` gives it one)")]
    Missing(Name),
    /// An artifact for which there is no subscription.
    #[error("`{0}` is no subscription of the pipeline")]
    Unknown(Name),
    /// An artifact that does not come from where its subscription looks.
    #[error("`{found}` does not come from where subscription `{name}` looks")]
    Foreign {
        /// The subscription.
        name: Name,
        /// The artifact's words.
        found: String,
    },
}

impl AssembleError {
    /// The error as a person reads it.
    pub fn diagnosis(&self) -> Diagnosis {
        match self {
            Self::Missing(_) => Diagnosis::input("freight-missing-artifact", self),
            Self::Unknown(_) => Diagnosis::input("freight-unknown-subscription", self)
                .hint("name one of the subscriptions in promoter.yaml"),
            Self::Foreign { .. } => Diagnosis::input("freight-foreign-artifact", self)
                .hint("change the subscription in promoter.yaml, or name an artifact of its repository"),
        }
    }
}

impl Pipeline {
    /// Puts freight together: for each subscription the artifact given for it, else the dry head for git, else what
    /// the newest freight holds, if it still comes from there.
    ///
    /// `repository` and `dry_head` are those of the dry branch. Artifacts of subscriptions that are no more are left
    /// behind.
    pub fn assemble(
        &self,
        repository: &GitUrl,
        dry_head: &CommitId,
        newest: Option<&FreightRecord>,
        given: &[Artifact],
    ) -> Result<Freight, AssembleError> {
        let subscribed = |it: &&Artifact| !self.subscriptions.iter().any(|own| own.name == it.name);
        if let Some(unknown) = given.iter().find(subscribed) {
            return Err(AssembleError::Unknown(unknown.name.clone()));
        }
        let pick = |own: &Subscription| {
            let given = given.iter().find(|it| it.name == own.name).map(|it| &it.content);
            let content = match (given, &own.origin) {
                (Some(content), _) if own.origin.gives(content, repository) => content.clone(),
                (Some(content), _) => {
                    return Err(AssembleError::Foreign {
                        name: own.name.clone(),
                        found: content.to_string(),
                    });
                }
                (None, SubscriptionOrigin::Dry(_)) => {
                    Content::Git { url: repository.clone(), commit: dry_head.clone() }
                }
                (None, _) => {
                    let before = newest.and_then(|it| it.freight.get(&own.name));
                    let before = before.filter(|it| own.origin.gives(it, repository));
                    before.cloned().ok_or_else(|| AssembleError::Missing(own.name.clone()))?
                }
            };
            Ok(Artifact { name: own.name.clone(), content })
        };
        let artifacts = self.subscriptions.iter().map(pick).collect::<Result<Vec<_>, _>>()?;
        // Subscriptions have unique names and there is at least one, so the only error left cannot happen; say it
        // as a missing artifact all the same.
        let first = self.subscriptions.first().map(|it| it.name.clone());
        Freight::new(artifacts)
            .map_err(|_| AssembleError::Missing(first.unwrap_or_else(|| self.name.clone())))
    }
}

impl SubscriptionOrigin {
    /// True when an artifact may come from here.
    pub(crate) fn gives(&self, content: &Content, dry: &GitUrl) -> bool {
        match (self, content) {
            (Self::Dry(_), Content::Git { url, .. }) => url.normal() == dry.normal(),
            (Self::Git(own), Content::Git { url, .. }) => url.normal() == own.url.normal(),
            (Self::Image(own), Content::Image(image)) => image.repository == own.repository,
            (Self::Chart(own), Content::Chart { url, .. }) => url.normal() == own.url.normal(),
            _ => false,
        }
    }
}
