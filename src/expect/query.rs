//! JSON paths (RFC 9535) whose work is known before it is done: a path with several `..` looks at each value as often as there
//! are ways to it, which on a big answer takes longer than any step has, and cannot be broken off.

use serde_json::Value;
use serde_json_path::JsonPath;

/// The longest path, in bytes.
const LONGEST: usize = 1000;

/// How many parentheses and brackets may stand in one another.
const DEEPEST: usize = 8;

/// How many `..` a path may have.
const MOST_DESCENTS: u32 = 4;

/// What all paths of one look at an answer may cost: a second or two.
const MOST_WORK: u64 = 50_000_000;

/// How much work is left.
#[derive(Debug)]
pub struct Budget(u64);

impl Default for Budget {
    fn default() -> Self {
        Budget(MOST_WORK)
    }
}

/// A path, and what its parts cost.
#[derive(Debug)]
pub struct Query {
    path: JsonPath,
    shape: Shape,
}

/// What makes a path expensive.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Shape {
    /// How many `..` it has, those in filters included.
    descents: u32,
    /// How often one value may be chosen by commas.
    copies: u64,
    /// Segments and queries in filters.
    parts: u64,
    /// Queries in filters that begin at the root.
    roots: u32,
    /// What one filter costs beside its queries: it compiles its patterns anew for each value.
    patterns: u64,
}

impl Query {
    /// Reads a path.
    ///
    /// # Errors
    /// When it is none, or none that ends in time.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a path has at most {LONGEST} bytes"));
        }
        let shape = Shape::read(text)?;
        let path =
            JsonPath::parse(text).map_err(|error| format!("at character {}: {}", error.position(), error.message()))?;
        Ok(Self { path, shape })
    }

    /// What it finds.
    ///
    /// # Errors
    /// When the answer is so big that this would take longer than a step has.
    pub fn find<'a>(&self, root: &'a Value, budget: &mut Budget) -> Result<Vec<&'a Value>, String> {
        let mut count = Count::default();
        count.all(root, 0, self.shape.descents);
        let work = self.shape.work(&count);
        let too_much = || {
            format!(
                "the path would look at more than {MOST_WORK} values of this answer: name the keys in place of `..`, or \
                 ask for less"
            )
        };
        budget.0 = budget.0.checked_sub(work).ok_or_else(too_much)?;
        Ok(self.path.query(root).all())
    }
}

/// What an answer has.
#[derive(Debug, Default)]
struct Count {
    /// Values.
    values: u64,
    /// Ways to all of them.
    ways: u64,
}

impl Count {
    fn all(&mut self, value: &Value, depth: u64, descents: u32) {
        self.values += 1;
        // So many ways to choose, one below the other, from what is above a value and itself.
        let ways = (1..=u64::from(descents)).fold(1_u64, |ways, n| ways.saturating_mul(depth + n) / n);
        self.ways = self.ways.saturating_add(ways);
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.all(value, depth + 1, descents)),
            Value::Object(map) => map.values().for_each(|value| self.all(value, depth + 1, descents)),
            _ => {}
        }
    }
}

impl Shape {
    /// Of a text, which need not be a path.
    fn read(text: &str) -> Result<Self, String> {
        let mut shape = Shape { copies: 1, parts: 1, patterns: 1, ..Shape::default() };
        let (mut depth, mut quote, mut rest) = (0_usize, None, text.char_indices().peekable());
        let mut literal = String::new();
        while let Some((at, c)) = rest.next() {
            match (quote, c) {
                (Some(_), '\\') => {
                    literal.push(c);
                    literal.extend(rest.next().map(|(_, c)| c));
                }
                (Some(open), _) if c == open => {
                    quote = None;
                    shape.patterns = shape.patterns.max(weight(&literal));
                }
                (Some(_), _) => literal.push(c),
                (None, '\'' | '"') => {
                    quote = Some(c);
                    literal.clear();
                }
                (None, '[' | '(') => {
                    depth += 1;
                    shape.parts += 1;
                    if depth > DEEPEST {
                        return Err(format!("more than {DEEPEST} brackets stand in one another"));
                    }
                }
                (None, ']' | ')') => depth = depth.saturating_sub(1),
                (None, ',') => shape.copies = shape.copies.saturating_mul(2),
                (None, '.') if text[at + 1..].starts_with('.') => shape.descents += 1,
                (None, '.') => shape.parts += 1,
                (None, '@') => shape.parts += 1,
                (None, '$') if at > 0 => shape.roots += 1,
                (None, '!') => {
                    // `!!!!…` is read again and again.
                    depth += usize::from(text[at + 1..].trim_start().starts_with('!'));
                    if depth > DEEPEST {
                        return Err("so many `!` in a row mean nothing".into());
                    }
                }
                _ => {}
            }
        }
        if shape.descents > MOST_DESCENTS {
            return Err(format!("a path has at most {MOST_DESCENTS} times `..`: what is found is the same with fewer"));
        }
        if !text.contains("match") && !text.contains("search") {
            shape.patterns = 1;
        } else if pattern_of_data(text) {
            return Err("the pattern of `match` and `search` must be a text in quotes".into());
        }
        Ok(shape)
    }

