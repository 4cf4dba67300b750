//! Whether a manifest of one of Kubernetes' own kinds has the fields and the types that its kind has.
//!
//! A manifest is read into the kind's own type, as a client would, but by a reader that notes on the way what it passes: fields
//! that the type does not have, and the place of the first value that does not fit.

use std::{cell::RefCell, fmt};

use k8s_openapi::api::{
    admissionregistration::v1 as admission, apps::v1 as apps, autoscaling::v2 as autoscaling, batch::v1 as batch,
    coordination::v1 as coordination, core::v1 as core, networking::v1 as networking, policy::v1 as policy,
    rbac::v1 as rbac, scheduling::v1 as scheduling, storage::v1 as storage,
};
use serde::{
    Deserialize, Deserializer,
    de::{self, DeserializeSeed, IntoDeserializer, MapAccess, SeqAccess, Visitor},
    forward_to_deserialize_any,
};
use serde_json::{Map, Value};

pub use super::slip::{Slip, What};
use super::{choices, nearest};

/// The slips in a manifest; none if its kind is not known here.
pub fn slips(api_version: &str, kind: &str, manifest: &Map<String, Value>) -> Vec<Slip> {
    let read = match (api_version, kind) {
        ("v1", "Pod") => probe::<core::Pod>,
        ("v1", "ConfigMap") => probe::<core::ConfigMap>,
        ("v1", "Secret") => probe::<core::Secret>,
        ("v1", "Service") => probe::<core::Service>,
        ("v1", "ServiceAccount") => probe::<core::ServiceAccount>,
        ("v1", "Namespace") => probe::<core::Namespace>,
        ("v1", "ResourceQuota") => probe::<core::ResourceQuota>,
        ("v1", "LimitRange") => probe::<core::LimitRange>,
        ("v1", "PersistentVolumeClaim") => probe::<core::PersistentVolumeClaim>,
        ("v1", "PersistentVolume") => probe::<core::PersistentVolume>,
        ("v1", "Endpoints") => probe::<core::Endpoints>,
        ("apps/v1", "Deployment") => probe::<apps::Deployment>,
        ("apps/v1", "DaemonSet") => probe::<apps::DaemonSet>,
        ("apps/v1", "StatefulSet") => probe::<apps::StatefulSet>,
        ("apps/v1", "ReplicaSet") => probe::<apps::ReplicaSet>,
        ("batch/v1", "Job") => probe::<batch::Job>,
        ("batch/v1", "CronJob") => probe::<batch::CronJob>,
        ("autoscaling/v2", "HorizontalPodAutoscaler") => probe::<autoscaling::HorizontalPodAutoscaler>,
        ("rbac.authorization.k8s.io/v1", "Role") => probe::<rbac::Role>,
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => probe::<rbac::ClusterRole>,
        ("rbac.authorization.k8s.io/v1", "RoleBinding") => probe::<rbac::RoleBinding>,
        ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding") => probe::<rbac::ClusterRoleBinding>,
        ("networking.k8s.io/v1", "NetworkPolicy") => probe::<networking::NetworkPolicy>,
        ("networking.k8s.io/v1", "Ingress") => probe::<networking::Ingress>,
        ("policy/v1", "PodDisruptionBudget") => probe::<policy::PodDisruptionBudget>,
        ("scheduling.k8s.io/v1", "PriorityClass") => probe::<scheduling::PriorityClass>,
        ("storage.k8s.io/v1", "StorageClass") => probe::<storage::StorageClass>,
        ("coordination.k8s.io/v1", "Lease") => probe::<coordination::Lease>,
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy") => {
            probe::<admission::ValidatingAdmissionPolicy>
        }
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding") => {
            probe::<admission::ValidatingAdmissionPolicyBinding>
        }
        ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration") => {
            probe::<admission::ValidatingWebhookConfiguration>
        }
        ("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration") => {
            probe::<admission::MutatingWebhookConfiguration>
        }
        _ => return Vec::new(),
    };
    let value = Value::Object(manifest.clone());
    let notes = Notes::default();
    let wrong = read(&value, &notes);
    let mut slips = notes.unknown.into_inner();
    // What a type makes of a value of the right type (a time, base64) the server may see more kindly.
    if let Some(Wrong { mut path, message }) = wrong.filter(|wrong| wrong.message.starts_with("invalid type: ")) {
        path.reverse();
        slips.push(Slip { path, what: What::Type(message) });
    }
    slips.extend(choices::slips(kind, manifest));
    slips
}

