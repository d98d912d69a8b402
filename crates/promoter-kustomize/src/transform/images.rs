//! `images`: new names, tags and digests for image references.
//!
//! Each entry goes over a resource twice, as kustomize does: first every list called `containers` or `initContainers`
//! wherever it stands, then the field specs. What adds to a reference (`tagSuffix`) therefore adds twice to ordinary
//! containers.

use promoter_yaml::{Data, Node};

use crate::error::{BuildError, Result};
use crate::field::{FieldSpec, Leaf, set_text, wrong_type};
use crate::kustomization::Image;
use crate::pattern::{self, Pattern};
use crate::resmap::ResMap;
use crate::resource::raw_text;

/// An entry of `images` with its pattern compiled.
#[derive(Debug)]
pub(crate) struct ImagePattern {
    image: Image,
    matcher: Matcher,
}

/// How a reference is compared with the entry's name.
#[derive(Debug)]
enum Matcher {
    /// Nothing in the name is special but dots, which match any character.
    Plain(String),
    /// The name is a regular expression.
    Pattern(Pattern),
}

impl ImagePattern {
    /// Compiles an entry.
    ///
    /// Errors: the name is no regular expression.
    pub(crate) fn new(image: Image) -> Result<Self> {
        let name = &image.name.value;
        if pattern::is_name(name) {
            let matcher = Matcher::Plain(name.clone());
            return Ok(Self { image, matcher });
        }
        let pattern = format!("^{name}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$");
        match Pattern::part(&pattern) {
            Ok(pattern) => Ok(Self { image, matcher: Matcher::Pattern(pattern) }),
            Err(reason) => {
                let message = format!("the image name `{name}` is no regular expression: {reason}");
                Err(BuildError::new("kustomize-value", message).line(image.name.line))
            }
        }
    }

    /// The bytes that a reference may be given.
    pub(super) fn bytes_given(&self) -> usize {
        let Image { new_name, new_tag, tag_suffix, digest, .. } = &self.image;
        new_name.len() + new_tag.len() + tag_suffix.len() + digest.len()
    }

    /// Changes all references that match.
    pub(super) fn run(&self, resources: &mut ResMap, specs: &[FieldSpec]) -> Result<()> {
        for resource in resources.list.iter_mut().filter(|it| it.kind() != "CustomResourceDefinition") {
            let walked = self.walk(&mut resource.node);
            resource.blamed(walked)?;
            for spec in specs {
                spec.apply(resource, Leaf::Existing, &mut |node| self.update(node))?;
            }
        }
        Ok(())
    }

    fn walk(&self, node: &mut Node) -> Result<()> {
        match &mut node.data {
            Data::Scalar(_) => Ok(()),
            Data::Seq(items) => items.iter_mut().try_for_each(|item| self.walk(item)),
            Data::Map(map) => map.iter_mut().try_for_each(|(key, value)| {
                self.walk(value)?;
                match key {
                    "containers" | "initContainers" => self.update_list(value),
                    _ => Ok(()),
                }
            }),
        }
    }

    fn update_list(&self, containers: &mut Node) -> Result<()> {
        for container in containers.as_seq_mut().into_iter().flatten() {
            if container.as_map().is_none() && !container.is_null() {
                return Err(wrong_type(container, "a container"));
            }
            container.get_mut("image").map_or(Ok(()), |image| self.update(image))?;
        }
        Ok(())
    }

    fn update(&self, node: &mut Node) -> Result<()> {
        if node.as_scalar().is_none() {
            return Err(wrong_type(node, "an image reference"));
        }
        let reference = raw_text(node);
        if !self.matches(reference) {
            return Ok(());
        }
        let new = self.rewrite(reference);
        set_text(node, &new)
    }

    fn matches(&self, reference: &str) -> bool {
        match &self.matcher {
            Matcher::Pattern(pattern) => pattern.fits(reference),
            Matcher::Plain(name) => pattern::strip_name(reference, name).is_some_and(is_tag_and_digest),
        }
    }

    fn rewrite(&self, reference: &str) -> String {
        let (old_name, mut tag, mut digest) = split(reference);
        let image = &self.image;
        let name = if image.new_name.is_empty() { old_name } else { &image.new_name };
        let suffixed = format!("{tag}{}", image.tag_suffix);
        if !image.new_tag.is_empty() || !image.digest.is_empty() {
            (tag, digest) = (&image.new_tag, &image.digest);
        } else if !image.tag_suffix.is_empty() {
            (tag, digest) = (&suffixed, "");
        }
        let mut new = name.to_owned();
        for (lead, part) in [(':', tag), ('@', digest)] {
            if !part.is_empty() {
                new.push(lead);
                new.push_str(part);
            }
        }
        new
    }
}

/// True for `[:TAG][@sha256:DIGEST]`, with braces allowed for templates.
fn is_tag_and_digest(rest: &str) -> bool {
    let is_word = |text: &str| text.chars().all(|it| it.is_ascii_alphanumeric() || "_.{}-".contains(it));
    let (tag, digest) = rest.split_once('@').map_or((rest, None), |(tag, digest)| (tag, Some(digest)));
    let tag_fits = tag.is_empty() || tag.strip_prefix(':').is_some_and(is_word);
    tag_fits && digest.is_none_or(|it| it.strip_prefix("sha256:").is_some_and(is_word))
}

/// Name, tag and digest of a reference. A colon before the first slash belongs to a registry's port.
fn split(reference: &str) -> (&str, &str, &str) {
    let from = reference.find('/').unwrap_or(0);
    let find = |what: char| reference[from..].find(what).map(|at| at + from);
    match (find(':'), find('@')) {
        (None, None) => (reference, "", ""),
        (Some(colon), None) => (&reference[..colon], &reference[colon + 1..], ""),
        (Some(colon), Some(at)) if colon < at => {
            (&reference[..colon], &reference[colon + 1..at], &reference[at + 1..])
        }
        (_, Some(at)) => (&reference[..at], "", &reference[at + 1..]),
    }
}
