//! The subscriptions of a promoter.yaml.

use super::{
    COMMIT_FIELDS, ChartSubscription, GitRule, GitStrategy, GitSubscription, ImageStrategy,
    ImageSubscription, PathFilter, PathPattern, Pattern, Subscription, SubscriptionOrigin, TagFilter,
    VersionRule,
};
use crate::expression::Expression;
use crate::fields::{FieldError, Fields};
use crate::pipeline::PipelineError;
use crate::pipeline::read::is_branch;
use crate::signature::read_rules;
use crate::{ImageTag, Name, Seconds};
use promoter_yaml::{Node, Tag};

/// How often a registry or repository is asked where the pipeline does not say.
const INTERVAL: Seconds = Seconds(300);
/// The least and the most that `interval` may say: a server is not hammered, and a slip of a unit is noticed.
const INTERVALS: (Seconds, Seconds) = (Seconds(10), Seconds(31 * 86_400));
/// How many candidates are tried where the pipeline does not say.
const DISCOVERY_LIMIT: u32 = 20;
/// How many patterns a list may hold.
const PATTERNS_MAX: usize = 50;
/// Fields of git that tell which commit.
const GIT_FIELDS: [&str; 12] = [
    "repoURL",
    "branch",
    "strategy",
    "constraint",
    "prereleases",
    "strictSemvers",
    "allowTags",
    "ignoreTags",
    "includePaths",
    "excludePaths",
    "expression",
    "discoveryLimit",
];
const IMAGE_FIELDS: [&str; 10] = [
    "repoURL",
    "strategy",
    "constraint",
    "prereleases",
    "strictSemvers",
    "allowTags",
    "ignoreTags",
    "platform",
    "discoveryLimit",
    "signatures",
];
const CHART_FIELDS: [&str; 5] = ["repoURL", "name", "constraint", "prereleases", "discoveryLimit"];

pub(in crate::pipeline) fn subscription(
    node: &Node,
    index: usize,
    path: &str,
) -> Result<Subscription, PipelineError> {
    let known = ["name", "git", "image", "chart", "interval"];
    let fields = Fields::open(node, format!("spec.subscriptions[{index}]"), &known, path)?;
    let name: Name = fields.require("name")?;
    let origin = match (fields.get("git"), fields.get("image"), fields.get("chart")) {
        (Some(_), None, None) => git(&fields.inner("git", &GIT_FIELDS)?)?,
        (None, Some(_), None) => SubscriptionOrigin::Image(image(&fields.inner("image", &IMAGE_FIELDS)?)?),
        (None, None, Some(_)) => SubscriptionOrigin::Chart(chart(&fields.inner("chart", &CHART_FIELDS)?)?),
        _ => {
            return Err(PipelineError::Field {
                message: format!("subscription `{name}` must have exactly one of `git`, `image` and `chart`"),
                hint: "write `git: {}` for the manifests of this repository".into(),
                at: fields.at(),
            });
        }
    };
    let interval = interval(&fields, &origin)?;
    Ok(Subscription { name, at: fields.at(), origin, interval })
}

fn interval(fields: &Fields<'_>, origin: &SubscriptionOrigin) -> Result<Seconds, FieldError> {
    let Some(interval) = fields.optional("interval")? else {
        return Ok(INTERVAL);
    };
    if origin.is_dry() {
        let message = "the dry branch is looked at with every poll of this repository";
        return Err(fields.wrong(
            "interval",
            message,
            "leave it out; `--interval` of the controller sets it",
        ));
    }
    let (least, most) = INTERVALS;
    match (least..=most).contains(&interval) {
        true => Ok(interval),
        false => {
            let message = format!("`{interval}` is no interval to ask a server in");
            Err(fields.wrong("interval", message, format!("write `{least}` to `{most}`")))
        }
    }
}

