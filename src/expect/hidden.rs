//! What Secrets hold, in an answer: it is judged as it is, and shown as a mark.

use std::collections::HashSet;

use serde_json::Value;

use super::one_line;
use crate::redact::DATA;

/// Where kubectl keeps what was applied last: the whole Secret once more.
pub const APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The values of an answer that are not shown, by where they are in memory.
#[derive(Debug, Default)]
pub struct Hidden(HashSet<*const Value>);

impl Hidden {
    /// The values of all Secrets in an answer.
    pub fn in_answer(root: &Value) -> Self {
        let mut hidden = Self::default();
        hidden.walk(root);
        hidden
    }

    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(map) => {
                match map.get("kind").and_then(Value::as_str) {
                    Some("Secret") => self.secret(value),
                    // Its items do not say what they are.
                    Some("SecretList") => {
                        value["items"].as_array().into_iter().flatten().for_each(|item| self.secret(item));
                    }
                    _ => {}
                }
                map.values().for_each(|value| self.walk(value));
            }
            Value::Array(list) => list.iter().for_each(|value| self.walk(value)),
            _ => {}
        }
    }

    fn secret(&mut self, secret: &Value) {
        for part in ["data", "stringData"] {
            self.0.extend(secret[part].as_object().into_iter().flat_map(|map| map.values()).map(std::ptr::from_ref));
        }
        self.0.extend(secret["metadata"]["annotations"].get(APPLIED).map(std::ptr::from_ref));
    }

    /// A value of that answer in one line.
    pub fn line(&self, value: &Value) -> String {
        if self.0.is_empty() { one_line::value(value) } else { one_line::value(&self.copy(value)) }
    }

    fn copy(&self, value: &Value) -> Value {
        if self.0.contains(&std::ptr::from_ref(value)) {
            return DATA.into();
        }
        match value {
            Value::Array(list) => list.iter().map(|value| self.copy(value)).collect(),
            Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), self.copy(value))).collect(),
            other => other.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_secrets_hold_is_hidden() {
        let list = json!({"items": [
            {"kind": "Secret", "metadata": {"annotations": {APPLIED: "{}", "b": "c"}}, "data": {"k": "YQ=="}},
            {"kind": "ConfigMap", "data": {"k": "YQ=="}},
        ]});
        let hidden = Hidden::in_answer(&list);
        assert_eq!(hidden.line(&list["items"][0]["data"]["k"]), format!("\"{DATA}\""));
        assert_eq!(hidden.line(&list["items"][1]["data"]["k"]), "\"YQ==\"");
        let whole = hidden.line(&list["items"][0]);
        assert!(!whole.contains("YQ==") && whole.contains("\"b\":\"c\"") && !whole.contains("{}"), "{whole}");
        let items = json!({"kind": "SecretList", "items": [{"data": {"k": "YQ=="}}]});
        assert_eq!(Hidden::in_answer(&items).line(&items["items"]), format!("[{{\"data\":{{\"k\":\"{DATA}\"}}}}]"));
    }
}
