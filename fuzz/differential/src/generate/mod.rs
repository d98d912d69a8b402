//! Random trees of kustomizations that mostly build.
//!
//! A tree is made from the bottom up: a layer defines objects, takes in layers below and components, and changes what it
//! has so far by some fields. What the layers have is kept as objects, so that fields can speak of things that are there.

mod decorate;
mod fields;
mod objects;
mod words;

use std::collections::BTreeSet;

use crate::case::{Case, Content, NAMES};
use crate::dice::Dice;
use crate::print::Look;
use crate::value::{Value, map, seq, text};
use objects::Object;
pub(crate) use objects::Templates;

/// Makes the case that belongs to the state of the dice.
pub(crate) fn generate(templates: &Templates, dice: &mut Dice) -> Case {
    let mut world = World { templates, dice, case: Case::default(), serial: 0, taken: BTreeSet::new() };
    world.case.unrestricted = world.dice.chance(3);
    let depth = *world.dice.pick(&[0, 0, 0, 1, 1, 1, 2, 3]);
    world.layer("", depth);
    world.case
}

/// The tree as far as it is made.
struct World<'a> {
    templates: &'a Templates,
    dice: &'a mut Dice,
    case: Case,
    serial: usize,
    /// Kind and name of every object: most are unique, or there would be nothing but collisions.
    taken: BTreeSet<(String, String)>,
}

/// One kustomization being made.
struct Layer {
    /// Its directory with `/` at the end, or nothing at the top.
    dir: String,
    /// What its fields can speak of.
    objects: Vec<Object>,
    /// The file.
    file: Value,
    is_component: bool,
}

