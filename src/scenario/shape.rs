//! Checks a tree against the JSON Schema that the types give, and tells everything at once.
//!
//! A general validator says that no branch of an `anyOf` fits. Here the branch is chosen first, by the node's type or by
//! its single key, so that the error is about that branch. Only what schemars makes of our types is understood.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, OnceLock, PoisonError},
};

use serde_json::{Map, Value as Json};

use super::{
    Diagnostic, Span,
    diagnostic::printable,
    each,
    json_schema::{allowed, branches, properties, schema, single_key, type_of},
    syntax::error,
    tree::{Entry, Node, Value},
    wording::{self, Place},
    words,
};

/// Checks the whole file.
pub fn check(text: &str, root: &Node, rows: &[Option<String>], found: &mut Vec<Diagnostic>) {
    let mut walk = Walk { text, rows, found, told: HashSet::new(), around: Vec::new() };
    walk.value(root, schema(), &Place::whole(root));
}

/// Nobody reads more; a hostile file could have a hundred thousand.
const ENOUGH: usize = 500;

struct Walk<'a> {
    text: &'a str,
    /// For each step, the row of `each` that it was made of.
    rows: &'a [Option<String>],
    found: &'a mut Vec<Diagnostic>,
    /// What was told, so that an alias does not tell it again.
    told: HashSet<String>,
    /// The mappings around the place, outermost first.
    around: Vec<&'static Json>,
}

impl Walk<'_> {
    fn tell(&mut self, message: &str, span: Span, hint: &str) {
        let new = self.told.insert(message.to_owned());
        let by_alias = self.text.get(span.start..).is_some_and(|rest| rest.starts_with('*'));
        if new || !by_alias {
            self.found.push(error(message, span, hint));
        }
    }

    fn value(&mut self, node: &Node, schema: &'static Json, place: &Place<'_>) {
        if self.found.len() > ENOUGH {
            return;
        }
        let ways = branches(schema);
        if let Value::Null = node.value {
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
        let got = wording::got(self.text, node);
        let message = format!("{}: expected {}, got {got}", place.name(), wording::expected(ways));
        self.tell(&message, node.span, &wording::remedy(self.text, node, ways));
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
        let guess = wording::nearest(text, words.iter().copied())
            .map(|word| format!("did you mean `{word}`? "))
            .unwrap_or_default();
        let hint = match known.as_slice() {
            [_] if !guess.is_empty() => guess,
            _ => format!("{guess}allowed: {}", known.join(", ")),
        };
        self.tell(&message, node.span, hint.trim_end());
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
        for (index, item) in items.iter().enumerate() {
            let before = self.found.len();
            self.value(item, schema, &place.element(index));
            if self.around.len() == 1 && place.key == Some("steps") {
                let row = self.rows.get(index).and_then(Option::as_ref);
                self.found[before..].iter_mut().for_each(|found| each::name(found, row));
            }
        }
    }

    fn map(&mut self, node: &Node, entries: &[Entry], ways: &[&'static Json], place: &Place<'_>) {
        let keyed: Vec<&'static str> = ways.iter().filter_map(|way| single_key(way)).collect();
        if keyed.len() > 1 {
            return self.one_of(node, entries, ways, &keyed, place);
        }
        let free = ways.iter().find(|way| wording::is_free_map(way));
        match free.or_else(|| ways.iter().find(|way| type_of(way) == "object")) {
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
        let list = || keyed.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
        let mut known = Vec::new();
        for entry in entries {
            let way = ways.iter().find(|way| single_key(way) == Some(&entry.key));
            let schema = way.and_then(|way| properties(way)).and_then(|keys| keys.get(&entry.key));
            if let Some(schema) = schema {
                known.push(entry);
                self.value(&entry.value, schema, &Place::of(entry));
            } else if ways.iter().any(|way| allowed(way).contains(&entry.key.as_str())) {
                known.push(entry);
                self.tell(
                    &format!("`{}` takes no value", entry.key),
                    entry.key_span,
                    &format!("write just `{}`", entry.key),
                );
            } else {
                self.unknown_key(entry, keyed.iter().copied());
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
        let mut unknown = false;
        for entry in entries {
            let own = properties(way).and_then(|keys| keys.get(&entry.key));
            match (own, others) {
                (Some(schema), _) | (None, Some(schema @ Json::Object(_))) => {
                    self.value(&entry.value, schema, &Place::of(entry))
                }
                _ if self.found.len() > ENOUGH => break,
                _ => {
                    unknown = true;
                    self.unknown_key(entry, keys.keys().map(String::as_str));
                }
            }
        }
        let required = |list: &'static Json| {
            list.get("required").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str)
        };
        for key in required(way).filter(|key| node.get(key).is_none()) {
            // A misspelt key is not missing as well.
            let misspelt = |entry: &&Entry| {
                !keys.contains_key(&entry.key)
                    && wording::nearest(&entry.key, keys.keys().map(String::as_str)) == Some(key)
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
        let chosen: Vec<&Entry> = entries.iter().filter(|entry| choice.contains(&entry.key.as_str())).collect();
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

    fn unknown_key<'k>(&mut self, entry: &Entry, known: impl Iterator<Item = &'k str> + Clone) {
        if words::is_odd(&entry.key) {
            return;
        }
        let hint = match wording::nearest(&entry.key, known.clone()) {
            Some(key) => format!("did you mean `{key}`?"),
            None => match self.belongs(&entry.key) {
                Some(where_) => where_,
                None => format!("the keys here are {}", wording::ticked(&known.collect::<Vec<_>>())),
            },
        };
        self.tell(&format!("unknown key `{}`", printable(&entry.key)), entry.key_span, &hint);
    }

    /// Says that a key is known one level further in or out.
    fn belongs(&self, key: &str) -> Option<String> {
        let (inner, outer) = self.around.split_last()?;
        if outer.iter().rev().any(|way| properties(way).is_some_and(|keys| keys.contains_key(key))) {
            return Some(format!("`{key}` belongs further out: indent it less"));
        }
        let has =
            |schema| branches(schema).iter().any(|way| properties(way).is_some_and(|keys| keys.contains_key(key)));
        let homes: Vec<&String> =
            properties(inner)?.iter().filter(|(_, schema)| has(*schema)).map(|(home, _)| home).collect();
        match homes.as_slice() {
            [home] => Some(format!("`{key}` belongs under `{home}`")),
            _ => None,
        }
    }
}

/// A pattern of the schema, compiled once: the schema has a few, and a file has hundreds of texts.
fn form(pattern: &'static str) -> &'static regex::Regex {
    static FORMS: OnceLock<Mutex<HashMap<&'static str, &'static regex::Regex>>> = OnceLock::new();
    let mut forms = FORMS.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    forms
        .entry(pattern)
        .or_insert_with(|| Box::leak(Box::new(regex::Regex::new(pattern).expect("the schema's patterns compile"))))
}