    fn work(&self, count: &Count) -> u64 {
        let roots = (0..self.roots).fold(1, |product: u64, _| product.saturating_mul(count.values));
        [self.copies, self.parts, self.patterns, roots].into_iter().fold(count.ways, u64::saturating_mul)
    }
}

/// Whether a pattern comes from the answer, whose sender may make it as big as it likes.
fn pattern_of_data(text: &str) -> bool {
    let calls = text.match_indices("match(").chain(text.match_indices("search("));
    calls.into_iter().any(|(at, _)| {
        let mut quote = None;
        let comma = text[at..].find(|c: char| {
            match quote {
                Some(open) if c == open => quote = None,
                None if matches!(c, '\'' | '"') => quote = Some(c),
                _ => {}
            }
            quote.is_none() && c == ','
        });
        comma.is_none_or(|comma| !text[at + comma + 1..].trim_start().starts_with(['\'', '"']))
    })
}

/// What it costs to compile a pattern, in looks at a value.
fn weight(pattern: &str) -> u64 {
    match regex::RegexBuilder::new(pattern).size_limit(32 << 10).build() {
        Ok(_) => 200,
        Err(regex::Error::CompiledTooBig(_)) => 1_000_000,
        Err(_) => 200,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rstest::rstest;
    use serde_json::json;

    use super::*;

    /// A list in a list in a list, each with something in it.
    fn nested(depth: usize, width: usize) -> Value {
        (0..depth).fold(json!({"a": 1}), |inner, _| {
            let mut list = vec![json!({"a": 1, "b": "text"}); width];
            list.push(json!({"a": inner}));
            Value::from(list)
        })
    }

    #[rstest]
    #[case("$.items[*].metadata.name")]
    #[case("$..name")]
    #[case("$..containers[?@.name == 'a'].image")]
    #[case("$.items[?match(@.metadata.name, 'web-[0-9]{1,3}')]")]
    #[case("$.items[?(@.a > 1 && (@.b == 2 || @.c))]['x', \"y\"]")]
    fn what_people_write_is_let_through(#[case] path: &str) {
        let pods = json!({"items": vec![json!({"metadata": {"name": "web-1"}, "spec": {"containers": [{"name": "a"}]}}); 500]});
        assert!(Query::parse(path).and_then(|query| query.find(&pods, &mut Budget::default()).map(drop)).is_ok());
    }

    #[rstest]
    #[case("$..a..b..c..d..e")]
    #[case(&format!("$[?{}1{}]", "(".repeat(40), ")".repeat(40)))]
    #[case(&format!("$[?{}@.a]", "!".repeat(40)))]
    #[case(&format!("$.{}", "a".repeat(2000)))]
    #[case("$[?match(@.a, @.b)]")]
    fn what_never_can_end_in_time_is_refused_at_once(#[case] path: &str) {
        let begun = Instant::now();
        assert!(Query::parse(path).is_err());
        assert!(begun.elapsed() < Duration::from_secs(60));
    }

    #[rstest]
    #[case("$..a..a..a..a")]
    #[case("$..[*,*]..[*,*]..[*,*]")]
    #[case("$[*,*,*,*,*,*][*,*,*,*,*,*][*,*,*,*,*,*][*,*,*,*,*,*][*,*,*,*,*,*]")]
    #[case("$..[?@..[?@..[?@..a]]]")]
    #[case("$..[?$..a == $..b]")]
    #[case("$..[?match(@.b, '(a{200}){20}')]")]
    #[case("$..*")]
    fn whatever_the_answer_is_it_ends(#[case] path: &str) {
        let big = nested(100, 100);
        let begun = Instant::now();
        if let Ok(query) = Query::parse(path) {
            let _ = query.find(&big, &mut Budget::default());
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }

    #[test]
    fn brackets_as_deep_as_is_let_through_are_read_soon() {
        let begun = Instant::now();
        let _ = Query::parse(&format!("$[?{}@.a{}]", "(".repeat(DEEPEST - 1), ")".repeat(DEEPEST - 1)));
        let _ = Query::parse(&format!("${}@.a{}", "[?@".repeat(DEEPEST), "]".repeat(DEEPEST)));
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }

    #[test]
    fn many_paths_together_have_one_budget() {
        let (big, mut budget) = (nested(20, 100), Budget::default());
        let query = Query::parse("$..a..b").expect("a path");
        let found = (0..1000).take_while(|_| query.find(&big, &mut budget).is_ok()).count();
        assert!((1..1000).contains(&found), "{found}");
    }
}