impl World<'_> {
    /// Makes the kustomization in a directory and everything below it; gives the objects that it has.
    fn layer(&mut self, dir: &str, depth: usize) -> Vec<Object> {
        let mut layer = self.new_layer(dir, false, Vec::new());
        let mut resources = Vec::new();
        if depth > 0 {
            for number in 0..*self.dice.pick(&[1, 1, 2]) {
                let name = format!("{}{number}", self.dice.pick(&["base", "layer"]));
                let below = self.layer(&format!("{dir}{name}/"), depth - 1);
                layer.objects.extend(below);
                resources.push(name);
            }
            self.diamond(&mut resources, &layer.dir.clone());
        }
        if depth == 0 || self.dice.chance(40) {
            self.own_objects(&mut layer, &mut resources, depth == 0);
        }
        self.dice.shuffle(&mut resources);
        let key = if self.dice.chance(5) { "bases" } else { "resources" };
        let (bases, files): (Vec<String>, Vec<String>) =
            resources.into_iter().partition(|it| key == "bases" && !it.contains('.'));
        for (key, list) in [("resources", files), ("bases", bases)] {
            if !list.is_empty() {
                layer.file.set(key, seq(list.into_iter().map(text)));
            }
        }
        while self.dice.chance(15) {
            self.component(&mut layer);
        }
        self.finish(layer)
    }

    fn new_layer(&mut self, dir: &str, is_component: bool, objects: Vec<Object>) -> Layer {
        let mut file = map::<&str>([]);
        if is_component || self.dice.chance(50) {
            let version = if is_component { "v1alpha1" } else { "v1beta1" };
            file.set("apiVersion", text(format!("kustomize.config.k8s.io/{version}")));
            file.set("kind", text(if is_component { "Component" } else { "Kustomization" }));
        }
        Layer { dir: dir.to_owned(), objects, file, is_component }
    }

    /// Puts a second kustomization beside the first base that takes the same base in under another name.
    fn diamond(&mut self, resources: &mut Vec<String>, dir: &str) {
        let Some(base) = resources.first().cloned().filter(|_| self.dice.chance(8)) else { return };
        let other = map([("resources", seq([text(format!("../{base}"))])), ("namePrefix", text("twin-"))]);
        self.case.files.insert(format!("{dir}twin/kustomization.yaml"), Content::one(other));
        resources.push("twin".into());
    }

    /// Writes objects into files of a layer.
    fn own_objects(&mut self, layer: &mut Layer, resources: &mut Vec<String>, is_leaf: bool) {
        for number in 0..self.dice.number(1, if is_leaf { 2 } else { 1 }) {
            let mut documents = Vec::new();
            for _ in 0..*self.dice.pick(&[1, 1, 2, 3]) {
                let object = self.templates.grow(self.dice, &layer.objects, None);
                let is_new = self.taken.insert((object.kind().to_owned(), object.name().to_owned()));
                if is_new || (self.dice.chance(3) && layer.objects.iter().all(|it| it.id() != object.id())) {
                    let mut value = object.value.clone();
                    if self.dice.chance(6) {
                        decorate::share(&mut value, self.dice);
                    }
                    documents.push(value);
                    layer.objects.push(object);
                }
            }
            if documents.len() > 1 && self.dice.chance(6) {
                let kind = *self.dice.pick(&["List", "DeploymentList", "WidgetList"]);
                let list = map([("apiVersion", text("v1")), ("kind", text(kind)), ("items", seq(documents))]);
                documents = vec![list];
            }
            if !documents.is_empty() {
                let name = format!("{}{number}.yaml", self.dice.pick(&["all", "objects"]));
                let look = self.look();
                // A file outside of the layer is refused, unless nothing is restricted.
                let is_outside =
                    !layer.dir.is_empty() && self.dice.chance(if self.case.unrestricted { 50 } else { 1 });
                let dir = if is_outside { above(&layer.dir) } else { &layer.dir };
                let name = if is_outside { format!("outside-{name}") } else { name };
                self.case.files.insert(format!("{dir}{name}"), Content::Yaml(documents, look));
                resources.push(if is_outside { format!("../{name}") } else { name });
            }
        }
    }

    /// Adds a component, which works on what the layer has.
    fn component(&mut self, layer: &mut Layer) {
        self.serial += 1;
        let name = format!("component{}", self.serial);
        let dir = format!("{}{name}/", layer.dir);
        let mut component = self.new_layer(&dir, true, layer.objects.clone());
        let mut resources = Vec::new();
        if self.dice.chance(40) {
            self.own_objects(&mut component, &mut resources, false);
            component.file.set("resources", seq(resources.into_iter().map(text)));
        }
        layer.objects = self.finish(component);
        let mut listed: Vec<Value> =
            layer.file.get("components").map(|it| it.items().to_vec()).unwrap_or_default();
        listed.push(text(name));
        layer.file.set("components", seq(listed));
    }

    /// Adds fields and writes the file.
    fn finish(&mut self, mut layer: Layer) -> Vec<Object> {
        fields::add(self, &mut layer);
        if self.dice.chance(20)
            && let Value::Map { entries, .. } = &mut layer.file
        {
            self.dice.shuffle(entries);
        }
        let name = if self.dice.chance(90) { NAMES[0] } else { *self.dice.pick(&NAMES) };
        let look = self.look();
        self.case.files.insert(format!("{}{name}", layer.dir), Content::Yaml(vec![layer.file], look));
        layer.objects
    }

    fn look(&mut self) -> Look {
        Look {
            crlf: self.dice.chance(4),
            comments: self.dice.chance(10),
            indented: self.dice.chance(30),
            separator: self.dice.chance(10),
        }
    }

    /// Puts a file into a layer's directory under a new name; gives the name.
    fn file(&mut self, layer: &Layer, stem: &str, end: &str, content: Content) -> String {
        self.serial += 1;
        let name = format!("{stem}{}{end}", self.serial);
        self.case.files.insert(format!("{}{name}", layer.dir), content);
        name
    }
}

/// The directory above one, with `/` at its end.
fn above(dir: &str) -> &str {
    let inner = dir.trim_end_matches('/');
    &inner[..inner.rfind('/').map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_case() {
        let templates = Templates::read().expect("the templates are YAML");
        let make = |case| generate(&templates, &mut Dice::new(7, case));
        for case in 0..20 {
            assert_eq!(make(case), make(case));
        }
        assert_ne!(make(0), make(1));
    }
}
