//! How objects of the API are read as JSON.

use serde_json::Value;

/// The annotation by which a Deployment numbers its ReplicaSets.
const REVISION: &str = "deployment.kubernetes.io/revision";

/// The text at a key of a map; empty when there is none.
pub fn text_at<'a>(map: &'a Value, key: &str) -> &'a str {
    map[key].as_str().unwrap_or_default()
}

/// The items of an array; none when it is no array.
pub fn items_of(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

/// The objects of a list that the API server gave.
pub fn objects_of(list: Option<Value>) -> Vec<Value> {
    list.and_then(|mut list| list["items"].as_array_mut().map(std::mem::take)).unwrap_or_default()
}

/// `metadata.name`.
pub fn name_of(object: &Value) -> &str {
    text_at(&object["metadata"], "name")
}

/// `metadata.uid`.
pub fn uid_of(object: &Value) -> Option<&str> {
    object["metadata"]["uid"].as_str()
}

/// Whether a condition of an object's status is `True`.
pub fn has_condition(object: &Value, kind: &str) -> bool {
    items_of(&object["status"]["conditions"])
        .any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Whether an object has an owner with one of these uids.
pub fn is_owned(object: &Value, owners: &[String]) -> bool {
    let mut uids = items_of(&object["metadata"]["ownerReferences"]).filter_map(|owner| owner["uid"].as_str());
    uids.any(|uid| owners.iter().any(|owner| owner == uid))
}

/// Whether the controller of an object has one of these uids.
pub fn is_controlled(object: &Value, owners: &[String]) -> bool {
    let mut owned = items_of(&object["metadata"]["ownerReferences"]);
    let controller = owned.find(|owner| owner["controller"] == true).and_then(|owner| owner["uid"].as_str());
    controller.is_some_and(|uid| owners.iter().any(|owner| owner == uid))
}

/// Of the ReplicaSets of one Deployment those of its newest revision.
pub fn newest_revision(mut sets: Vec<Value>) -> Vec<Value> {
    let revision = |set: &Value| text_at(&set["metadata"]["annotations"], REVISION).parse::<u64>().unwrap_or_default();
    let newest = sets.iter().map(revision).max();
    sets.retain(|set| Some(revision(set)) == newest);
    sets
}

/// Since when an object is being deleted, and what holds it itself: `is being deleted since …, held by: …`.
pub fn going_since(object: &Value) -> Option<String> {
    let since = object["metadata"]["deletionTimestamp"].as_str()?;
    let held: Vec<_> =
        object["metadata"]["finalizers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let held = if held.is_empty() { String::new() } else { format!(", held by: {}", held.join("; ")) };
    Some(format!("is being deleted since {since}{held}"))
}

/// Whether a controller of Kubernetes itself takes this finalizer away.
pub fn is_own_finalizer(finalizer: &str) -> bool {
    let domain = finalizer.split_once('/').map_or("kubernetes.io", |(domain, _)| domain);
    domain == "kubernetes.io" || domain.ends_with(".kubernetes.io")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_revision_is_the_greatest_number() {
        let set = |name: &str, revision: &str| json!({"metadata": {"name": name, "annotations": {REVISION: revision}}});
        let newest = newest_revision(vec![set("old", "9"), set("new", "10"), json!({"metadata": {"name": "none"}})]);
        assert_eq!(newest.iter().map(name_of).collect::<Vec<_>>(), ["new"]);
        assert!(newest_revision(vec![]).is_empty());
    }

    #[test]
    fn an_owner_need_not_be_the_controller() {
        let object = json!({"metadata": {"ownerReferences": [{"uid": "a"}, {"uid": "b", "controller": true}]}});
        let owners = |uid: &str| vec![uid.to_owned()];
        assert!(is_owned(&object, &owners("a")) && is_owned(&object, &owners("b")) && !is_owned(&object, &owners("c")));
        assert!(is_controlled(&object, &owners("b")) && !is_controlled(&object, &owners("a")));
        assert!(!is_controlled(&json!({}), &owners("none")));
    }
}
