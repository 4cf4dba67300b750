//! What has to be done so that a cluster becomes what it was.

use super::{
    callers,
    digest::{content, goes_by_itself},
    key::Key,
    restless::{has_identity, is_by_itself, is_custom, is_going},
    snapshot::{Found, Snapshot},
};
use crate::k8s::object::uid_of;

/// What has to be done.
#[derive(Debug, Default)]
pub struct Changes {
    /// What is new, and is deleted.
    pub delete: Vec<(Key, Found)>,
    /// What has gone, and is made again.
    pub restore: Vec<(Key, Found)>,
    /// What has changed: as it was, and as it is.
    pub write: Vec<(Key, Found, Found)>,
}

impl Changes {
    /// From what is there now to what was there before.
    ///
    /// # Errors
    /// What cannot be made again as it was, in a sentence.
    pub fn between(before: &Snapshot, now: &Snapshot) -> Result<Self, String> {
        let mut changes = Changes::default();
        for (key, found) in &now.objects {
            let was = before.objects.get(key);
            if was.is_some_and(|was| was.is_unwritten(found)) {
                continue;
            }
            let same = was.is_some_and(|was| uid_of(&was.object) == uid_of(&found.object));
            if let Some(was) = was.filter(|was| !same && has_identity(key, &was.object)) {
                if is_by_itself(key, &was.object) && key.kind != "ServiceAccount" {
                    continue;
                }
                return Err(format!("{key} is another one now, and what belonged to the first cannot be given to it"));
            }
            match was {
                Some(was) if is_going(&found.object) && !is_going(&was.object) => {
                    if !is_by_itself(key, &was.object) {
                        return Err(format!("{key} is being deleted, which nobody can take back"));
                    }
                }
                Some(was) if !is_custom(key) && callers::changed_status(&was.object, &found.object) => {
                    return Err(format!("the status of {key} was written, which is its controller's"));
                }
                Some(was) if content(key, &was.object) != content(key, &found.object) => {
                    if key.is("certificates.k8s.io", "CertificateSigningRequest") {
                        return Err(format!("{key} was decided upon, which cannot be taken back"));
                    }
                    changes.write.push((key.clone(), was.clone(), found.clone()));
                }
                Some(_) => {}
                None if is_by_itself(key, &found.object) => {}
                None => changes.delete.push((key.clone(), found.clone())),
            }
        }
        for (key, was) in &before.objects {
            if now.objects.contains_key(key) {
                continue;
            }
            if is_going(&was.object) {
                if !goes_by_itself(&was.object) && !is_by_itself(key, &was.object) {
                    return Err(format!("{key} was held on its way out, and has gone since"));
                }
                continue;
            }
            if has_identity(key, &was.object) && (!is_by_itself(key, &was.object) || key.kind == "ServiceAccount") {
                return Err(format!("{key} has gone, and would be another one if it were made again"));
            }
            if !is_by_itself(key, &was.object) {
                changes.restore.push((key.clone(), was.clone()));
            }
        }
        Ok(changes)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.delete.is_empty() && self.restore.is_empty() && self.write.is_empty()
    }

    /// Identities and versions that will not be true of an object any more when this is done.
    pub fn outdated(&self) -> Vec<String> {
        let version = |found: &Found| found.object["metadata"]["resourceVersion"].as_str().map(str::to_owned);
        let written = self.write.iter().filter_map(|(_, was, _)| version(was));
        let again = self
            .restore
            .iter()
            .flat_map(|(_, was)| uid_of(&was.object).map(str::to_owned).into_iter().chain(version(was)));
        written.chain(again).collect()
    }

    /// All that something is done with.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        let written = self.write.iter().map(|(key, ..)| key);
        self.delete.iter().chain(&self.restore).map(|(key, _)| key).chain(written)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;
    use crate::cluster::client::discovery::Resource;

    fn snapshot(objects: &[(&str, &str, Value)]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        for (kind, name, object) in objects {
            let group = if kind.starts_with("Role") { "rbac.authorization.k8s.io" } else { "" };
            let key =
                Key { group: group.into(), kind: (*kind).into(), namespace: Some("a".into()), name: (*name).into() };
            let resource = Resource {
                group: group.into(),
                version: "v1".into(),
                plural: format!("{}s", kind.to_lowercase()),
                kind: (*kind).into(),
                namespaced: true,
                verbs: vec![],
            };
            snapshot.objects.insert(key, Found { resource: Arc::new(resource), object: object.clone() });
        }
        snapshot
    }

