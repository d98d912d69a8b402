//! Name references: where one resource names another, the name follows the other's changes.
//!
//! Only resources that ever changed their name or namespace can be meant, so those are indexed by their earlier names;
//! a field that holds none of these is left alone after one look-up.

use std::collections::{BTreeSet, HashMap};

use promoter_yaml::{Data, Map, Node};

use crate::config::{Config, NameReference};
use crate::error::{BuildError, Result};
use crate::field::{FieldSpec, Leaf, put_back, set_text, visit, wrong_type};
use crate::id::{Gvk, NOT_A_NAMESPACE};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Rewrites all references.
///
/// Errors: a name could mean several resources that are called differently now.
pub(crate) fn fix(resources: &mut ResMap, config: &Config) -> Result<()> {
    let candidates: Vec<Candidate> =
        resources.list.iter().filter(|it| !it.previous.is_empty()).map(Candidate::of).collect();
    for binding in resources.list.iter().filter(|it| it.kind() == "RoleBinding") {
        account_namespaces(binding)?;
    }
    let mut by_name: HashMap<&str, Vec<&Candidate>> = HashMap::new();
    for candidate in &candidates {
        let mut names: Vec<&str> = candidate.previous.iter().map(|(name, ..)| &**name).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            by_name.entry(name).or_default().push(candidate);
        }
    }
    let index = Index { fields: Fields::of(config.name_references()), by_name, places: places(resources) };
    resources.list.iter_mut().try_for_each(|resource| fix_one(resource, &index))
}

/// What all look-ups of a build share.
struct Index<'a> {
    fields: Fields<'a>,
    by_name: HashMap<&'a str, Vec<&'a Candidate>>,
    places: BTreeSet<Place>,
}

/// Where some resource is: its original namespace, the present one as written, the present effective one.
type Place = (String, String, String);

fn places(resources: &ResMap) -> BTreeSet<Place> {
    let place = |it: &Resource| {
        let (original, now) = (it.original_id(), it.id());
        let texts = [original.effective_namespace(), now.namespace, now.effective_namespace()];
        let [original, written, effective] = texts.map(String::from);
        (original, written, effective)
    };
    resources.list.iter().map(place).collect()
}

/// Fields by the kind that holds them, in the order in which they are looked at.
struct Fields<'a> {
    by_kind: HashMap<&'a str, Vec<(usize, &'a NameReference, &'a FieldSpec)>>,
}

impl<'a> Fields<'a> {
    fn of(references: &'a [NameReference]) -> Self {
        let mut by_kind: HashMap<&str, Vec<_>> = HashMap::new();
        let all = references.iter().flat_map(|it| it.fields.iter().map(move |spec| (it, spec)));
        for (order, (reference, spec)) in all.enumerate() {
            by_kind.entry(&*spec.kind).or_default().push((order, reference, spec));
        }
        Self { by_kind }
    }

    fn for_kind(&self, gvk: Gvk<'_>) -> Vec<(usize, &'a NameReference, &'a FieldSpec)> {
        let of_kind = self.by_kind.get(gvk.kind).into_iter().flatten();
        let of_any = self.by_kind.get("").into_iter().flatten().filter(|_| !gvk.kind.is_empty());
        let mut fields: Vec<_> =
            of_kind.chain(of_any).filter(|(_, _, spec)| gvk.matches(spec.gvk())).copied().collect();
        fields.sort_by_key(|(order, ..)| *order);
        fields
    }
}

fn fix_one(resource: &mut Resource, index: &Index<'_>) -> Result<()> {
    let fields = index.fields.for_kind(resource.original_id().gvk);
    if fields.is_empty() {
        return Ok(());
    }
    let referrer = Referrer::of(resource)?;
    for (_, reference, spec) in fields {
        let search = Search { referrer: &referrer, target: reference.gvk(), path: &spec.path, index };
        let fixed = visit(&mut resource.node, &spec.path, Leaf::Existing, &mut |node| search.fix(node));
        fixed.map_err(|error| {
            let message = format!("{}, at field `{}`", error.message, spec.path);
            resource.blame(BuildError { message, ..error })
        })?;
    }
    Ok(())
}

