//! What steps keep for later ones.

use std::collections::BTreeMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::{
    expect::{
        Answer, Class, Mismatch, json,
        query::{Budget, Query},
    },
    plan::{Action, Saved, Step, fill},
    redact::credentials,
    redact::show,
    scenario::placeholder::{self, Piece},
    steps::{Context, StepError, StepResult},
};

/// How a kept value is named in a text.
const PREFIX: &str = "{saved.";

/// The values that were kept so far. Tokens are not among them: those stay with the identities.
#[derive(Debug, Clone, Default)]
pub struct Captures {
    values: BTreeMap<String, Value>,
}

/// Puts values into texts, and notes the first name that has none.
struct Fill<'a> {
    values: &'a BTreeMap<String, Value>,
    missing: Option<String>,
}

impl Fill<'_> {
    fn find(&mut self, name: &str) -> Option<&Value> {
        let found = self.values.get(name);
        if found.is_none() {
            self.missing.get_or_insert_with(|| name.to_owned());
        }
        found
    }
}

impl fill::Filler for Fill<'_> {
    fn fill_text(&mut self, text: &mut String) {
        let written = std::mem::take(text);
        for piece in placeholder::pieces(&written, |name| name.starts_with(placeholder::SAVED)) {
            match piece {
                Piece::Text(part) | Piece::Literal(part) => text.push_str(part),
                Piece::Name(name) => match self.find(&name[placeholder::SAVED.len()..]) {
                    Some(Value::String(value)) => text.push_str(value),
                    Some(other) => text.push_str(&other.to_string()),
                    None => {}
                },
            }
        }
    }

    fn whole(&mut self, value: &mut Value) {
        let Value::String(text) = value else { return };
        let name = text.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix('}')).filter(|name| !name.contains('{'));
        match name.map(str::to_owned) {
            Some(name) => {
                if let Some(found) = self.find(&name) {
                    *value = found.clone();
                }
            }
            None => self.fill_text(text),
        }
    }
}

impl Captures {
    /// The step with all values put in.
    ///
    /// # Errors
    /// When it uses what no step has kept (a step that was skipped keeps nothing).
    pub fn fill(&self, step: &Step) -> Result<Step, StepError> {
        let before = &step.action;
        let mut step = step.clone();
        let mut filler = Fill { values: &self.values, missing: None };
        step.fill(&mut filler);
        match filler.missing {
            None => no_new_flag(before, &step.action).map(|()| step),
            Some(name) => {
                Err(StepError::Refused(format!("`{PREFIX}{name}}}` has no value: the step that saves it was not run")))
            }
        }
    }

    /// The name of a kept value that is one of these texts.
    pub fn named_among(&self, texts: &[String]) -> Option<&str> {
        let is_among = |value: &Value| value.as_str().is_some_and(|value| texts.iter().any(|text| text == value));
        self.values.iter().find(|(_, value)| is_among(value)).map(|(name, _)| name.as_str())
    }

    /// Keeps what the step asks for. What is not there does not hold.
    ///
    /// # Errors
    /// When a value is a credential, which may not become a text.
    pub fn save(&mut self, step: &Step, got: &StepResult, context: &Context) -> Result<Vec<Mismatch>, StepError> {
        let mut found = Vec::new();
        for save in &step.save {
            let value = match &save.what {
                Saved::Token => {
                    match &got.token {
                        Some(token) => context.identities.save(&save.name, token.clone()),
                        None => found.push(missing(&save.name, "a token", "none")),
                    }
                    continue;
                }
                Saved::Stdout => Ok(Value::String(output(&got.answer).trim_end_matches(['\n', '\r']).to_owned())),
                Saved::Path(path) => at(path, json(&got.answer).as_ref()),
            };
            match value {
                Err(got) => found.push(missing(&save.name, "one value", &got)),
                Ok(value) if is_credential(&value) && !is_certificates(&value) => {
                    return Err(StepError::Refused(format!(
                        "what would be saved as `{}` is a credential, which never becomes a text: the verb `token` with \
                         `save: {{{}: token}}` keeps one",
                        save.name, save.name
                    )));
                }
                Ok(value) => {
                    self.values.insert(save.name.clone(), value);
                }
            }
        }
        Ok(found)
    }
}

/// A value that came from a Pod or an answer is no flag: an argument of kubectl begins with a dash only if the scenario says so.
fn no_new_flag(before: &Action, after: &Action) -> Result<(), StepError> {
    let (Action::Kubectl(before), Action::Kubectl(after)) = (before, after) else { return Ok(()) };
    let new = before
        .args
        .iter()
        .zip(&after.args)
        .find(|(before, after)| after.len() > 1 && after.starts_with('-') && !before.starts_with('-'));
    match new {
        None => Ok(()),
        Some((said, _)) => Err(StepError::Argument(format!(
            "the value in `{said}` begins with `-`, so that it would be a flag; if a flag is meant, write its name: `--flag={said}`"
        ))),
    }
}

