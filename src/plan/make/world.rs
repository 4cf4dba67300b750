//! What exists at a point of the story.

use std::collections::HashMap;

use serde_json::Value;

use crate::plan::Object;

/// Which object: its group and kind, its namespace, its name.
pub(super) type Which<'a> = ((&'a str, &'a str), Option<&'a str>, &'a str);

/// Which object this is.
pub(super) fn which(object: &Object) -> Which<'_> {
    ((&object.kind.group, &object.kind.kind), object.namespace.as_deref(), &object.name)
}

/// An object that a step made.
pub(super) struct Known<'a> {
    /// The pointer of its name.
    pub pointer: &'a str,
    /// The index of its step.
    pub step: usize,
    /// The object.
    pub object: &'a Object,
    /// The index of the step that deleted it.
    pub gone: Option<usize>,
}

/// Everything that the steps so far made.
#[derive(Default)]
pub(super) struct World<'a> {
    known: Vec<Known<'a>>,
    /// Of each object, the last place among them.
    last: HashMap<Which<'a>, usize>,
}

impl<'a> World<'a> {
    /// A step made an object.
    pub(super) fn add(&mut self, known: Known<'a>) {
        self.last.insert(which(known.object), self.known.len());
        self.known.push(known);
    }

    /// The last that was made of this kind and name, deleted or not.
    pub(super) fn last(&self, kind: (&str, &str), namespace: Option<&str>, name: &str) -> Option<&Known<'a>> {
        self.last.get(&(kind, namespace, name)).map(|at| &self.known[*at])
    }

    /// The one that exists now.
    pub(super) fn alive(&self, kind: (&str, &str), namespace: Option<&str>, name: &str) -> Option<&Known<'a>> {
        self.last(kind, namespace, name).filter(|known| known.gone.is_none())
    }

    /// All of a kind that exist now.
    pub(super) fn all_alive(&self, kind: (&str, &str)) -> impl Iterator<Item = &Known<'a>> {
        (self.known.iter()).filter(move |known| known.gone.is_none() && known.object.kind.is(kind.0, kind.1))
    }

    /// A step deleted an object; with a Namespace goes all that is in it.
    pub(super) fn delete(&mut self, kind: (&str, &str), namespace: Option<&str>, name: &str, step: usize) {
        for known in self.known.iter_mut().filter(|known| known.gone.is_none()) {
            let object = known.object;
            let it = object.kind.is(kind.0, kind.1) && object.namespace.as_deref() == namespace && object.name == name;
            let in_it = kind == ("", "Namespace") && object.namespace.as_deref() == Some(name);
            if it || in_it {
                known.gone = Some(step);
            }
        }
    }
}

/// What a call from a Pod needs to know about it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PodFacts {
    /// The names of its containers, init containers that keep running included.
    pub containers: Vec<String>,
    /// Its ServiceAccount.
    pub account: String,
    /// Whether its own manifest says that the token is mounted.
    pub automount: Option<bool>,
    /// The images of its containers, in the same order.
    images: Vec<String>,
}

impl PodFacts {
    /// Whether a container, or the first, is of the image that has curl and a shell.
    pub(super) fn has_curl(&self, container: Option<&str>) -> bool {
        let index = match container {
            None => Some(0),
            Some(name) => self.containers.iter().position(|other| other == name),
        };
        index.and_then(|index| self.images.get(index)).is_some_and(|image| image == "curl")
    }
}

/// Reads a Pod's manifest.
pub(super) fn pod_facts(manifest: &Value) -> PodFacts {
    let spec = &manifest["spec"];
    let containers = spec["containers"].as_array().into_iter().flatten();
    let sidecars = (spec["initContainers"].as_array().into_iter().flatten())
        .filter(|container| container["restartPolicy"] == "Always");
    let all: Vec<&Value> = containers.chain(sidecars).filter(|container| container["name"].is_string()).collect();
    let texts =
        |key: &str| all.iter().map(|container| container[key].as_str().unwrap_or_default().to_owned()).collect();
    let account = [&spec["serviceAccountName"], &spec["serviceAccount"]]
        .into_iter()
        .find_map(|name| name.as_str().filter(|name| !name.is_empty()));
    PodFacts {
        containers: texts("name"),
        images: texts("image"),
        account: account.unwrap_or("default").to_owned(),
        automount: spec["automountServiceAccountToken"].as_bool(),
    }
}
