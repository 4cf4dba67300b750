//! Takes out of records what is another in each run: uids, times, addresses, numbers of versions, letters of chance.

use std::{collections::BTreeSet, sync::LazyLock};

use regex::Regex;
use serde_json::Value;

use crate::event::{Event, Record, Rewound};

/// What is found, and what stands in its place. Quotes may be escaped, where JSON is within a text.
static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "«uid»"),
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( ?(Z|UTC|[+-]\d\d:?\d\d))?", "«time»"),
        (r#"(legacy-token-(?:last-used|invalid-since)\\?": ?\\?")\d{4}-\d\d-\d\d"#, "${1}«date»"),
        (r#"(\\?"resourceVersion\\?": ?\\?")\d+"#, "${1}«number»"),
        (r#"(\\?"(?:exp|iat|nbf|auth_time|warnafter)\\?": ?)\d+"#, "${1}«time»"),
        (r#"(\\?"(?:kid|x5t)\\?": ?\\?")[A-Za-z0-9_-]{20,}"#, "${1}«key»"),
        (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{4,5})?\b", "«address»"),
        (r"\bkube-api-access-[a-z0-9]{5}\b", "kube-api-access-«random»"),
        (r"\bkubewalk-[bcdfghjklmnpqrstvwxz2-9]{8}\b", "kubewalk-«random»"),
        // A Pod of a Deployment is named by the sum of its template and by chance.
        (r"-([a-f0-9]{8,10})-[bcdfghjklmnpqrstvwxz2-9]{5}\b", "-«sum»-«random»"),
        (r#"(kubewalk\.dev/[a-z-]+\\?": ?\\?")[^"\\]*"#, "${1}«run»"),
        (r"\bX509SHA256=[0-9a-f]{64}\b", "X509SHA256=«sum»"),
        (r#"(\\?"(?:x|y|n)\\?": ?\\?")[A-Za-z0-9_-]{40,}"#, "${1}«key»"),
        (r"\bafter \d+ (ms|milliseconds)\b", "after «time»"),
        (r"\bsha256:[0-9a-f]{64}\b", "sha256:«sum»"),
        (r"\b(containerd|docker|cri-o)://[0-9a-f]{64}\b", "${1}://«id»"),
        (r"(?m) \d+[smh](?:\d+[smh])?$", " «age»"),
        (r"(?s)-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", "«certificate»"),
    ];
    rules.map(|(pattern, words)| (Regex::new(pattern).expect("a pattern that the tests compile"), words)).to_vec()
});

/// A namespace that is made for a run, and its letters of chance.
static NAMESPACE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^kw-(?:.*-)?([bcdfghjklmnpqrstvwxz2-9]{5})$").expect("a pattern that the tests compile")
});

static GENERATED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#""generateName": ?"([a-z0-9.-]+-)""#).expect("a pattern that the tests compile"));

/// The records, each text as it would be in any other run; files, sums, and when the run began stay.
pub(super) fn records(records: &[Record]) -> Vec<Record> {
    let mut names = Names::default();
    records.iter().for_each(|record| names.learn(record));
    records.iter().map(|record| names.normal(record)).collect()
}

#[derive(Default)]
struct Names {
    /// A namespace, and what it is called on a page.
    namespaces: Vec<(String, String)>,
    /// The beginnings of names that the server ends.
    begun: BTreeSet<String>,
    ended: Vec<(Regex, String)>,
}

impl Names {
    fn learn(&mut self, record: &Record) {
        match &record.event {
            Event::ScenarioStarted { namespace, .. } | Event::Rewound(Rewound { namespace, .. }) => {
                if let Some(found) = NAMESPACE.captures(namespace) {
                    let named = namespace.trim_end_matches(&found[1]).trim_end_matches('-').to_owned();
                    if !self.namespaces.iter().any(|(known, _)| known == namespace) {
                        self.namespaces.push((namespace.clone(), named));
                    }
                }
            }
            Event::StepFinished(step) => {
                let texts = step.answered.iter().flat_map(|answer| &answer.body).map(|body| &body.text);
                for text in texts {
                    for found in GENERATED.captures_iter(text) {
                        if self.begun.insert(found[1].to_owned()) {
                            let pattern = format!(r"\b{}[a-z0-9]{{5}}\b", regex::escape(&found[1]));
                            self.ended
                                .extend(Regex::new(&pattern).map(|ends| (ends, found[1].to_owned() + "«random»")));
                        }
                    }
                }
            }
            _ => {}
        }
    }

    fn normal(&self, record: &Record) -> Record {
        let Ok(mut json) = serde_json::to_value(record) else { return record.clone() };
        self.value(&mut json, "");
        serde_json::from_value(json).unwrap_or_else(|_| record.clone())
    }

    fn value(&self, value: &mut Value, key: &str) {
        match value {
            // By these a reader finds the run again.
            Value::String(_) if ["path", "sum", "started", "event", "is", "kubewalk"].contains(&key) => {}
            Value::String(text) => *text = self.normal_text(text),
            Value::Array(items) => items.iter_mut().for_each(|item| self.value(item, key)),
            Value::Object(map) => map.iter_mut().for_each(|(key, item)| self.value(item, key)),
            _ => {}
        }
    }

    fn normal_text(&self, text: &str) -> String {
        let mut text = in_order(text).unwrap_or_else(|| text.to_owned());
        for (namespace, named) in &self.namespaces {
            text = text.replace(namespace.as_str(), named);
        }
        for (pattern, words) in &self.ended {
            text = pattern.replace_all(&text, words.as_str()).into_owned();
        }
        for (pattern, words) in RULES.iter() {
            text = pattern.replace_all(&text, *words).into_owned();
        }
        text
    }
}

/// A list of a caller's rules, sorted: the API server gives them in another order each time.
fn in_order(text: &str) -> Option<String> {
    if !text.contains("SelfSubjectRulesReview") {
        return None;
    }
    let mut review: Value = serde_json::from_str(text).ok()?;
    for list in ["resourceRules", "nonResourceRules"] {
        review["status"].get_mut(list)?.as_array_mut()?.sort_by_cached_key(Value::to_string);
    }
    serde_json::to_string_pretty(&review).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn rules_are_in_one_order() {
        let rule = |verb: &str| serde_json::json!({"verbs": [verb], "resources": ["pods"]});
        let review = |rules: [Value; 2]| {
            let status = serde_json::json!({"resourceRules": rules, "nonResourceRules": []});
            serde_json::json!({"kind": "SelfSubjectRulesReview", "status": status}).to_string()
        };
        let names = Names::default();
        let [one, other] =
            [[rule("get"), rule("list")], [rule("list"), rule("get")]].map(|rules| names.normal_text(&review(rules)));
        assert_eq!(one, other);
        assert!(one.find("get") < one.find("list"), "{one}");
        assert_eq!(names.normal_text("a SelfSubjectRulesReview"), "a SelfSubjectRulesReview");
    }

    #[rstest]
    #[case(r#""uid": "3c9f2a1e-5d6b-4f7a-9c8d-0e1f2a3b4c5d""#, r#""uid": "«uid»""#)]
    #[case(
        r#""kubernetes.io/legacy-token-last-used": "2026-11-30""#,
        r#""kubernetes.io/legacy-token-last-used": "«date»""#
    )]
    #[case(r#"{\"resourceVersion\":\"77\"}"#, r#"{\"resourceVersion\":\"«number»\"}"#)]
    #[case("at 2026-11-30T02:20:52Z, 2026-11-30T02:20:52.123456+01:00", "at «time», «time»")]
    #[case(r#""exp": 1795000000, "code": 403"#, r#""exp": «time», "code": 403"#)]
    #[case("https://10.96.0.1:6443/api v1.37.2", "https://«address»/api v1.37.2")]
    #[case("pod   1/1   Running   0     3m5s\nb 2s", "pod   1/1   Running   0     «age»\nb «age»")]
    #[case("within 2s or so", "within 2s or so")]
    #[case("container kubewalk-xtlkjjln of web-96b88f8c5-chxqw", "container kubewalk-«random» of web-«sum»-«random»")]
    #[case(r#""kubewalk.dev/pid": "4711", "a": "b""#, r#""kubewalk.dev/pid": "«run»", "a": "b""#)]
    #[case("Operation timed out after 2003 milliseconds", "Operation timed out after «time»")]
    fn what_is_another_in_each_run(#[case] text: &str, #[case] normal: &str) {
        assert_eq!(Names::default().normal_text(text), normal);
    }

    #[test]
    fn names_of_chance_are_named_by_what_is_no_chance() {
        let mut names = Names::default();
        let started = |namespace: &str| Event::ScenarioStarted {
            path: "a.yaml".into(),
            title: "t".into(),
            say: None,
            line: 1,
            namespace: namespace.into(),
            steps: 1,
            sum: String::new(),
        };
        names.learn(&Record { at_ms: 0, event: started("kw-walk-x7k2p") });
        names.learn(&Record { at_ms: 0, event: started("default") });
        assert_eq!(names.normal_text("-n kw-walk-x7k2p default"), "-n kw-walk default");
    }
}