/// Whether a text is nothing but certificates in base64, as `caBundle` wants them: those are public.
fn is_certificates(value: &Value) -> bool {
    let bytes = value.as_str().and_then(|text| STANDARD.decode(text).ok());
    let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else { return false };
    let begins = text.lines().filter(|line| line.starts_with("-----BEGIN ")).collect::<Vec<_>>();
    text.starts_with("-----BEGIN ") && begins.iter().all(|line| *line == "-----BEGIN CERTIFICATE-----")
}

fn is_credential(value: &Value) -> bool {
    let text = value.to_string();
    let bare = value.as_str().unwrap_or(&text);
    credentials(&text) != text || credentials(bare) != bare
}

fn missing(name: &str, expected: &str, got: &str) -> Mismatch {
    Mismatch {
        pointer: format!("/save/{name}"),
        message: format!("nothing can be saved as `{}`", show::line(name, show::VALUE)),
        expected: expected.to_owned(),
        got: got.to_owned(),
        server_words: None,
        hint: None,
        class: Class::Save,
    }
}

fn at(path: &str, json: Option<&Value>) -> Result<Value, String> {
    let json = json.ok_or("an answer that is not JSON")?;
    if path == "$" {
        return Ok(json.clone());
    }
    let nodes = Query::parse(path)?.find(json, &mut Budget::default())?;
    match nodes.as_slice() {
        [one] => Ok((*one).clone()),
        [] => Err("nothing there".into()),
        more => Err(format!("{} values there", more.len())),
    }
}

fn output(answer: &Answer) -> String {
    match answer {
        Answer::Exec { stdout, .. } => String::from_utf8_lossy(stdout).into_owned(),
        Answer::Api(http) | Answer::Curl(http) => String::from_utf8_lossy(&http.body).into_owned(),
        Answer::Reviews(_) | Answer::CurlFailed { .. } => String::new(),
    }
}

fn json(answer: &Answer) -> Option<Value> {
    match answer {
        Answer::Exec { stdout, .. } => json::parse(stdout),
        Answer::Api(http) | Answer::Curl(http) => http.json.clone(),
        Answer::Reviews(_) | Answer::CurlFailed { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::fill::Filler as _;

    fn fill(value: &Value) -> (Value, Option<String>) {
        let values = BTreeMap::from([("uid".to_owned(), json!("a\"b")), ("code".to_owned(), json!(403))]);
        let mut filler = Fill { values: &values, missing: None };
        let mut value = value.clone();
        filler.value(&mut value);
        (value, filler.missing)
    }

    #[test]
    fn a_text_that_is_only_a_name_takes_the_values_type() {
        let (filled, missing) = fill(&json!({"a": "{saved.code}", "b": ["x-{saved.code}-{saved.uid}", "{saved"]}));
        assert_eq!(filled, json!({"a": 403, "b": ["x-403-a\"b", "{saved"]}));
        assert_eq!(missing, None);
        assert_eq!(fill(&json!("{saved.nope}")).1.as_deref(), Some("nope"));
    }

    #[test]
    fn a_body_stays_json() {
        let values = BTreeMap::from([("uid".to_owned(), json!("a\"b"))]);
        let mut body = r#"{"uid":"{saved.uid}"}"#.to_owned();
        Fill { values: &values, missing: None }.body(&mut body);
        assert_eq!(body, r#"{"uid":"a\"b"}"#);
    }

    #[test]
    fn one_value_is_kept() {
        let list = json!({"items": [{"n": 1}, {"n": 2}]});
        assert_eq!(at("$.items[0].n", Some(&list)), Ok(json!(1)));
        assert_eq!(at("$.items[*].n", Some(&list)), Err("2 values there".to_owned()));
        assert_eq!(at("$.none", Some(&list)), Err("nothing there".to_owned()));
        assert_eq!(at("$", Some(&list)), Ok(list));
    }

    #[test]
    fn a_credential_is_known_wherever_it_stands() {
        let jwt = "eyJhbGciOiJSUzI1NiIsImtpZCI6IkEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLXNpZ25hdHVyZQ";
        assert!(is_credential(&json!(jwt)) && is_credential(&json!({"status": {"token": jwt}})));
        assert!(!is_credential(&json!("3c9f2a1e-uid")) && !is_credential(&json!({"kind": "Pod"})));
    }
}
