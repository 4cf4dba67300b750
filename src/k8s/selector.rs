//! Label selectors as the API server reads them: `app=web,tier!=x`, `a in (b, c)`, `a notin (b)`, `a`, `!a`, `n > 3`.
//!
//! Source: `apimachinery/pkg/labels/selector.go`.

use serde_json::Value;

/// A selector; an empty one takes all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector(Vec<Term>);

/// A condition on one label.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    key: String,
    how: How,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum How {
    /// `=`, `==`, `in`.
    In(Vec<String>),
    /// `!=`, `notin`: also without the label.
    NotIn(Vec<String>),
    There,
    NotThere,
    More(i64),
    Less(i64),
}

impl Selector {
    /// Reads one.
    ///
    /// # Errors
    /// The part that is none.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Ok(Self::default());
        }
        terms(text)
            .into_iter()
            .map(|part| term(part).ok_or_else(|| part.to_owned()))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// Whether an object with these labels (`metadata.labels`) is taken.
    pub fn takes(&self, labels: &Value) -> bool {
        self.0.iter().all(|term| {
            let value = labels.get(&term.key).and_then(Value::as_str);
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match &term.how {
                How::In(values) => value.is_some_and(|value| values.iter().any(|one| one == value)),
                How::NotIn(values) => !value.is_some_and(|value| values.iter().any(|one| one == value)),
                How::There => value.is_some(),
                How::NotThere => value.is_none(),
                How::More(than) => number().is_some_and(|number| number > *than),
                How::Less(than) => number().is_some_and(|number| number < *than),
            }
        })
    }
}

/// The parts between commas that stand in no parentheses.
fn terms(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut within) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' => within = true,
            ')' => within = false,
            ',' if !within => {
                parts.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(text[start..].trim());
    parts
}

fn term(part: &str) -> Option<Term> {
    let one = |key: &str, how: How| is_key(key).then(|| Term { key: key.to_owned(), how });
    if let Some(key) = part.strip_prefix('!') {
        return one(key.trim(), How::NotThere);
    }
    for (sign, negated) in [("!=", true), ("==", false), ("=", false)] {
        if let Some((key, value)) = part.split_once(sign) {
            let value = vec![Some(value.trim().to_owned()).filter(|value| is_value(value))?];
            return one(key.trim(), if negated { How::NotIn(value) } else { How::In(value) });
        }
    }
    for (sign, how) in [('>', How::More as fn(i64) -> How), ('<', How::Less)] {
        if let Some((key, number)) = part.split_once(sign) {
            return one(key.trim(), how(number.trim().parse().ok()?));
        }
    }
    if let Some((before, values)) = part.split_once('(') {
        let (key, word) = before.trim().split_once(char::is_whitespace)?;
        let values: Vec<String> = values.strip_suffix(')')?.split(',').map(|value| value.trim().to_owned()).collect();
        let how = match word.trim() {
            "in" => How::In,
            "notin" => How::NotIn,
            _ => return None,
        };
        return values.iter().all(|value| is_value(value)).then(|| one(key, how(values)))?;
    }
    one(part, How::There)
}

/// Whether a text may be a label's key: a name, with a domain and a slash before it or not.
fn is_key(text: &str) -> bool {
    let (domain, name) = text.split_once('/').map_or((None, text), |(domain, name)| (Some(domain), name));
    let of_domain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    !name.is_empty()
        && is_value(name)
        && domain.is_none_or(|domain| !domain.is_empty() && domain.chars().all(of_domain))
}

/// Whether a text may be a label's value.
fn is_value(text: &str) -> bool {
    let ends = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    text.len() <= 63 && text.chars().all(fits) && ends(text.chars().next()) && ends(text.chars().last())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    #[rstest]
    #[case("app=a", true)]
    #[case("app==a,tier!=x", true)]
    #[case("app!=a", false)]
    #[case("app", true)]
    #[case("!app", false)]
    #[case("!x, app = a", true)]
    #[case("app in (a, b),example.com/n", true)]
    #[case("app in (b,c)", false)]
    #[case("app notin (b),x notin (a)", true)]
    #[case("app notin (a,b)", false)]
    #[case("example.com/n > 3", true)]
    #[case("example.com/n<3", false)]
    #[case("app in (a,)", true)]
    #[case("", true)]
    fn labels_are_taken_as_the_server_takes_them(#[case] text: &str, #[case] takes: bool) {
        let labels = json!({"app": "a", "example.com/n": "5"});
        assert_eq!(Selector::read(text).expect("a selector").takes(&labels), takes);
    }

    #[rstest]
    #[case("app in a", "app in a")]
    #[case("app in (a", "app in (a")]
    #[case("a=b,", "")]
    #[case("a=b,c=d e", "c=d e")]
    #[case("app of (a)", "app of (a)")]
    #[case("n > x", "n > x")]
    #[case("-a", "-a")]
    fn what_is_none_is_told(#[case] text: &str, #[case] part: &str) {
        assert_eq!(Selector::read(text), Err(part.to_owned()));
    }
}