fn probe<'a, T: Deserialize<'a>>(value: &'a Value, notes: &'a Notes) -> Option<Wrong> {
    T::deserialize(Probe { value, notes }).err()
}

/// What was passed on the way.
#[derive(Debug, Default)]
struct Notes {
    unknown: RefCell<Vec<Slip>>,
    /// The way to where the reader is.
    path: RefCell<Vec<String>>,
    /// The fields of the objects around it, outermost first.
    around: RefCell<Vec<&'static [&'static str]>>,
}

/// Why a value does not fit; its path from the inside out.
#[derive(Debug)]
struct Wrong {
    path: Vec<String>,
    message: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Wrong {}

impl de::Error for Wrong {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Wrong { path: Vec::new(), message: message.to_string() }
    }
}

/// Reads a value.
#[derive(Clone, Copy)]
struct Probe<'a> {
    value: &'a Value,
    notes: &'a Notes,
}

impl<'a> Probe<'a> {
    fn inside<T>(self, key: &str, read: impl FnOnce(Self) -> Result<T, Wrong>) -> Result<T, Wrong> {
        self.notes.path.borrow_mut().push(key.to_owned());
        let read = read(self);
        self.notes.path.borrow_mut().pop();
        read.map_err(|mut wrong| {
            wrong.path.push(key.to_owned());
            wrong
        })
    }

    /// A field that the object does not have.
    fn unknown(self, key: &str, fields: &'static [&'static str]) {
        let around = self.notes.around.borrow();
        let mut path = self.notes.path.borrow().clone();
        let outer = around.iter().rev().skip(1).find(|outer| outer.contains(&key));
        let of_pods =
            ["containers", "initContainers", "volumes", "serviceAccountName", "serviceAccount", "restartPolicy"];
        let belongs = match () {
            () if fields.contains(&"template") && of_pods.contains(&key) => Some("`template.spec`".to_owned()),
            () if fields.contains(&"containers") && ["image", "command", "args", "env", "ports"].contains(&key) => {
                Some("an element of `containers`".to_owned())
            }
            () if fields.contains(&"matchLabels") => Some("`matchLabels`".to_owned()),
            () if fields.contains(&"metadata") && ["name", "labels", "annotations", "namespace"].contains(&key) => {
                Some("`metadata`".to_owned())
            }
            () if outer.is_some() => Some("an object further out: indent it less".to_owned()),
            () => None,
        };
        let near = if belongs.is_some() { None } else { nearest(key, fields.iter().copied()).map(str::to_owned) };
        path.push(key.to_owned());
        self.notes.unknown.borrow_mut().push(Slip { path, what: What::Unknown { near, belongs } });
    }
}

impl<'de> Deserializer<'de> for Probe<'de> {
    type Error = Wrong;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Value::Null => visitor.visit_unit(),
            Value::Bool(yes) => visitor.visit_bool(*yes),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => visitor.visit_u64(number),
                (_, Some(number), _) => visitor.visit_i64(number),
                // `1.0` is a whole number to the server as well.
                (_, _, Some(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
                    visitor.visit_i64(number as i64)
                }
                (_, _, number) => visitor.visit_f64(number.unwrap_or_default()),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visitor.visit_seq(Items { items: items.iter().enumerate(), notes: self.notes }),
            Value::Object(map) => {
                visitor.visit_map(Entries { entries: map.iter(), value: None, probe: self, fields: None })
            }
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Wrong> {
        match self.value {
            // The server takes a number for a quantity.
            Value::Number(number) if name == "Quantity" => {
                visitor.visit_newtype_struct(number.to_string().into_deserializer())
            }
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Wrong> {
        let Value::Object(map) = self.value else { return self.deserialize_any(visitor) };
        self.notes.around.borrow_mut().push(fields);
        let entries = Entries { entries: map.iter(), value: None, probe: self, fields: Some(fields) };
        let read = visitor.visit_map(entries);
        self.notes.around.borrow_mut().pop();
        read
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map enum identifier ignored_any
    }
}

struct Items<'a> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Value>>,
    notes: &'a Notes,
}

impl<'a> SeqAccess<'a> for Items<'a> {
    type Error = Wrong;

    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Wrong> {
        let Some((index, value)) = self.items.next() else { return Ok(None) };
        Probe { value, notes: self.notes }.inside(&index.to_string(), |probe| seed.deserialize(probe)).map(Some)
    }
}

