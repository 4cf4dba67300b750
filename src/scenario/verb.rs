//! The verbs of the language, each with its key in a step.

use std::fmt;

use serde::Serialize;

use super::schema::Step;

/// Makes [`Verb`], the list of all, and what finds them in a [`Step`] of one table. A field of `Step` that is neither in the table nor
/// among the keys that go with any verb does not compile.
macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident = $key:literal in $field:ident),* $(,)?) => {
        /// What a step does. Where a verb matters it is matched without `_`, so that the compiler names the place when one is added.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum Verb {
            $($(#[$doc])* #[serde(rename = $key)] $verb),*
        }

        impl Verb {
            /// All of them, in the order of the language.
            pub const ALL: &[Verb] = &[$(Verb::$verb),*];

            /// Its key in a step, e.g. `serviceAccount`.
            pub const fn key(self) -> &'static str {
                match self {
                    $(Verb::$verb => $key),*
                }
            }
        }

        impl Step {
            /// The verbs that it has, in the order of the language; exactly one if it is right.
            pub fn verbs(&self) -> Vec<Verb> {
                let Step {
                    title: _, say: _, predict: _, rows: _, refs: _, timeout: _, expect: _, when: _, each: _, asked_as: _, save: _,
                    $($field),*
                } = self;
                let all = [$((Verb::$verb, $field.is_some())),*];
                all.into_iter().filter_map(|(verb, there)| there.then_some(verb)).collect()
            }
        }
    };
}

verbs! {
    /// Access reviews.
    Can = "can" in can,
    /// kubectl on the cluster's node.
    Kubectl = "kubectl" in kubectl,
    /// Server-side apply.
    Apply = "apply" in apply,
    /// POST of objects.
    Create = "create" in create,
    /// One object, or a list.
    Get = "get" in get,
    /// One object.
    Delete = "delete" in delete,
    /// For the state of an object.
    Wait = "wait" in wait,
    /// A Pod that sleeps.
    Pod = "pod" in pod,
    /// A ServiceAccount.
    ServiceAccount = "serviceAccount" in service_account,
    /// A Role.
    Role = "role" in role,
    /// A ClusterRole.
    ClusterRole = "clusterRole" in cluster_role,
    /// A binding.
    Bind = "bind" in bind,
    /// curl inside a Pod.
    Curl = "curl" in curl,
    /// A command inside a Pod.
    Exec = "exec" in exec,
    /// A request from outside the cluster.
    Request = "request" in request,
    /// A `SelfSubjectReview`.
    Whoami = "whoami" in whoami,
    /// A token of a ServiceAccount.
    Token = "token" in token,
    /// A change of one object.
    Patch = "patch" in patch,
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{one_verb::STEP_KEYS, schema_json};

    #[test]
    fn the_table_has_every_verb_of_the_language() {
        let schema = schema_json();
        let keys = schema["definitions"]["Step"]["properties"].as_object().expect("the keys of a step");
        let verbs = keys.keys().map(String::as_str).filter(|key| !STEP_KEYS.contains(key));
        let mut verbs: Vec<_> = verbs.collect();
        let mut own: Vec<_> = Verb::ALL.iter().map(|verb| verb.key()).collect();
        verbs.sort_unstable();
        own.sort_unstable();
        assert_eq!(own, verbs);
    }

    #[test]
    fn a_step_says_its_verbs() {
        let step = |json| serde_json::from_value::<Step>(json).expect("a step").verbs();
        assert_eq!(step(serde_json::json!({"title": "t", "serviceAccount": "a"})), [Verb::ServiceAccount]);
        assert_eq!(step(serde_json::json!({"title": "t"})), []);
        assert_eq!(
            step(serde_json::json!({"title": "t", "pod": {"name": "p", "image": "curl"}, "whoami": {}})),
            [Verb::Pod, Verb::Whoami]
        );
    }
}
