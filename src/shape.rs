//! How the API server of a scenario is to be other than usual, as the engine's nodes take it: what `cluster:` says, looked at
//! and put in order. Two scenarios with the same shape can share a cluster.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// Other than usual. All names are Kubernetes' own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shape {
    /// Admission plugins that are on beside the usual ones.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub enable: BTreeSet<String>,
    /// Admission plugins that are off.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub disable: BTreeSet<String>,
    /// The configurations of admission plugins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub plugins: BTreeMap<String, Value>,
    /// Features that are on or off.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gates: BTreeMap<String, bool>,
    /// Whether calls without a credential are let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anonymous: Option<bool>,
    /// An AuthenticationConfiguration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authentication: Option<Value>,
    /// The authorizers, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorization: Vec<String>,
    /// The Policy of the audit log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub audit: Option<Value>,
    /// Whether priority and fairness is on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fairness: Option<bool>,
    /// Versions of the API that are served or not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub apis: BTreeMap<String, bool>,
}

impl Shape {
    /// Whether nothing is other than usual.
    pub fn is_usual(&self) -> bool {
        *self == Shape::default()
    }

    /// What the engine's supervisor reads.
    pub fn json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// A name that only this shape has, also when an author looks for another with the same one; empty for the usual one.
    pub fn key(&self) -> String {
        if self.is_usual() {
            return String::new();
        }
        // In what order an author writes keys makes no other shape.
        let mut sorted = serde_json::to_value(self).unwrap_or_default();
        sorted.sort_all_objects();
        Sha256::digest(sorted.to_string()).iter().fold(String::new(), |all, byte| format!("{all}{byte:02x}"))
    }

    /// Whether calls without a credential are let in as `system:anonymous`, whatever they ask.
    pub fn anonymous_everywhere(&self) -> bool {
        let configured = self.authentication.as_ref().map(|config| &config["anonymous"]);
        let limited = configured.is_some_and(|anonymous| {
            let conditions = anonymous["conditions"].as_array().is_some_and(|list| !list.is_empty());
            anonymous["enabled"].as_bool() != Some(true) || conditions
        });
        // An API server that allows everything lets in no caller without a name, unless it is told so.
        let open = configured.is_none() && self.authorization.iter().any(|mode| mode == "AlwaysAllow");
        self.anonymous != Some(false) && !limited && !open
    }

    /// What is other, in a few words; empty for the usual one.
    pub fn describe(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.enable.iter().map(|plugin| format!("with {plugin}")));
        words.extend(self.disable.iter().map(|plugin| format!("without {plugin}")));
        words.extend(self.plugins.keys().map(|plugin| format!("{plugin} configured")));
        words.extend(self.gates.iter().map(|(gate, on)| format!("{gate} {}", if *on { "on" } else { "off" })));
        if self.anonymous == Some(false) {
            words.push("no anonymous calls".into());
        } else if self.authentication.is_some() {
            words.push("anonymous calls limited".into());
        }
        if !self.authorization.is_empty() {
            words.push(format!("authorizers {}", self.authorization.join(" ")));
        }
        if self.audit.is_some() {
            words.push("an audit log".into());
        }
        words.extend(self.fairness.map(|on| format!("priority and fairness {}", if on { "on" } else { "off" })));
        words.extend(self.apis.iter().map(|(api, on)| format!("{api} {}", if *on { "served" } else { "not served" })));
        words.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_allows_everything_lets_in_nobody_without_a_name_unless_told_so() {
        let open = json!(["Node", "RBAC", "AlwaysAllow"]);
        let of = |shape: Value| serde_json::from_value::<Shape>(shape).expect("a shape").anonymous_everywhere();
        assert!(!of(json!({"authorization": open})));
        assert!(of(json!({"authorization": open, "authentication": {"anonymous": {"enabled": true}}})));
        assert!(!of(json!({"authentication": {"anonymous": {"enabled": true, "conditions": [{"path": "/livez"}]}}})));
        assert!(!of(json!({"authentication": {"anonymous": {"enabled": false}}})));
        assert!(of(json!({"authorization": ["RBAC", "Node"]})));
    }

    #[test]
    fn the_usual_one_has_no_words_and_no_name() {
        let usual = Shape::default();
        assert_eq!((usual.describe(), usual.key(), usual.json()), (String::new(), String::new(), "{}".into()));
        assert!(usual.is_usual() && usual.anonymous_everywhere());
    }

    #[test]
    fn shapes_that_are_equal_have_one_name() {
        let of = |text: &str| serde_json::from_str::<Shape>(text).expect("a shape");
        let one = of(r#"{"audit": {"rules": [{"level": "None", "verbs": ["get"]}], "kind": "Policy"}}"#);
        let other = of(r#"{"audit": {"kind": "Policy", "rules": [{"verbs": ["get"], "level": "None"}]}}"#);
        assert_eq!((&one, one.key()), (&other, other.key()));
        assert_ne!(one.key(), of(r#"{"audit": {"kind": "Policy", "rules": []}}"#).key());
    }

    #[test]
    fn each_part_has_its_words_and_makes_another_name() {
        let parts = [
            (json!({"enable": ["AlwaysPullImages"]}), "with AlwaysPullImages"),
            (json!({"disable": ["Priority"]}), "without Priority"),
            (json!({"plugins": {"PodSecurity": {}}}), "PodSecurity configured"),
            (json!({"gates": {"A": true, "B": false}}), "A on, B off"),
            (json!({"anonymous": false}), "no anonymous calls"),
            (
                json!({"authentication": {"anonymous": {"enabled": true, "conditions": [{"path": "/livez"}]}}}),
                "anonymous calls limited",
            ),
            (json!({"authorization": ["Node", "RBAC", "AlwaysAllow"]}), "authorizers Node RBAC AlwaysAllow"),
            (json!({"audit": {}}), "an audit log"),
            (json!({"fairness": false}), "priority and fairness off"),
            (json!({"apis": {"api/alpha": true}}), "api/alpha served"),
        ];
        let mut keys = BTreeSet::from([String::new()]);
        for (part, words) in parts {
            let shape: Shape = serde_json::from_value(part).expect("a shape");
            assert_eq!(shape.describe(), words);
            assert_eq!(shape.key().len(), 64, "half of this can be made to collide");
            assert!(keys.insert(shape.key()), "{words}");
            assert_eq!(serde_json::from_str::<Shape>(&shape.json()).expect("the same"), shape);
        }
    }
}
