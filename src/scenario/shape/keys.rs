//! Keys that are not known where they stand: other spellings, words of other tools, and keys of another level.

use serde_json::Value as Json;

use super::{
    super::{
        Diagnostic,
        advice::{dictionary, levels},
        diagnostic::printable,
        fix::Edit,
        json_schema::{branches, properties},
        syntax::error,
        tree::Entry,
        wording::{self, Place},
        words,
    },
    Walk,
};
use crate::k8s::nearest;

impl Walk<'_> {
    /// Tells of a key that is not known here, and what was meant.
    pub(super) fn unknown_key<'k>(
        &mut self,
        entry: &Entry,
        (known, beside): (impl Iterator<Item = &'k str> + Clone, &[Entry]),
        place: &Place<'_>,
    ) {
        if words::is_odd(&entry.key) {
            return;
        }
        let rename = |key: &str| match beside.iter().any(|other| other.key == key) {
            true => (format!("`{key}` is there already: leave `{}` out", printable(&entry.key)), Vec::new()),
            false => (format!("did you mean `{key}`?"), vec![Edit::replace(entry.key_span, key)]),
        };
        let foreign = dictionary::find(place.word(), &entry.key);
        let earlier = beside.iter().take_while(|other| !std::ptr::eq(*other, entry));
        let same = |known: &dictionary::Known| {
            let others = earlier.clone().filter_map(|other| dictionary::find(place.word(), &other.key));
            !matches!(known.form, dictionary::Form::Key(_))
                && others.into_iter().any(|other| std::ptr::eq(other, known))
        };
        if foreign.is_some_and(same) {
            return;
        }
        let exact = foreign.is_some_and(|foreign| foreign.words.contains(&entry.key.as_str()));
        let (hint, fix) = if let Some(key) = known.clone().find(|key| !exact && key.eq_ignore_ascii_case(&entry.key)) {
            rename(key)
        } else if let Some(foreign) = foreign {
            match foreign.form {
                dictionary::Form::Key(key) => rename(key),
                _ => (foreign.hint(&entry.key), Vec::new()),
            }
        } else if let Some(further) = self.belongs(entry, beside, place) {
            further
        } else if let Some(key) = nearest(&entry.key, known.clone()) {
            rename(key)
        } else if let Some(kind) = (place.word() == "step").then(|| dictionary::of_a_kind(&entry.key)).flatten() {
            (kind, Vec::new())
        } else {
            (format!("the keys here are {}", wording::ticked(&known.collect::<Vec<_>>())), Vec::new())
        };
        let message = format!("unknown key `{}`", printable(&entry.key));
        self.tell_found(Diagnostic { fix, ..error(&message, entry.key_span, &hint) });
    }

    /// Says that a key is known one level further in or out.
    fn belongs(&self, entry: &Entry, beside: &[Entry], place: &Place<'_>) -> Option<(String, Vec<Edit>)> {
        let key = entry.key.as_str();
        let (inner, outer) = self.around.split_last()?;
        let knows = |way: &&&'static Json| properties(way).is_some_and(|keys| keys.contains_key(key));
        if let Some(home) = outer.iter().rev().find(knows) {
            // That of the whole scenario is not what is meant here.
            if key == "namespace" && outer.len() > 1 && std::ptr::eq(*home, outer[0]) {
                let hint = "`namespace` at the top of the file is the scenario's own; this verb is about nothing in another one: use a manifest \
                            with `metadata.namespace`, or a request with the namespace in its path";
                return Some((hint.to_owned(), Vec::new()));
            }
            // One level: the column of the key around it.
            let one = outer.last().is_some_and(|last| std::ptr::eq(*last, *home));
            let fix = if one { levels::outwards(self.text, entry.key_span, place.at_key()) } else { Vec::new() };
            return Some((format!("`{key}` belongs further out: indent it less"), fix));
        }
        let has =
            |schema| branches(schema).iter().any(|way| properties(way).is_some_and(|keys| keys.contains_key(key)));
        let homes: Vec<&String> =
            properties(inner)?.iter().filter(|(_, schema)| has(*schema)).map(|(home, _)| home).collect();
        match homes.as_slice() {
            [home] => {
                let alone = beside.iter().all(|other| other.key != **home);
                let fix = if alone { levels::inwards(self.text, entry.key_span, home) } else { Vec::new() };
                Some((format!("`{key}` belongs under `{home}`"), fix))
            }
            _ => None,
        }
    }
}