struct Entries<'a> {
    entries: serde_json::map::Iter<'a>,
    value: Option<(&'a str, &'a Value)>,
    probe: Probe<'a>,
    /// The fields of a struct; `None` in a map, in which every key is known.
    fields: Option<&'static [&'static str]>,
}

impl<'a> MapAccess<'a> for Entries<'a> {
    type Error = Wrong;

    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Wrong> {
        let Some((key, value)) = self.entries.next() else { return Ok(None) };
        if let Some(fields) = self.fields.filter(|fields| !fields.contains(&key.as_str()) && !value.is_null()) {
            self.probe.unknown(key, fields);
        }
        self.value = Some((key, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<T::Value, Wrong> {
        let (key, value) = self.value.take().unwrap_or(("", &Value::Null));
        Probe { value, notes: self.probe.notes }.inside(key, |probe| seed.deserialize(probe))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(manifest: Value) -> Vec<String> {
        let Value::Object(map) = manifest else { panic!("a map") };
        let word = |key: &str| map[key].as_str().expect("a text").to_owned();
        let slips = slips(&word("apiVersion"), &word("kind"), &map);
        let lines = slips.into_iter().map(|slip| {
            let what = match slip.what {
                What::Unknown { near, belongs } => {
                    format!("unknown {}", near.or(belongs).unwrap_or_default())
                }
                What::Type(message) => message,
                other => format!("{other:?}"),
            };
            format!("{}: {what}", slip.path.join("."))
        });
        lines.collect()
    }

    #[test]
    fn slips_are_known_with_their_places() {
        let pod = |spec: Value| json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "spec": spec});
        assert_eq!(
            said(pod(json!({"containers": [{"name": "c", "imge": "x"}]}))),
            ["spec.containers.0.imge: unknown image"]
        );
        assert_eq!(
            said(pod(json!({"image": "x", "containers": []}))),
            ["spec.image: unknown an element of `containers`"]
        );
        assert_eq!(
            said(pod(json!({"hostNetwork": "true"}))),
            ["spec.hostNetwork: invalid type: string \"true\", expected a boolean"]
        );
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"labels": {"v": 1}}, "data": {"a": 1}});
        assert_eq!(said(map), ["metadata.labels.v: invalid type: integer `1`, expected a string"]);
        let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
            "spec": {"replicas": "3", "containers": []}});
        let web = said(web);
        assert!(web[0].starts_with("spec.replicas: invalid type: string \"3\", expected i32"), "{web:?}");
        let nested = json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"containers": [], "selector": {"app": "a"}}});
        assert_eq!(
            said(nested),
            ["spec.containers: unknown `template.spec`", "spec.selector.app: unknown `matchLabels`"]
        );
    }

    #[test]
    fn what_the_server_takes_is_no_slip() {
        let container = json!({"name": "c", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 0.5}},
            "livenessProbe": {"httpGet": {"port": "web", "path": "/"}, "periodSeconds": 3.0}, "env": null});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "creationTimestamp": null},
            "spec": {"containers": [container], "nodeSelector": {}, "terminationGracePeriodSeconds": 0}});
        assert_eq!(said(pod), Vec::<String>::new());
        let service = json!({"apiVersion": "v1", "kind": "Service", "spec": {"ports": [{"port": 80, "targetPort": 8080},
            {"port": 81, "targetPort": "web"}]}});
        assert_eq!(said(service), Vec::<String>::new());
        assert_eq!(said(json!({"apiVersion": "example.com/v1", "kind": "Pod", "spec": 3})), Vec::<String>::new());
    }
}