fn git(fields: &Fields<'_>) -> Result<SubscriptionOrigin, PipelineError> {
    let url = fields.optional("repoURL")?;
    let branch = branch(fields, url.is_some())?;
    let strategies = [
        ("NewestFromBranch", Git::NewestFromBranch),
        ("SemVer", Git::SemVer),
        ("Lexical", Git::Lexical),
        ("NewestTag", Git::NewestTag),
    ];
    let chosen = fields.word("strategy", &strategies)?.unwrap_or(Git::NewestFromBranch);
    let strategy = match chosen {
        Git::NewestFromBranch => GitStrategy::NewestFromBranch,
        Git::SemVer => GitStrategy::SemVer(versions(fields, true)?),
        Git::Lexical => GitStrategy::Lexical,
        Git::NewestTag => GitStrategy::NewestTag,
    };
    if chosen != Git::SemVer {
        only_for(fields, &["constraint", "prereleases", "strictSemvers"], "`strategy: SemVer`")?;
    }
    match chosen {
        Git::NewestFromBranch => only_for(
            fields,
            &["allowTags", "ignoreTags"],
            "`strategy: SemVer`, `Lexical` and `NewestTag`, which look at tags",
        )?,
        _ => only_for(fields, &["branch"], "`strategy: NewestFromBranch`")?,
    }
    let rule = GitRule {
        strategy,
        tags: tags(fields)?,
        paths: PathFilter {
            include: patterns(fields, "includePaths", PathPattern::parse)?,
            exclude: patterns(fields, "excludePaths", PathPattern::parse)?,
        },
        expression: expression(fields)?,
        discovery_limit: limit(fields)?,
    };
    Ok(match url {
        None => SubscriptionOrigin::Dry(rule),
        Some(url) => SubscriptionOrigin::Git(GitSubscription { url, branch, rule }),
    })
}

/// The strategies of git by their words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Git {
    NewestFromBranch,
    SemVer,
    Lexical,
    NewestTag,
}

fn branch(fields: &Fields<'_>, is_elsewhere: bool) -> Result<Option<String>, FieldError> {
    let Some(branch) = fields.text("branch")? else {
        return Ok(None);
    };
    if !is_elsewhere {
        let message = "without `repoURL` it is the dry branch of this repository";
        let hint = "leave it out, or name the other repository with `repoURL`";
        return Err(fields.wrong("branch", message, hint));
    }
    match is_branch(branch) {
        true => Ok(Some(branch.to_owned())),
        false => {
            let message = format!("`{branch}` is no branch name");
            Err(fields.wrong("branch", message, "write it without `refs/heads/`, like `main`"))
        }
    }
}

fn expression(fields: &Fields<'_>) -> Result<Option<Expression>, FieldError> {
    let Some(text) = fields.text("expression")? else {
        return Ok(None);
    };
    let read = Expression::parse(text, &COMMIT_FIELDS).map_err(|error| {
        let hint = match &error.near {
            Some(near) => format!("did you mean `{near}`"),
            None => format!("it may name {}", COMMIT_FIELDS.map(|it| format!("`{it}`")).join(", ")),
        };
        fields.wrong("expression", error, hint)
    })?;
    Ok(Some(read))
}

fn image(fields: &Fields<'_>) -> Result<ImageSubscription, PipelineError> {
    let strategies = [
        ("SemVer", Image::SemVer),
        ("NewestBuild", Image::NewestBuild),
        ("Lexical", Image::Lexical),
        ("Digest", Image::Digest),
    ];
    let chosen = fields.word("strategy", &strategies)?.unwrap_or(Image::SemVer);
    let strategy = match chosen {
        Image::SemVer => ImageStrategy::SemVer(versions(fields, true)?),
        Image::Lexical => ImageStrategy::Lexical,
        Image::NewestBuild => ImageStrategy::NewestBuild,
        Image::Digest => ImageStrategy::Digest(digest_tag(fields)?),
    };
    match chosen {
        Image::SemVer => {}
        Image::Digest => only_for(
            fields,
            &["prereleases", "strictSemvers", "allowTags", "ignoreTags"],
            "strategies that choose among tags",
        )?,
        _ => only_for(
            fields,
            &["constraint", "prereleases", "strictSemvers"],
            "`strategy: SemVer` (a range) and `Digest` (the tag)",
        )?,
    }
    Ok(ImageSubscription {
        repository: fields.require("repoURL")?,
        strategy,
        tags: tags(fields)?,
        platform: fields.optional("platform")?,
        signatures: read_rules(fields)?,
        discovery_limit: limit(fields)?,
    })
}

