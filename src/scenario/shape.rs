//! Checks a tree against the JSON Schema that the types give, and tells everything at once.
//!
//! A general validator says that no branch of an `anyOf` fits. Here the branch is chosen first, by the node's type or by
//! its single key, so that the error is about that branch. Only what schemars makes of our types is understood.

mod keys;

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, OnceLock},
};

use serde_json::{Map, Value as Json};

use super::{
    Diagnostic, Span,
    advice::{dictionary, groups, levels, strays, typed},
    diagnostic::printable,
    each,
    fix::Edit,
    json_schema::{allowed, branches, properties, schema, single_key, type_of},
    syntax::error,
    tree::{Entry, Node, Value},
    wording::{self, Place},
    words,
};
use crate::k8s::nearest;

use crate::sync::locked;

/// Checks the whole file.
///
/// Gives the steps that something is wrong with.
pub fn check(text: &str, root: &Node, rows: &[Option<String>], found: &mut Vec<Diagnostic>) -> Vec<usize> {
    let mut walk = Walk { text, root, rows, found, told: HashSet::new(), around: Vec::new(), broken: Vec::new() };
    walk.value(root, schema(), &Place::whole(root));
    walk.broken
}

/// No author reads more; a hostile file could have a hundred thousand.
const ENOUGH: usize = 500;

struct Walk<'a> {
    text: &'a str,
    root: &'a Node,
    /// For each step, the row of `each` that it was made of.
    rows: &'a [Option<String>],
    found: &'a mut Vec<Diagnostic>,
    /// What was told, so that an alias does not tell it again.
    told: HashSet<String>,
    /// The mappings around the place, outermost first.
    around: Vec<&'static Json>,
    /// The steps that something is wrong with.
    broken: Vec<usize>,
}