/// A resource that may be meant: what it is called now, and what it was called.
struct Candidate {
    name: String,
    namespace: String,
    effective_namespace: String,
    original_namespace: String,
    group: String,
    version: String,
    cluster_scoped: bool,
    is_service_account: bool,
    previous: Vec<(Box<str>, Box<str>)>,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
}

impl Candidate {
    fn of(resource: &Resource) -> Self {
        let id = resource.id();
        Self {
            name: id.name.to_owned(),
            namespace: id.namespace.to_owned(),
            effective_namespace: id.effective_namespace().to_owned(),
            original_namespace: resource.original_id().effective_namespace().to_owned(),
            group: id.gvk.group.to_owned(),
            version: id.gvk.version.to_owned(),
            cluster_scoped: id.cluster_scoped,
            is_service_account: id.gvk.kind == "ServiceAccount",
            previous: resource.previous.iter().map(|it| (it.name.clone(), it.kind.clone())).collect(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
        }
    }

    fn was(&self, pattern: Gvk<'_>) -> bool {
        let (group, version) = (self.group.as_str(), self.version.as_str());
        self.previous.iter().any(|(_, kind)| Gvk { group, version, kind }.matches(pattern))
    }
}

/// The resource that names others.
struct Referrer {
    cluster_scoped: bool,
    effective_namespace: String,
    prefixes: Vec<Box<str>>,
    suffixes: Vec<Box<str>>,
    /// For a RoleBinding: namespaces of its service accounts.
    account_namespaces: Vec<String>,
    /// `roleRef`: apiGroup and kind.
    role: Option<(String, String)>,
}

impl Referrer {
    fn of(resource: &Resource) -> Result<Self> {
        let id = resource.id();
        let role = |key: &str| resource.node.path(&["roleRef", key]).and_then(Node::text).map(String::from);
        Ok(Self {
            cluster_scoped: id.cluster_scoped,
            effective_namespace: id.effective_namespace().to_owned(),
            prefixes: resource.prefixes.clone(),
            suffixes: resource.suffixes.clone(),
            account_namespaces: account_namespaces(resource)?,
            role: role("apiGroup").zip(role("kind")),
        })
    }

    /// True for namespaces, as written and effective, whose resources this one can name at all.
    fn sees(&self, written: &str, effective: &str) -> bool {
        self.cluster_scoped
            || effective == NOT_A_NAMESPACE
            || effective == self.effective_namespace
            || self.account_namespaces.iter().any(|it| it == written)
    }

    fn same_affixes(&self, candidate: &Candidate, allow_empty: bool) -> bool {
        let same = |mine: &[Box<str>], theirs: &[Box<str>]| {
            (allow_empty && (mine.is_empty() || theirs.is_empty())) || same_ending(mine, theirs)
        };
        same(&self.prefixes, &candidate.prefixes) && same(&self.suffixes, &candidate.suffixes)
    }
}

fn account_namespaces(resource: &Resource) -> Result<Vec<String>> {
    if resource.kind() != "RoleBinding" {
        return Ok(Vec::new());
    }
    let subjects = resource.node.get("subjects").and_then(Node::as_seq).unwrap_or_default();
    let accounts = subjects.iter().filter(|it| it.get("kind").and_then(Node::text) == Some("ServiceAccount"));
    accounts
        .filter_map(|it| it.get("namespace"))
        .map(|namespace| match namespace.as_str() {
            Some(text) => Ok(text.to_owned()),
            None => Err(resource.blame(
                BuildError::new("kustomize-field-type", "the namespace of a subject is no text")
                    .line(namespace.mark.line),
            )),
        })
        .collect()
}

/// True when the shorter list ends the longer one; an empty one only ends an empty one.
fn same_ending(a: &[Box<str>], b: &[Box<str>]) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
}