    fn described(before: &[(&str, &str, Value)], now: &[(&str, &str, Value)]) -> Result<Vec<String>, String> {
        let changes = Changes::between(&snapshot(before), &snapshot(now))?;
        let delete = changes.delete.iter().map(|(key, found)| format!("delete {key} {}", found.path(key)));
        let restore = changes.restore.iter().map(|(key, _)| format!("restore {key}"));
        let write = changes.write.iter().map(|(key, ..)| format!("write {key}"));
        Ok(delete.chain(restore).chain(write).collect())
    }

    fn role(uid: &str, verb: &str) -> Value {
        json!({"metadata": {"uid": uid, "resourceVersion": format!("{uid}{verb}")}, "rules": [{"verbs": [verb]}]})
    }

    #[test]
    fn new_is_deleted_gone_is_restored_and_changed_is_written() {
        let before = [("Role", "kept", role("1", "get")), ("Role", "gone", role("2", "get"))];
        let now = [("Role", "kept", role("1", "list")), ("Role", "new", role("3", "get"))];
        let path = "/apis/rbac.authorization.k8s.io/v1/namespaces/a/roles/new";
        assert_eq!(
            described(&before, &now).expect("it can be done"),
            [format!("delete Role new in a {path}"), "restore Role gone in a".into(), "write Role kept in a".into()]
        );
        // Of a role, only what it says counts.
        assert!(described(&before[..1], &[("Role", "kept", role("9", "get"))]).expect("it can be done").is_empty());
    }

    #[test]
    fn what_would_be_another_one_is_not_restored() {
        let account = |uid: &str| json!({"metadata": {"uid": uid}, "secrets": []});
        let pod = |uid: &str| json!({"metadata": {"uid": uid}, "spec": {}});
        for (kind, object) in [("ServiceAccount", account as fn(&str) -> Value), ("Pod", pod)] {
            let gone = described(&[(kind, "x", object("1"))], &[]).expect_err("it cannot");
            assert_eq!(gone, format!("{kind} x in a has gone, and would be another one if it were made again"));
            let anew = described(&[(kind, "x", object("1"))], &[(kind, "x", object("2"))]).expect_err("it cannot");
            assert!(anew.starts_with(&format!("{kind} x in a is another one now")), "{anew}");
            let new = described(&[], &[(kind, "x", object("1"))]).expect("it is deleted");
            assert_eq!(new.len(), 1);
        }
        let default = |uid: &str| json!({"metadata": {"uid": uid}});
        assert!(
            described(&[("ServiceAccount", "default", default("1"))], &[("ServiceAccount", "default", default("2"))])
                .is_err()
        );
        assert!(described(&[], &[("ServiceAccount", "default", default("1"))]).expect("it came by itself").is_empty());
    }

    #[test]
    fn what_nobody_can_write_back_is_begun_anew() {
        let going =
            json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["x.example/hold"]}});
        let gone = described(&[("ConfigMap", "c", going)], &[]).expect_err("it cannot");
        assert_eq!(gone, "ConfigMap c in a was held on its way out, and has gone since");
        let by_itself = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert!(described(&[("ConfigMap", "c", by_itself)], &[]).expect("it went by itself").is_empty());
        let with = |phase: &str| {
            let entry = json!({"manager": "kubectl-patch", "subresource": "status",
                "fieldsV1": {"f:status": {"f:phase": {}}}});
            json!({"metadata": {"uid": "1", "resourceVersion": phase, "managedFields": [entry]}, "status": {"phase": phase}})
        };
        let written = described(&[("Thing", "t", with("a"))], &[("Thing", "t", with("b"))]).expect_err("it cannot");
        assert_eq!(written, "the status of Thing t in a was written, which is its controller's");
    }

    #[test]
    fn what_controllers_keep_is_left_to_them() {
        let owned = |uid: &str| json!({"metadata": {"uid": uid, "ownerReferences": [{"controller": true}]}});
        assert!(described(&[("Pod", "p-1", owned("1"))], &[("Pod", "p-2", owned("2"))]).expect("nothing").is_empty());
        let mut going = owned("1");
        going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        assert!(described(&[("Pod", "p-1", owned("1"))], &[("Pod", "p-1", going)]).expect("nothing").is_empty());
    }
}
