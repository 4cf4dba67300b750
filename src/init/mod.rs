//! A first scenario for manifests: what each account in them may do, and one thing beside each right that it may not.
//!
//! What is written is true by construction: every row was put to [`crate::explain::evaluate`], which decides as the API server's
//! authorizer does, over the manifests' own roles and bindings and those that every cluster has.

mod policy;
mod rows;
mod story;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

use crate::scenario::placeholder::escaped;

pub use self::story::written;

/// The scenario's own namespace, as a scenario says it.
pub const HOME: &str = "{namespace}";

/// Where some of the manifests are from.
#[derive(Debug, Clone)]
pub struct Piece {
    /// What the scenario says: `file: ../role.yaml`, without braces.
    pub origin: String,
    /// What people call it, e.g. `config/rbac/role.yaml`.
    pub shown: String,
    /// The objects in it, lists taken apart.
    pub objects: Vec<Map<String, Value>>,
    /// The namespace of those that name none; `None`: the scenario's own.
    pub namespace: Option<String>,
    /// The templates that have hooks, of which nothing is in it.
    pub hooks: Vec<String>,
}

/// Why there is no scenario.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritten {
    /// Nothing in it is RBAC's.
    #[error("there is no ServiceAccount, no Role and no binding in it")]
    Nothing,
    /// An object is not what its kind says.
    #[error("{0} cannot be read: {1}")]
    Object(String, String),
}

/// A document in which the scenario's own namespace is said as a scenario says it, where a name stood for it; what only looks like a
/// placeholder is written as what stands for its letters.
pub fn at_home(document: Value, stand_in: &str) -> Value {
    let said = |text: &str| escaped(text).replace(stand_in, HOME);
    match document {
        Value::String(text) => Value::String(said(&text)),
        Value::Array(items) => items.into_iter().map(|item| at_home(item, stand_in)).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (said(&key), at_home(value, stand_in))).collect(),
        other => other,
    }
}

/// The objects of documents, lists taken apart; what is no manifest is left out.
pub fn objects(documents: Vec<Value>) -> Vec<Map<String, Value>> {
    let mut all = Vec::new();
    for document in documents {
        let Value::Object(map) = document else { continue };
        let kind = map.get("kind").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (Some(of), Some(Value::Array(items))) = (kind.strip_suffix("List"), map.get("items")) else {
            all.push(map);
            continue;
        };
        let items = items.iter().filter_map(Value::as_object).map(|item| {
            let mut item = item.clone();
            if !of.is_empty() && !item.contains_key("kind") {
                item.insert("kind".into(), of.into());
                if let Some(version) = map.get("apiVersion") {
                    item.entry("apiVersion").or_insert_with(|| version.clone());
                }
            }
            Value::Object(item)
        });
        all.extend(objects(items.collect()));
    }
    all
}
