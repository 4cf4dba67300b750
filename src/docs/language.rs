//! `docs/language.md`: the scenario language, made of the same JSON Schema that checks the files.

use std::fmt::Write as _;

use serde_json::{Map, Value};

use super::{examples, flow::flow};

const INTRO: &str = "\
<!-- Generated from the JSON Schema by `kubewalk docs language`. To refresh it:
     KUBEWALK_BLESS=1 cargo test --test docs -->

# The scenario language

A scenario is a YAML file: a title, and steps that happen in order. Each step has a title that says a claim, and exactly one
verb. The first step that does not hold ends the scenario. A word that is not below is an error, and `kubewalk check` tells
you where. `kubewalk new NAME` writes a first scenario.

In all texts of a step, `{namespace}` becomes the name of the scenario's namespace, and `{saved.NAME}` a value that an earlier step
saved. Only these, exactly so, are placeholders (and `{each.NAME}` in a step with a table): every other brace stays as it is, so
JSON, JSON paths, templates and shells need no care. `{{namespace}}` stands for the letters `{namespace}` themselves, and
`${namespace}` stays a variable of the shell. Titles, narration, tags and keys are not filled in. A file that `apply` or `create`
names is sent as it is written, unless the step says `{file: NAME, fill: true}`.

`kubewalk check` also warns about what can run but is probably not meant, e.g. a rule that grants nothing. If you mean it, end the
line with the comment `# on purpose`.

A denial (`status: 403`, `reason: Forbidden`, `allowed: false`) must be about something that exists: a path, a resource, a subresource, a
namespace, an account, and of a call that names an object (`get`, `patch`, `delete`, `token`, `request`, `curl`, kubectl), that object. Of
something else it is an error, or the step fails when it runs. If you mean it, end the line that names it with `# on purpose`.
";

const STEP: &str = "Exactly one of its keys is a [verb](#verbs). These go with any verb:";

const EXPECT: &str = "\
`expect` says what the answer must look like. All that is said must hold. Without it, the verb must succeed. A `403` holds only
if RBAC made it, about the identity and the request of this step, and if nothing that the call is about (its namespace, its account,
its Pod) is being deleted. A call that changes something is not made again once it has gone through: a denial that comes second is
none. A refusal that `exec` or `kubectl` prints holds only if it is about the Pod's own account or the step's caller, or if the
expectation names who is refused; `status` with `exec` and `kubectl` asks for just that. A 403 by another server than the API server
is told apart by `by: kubelet`, `kube-rbac-proxy` or `endpoint`: it must have that server's words, from that server's address, about this
account.";

/// The page, made of the schema of a scenario file.
pub fn page(schema: &Value) -> String {
    let language = Language { schema, verbs: verbs(schema) };
    let mut text = INTRO.to_owned();
    text.push_str("\n## A scenario\n\n");
    language.table(&mut text, "Scenario", schema, None);
    let _ = write!(text, "\n## A step\n\n{STEP}\n\n");
    language.table(&mut text, "Step", &schema["definitions"]["Step"], None);
    text.push_str("\n## Verbs\n");
    let mut told: Vec<&str> = vec!["Step", "Expect"];
    for verb in &language.verbs {
        language.verb(&mut text, verb, &mut told);
    }
    let _ = write!(text, "\n## Expect\n\n{EXPECT}\n\n");
    language.table(&mut text, "Expect", &schema["definitions"]["Expect"], None);
    text.push_str("\n## Further words\n");
    for (name, definition) in schema["definitions"].as_object().into_iter().flatten() {
        if !told.contains(&name.as_str()) {
            let _ = write!(text, "\n### {name}\n\n{}\n\n", description(definition));
            language.body(&mut text, name, definition, None);
        }
    }
    text
}

/// Keys that have no example, as `Definition.key`; and examples that are no values of their key, for which `fits` is asked
/// with the key's schema.
pub fn wanting(schema: &Value, fits: &dyn Fn(&Value, &Value) -> bool) -> Vec<String> {
    let language = Language { schema, verbs: verbs(schema) };
    let mut wanting = Vec::new();
    let definitions = schema["definitions"].as_object().into_iter().flatten();
    let named = definitions.map(|(name, definition)| (name.as_str(), definition));
    for (name, definition) in std::iter::once(("Scenario", schema)).chain(named) {
        let parent = language.verb_of(name).and_then(|verb| language.example_of_verb(verb));
        for (key, property) in shapes(definition).into_iter().flat_map(properties) {
            match language.example(name, key, property, parent) {
                None => wanting.push(format!("{name}.{key} has no example")),
                Some(example) if !fits(property, &example) => {
                    wanting.push(format!("{name}.{key}: `{}` does not fit the schema", flow(&example)));
                }
                Some(_) => {}
            }
        }
    }
    wanting
}

