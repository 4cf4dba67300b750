//! Claims that a field is absent which its kind does not have: they hold of every object.

use serde_json::{Map, Value, json};

use crate::{
    k8s::{
        Served,
        fields::{What, slips},
    },
    plan::{
        Request, Step,
        context::{Context, below},
    },
};

/// Looks at the paths at which nothing must be, in objects of Kubernetes' own kinds.
pub(in crate::plan) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    for step in steps {
        let Some((api_version, kind, list)) = answered(cx, step) else { continue };
        for item in &step.expected {
            for (index, path) in item.expect.path.iter().enumerate() {
                if path.absent != Some(true) && path.count != Some(0) {
                    continue;
                }
                let Some(way) = way(&path.at) else { continue };
                let way = match way.as_slice() {
                    [Part::Key(items), Part::Element, rest @ ..] if list && items == "items" => rest,
                    _ if list => continue,
                    all => all,
                };
                let Some(object) = with(way).as_object().cloned() else { continue };
                let at = format!("{}{}", step.pointer, item.pointer);
                let at = below(&below(&below(&at, "path"), index), "at");
                tell(cx, &at, (&api_version, &kind), &object);
            }
        }
    }
}

/// Says of the first key on the way that the kind does not have it, if another one was probably meant.
fn tell(cx: &mut Context<'_>, at: &str, (api_version, kind): (&str, &str), object: &Map<String, Value>) {
    for slip in slips(api_version, kind, object) {
        let (What::Unknown { near, belongs }, Some(key)) = (&slip.what, slip.path.last()) else { continue };
        let hint = match (near, belongs) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(belongs)) if belongs.starts_with('`') => format!("`{key}` belongs in {belongs}"),
            // A newer version may have it.
            _ => continue,
        };
        cx.findings.warn(at, format!("a {kind} has no field `{key}` there")).label("absent from every one").hint(hint);
        return;
    }
}

/// The kind of what a step gets as an answer, and whether that is a list of them.
fn answered(cx: &Context<'_>, step: &Step) -> Option<(String, String, bool)> {
    let requests = step.action.requests();
    let Request::Resource { verb, group, resource, subresource: None, .. } = requests.first()? else { return None };
    let Served::Resource(own) = cx.apis.resource(verb, group, resource, None) else { return None };
    Some((own.api_version(), own.kind.clone(), verb == "list"))
}

/// A part of a path.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    Key(String),
    /// An element of a list, whichever.
    Element,
}

/// The parts of a path that leads one way only.
fn way(path: &str) -> Option<Vec<Part>> {
    let mut rest = path.strip_prefix('$')?;
    let mut parts = Vec::new();
    while let Some(first) = rest.chars().next() {
        // A path that is none stays in the plan, and may begin with any character.
        let behind = &rest[first.len_utf8()..];
        rest = match first {
            '.' => {
                let end = behind.find(['.', '[']).unwrap_or(behind.len());
                let key = &behind[..end];
                if key.is_empty() || key == "*" {
                    return None;
                }
                parts.push(Part::Key(key.to_owned()));
                &behind[end..]
            }
            '[' => match behind.chars().next()? {
                quote @ ('\'' | '"') => {
                    let (key, rest) = behind[1..].split_once(quote)?;
                    parts.push(Part::Key(key.to_owned()));
                    rest.strip_prefix(']')?
                }
                _ => {
                    let end = closing(behind)?;
                    parts.push(Part::Element);
                    &behind[end + 1..]
                }
            },
            _ => return None,
        };
    }
    Some(parts)
}

/// Where the bracket ends that is open.
fn closing(text: &str) -> Option<usize> {
    let (mut open, mut quote) = (1, None);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some(begun), _) if begun == c => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '[') => open += 1,
            (None, ']') if open == 1 => return Some(at),
            (None, ']') => open -= 1,
            (None, _) => {}
        }
    }
    None
}

/// A value with something at the end of the way.
fn with(way: &[Part]) -> Value {
    way.iter().rev().fold(json!("x"), |inner, part| match part {
        Part::Key(key) => json!({ key: inner }),
        Part::Element => json!([inner]),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("$.metadata.labels.app", Some(json!({"metadata": {"labels": {"app": "x"}}})))]
    #[case("$\u{a0}.items", None)] // as a web page has it
    #[case("$é", None)]
    #[case("$['metadata'][\"labels\"]", Some(json!({"metadata": {"labels": "x"}})))]
    #[case("$.items[?@.a == ']'].spec.containers[0].image", Some(json!({"items": [{"spec": {"containers": [{"image": "x"}]}}]})))]
    #[case("$..image", None)]
    #[case("$.*", None)]
    #[case("items", None)]
    fn the_way_of_a_path(#[case] path: &str, #[case] value: Option<Value>) {
        assert_eq!(way(path).map(|way| with(&way)), value);
    }
}
