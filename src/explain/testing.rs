//! Policies and questions in few words, for the tests of this room.

pub mod generate;

use serde_json::{Value, json};

use super::{Caller, Policy, Question};
use crate::plan::Request;

const GROUP: &str = "rbac.authorization.k8s.io";

impl Policy {
    /// `Role a/x` or `ClusterRole x`, and its rules in YAML.
    pub fn with(mut self, role: &str, rules: &str) -> Self {
        let rules: Value = serde_saphyr::from_str(rules).expect("rules");
        self.push(role, json!({"rules": rules}));
        self
    }

    /// `RoleBinding a/y` or `ClusterRoleBinding y`, `Role x` or `ClusterRole x`, and `SUBJECT NAME [NAMESPACE]`.
    pub fn bound(mut self, binding: &str, role: &str, subject: &str) -> Self {
        let (kind, name) = role.split_once(' ').expect("a kind and a name");
        let subjects: Vec<Value> = subject
            .split(" + ")
            .map(|subject| match subject.split(' ').collect::<Vec<_>>()[..] {
                [kind, name] => json!({"kind": kind, "name": name}),
                [kind, name, namespace] => json!({"kind": kind, "name": name, "namespace": namespace}),
                _ => panic!("{subject}"),
            })
            .collect();
        let rest = json!({"roleRef": {"apiGroup": GROUP, "kind": kind, "name": name}, "subjects": subjects});
        self.push(binding, rest);
        self
    }

    fn push(&mut self, id: &str, mut object: Value) {
        let (kind, name) = id.split_once(' ').expect("a kind and a name");
        object["metadata"] = match name.split_once('/') {
            Some((namespace, name)) => json!({"namespace": namespace, "name": name}),
            None => json!({"name": name}),
        };
        self.add(kind, object);
    }

    /// An object as a manifest has it.
    pub fn add(&mut self, kind: &str, mut object: Value) {
        object["kind"] = kind.into();
        object["apiVersion"] = format!("{GROUP}/v1").into();
        match kind {
            "Role" => self.roles.push(serde_json::from_value(object).expect("a Role")),
            "ClusterRole" => self.cluster_roles.push(serde_json::from_value(object).expect("a ClusterRole")),
            "RoleBinding" => self.role_bindings.push(serde_json::from_value(object).expect("a RoleBinding")),
            _ => self.cluster_role_bindings.push(serde_json::from_value(object).expect("a ClusterRoleBinding")),
        }
    }

    /// With its patch carried out.
    pub fn patched(mut self, patch: &super::Patch) -> Self {
        let Some(id) = &patch.adds_to else {
            for manifest in patch.yaml.split("---\n") {
                let object: Value = serde_saphyr::from_str(manifest).expect("a manifest");
                let kind = object["kind"].as_str().expect("a kind").to_owned();
                self.add(&kind, object);
            }
            return self;
        };
        let rules: Vec<k8s_openapi::api::rbac::v1::PolicyRule> = serde_saphyr::from_str(&patch.yaml).expect("rules");
        let role = self.roles.iter_mut().find(|role| {
            role.metadata.namespace == id.namespace && role.metadata.name.as_deref() == Some(id.name.as_str())
        });
        match role {
            Some(role) => role.rules.get_or_insert_default().extend(rules),
            None => {
                let role = self.cluster_roles.iter_mut().find(|role| role.metadata.name.as_ref() == Some(&id.name));
                role.expect("a role").rules.get_or_insert_default().extend(rules);
            }
        }
        self
    }
}

/// `USER[+GROUP…] METHOD PATH`, the path as curl has it.
pub fn ask(text: &str) -> Question {
    let [who, method, path] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let mut names = who.split('+').map(str::to_owned);
    let user = names.next().expect("a user");
    Question { caller: Caller::new(user, names), request: Request::from_http(method, path) }
}
