//! Fields and types of manifests: what the server would refuse, or drop without a word.

use serde_json::{Map, Value};

use crate::{
    k8s::{
        fields::{self, Slip, What},
        object::article,
    },
    plan::{
        Kind,
        context::{Context, Draft, below},
    },
    scenario::{
        Verb,
        expect::{Expect, Expects},
    },
};

/// As many slips of one manifest are told.
const MOST: usize = 5;

/// Looks at the fields of a manifest, unless the step says that they are wrong.
pub(in crate::plan) fn check(cx: &mut Context<'_>, draft: &Draft<'_>, at: &str, kind: &Kind, map: &Map<String, Value>) {
    let api_version = map.get("apiVersion").and_then(Value::as_str).unwrap_or_default();
    tell(cx, draft, at, kind, map, fields::slips(api_version, &kind.kind, map));
}

/// Tells the slips of a manifest.
pub(in crate::plan) fn tell(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    at: &str,
    kind: &Kind,
    map: &Map<String, Value>,
    slips: Vec<Slip>,
) {
    tell_at(cx, draft, kind, map, slips, |slip| {
        (slip.path.iter().fold(at.to_owned(), |at, key| below(&at, key)), true)
    });
}

/// The same, of an object that is put together: where a slip stands, and whether it is a key there.
pub(in crate::plan) fn tell_at(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    kind: &Kind,
    map: &Map<String, Value>,
    slips: Vec<Slip>,
    place: impl Fn(&Slip) -> (String, bool),
) {
    // Who expects a warning knows that a field is dropped.
    let fails = |expects: &Expects| {
        let warned = |expect: &Expect| expect.warning.is_some() || expect.no_warning == Some(false);
        expects.items().iter().any(|(_, expect)| expect.must_fail() || warned(expect))
    };
    if draft.refused || draft.step.expect.as_ref().is_some_and(fails) {
        return;
    }
    for slip in slips.into_iter().take(MOST) {
        let (pointer, keyed) = place(&slip);
        // What a placeholder becomes is known when the step runs; what is meant is not looked at.
        let text = value_at(map, &slip.path);
        let filled = text.as_ref().and_then(Value::as_str).is_some_and(|text| text.contains('{'));
        if filled || cx.findings.on_purpose(&[&pointer]) {
            continue;
        }
        tell_one(cx, draft.verb, kind, slip, text, (&pointer, keyed));
    }
}

/// Tells one slip, where there is this value; `keyed`: the pointer is that of a key.
fn tell_one(
    cx: &mut Context<'_>,
    verb: Option<Verb>,
    kind: &Kind,
    slip: Slip,
    text: Option<Value>,
    (pointer, keyed): (&str, bool),
) {
    let applied = verb == Some(Verb::Apply);
    let a = article(&kind.kind);
    let key = slip.path.last().map(String::as_str).unwrap_or_default();
    match slip.what {
        What::Unknown { near, belongs } => {
            let message = format!("{a} {} has no field `{}`", kind.kind, dotted(&slip.path));
            let meant = applied && near.is_some();
            let hint = match (near, belongs) {
                (Some(near), _) => format!("did you mean `{near}`?"),
                (None, Some(belongs)) => format!("`{key}` belongs in {belongs}"),
                (None, None) if applied => "remove it; if a newer Kubernetes has it, say so by `# on purpose`".into(),
                (None, None) if matches!(verb, Some(Verb::Curl | Verb::Request)) => {
                    "the server drops it, and warns: remove it; if a newer Kubernetes has it, say so by `# on purpose`"
                        .into()
                }
                (None, None) => {
                    "the server refuses it (before 1.25, it drops it): remove it; if a newer Kubernetes has it, say so \
                                 by `# on purpose`"
                        .into()
                }
            };
            // A newer server may have the field, and one before 1.25 drops what it does not know, but from `apply`.
            let found = match meant {
                true => cx.findings.error(pointer, message),
                false => cx.findings.warn(pointer, message),
            };
            let found = if keyed { found.at_key() } else { found };
            found.hint(hint);
        }
        What::Choice(words) => {
            let word = text.as_ref().and_then(Value::as_str).unwrap_or_default();
            let near = words.iter().find(|own| own.eq_ignore_ascii_case(word));
            let hint = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => {
                    let all: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
                    format!("it takes {}", all.join(" or "))
                }
            };
            cx.findings
                .error(pointer, format!("`{}` of {a} {} cannot be `{word}`", dotted(&slip.path), kind.kind))
                .hint(hint);
        }
        What::Lacks(field) => {
            let whole: Vec<_> = slip.path.iter().cloned().chain([field.clone()]).collect();
            cx.findings
                .error(pointer, format!("{a} {} lacks `{}`", kind.kind, dotted(&whole)))
                .at_key()
                .hint(format!("its schema asks for `{field}: …`"));
        }
        What::Type(why) => {
            let (got, expected) = parts(&why);
            let hint = match (text.as_ref(), expected.as_str()) {
                (Some(Value::Number(_) | Value::Bool(_)), "a text") => {
                    format!("quote it: `\"{}\"`", text.map(|text| text.to_string()).unwrap_or_default())
                }
                (Some(Value::String(word)), "a whole number") if word.parse::<i64>().is_ok() => {
                    format!("write `{word}`")
                }
                (Some(Value::String(word)), "`true` or `false`") if matches!(word.as_str(), "true" | "false") => {
                    format!("write `{word}`")
                }
                _ => format!("it takes {expected}"),
            };
            cx.findings
                .error(pointer, format!("`{}` of {a} {} takes {expected}, not {got}", dotted(&slip.path), kind.kind))
                .hint(hint);
        }
    }
}

fn value_at(map: &Map<String, Value>, path: &[String]) -> Option<Value> {
    let (first, rest) = path.split_first()?;
    let pointer = rest.iter().fold(String::new(), |at, key| below(&at, key));
    map.get(first)?.pointer(&pointer).cloned()
}

/// e.g. `spec.containers[0].image`.
fn dotted(path: &[String]) -> String {
    path.iter().fold(String::new(), |all, part| match part.parse::<usize>() {
        Ok(index) => format!("{all}[{index}]"),
        Err(_) if all.is_empty() => part.clone(),
        Err(_) => format!("{all}.{part}"),
    })
}

/// What came and what is expected, in the words of a user of YAML.
fn parts(why: &str) -> (String, String) {
    let (got, expected) = why.split_once(", expected ").unwrap_or((why, "another type"));
    let got = got.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    let got = match got.split(' ').next().unwrap_or_default() {
        "string" => format!("the text {}", got.trim_start_matches("string ").replace('"', "`")),
        "integer" | "floating" => format!("the number {}", got.rsplit(' ').next().unwrap_or_default()),
        "boolean" => got.trim_start_matches("boolean ").to_owned(),
        "map" => "a mapping".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => got.to_owned(),
    };
    let expected = match expected {
        "i32" | "i64" | "i16" | "u16" | "u32" | "u64" => "a whole number",
        "f64" | "f32" => "a number",
        "a string" | "string" => "a text",
        "a boolean" => "`true` or `false`",
        "a map" => "a mapping",
        "a sequence" => "a list",
        other if other.starts_with(char::is_uppercase) || other.starts_with("struct ") => "a mapping",
        other => other,
    };
    (got, expected.to_owned())
}
