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
    list.and_then(|mut list| list.get_mut("items")?.as_array_mut().map(std::mem::take)).unwrap_or_default()
}

/// The first object of a list that the API server gave, with the kind and version that a GET or a watch of it shows: the
/// items of a list of a built-in kind do not repeat them.
pub fn first_of(mut list: Value) -> Option<Value> {
    let Value::Object(mut object) = list.get_mut("items")?.get_mut(0)?.take() else { return None };
    let kind = text_at(&list, "kind").strip_suffix("List").filter(|kind| !kind.is_empty());
    // As the API server writes them: the kind of a built-in object is its first key.
    for (index, (key, value)) in [("kind", kind), ("apiVersion", list["apiVersion"].as_str())].into_iter().enumerate() {
        if let (Some(value), false) = (value, object.contains_key(key)) {
            object.shift_insert(index, key.into(), value.into());
        }
    }
    Some(object.into())
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

/// `a` or `an`, as it stands before the name of a kind.
pub fn article(kind: &str) -> &'static str {
    if kind.starts_with(['A', 'E', 'I', 'O', 'U']) { "an" } else { "a" }
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
    fn an_item_of_a_list_is_told_as_a_get_or_a_watch_tells_it() {
        let keys = |object: Option<Value>| object.map(|object| object.to_string());
        let told = r#"{"kind":"Deployment","apiVersion":"apps/v1","metadata":{}}"#.to_owned();
        let list = json!({"kind": "DeploymentList", "apiVersion": "apps/v1", "items": [{"metadata": {}}]});
        assert_eq!(keys(first_of(list)), Some(told));
        // Items of a custom kind bring their own, and the kind of their list can be any word.
        let own = json!({"apiVersion": "a/v1", "kind": "Cup", "metadata": {}});
        let list = json!({"kind": "Cupboard", "apiVersion": "a/v1", "items": [own.clone()]});
        assert_eq!(first_of(list), Some(own));
        for no_list in [json!([]), json!("text"), json!(null), json!({"items": []}), json!({"items": ["text"]})] {
            assert_eq!(first_of(no_list.clone()), None);
            assert!(objects_of(Some(no_list)).iter().all(Value::is_string));
        }
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
