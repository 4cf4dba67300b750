//! Words of other tools, and what kubewalk has for them.

use std::sync::LazyLock;

use crate::k8s::served;

/// What kubewalk has for a word.
#[derive(Debug, Clone)]
pub struct Known {
    /// Where the word stands: `top`, `step`, or the key of the mapping.
    pub place: &'static str,
    /// The words.
    pub words: Vec<&'static str>,
    /// Whose words they are, e.g. `chainsaw, kuttl`; often empty.
    pub whose: &'static str,
    /// What is said about it; often empty.
    pub say: &'static str,
    /// What to write instead.
    pub form: Form,
}

/// What to write instead of a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Form {
    /// Another key, with the same value.
    Key(&'static str),
    /// Entries of YAML, which `check` accepts at this place.
    Yaml(Vec<&'static str>),
    /// Nothing is needed.
    Nothing,
}

/// All that is known.
pub static WORDS: LazyLock<Vec<Known>> = LazyLock::new(|| {
    include_str!("dictionary.txt")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(entry)
        .collect()
});

fn entry(line: &'static str) -> Known {
    let mut parts = line.splitn(5, '|').map(str::trim);
    let mut next = || parts.next().unwrap_or_default();
    let (place, words, whose, say, form) = (next(), next(), next(), next(), next());
    let form = match (form, form.strip_prefix('=')) {
        ("", _) => Form::Nothing,
        (_, Some(key)) => Form::Key(key),
        (form, None) => Form::Yaml(form.split(" ++ ").collect()),
    };
    Known { place, words: words.split(", ").collect(), whose, say, form }
}

/// What is known about a word at a place, if it is none of ours there.
pub(in crate::scenario) fn find(place: &str, word: &str) -> Option<&'static Known> {
    let at = |known: &&Known| known.place == place;
    let exact = WORDS.iter().filter(at).find(|known| known.words.contains(&word));
    let folded = fold(word);
    exact.or_else(|| WORDS.iter().filter(at).find(|known| known.words.iter().any(|own| fold(own) == folded)))
}

/// The words without regard to case, `-` and `_`.
fn fold(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_')).flat_map(char::to_lowercase).take(64).collect()
}

impl Known {
    /// What a user reads.
    pub(in crate::scenario) fn hint(&self, word: &str) -> String {
        let form = match &self.form {
            Form::Key(key) => return format!("did you mean `{key}`?"),
            Form::Yaml(parts) => parts.iter().map(|part| format!("`{part}`")).collect::<Vec<_>>().join(" and "),
            Form::Nothing => String::new(),
        };
        let whose = match self.whose.rsplit_once(", ") {
            Some((first, last)) => format!("`{word}` is a word of {first} and {last}"),
            None if !self.whose.is_empty() => format!("`{word}` is a word of {}", self.whose),
            None => String::new(),
        };
        let before: Vec<&str> = [whose.as_str(), self.say].into_iter().filter(|part| !part.is_empty()).collect();
        match (before.join(": "), form) {
            (before, form) if form.is_empty() => before,
            (before, form) if before.is_empty() => format!("write {form}"),
            (before, form) => format!("{before}; here one writes {form}"),
        }
    }
}

/// The manifest to write for a word that is a kind of Kubernetes' own: `configMap`, `secrets`, `deploy`.
pub(in crate::scenario) fn of_a_kind(word: &str) -> Option<String> {
    let folded = fold(word);
    let mut own = served::TABLE.resources.iter().filter(|resource| resource.sub.is_none());
    let found = own.find(|resource| {
        let names = [&resource.kind, &resource.plural, &resource.singular];
        names.into_iter().chain(&resource.short).any(|name| fold(name) == folded)
    })?;
    Some(format!(
        "a {} is an object: write `apply: {{apiVersion: {}, kind: {}, metadata: {{name: …}}}}`, or `get`, `delete` or `wait` for one that is there",
        found.kind,
        found.api_version(),
        found.kind
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::json_schema::{branches, properties, schema};

    /// The keys that a place has.
    fn keys(place: &str) -> Vec<Vec<&'static str>> {
        let of = |schema| {
            let maps = branches(schema).into_iter().filter_map(properties);
            maps.flat_map(|keys| keys.keys().map(String::as_str)).collect::<Vec<_>>()
        };
        let root = schema();
        let step = root.pointer("/definitions/Step").expect("the steps");
        match place {
            "top" => vec![of(root)],
            "step" => vec![of(step)],
            _ => {
                // Every mapping below a key of this name, wherever the language has one.
                let definitions = root["definitions"].as_object().expect("definitions").values();
                let all = definitions.flat_map(branches).filter_map(properties);
                all.filter_map(|map| map.get(place))
                    .flat_map(|schema| {
                        let items = branches(schema).into_iter().filter_map(|way| way.get("items"));
                        items.map(of).chain([of(schema)]).collect::<Vec<_>>()
                    })
                    .collect()
            }
        }
    }

    #[test]
    fn every_other_name_leads_to_a_key_that_is_there_and_hides_none() {
        let mut seen = std::collections::HashSet::new();
        for known in WORDS.iter() {
            let places = keys(known.place);
            assert!(places.iter().any(|keys| !keys.is_empty()), "no mapping is called {}", known.place);
            if let Form::Key(key) = known.form {
                assert!(places.iter().any(|keys| keys.contains(&key)), "{} has no key {key}", known.place);
            }
            for word in &known.words {
                assert!(seen.insert((known.place, *word)), "{} {word} stands twice", known.place);
                let own = places.iter().filter(|keys| !keys.is_empty()).all(|keys| keys.contains(word));
                assert!(!own, "{word} is a key of {} itself", known.place);
            }
        }
        assert!(WORDS.len() > 80);
    }

    #[test]
    fn kinds_are_known_by_every_name() {
        for word in ["configMap", "configmap", "secrets", "deploy", "Deployment", "crd", "networkpolicy"] {
            assert!(of_a_kind(word).is_some_and(|hint| hint.contains("apply: {apiVersion: ")), "{word}");
        }
        assert_eq!(of_a_kind("frobnicate"), None);
    }
}