/// The keys of a step of which one must be there.
fn verbs(schema: &Value) -> Vec<&str> {
    let one_of = schema["definitions"]["Step"]["oneOf"].as_array().into_iter().flatten();
    one_of.filter_map(|way| way["required"][0].as_str()).collect()
}

/// The mappings that a value may be.
fn shapes(definition: &Value) -> Vec<&Value> {
    if definition.get("properties").is_some() {
        return vec![definition];
    }
    let ways = ["oneOf", "anyOf"].iter().find_map(|key| definition.get(*key)).and_then(Value::as_array);
    ways.into_iter().flatten().filter(|way| way.get("properties").is_some()).collect()
}

fn properties(shape: &Value) -> impl Iterator<Item = (&str, &Value)> {
    shape["properties"].as_object().into_iter().flatten().map(|(key, value)| (key.as_str(), value))
}

fn description(value: &Value) -> &str {
    value["description"].as_str().unwrap_or_default()
}

/// The name of the definition that a value refers to.
fn reference(value: &Value) -> Option<&str> {
    let direct = value["$ref"].as_str().or_else(|| value["allOf"][0]["$ref"].as_str())?;
    direct.strip_prefix("#/definitions/")
}

struct Language<'s> {
    schema: &'s Value,
    verbs: Vec<&'s str>,
}

impl<'s> Language<'s> {
    fn step(&self, key: &str) -> &'s Value {
        &self.schema["definitions"]["Step"]["properties"][key]
    }

    /// The first verb that takes this definition.
    fn verb_of(&self, definition: &str) -> Option<&'s str> {
        self.verbs.iter().copied().find(|verb| reference(self.step(verb)) == Some(definition))
    }

    fn example_of_verb(&self, verb: &str) -> Option<&'s Value> {
        self.step(verb)["examples"].get(0)
    }

    fn verb(&self, text: &mut String, verb: &str, told: &mut Vec<&'s str>) {
        let value = self.step(verb);
        let _ = write!(text, "\n### {verb}\n\n{}\n", description(value));
        let examples: Vec<_> = value["examples"].as_array().into_iter().flatten().collect();
        if !examples.is_empty() {
            text.push_str("\n```yaml\n");
            for example in &examples {
                let _ = write!(text, "- title: …\n  {verb}: {}\n", flow(example));
            }
            text.push_str("```\n");
        }
        let Some(name) = reference(value) else { return };
        if told.contains(&name) {
            let first = self.verb_of(name).unwrap_or(verb);
            let _ = write!(text, "\nIt takes what [{first}](#{}) takes.\n", anchor(first));
            return;
        }
        told.push(name);
        let definition = &self.schema["definitions"][name];
        text.push('\n');
        if shapes(definition).len() != 1 || definition.get("properties").is_none() {
            let _ = write!(text, "{}\n\n", description(definition));
        }
        self.body(text, name, definition, examples.first().copied());
    }

    /// What a definition allows: keys, words, or several ways to write it.
    fn body(&self, text: &mut String, name: &str, definition: &Value, example: Option<&Value>) {
        if definition.get("properties").is_some() {
            return self.table(text, name, definition, example);
        }
        let ways = ["oneOf", "anyOf"].iter().find_map(|key| definition.get(*key)).and_then(Value::as_array);
        let Some(ways) = ways else {
            let _ = writeln!(text, "It is {}.", self.kind(definition).replace("\\|", "|"));
            return;
        };
        text.push_str("| one of | meaning | example |\n|---|---|---|\n");
        for (index, way) in ways.iter().enumerate() {
            let (word, mut sample) = self.way(name, way);
            if let Some(example) = examples::example_of(name, &format!("#{index}")) {
                sample = code(&flow(&example));
            }
            let _ = writeln!(text, "| {word} | {} | {sample} |", cell(description(way)));
        }
    }

    /// One of several ways to write a value, and an example of it.
    fn way(&self, name: &str, way: &Value) -> (String, String) {
        let keys = way["properties"].as_object();
        if let Some((key, property)) = keys.filter(|keys| keys.len() == 1).and_then(|keys| keys.iter().next()) {
            let example = self.example(name, key, property, None);
            let example = example.map_or_else(String::new, |example| code(&format!("{key}: {}", flow(&example))));
            return (format!("`{key}:` {}", self.kind(property)), example);
        }
        if let Some(word) = way["const"].as_str() {
            return (code(word), String::new());
        }
        if let Some(keys) = keys {
            let words: Vec<_> = keys.keys().map(|key| code(key)).collect();
            return (format!("a mapping with {}", words.join(", ")), String::new());
        }
        (self.kind(way), String::new())
    }

    fn table(&self, text: &mut String, name: &str, shape: &Value, parent: Option<&Value>) {
        text.push_str("| key | type | meaning | left out | example |\n|---|---|---|---|---|\n");
        let required: Vec<_> = shape["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in properties(shape) {
            if name == "Step" && self.verbs.contains(&key) {
                continue;
            }
            let (meaning, left_out) = left_out(description(property));
            let left_out = match left_out {
                _ if required.contains(&key) => "must be there".to_owned(),
                Some(words) => words,
                None if property["type"] == "array" => "none".to_owned(),
                None => String::new(),
            };
            let example = self.example(name, key, property, parent);
            let example = example.map_or_else(String::new, |example| code(&format!("{key}: {}", flow(&example))));
            let _ = writeln!(
                text,
                "| `{key}` | {} | {} | {} | {example} |",
                cell(&self.kind(property)),
                cell(&meaning),
                cell(&left_out),
            );
        }
    }

    fn example(&self, name: &str, key: &str, property: &Value, parent: Option<&Value>) -> Option<Value> {
        let own = property["examples"].get(0).or_else(|| parent.and_then(|parent| parent.get(key)));
        own.cloned().or_else(|| examples::example_of(name, key))
    }

    /// The type of a value in words.
    fn kind(&self, value: &Value) -> String {
        if let Some(name) = reference(value) {
            let anchor = match (name, self.verb_of(name)) {
                ("Expect", _) => "expect".to_owned(),
                ("Step", _) => "a-step".to_owned(),
                (_, Some(verb)) => anchor(verb),
                (_, None) => anchor(name),
            };
            return format!("[{name}](#{anchor})");
        }
        if let Some(words) = value["enum"].as_array() {
            return words.iter().map(|word| code(&flow(word))).collect::<Vec<_>>().join(", ");
        }
        if let Some(word) = value.get("const") {
            return code(&flow(word));
        }
        if let Some(ways) = value["anyOf"].as_array().or_else(|| value["oneOf"].as_array()) {
            return ways.iter().map(|way| self.kind(way)).collect::<Vec<_>>().join(" or ");
        }
        match value["type"].as_str() {
            Some("string") => match value["pattern"].as_str() {
                Some(pattern) => format!("text like {}", code(&pattern.replace('|', "\\|"))),
                None => "text".to_owned(),
            },
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("integer" | "number") => match (&value["minimum"], &value["maximum"]) {
                (Value::Number(from), Value::Number(to)) => format!("number, {from} to {to}"),
                _ => "number".to_owned(),
            },
            Some("array") => format!("list of {}", self.kind(&value["items"])),
            Some("object") => match value.get("additionalProperties") {
                Some(Value::Object(of)) if !of.is_empty() => {
                    format!("mapping to {}", self.kind(&Value::Object(Map::clone(of))))
                }
                _ => "mapping".to_owned(),
            },
            _ => "any value".to_owned(),
        }
    }
}

