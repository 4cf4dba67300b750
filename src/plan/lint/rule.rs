//! A rule of a Role, wherever its words stand: in a manifest, or in the arguments of kubectl.

use serde_json::{Map, Value};

use crate::{
    k8s::rbac_words::listed,
    plan::context::{Context, Draft, below},
};

/// A rule.
pub(in crate::plan) struct Rule<'r> {
    /// Its lists.
    pub words: &'r Map<String, Value>,
    /// Where they stand.
    pub place: Place<'r>,
    /// The step that has it.
    pub draft: &'r Draft<'r>,
}

/// Where the words of a rule stand.
pub(in crate::plan) enum Place<'r> {
    /// Below the pointer of the rule.
    Manifest(&'r str),
    /// Of each list, the pointers of its words.
    Arguments(&'r [(&'static str, Vec<String>)]),
}

impl Rule<'_> {
    /// The words of a list.
    pub(in crate::plan) fn listed(&self, key: &str) -> Vec<&str> {
        listed(self.words, key)
    }

    /// The pointer of a word.
    pub(in crate::plan) fn at(&self, key: &str, index: usize) -> String {
        match self.place {
            Place::Manifest(at) => below(&below(at, key), index),
            Place::Arguments(all) => {
                let of = all.iter().find(|(known, _)| *known == key).map_or(&[][..], |(_, places)| places);
                of.get(index).or(of.first()).cloned().unwrap_or_else(|| self.draft.at())
            }
        }
    }

    /// The pointer of a list, or of its first word.
    pub(in crate::plan) fn list_at(&self, key: &str) -> String {
        match self.place {
            Place::Manifest(at) => below(at, key),
            Place::Arguments(_) => self.at(key, 0),
        }
    }

    /// Warns of a word that is stored, though it grants nothing.
    pub(in crate::plan) fn in_vain(
        &self,
        cx: &mut Context<'_>,
        (key, index): (&str, usize),
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        cx.findings.warn(&self.at(key, index), message).label("stored, but it grants nothing").hint(hint);
    }
}