impl Walk<'_> {
    fn tell(&mut self, message: &str, span: Span, hint: &str) {
        let new = self.told.insert(message.to_owned());
        let by_alias = self.text.get(span.start..).is_some_and(|rest| rest.starts_with('*'));
        if new || !by_alias {
            self.found.push(error(message, span, hint));
        }
    }

    fn tell_found(&mut self, found: Diagnostic) {
        let fix = found.fix;
        let before = self.found.len();
        self.tell(&found.message, found.span.unwrap_or_default(), found.hint.as_deref().unwrap_or_default());
        if let Some(told) = self.found.get_mut(before) {
            (told.fix, told.second) = (fix, found.second);
        }
    }

    /// Says what was meant by a value that does not fit, if one can tell.
    fn meant(&mut self, node: &Node, ways: &[&'static Json], place: &Place<'_>) -> bool {
        let name = place.name();
        let at = (place.key.unwrap_or_default(), name.as_str(), place.is_element());
        let Some(found) = typed::meant(self.text, self.root, node, at, ways) else { return false };
        self.tell_found(found);
        true
    }

    fn value(&mut self, node: &Node, schema: &'static Json, place: &Place<'_>) {
        if self.found.len() > ENOUGH {
            return;
        }
        let ways = branches(schema);
        if let Value::Null = node.value {
            if let Some(found) = levels::comment(self.text, place.at(node), &place.name()) {
                return self.tell_found(found);
            }
            let hint = match place.is_element() {
                false => "give it a value, or leave the key out",
                true => "remove the dash, or write something behind it",
            };
            return self.tell(&format!("{} has no value", place.name()), place.at(node), hint);
        }
        if ways.iter().any(|way| wording::is_free(way)) {
            return words::check_free(node, self.found);
        }
        match &node.value {
            Value::Map(entries) => self.map(node, entries, &ways, place),
            Value::List(items) => match ways.iter().find(|way| type_of(way) == "array") {
                Some(way) => self.list(node, items, way, place),
                None => self.wrong_type(node, &ways, place),
            },
            Value::String(text) => self.string(node, text, &ways, place),
            Value::Bool(_) if ways.iter().any(|way| type_of(way) == "boolean") => {}
            Value::Number(number) => match ways.iter().find(|way| matches!(type_of(way), "integer" | "number")) {
                Some(way) => self.number(node, number, way, &ways, place),
                None => self.wrong_type(node, &ways, place),
            },
            Value::Bool(_) | Value::Null => self.wrong_type(node, &ways, place),
        }
    }

    fn wrong_type(&mut self, node: &Node, ways: &[&'static Json], place: &Place<'_>) {
        if let (Value::String(_), Some("steps")) = (&node.value, place.key)
            && let Some(found) = levels::tight_colons(self.text, node.span)
        {
            return self.tell_found(found);
        }
        if self.meant(node, ways, place) {
            // What is wrong within is told, too.
            let items = ways.iter().find_map(|way| way.get("items"));
            if let (Value::Map(_), Some(items)) = (&node.value, items) {
                self.value(node, items, &place.element(0));
            }
            return;
        }
        let got = wording::got(self.text, node);
        let message = format!("{}: expected {}, got {got}", place.name(), wording::expected(ways));
        let hint = wording::remedy(self.text, node, ways);
        self.tell_found(Diagnostic { fix: wording::remedied(&hint, node), ..error(&message, node.span, &hint) });
    }

    fn number(
        &mut self,
        node: &Node,
        number: &serde_json::Number,
        way: &Json,
        ways: &[&'static Json],
        place: &Place<'_>,
    ) {
        if type_of(way) == "integer" && !(number.is_i64() || number.is_u64()) {
            return self.wrong_type(node, ways, place);
        }
        let limit = |key: &str| way.get(key).and_then(Json::as_f64);
        let (low, high) = (limit("minimum"), limit("maximum"));
        let value = number.as_f64().unwrap_or_default();
        if low.is_some_and(|low| value < low) || high.is_some_and(|high| value > high) {
            let range = match (low, high) {
                (Some(low), Some(high)) => format!("{low} to {high}"),
                (Some(low), None) => format!("{low} or more"),
                (_, high) => format!("{} or less", high.unwrap_or_default()),
            };
            let message = match place.key {
                Some("status") => format!("an HTTP status is {range}"),
                _ => format!("{} is {range}", place.name()),
            };
            self.tell(&message, node.span, "");
        }
    }

    fn string(&mut self, node: &Node, text: &str, ways: &[&'static Json], place: &Place<'_>) {
        let words: Vec<&str> = ways.iter().flat_map(|way| allowed(way)).collect();
        if words.contains(&text) {
            return;
        }
        if let Some(way) = ways.iter().find(|way| type_of(way) == "string" && allowed(way).is_empty()) {
            let pattern = way.get("pattern").and_then(Json::as_str);
            if pattern.is_some_and(|pattern| !form(pattern).is_match(text)) {
                let message = format!("{}: `{}` does not have the expected form", place.name(), printable(text));
                self.tell(&message, node.span, &wording::form(way));
            }
            return;
        }
        let near = nearest(text, words.iter().copied());
        if near.is_none() && self.meant(node, ways, place) {
            return;
        }
        if ways.iter().any(|way| single_key(way) == Some(text)) {
            return self.tell(&format!("`{text}` needs a value"), node.span, &format!("write it as `{text}: …`"));
        }
        if words.is_empty() {
            return self.wrong_type(node, ways, place);
        }
        let message = format!("{}: `{}` is not one of the allowed words", place.name(), printable(text));
        let keys = ways.iter().filter_map(|way| single_key(way));
        let known: Vec<String> =
            words.iter().map(|word| format!("`{word}`")).chain(keys.map(|key| format!("`{key}: …`"))).collect();
        let fix = near.map(|word| vec![Edit::replace(node.span, word)]).unwrap_or_default();
        let guess = near.map(|word| format!("did you mean `{word}`? ")).unwrap_or_default();
        let hint = match known.as_slice() {
            [_] if !guess.is_empty() => guess,
            _ => format!("{guess}allowed: {}", known.join(", ")),
        };
        self.tell_found(Diagnostic { fix, ..error(&message, node.span, hint.trim_end()) });
    }

    fn list(&mut self, node: &Node, items: &[Node], way: &'static Json, place: &Place<'_>) {
        let least = way.get("minItems").and_then(Json::as_u64).unwrap_or(0);
        if (items.len() as u64) < least {
            let hint = if place.key == Some("steps") {
                "a scenario tells its story in steps; the first begins with `- title: …`"
            } else {
                ""
            };
            self.tell(&format!("{} is empty", place.name()), place.at(node), hint);
        }
        let Some(schema) = way.get("items") else {
            return;
        };
        let whole = self.around.len() == 1 && place.key == Some("steps");
        let torn = if whole { strays::torn(self.text, items) } else { Vec::new() };
        for (index, item) in items.iter().enumerate() {
            if torn.iter().any(|(at, _)| *at == index || *at + 1 == index) {
                self.broken.push(index);
                torn.iter().filter(|(at, _)| *at == index).for_each(|(_, found)| self.tell_found(found.clone()));
                continue;
            }
            let before = self.found.len();
            self.value(item, schema, &place.element(index));
            if whole {
                let row = self.rows.get(index).and_then(Option::as_ref);
                self.found[before..].iter_mut().for_each(|found| each::name(found, row));
                if self.found.len() > before {
                    self.broken.push(index);
                }
            }
        }
    }

    fn map(&mut self, node: &Node, entries: &[Entry], ways: &[&'static Json], place: &Place<'_>) {
        let keyed: Vec<&'static str> = ways.iter().filter_map(|way| single_key(way)).collect();
        if keyed.len() > 1 {
            return self.one_of(node, entries, ways, &keyed, place);
        }
        let free = ways.iter().find(|way| wording::is_free_map(way));
        // Of a mapping beside one that has one key only, that key says which it is.
        let has = |way: &&&'static Json| {
            let keys = properties(way);
            entries.iter().any(|entry| keys.is_some_and(|keys| keys.contains_key(&entry.key)))
        };
        let mut objects = ways.iter().filter(|way| type_of(way) == "object");
        let first = objects.clone().next();
        let single = objects.find(|way| single_key(way).is_some() && has(way));
        match free.or_else(|| if first.is_some_and(|way| has(&way)) { first } else { single.or(first) }) {
            Some(way) if wording::is_free_map(way) => words::check_free(node, self.found),
            Some(way) => {
                self.around.push(way);
                self.object(node, entries, way, place);
                self.around.pop();
            }
            None => self.wrong_type(node, ways, place),
        }
    }

    /// A mapping of exactly one key that says what it is.
    fn one_of(
        &mut self,
        node: &Node,
        entries: &[Entry],
        ways: &[&'static Json],
        keyed: &[&'static str],
        place: &Place<'_>,
    ) {
        if place.key == Some("to")
            && let Some(found) = typed::manifest_subject(self.text, node)
        {
            return self.tell_found(found);
        }
        if place.key == Some("to")
            && let Some(found) = groups::subject(self.text, node, place.is_element())
        {
            return self.tell_found(found);
        }
        let list = || keyed.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let mut known = Vec::new();
        for entry in entries {
            let way = ways.iter().find(|way| single_key(way) == Some(&entry.key));
            let schema = way.and_then(|way| properties(way)).and_then(|keys| keys.get(&entry.key));
            if let Some(schema) = schema {
                known.push(entry);
                self.value(&entry.value, schema, &Place::value_of(entry));
            } else if ways.iter().any(|way| allowed(way).contains(&entry.key.as_str())) {
                known.push(entry);
                self.tell(
                    &format!("`{}` takes no value", entry.key),
                    entry.key_span,
                    &format!("write just `{}`", entry.key),
                );
            } else {
                self.unknown_key(entry, (keyed.iter().copied(), entries), place);
            }
        }
        match known.as_slice() {
            [] if entries.is_empty() => {
                self.tell(&format!("{} is empty", place.name()), place.at(node), &format!("one of {}", list()))
            }
            [first, second, ..] => {
                let mut found = error(
                    &format!("{} takes one key, not several", place.name()),
                    second.key_span,
                    &format!("one of {}", list()),
                );
                found.second = Some((first.key_span, "the first".to_owned()));
                self.found.push(found);
            }
            _ => {}
        }
    }

    fn object(&mut self, node: &Node, entries: &[Entry], way: &'static Json, place: &Place<'_>) {
        let none = Map::new();
        let keys = properties(way).unwrap_or(&none);
        let others = way.get("additionalProperties");
        if let Some(key) = place.key.filter(|_| !place.is_element())
            && let Some(found) = strays::whole_manifest(self.text, node, key, place.at(node))
        {
            return self.tell_found(found);
        }
        if let Some(found) = groups::meant(self.text, node, entries, (keys, &place.name(), place.is_element())) {
            return self.tell_found(found);
        }
        let strays = strays::find(self.text, entries, way);
        strays.told.into_iter().for_each(|found| self.tell_found(found));
        let strays: HashSet<&str> = strays.entries.iter().map(|at| entries[*at].key.as_str()).collect();
        let mut unknown = !strays.is_empty();
        for entry in entries.iter().filter(|entry| !strays.contains(entry.key.as_str())) {
            let own = properties(way).and_then(|keys| keys.get(&entry.key));
            match (own, others) {
                (Some(schema), _) | (None, Some(schema @ Json::Object(_))) => {
                    self.value(&entry.value, schema, &Place::value_of(entry))
                }
                _ if self.found.len() > ENOUGH => break,
                _ => {
                    unknown = true;
                    self.unknown_key(entry, (keys.keys().map(String::as_str), entries), place);
                }
            }
        }
        let required = |list: &'static Json| {
            list.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
        };
        for key in required(way).filter(|key| node.get(key).is_none()) {
            // A misspelt key is not missing as well.
            let misspelt = |entry: &&Entry| {
                if keys.contains_key(&entry.key) {
                    return false;
                }
                match dictionary::find(place.word(), &entry.key).map(|known| &known.form) {
                    Some(dictionary::Form::Key(meant)) => *meant == key,
                    // What is said about it shows the whole.
                    Some(_) => key != "title",
                    None => nearest(&entry.key, keys.keys().map(String::as_str)) == Some(key),
                }
            };
            if entries.iter().find(misspelt).is_none() {
                let hint = keys.get(key).map(|schema| wording::about(key, schema)).unwrap_or_default();
                self.tell(&format!("{} has no `{key}`", place.name()), place.at(node), &hint);
            }
        }
        let Some(choice) = way.get("oneOf").and_then(Json::as_array) else {
            return;
        };
        let choice: Vec<&str> = choice.iter().flat_map(required).collect();
        let chosen: Vec<&Entry> = (entries.iter())
            .filter(|entry| choice.contains(&entry.key.as_str()) && !strays.contains(entry.key.as_str()))
            .collect();
        match chosen.as_slice() {
            [] if !unknown => self.tell(
                "this step has no verb",
                place.at(node),
                &format!("it does one of {}", wording::ticked(&choice)),
            ),
            [first, more @ ..] => {
                for second in more {
                    let message = format!("a step has one verb, and this one has `{}` and `{}`", first.key, second.key);
                    let mut found = error(&message, second.key_span, "make two steps of it");
                    found.second = Some((first.key_span, "the first".to_owned()));
                    self.found.push(found);
                }
            }
            [] => {}
        }
    }
}

/// A pattern of the schema, compiled once: the schema has a few, and a file has hundreds of texts.
fn form(pattern: &'static str) -> &'static regex::Regex {
    static FORMS: OnceLock<Mutex<HashMap<&'static str, &'static regex::Regex>>> = OnceLock::new();
    let mut forms = locked(FORMS.get_or_init(Mutex::default));
    forms
        .entry(pattern)
        .or_insert_with(|| Box::leak(Box::new(regex::Regex::new(pattern).expect("the schema's patterns compile"))))
}