/// The strategies of images by their words.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Image {
    SemVer,
    Lexical,
    NewestBuild,
    Digest,
}

fn digest_tag(fields: &Fields<'_>) -> Result<ImageTag, FieldError> {
    match fields.text("constraint")? {
        None => {
            let message = "`strategy: Digest` follows one tag, and none is named";
            Err(fields.wrong("strategy", message, "write the tag, like `constraint: latest`"))
        }
        Some(tag) => tag.parse().map_err(|it| fields.wrong("constraint", it, "write the tag to follow")),
    }
}

fn chart(fields: &Fields<'_>) -> Result<ChartSubscription, PipelineError> {
    let repository: String = fields.require("repoURL")?;
    let url = match fields.text("name")? {
        Some(name) => format!("{}/{name}", repository.trim_end_matches('/')),
        None => repository,
    };
    let url =
        url.parse().map_err(|it| fields.wrong("repoURL", it, "write the chart repository's address"))?;
    // Helm reads versions of charts in the tolerant form too.
    Ok(ChartSubscription { url, versions: versions(fields, false)?, discovery_limit: limit(fields)? })
}

fn versions(fields: &Fields<'_>, strict: bool) -> Result<VersionRule, FieldError> {
    let range = fields.text("constraint")?.map(|it| {
        it.parse().map_err(|error| {
            let hint = "write a range like `^1.2`, `>=1.0.0 <2` or `1.x || 3.x`";
            fields.wrong("constraint", format!("`{it}` is no range: {error}"), hint)
        })
    });
    let strict = match fields.get("strictSemvers").and_then(Node::as_scalar) {
        Some(scalar) if scalar.tag == Tag::Bool => &*scalar.text == "true",
        _ if fields.get("strictSemvers").is_some() => fields.flag("strictSemvers")?,
        _ => strict,
    };
    Ok(VersionRule { range: range.transpose()?, prereleases: fields.flag("prereleases")?, strict })
}

fn tags(fields: &Fields<'_>) -> Result<TagFilter, FieldError> {
    Ok(TagFilter {
        allow: patterns(fields, "allowTags", Pattern::parse)?,
        ignore: patterns(fields, "ignoreTags", Pattern::parse)?,
    })
}

fn patterns<T>(
    fields: &Fields<'_>,
    key: &str,
    parse: fn(&str) -> Result<T, String>,
) -> Result<Vec<T>, FieldError> {
    let texts = fields.texts(key)?;
    if texts.len() > PATTERNS_MAX {
        let message = format!("it holds {} patterns", texts.len());
        return Err(fields.wrong(key, message, format!("write at most {PATTERNS_MAX}")));
    }
    let hint = match key {
        "allowTags" | "ignoreTags" => "write regular expressions, like `[\"^v1\\\\.\"]`",
        _ => "write paths from the repository's root, `glob:…` or `regex:…`",
    };
    texts.into_iter().map(|it| parse(it).map_err(|why| fields.wrong(key, why, hint))).collect()
}

fn limit(fields: &Fields<'_>) -> Result<u32, FieldError> {
    Ok(fields.number("discoveryLimit", 1, 100)?.unwrap_or(DISCOVERY_LIMIT))
}

/// Refuses fields that another choice would need.
fn only_for(fields: &Fields<'_>, keys: &[&str], what: &str) -> Result<(), FieldError> {
    match keys.iter().find(|it| fields.get(it).is_some()) {
        None => Ok(()),
        Some(key) => Err(fields.wrong(key, format!("it is for {what}"), "leave it out")),
    }
}