/// Takes apart a description: what it means, and what it means to leave it out.
fn left_out(description: &str) -> (String, Option<String>) {
    let Some(start) = description.find("Left out") else {
        return (description.to_owned(), None);
    };
    let rest = &description[start + "Left out".len()..];
    let end = rest.find(". ").map_or(rest.len(), |at| at + 1);
    let words = rest[..end].trim_start_matches(':').trim().trim_end_matches('.').replace("): ", ") ");
    let meaning = format!("{}{}", &description[..start], &rest[end..]).replace("  ", " ");
    (meaning.trim().to_owned(), Some(words))
}

fn code(text: &str) -> String {
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}

/// A text in a table.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace("\\|", "|").replace('|', "\\|")
}

/// The anchor of a heading.
fn anchor(heading: &str) -> String {
    heading.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::schema_json;

    #[test]
    fn every_verb_and_every_definition_is_told_once() {
        let schema = schema_json();
        let page = page(&schema);
        let headings: Vec<_> = page.lines().filter_map(|line| line.strip_prefix("### ")).collect();
        for verb in verbs(&schema) {
            assert_eq!(headings.iter().filter(|heading| **heading == verb).count(), 1, "{verb}");
        }
        for link in page.split("](#").skip(1).filter_map(|rest| rest.split(')').next()) {
            let there = page
                .lines()
                .filter_map(|line| line.strip_prefix('#'))
                .any(|line| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == link);
            assert!(there, "#{link} leads nowhere");
        }
    }

    #[test]
    fn what_left_out_means_is_taken_out() {
        let (meaning, words) = left_out("The method. Left out: GET, or POST with a `body`. One word.");
        assert_eq!((meaning.as_str(), words.as_deref()), ("The method. One word.", Some("GET, or POST with a `body`")));
        let (meaning, words) = left_out("The name. Left out (only `get` allows it): all are listed.");
        assert_eq!((meaning.as_str(), words.as_deref()), ("The name.", Some("(only `get` allows it) all are listed")));
        assert_eq!(left_out("A"), ("A".to_owned(), None));
    }
}