/// One field of one referrer.
struct Search<'a> {
    referrer: &'a Referrer,
    target: Gvk<'a>,
    path: &'a str,
    index: &'a Index<'a>,
}

impl<'a> Search<'a> {
    fn fix(&self, node: &mut Node) -> Result<()> {
        match &mut node.data {
            Data::Scalar(_) => self.fix_scalar(node),
            Data::Map(map) => self.fix_map(map),
            Data::Seq(items) => items.iter_mut().try_for_each(|item| match &mut item.data {
                Data::Scalar(_) => self.fix_scalar(item),
                Data::Map(map) => self.fix_map(map),
                Data::Seq(_) => Err(wrong_type(item, "a name")),
            }),
        }
    }

    fn fix_scalar(&self, node: &mut Node) -> Result<()> {
        let Some(old) = node.text() else {
            return Ok(());
        };
        let same_name = |a: &Candidate, b: &Candidate| a.name == b.name;
        match self.find(old, |_| true, same_name).map_err(|error| error.line(node.mark.line))? {
            Some(found) if found.name != old => set_text(node, &found.name),
            _ => Ok(()),
        }
    }

    fn fix_map(&self, map: &mut Map) -> Result<()> {
        let Some(name) = map.get("name") else {
            return Err(BuildError::new("kustomize-field-type", "a reference has no `name`"));
        };
        let (old, line) = (name.text().unwrap_or_default().to_owned(), name.mark.line);
        let namespace = map.get("namespace").and_then(Node::text).unwrap_or_default();
        let has_namespace = map.contains("namespace");
        // A namespace that is written means an original one if any resource came from there, else a present one.
        let mut places = self.index.places.iter();
        let is_original = places
            .any(|(original, now, effective)| original == namespace && self.referrer.sees(now, effective));
        let fits = |it: &Candidate| {
            !has_namespace
                || namespace == if is_original { &*it.original_namespace } else { &*it.effective_namespace }
        };
        let same = |a: &Candidate, b: &Candidate| a.name == b.name && a.namespace == b.namespace;
        let Some(found) = self.find(&old, fits, same).map_err(|error| error.line(line))? else {
            return Ok(());
        };
        if found.name == old && found.namespace.is_empty() {
            return Ok(());
        }
        put_back(map, "name", &found.name);
        if !found.namespace.is_empty() {
            put_back(map, "namespace", &found.namespace);
        }
        Ok(())
    }

    fn seen(&self, old: &str) -> impl Iterator<Item = &'a Candidate> {
        let named = self.index.by_name.get(old).into_iter().flatten().copied();
        named.filter(|it| self.referrer.sees(&it.namespace, &it.effective_namespace))
    }

    /// The resource that is meant by `old`.
    fn find(
        &self,
        old: &str,
        fits: impl Fn(&Candidate) -> bool,
        same: impl Fn(&Candidate, &Candidate) -> bool,
    ) -> Result<Option<&'a Candidate>> {
        let role = self.referrer.role.as_ref().filter(|_| self.path.ends_with("roleRef/name"));
        let mut found: Vec<&Candidate> = self
            .seen(old)
            .filter(|it| fits(it) && it.was(self.target))
            .filter(|it| role.is_none_or(|(group, kind)| it.was(Gvk { group, version: "", kind })))
            .filter(|it| {
                self.referrer.cluster_scoped
                    || it.cluster_scoped
                    || it.is_service_account
                    || it.effective_namespace == self.referrer.effective_namespace
            })
            .collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|it| self.referrer.same_affixes(it, true));
        if found.len() > 1 {
            found.retain(|it| self.referrer.same_affixes(it, false));
        }
        let Some(first) = found.first().copied() else {
            return Ok(None);
        };
        if found.iter().all(|it| same(first, it)) {
            return Ok(Some(first));
        }
        let names: Vec<&str> = found.iter().map(|it| it.name.as_str()).collect();
        Err(BuildError::new(
            "kustomize-reference",
            format!("`{old}` could mean any of `{}`", names.join("`, `")),
        )
        .hint("give what it means a name or a namespace of its own"))
    }
}
