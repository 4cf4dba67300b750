//! The only file that knows serde-saphyr: [`parse`] turns its values into [`Node`]s and its errors into our words (those
//! are in `syntax.rs`). A value that came by an alias or a merge key has the place of the alias.

use std::{
    cell::Cell,
    sync::atomic::{AtomicUsize, Ordering},
};

use std::{collections::HashMap, fmt};

use serde::de::{self, Deserialize, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{
    Error, Location, Spanned,
    options::{DuplicateKeyPolicy, NonFiniteFloatPolicy},
};

use super::{
    Diagnostic, Severity, Span,
    diagnostic::{offset, printable},
    syntax::{self, Trouble},
    tree::{Entry, Node, Value},
};

/// Deeper than any manifest, and far from the end of a thread's stack.
const MAX_DEPTH: usize = 64;

/// How many values and events a text may have: what is written by hand has a few hundred, a published List of thousands of objects
/// some hundred thousands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    /// A scenario.
    Scenario,
    /// A file of manifests.
    Manifests,
}

impl Size {
    /// The most values; there are at most about twice as many events.
    fn nodes(self) -> usize {
        match self {
            Size::Scenario => 50_000,
            Size::Manifests => 1_000_000,
        }
    }
}

/// Reads one YAML document; `None` for a text without any content.
///
/// Keys that are said twice are told in the second list; the tree has the first.
///
/// # Errors
/// The first place at which it is not YAML; a second document comes with the tree of the first.
pub fn parse(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
    parse_of(text, Size::Scenario)
}

/// The same of a text that may be longer.
///
/// # Errors
/// As [`parse`].
pub(super) fn parse_of(text: &str, size: Size) -> (Option<Node>, Vec<Diagnostic>) {
    let trouble = match load_apart(text, size) {
        Ok(raw) => return finish(text, &raw, Vec::new()),
        Err(trouble) => trouble,
    };
    if let Trouble { kind: syntax::Kind::SecondDocument, span, .. } = &trouble {
        let start = syntax::document_mark(text, span.start);
        let first = &text[..start];
        let more = if syntax::is_blank(text[start..].trim_start_matches("---")) {
            Vec::new() // an end mark as kubectl takes it
        } else {
            vec![syntax::second_document(start)]
        };
        return match load_apart(first, size) {
            Ok(raw) => finish(text, &raw, more),
            Err(trouble) => (None, vec![syntax::explain(text, &trouble)]),
        };
    }
    (None, vec![syntax::explain(text, &trouble)])
}

fn finish(text: &str, raw: &Spanned<Raw>, mut found: Vec<Diagnostic>) -> (Option<Node>, Vec<Diagnostic>) {
    if matches!(raw.value, Raw::Null) && bytes_of(text, &raw.defined).is_none_or(|span| span.start == span.end) {
        return (None, found);
    }
    let node = node(text, raw, &mut found);
    (Some(node), found)
}

/// So many values more than their texts have letters may come by aliases, in all that one process reads: each text is small, and there
/// may be thousands.
const MOST_BY_ALIAS: usize = 500_000;

/// The most events that the aliases of one text may give.
const MOST_REPLAYED: usize = 20_000;

/// How many have come.
static BY_ALIAS: AtomicUsize = AtomicUsize::new(0);

fn load(text: &str, size: Size) -> Result<Spanned<Raw>, Trouble> {
    let left = MOST_BY_ALIAS.saturating_sub(BY_ALIAS.load(Ordering::Relaxed));
    let read = load_within(text, size, left.min(MOST_REPLAYED));
    // Every value that is written has at least one letter.
    let more = match &read {
        Ok(raw) if text.contains('*') => count(&raw.value).saturating_sub(text.len()),
        Err(trouble) if trouble.kind == syntax::Kind::TooManyAliases => MOST_REPLAYED,
        _ => 0,
    };
    BY_ALIAS.fetch_add(more, Ordering::Relaxed);
    read
}

fn load_within(text: &str, size: Size, replayed: usize) -> Result<Spanned<Raw>, Trouble> {
    let nodes = size.nodes();
    let options = serde_saphyr::options! {
        // Forwarded, so that all of them are told at once and each with both places.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        // `no` and `on` stay texts (YAML 1.2); where kubectl would read a boolean, `words.rs` objects.
        strict_booleans: true,
        // `0644` is the number that kubectl reads.
        legacy_octal_numbers: true,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        reject_unsupported_tags: true,
        with_snippet: false,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH,
            max_nodes: nodes,
            max_events: nodes.saturating_mul(4),
            max_aliases: 200,
            max_merge_keys: 100,
            max_recorded_anchor_bytes: 256 << 10,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: replayed,
            max_replay_stack_depth: 8,
        },
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| trouble(text, &error))
}

/// [`load`] on a stack with room for the full depth, which a debug build needs and a test's thread has not.
fn load_apart(text: &str, size: Size) -> Result<Spanned<Raw>, Trouble> {
    if ROOMY.get() {
        return load(text, size);
    }
    std::thread::scope(|scope| match spawn_roomy(scope, || load(text, size)) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(error) => Err(Trouble {
            kind: syntax::Kind::Other,
            message: format!("no thread could be started to read it: {error}"),
            span: Span::default(),
        }),
    })
}

thread_local! {
    /// Whether this thread's stack has room for the deepest file.
    static ROOMY: Cell<bool> = const { Cell::new(false) };
}

/// Starts a thread whose stack has room for reading, so that a caller that reads many files needs no thread for each.
///
/// # Errors
/// When the system starts no more threads.
pub fn spawn_roomy<'scope, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> std::io::Result<std::thread::ScopedJoinHandle<'scope, T>> {
    let builder = std::thread::Builder::new().name("yaml".to_owned()).stack_size(16 << 20);
    builder.spawn_scoped(scope, move || {
        ROOMY.set(true);
        work()
    })
}

fn trouble(text: &str, error: &Error) -> Trouble {
    use syntax::Kind;
    let kind = match error.without_snippet() {
        Error::MultipleDocuments { .. } => Kind::SecondDocument,
        Error::RecursiveReferencesRequireWeakTypes { .. } => Kind::RecursiveAlias,
        Error::UnknownAnchor { .. } => Kind::UnknownAnchor,
        Error::NullIntoString { .. } | Error::Unexpected { expected: "string scalar", .. } => Kind::KeyIsNoText,
        Error::MergeValueNotMapOrSeqOfMaps { .. } => Kind::BadMerge,
        Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => Kind::TooManyAliases,
        Error::AliasError { error, locations, .. } => {
            let own = trouble(text, error);
            let span = place(text, &locations.reference_location).unwrap_or(own.span);
            return Trouble { span, ..own };
        }
        Error::Budget { breach, .. } => {
            // The names of the breaches are all that tells them apart without listing every variant.
            let breach = format!("{breach:?}");
            match breach.split([' ', '{']).next() {
                Some("Depth") => Kind::TooDeep,
                Some(name) if name.contains("Alias") || name.contains("Anchor") || name.contains("Merge") => {
                    Kind::TooManyAliases
                }
                _ => Kind::TooBig,
            }
        }
        other if other.to_string().starts_with("recursion limit exceeded") => Kind::TooDeep,
        _ => Kind::Other,
    };
    let message = error.without_snippet().to_string();
    let span = error.location().and_then(|at| place(text, &at)).unwrap_or_default();
    Trouble { kind, message, span }
}

fn place(text: &str, at: &Location) -> Option<Span> {
    if let Some(span) = bytes_of(text, at) {
        return Some(span);
    }
    if *at == Location::UNKNOWN {
        return None;
    }
    let start = offset(text, usize::try_from(at.line()).ok()?, usize::try_from(at.column()).ok()?);
    let end = text[start..].chars().next().filter(|c| *c != '\n').map_or(start, |c| start + c.len_utf8());
    Some(Span { start, end })
}

fn bytes_of(text: &str, at: &Location) -> Option<Span> {
    let start = usize::try_from(at.span().byte_offset()?).ok()?;
    let end = start + usize::try_from(at.span().byte_len()?).ok()?;
    text.get(start..end)?;
    Some(Span { start, end })
}

fn node(text: &str, raw: &Spanned<Raw>, found: &mut Vec<Diagnostic>) -> Node {
    let span = bytes_of(text, &raw.referenced).unwrap_or_default();
    let own = bytes_of(text, &raw.defined).unwrap_or_default();
    let mut plain = false;
    let value = match &raw.value {
        Raw::List(items) => Value::List(items.iter().map(|item| node(text, item, found)).collect()),
        Raw::Map(entries) => Value::Map(map(text, entries, found)),
        scalar => {
            plain = syntax::is_plain(text, own);
            match scalar {
                Raw::Bool(yes) => Value::Bool(*yes),
                Raw::Number(number) => Value::Number(number.clone()),
                Raw::String(text) => Value::String(text.clone()),
                _ => Value::Null,
            }
        }
    };
    let span = if span == own { cover(text, span, &value) } else { span };
    // A value that spans lines is shown by its first.
    Node { span: first_line(text, span), value, plain }
}

fn map(text: &str, raw: &[(Spanned<Key>, Spanned<Raw>)], found: &mut Vec<Diagnostic>) -> Vec<Entry> {
    let mut seen = HashMap::new();
    let mut entries = Vec::with_capacity(raw.len());
    for (key, value) in raw {
        let key_span = bytes_of(text, &key.referenced).unwrap_or_default();
        let own = bytes_of(text, &key.defined).unwrap_or_default();
        let value = node(text, value, found);
        if let Some(first) = seen.get(&key.value.0) {
            found.push(Diagnostic {
                file: None,
                severity: Severity::Error,
                message: format!("the key `{}` is said twice", printable(&key.value.0)),
                span: Some(key_span),
                label: Some("again here".to_owned()),
                second: Some((*first, "first here".to_owned())),
                hint: Some("keep one; kubectl would silently take the last".to_owned()),
                fix: Vec::new(),
                environment: false,
            });
            continue;
        }
        seen.insert(key.value.0.clone(), key_span);
        entries.push(Entry { key: key.value.0.clone(), key_span, key_plain: syntax::is_plain(text, own), value });
    }
    entries
}

/// From the start of a list or mapping to the end of its last value and closing bracket.
fn cover(text: &str, start: Span, value: &Value) -> Span {
    let last = match value {
        Value::List(items) => items.last().map(|item| item.span.end),
        Value::Map(entries) => entries.last().map(|entry| entry.value.span.end.max(entry.key_span.end)),
        _ => return start,
    };
    let mut end = last.unwrap_or(start.end).max(start.end);
    if let Some(open @ ('{' | '[')) = text[start.start..].chars().next() {
        let close = if open == '{' { '}' } else { ']' };
        let rest = &text[end..];
        let skipped = rest.len() - rest.trim_start_matches([' ', ',', ':', '\n']).len();
        if rest[skipped..].starts_with(close) {
            end += skipped + 1;
        }
    }
    Span { start: start.start, end }
}

fn first_line(text: &str, span: Span) -> Span {
    let shown = &text[span.start..span.end];
    let line = shown.split('\n').next().unwrap_or(shown).trim_end();
    Span { start: span.start, end: span.start + line.len() }
}

/// What serde-saphyr gives.
enum Raw {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Key>, Spanned<Raw>)>),
}

/// How many values there are, those that came by aliases included.
fn count(raw: &Raw) -> usize {
    match raw {
        Raw::List(items) => 1 + items.iter().map(|item| count(&item.value)).sum::<usize>(),
        Raw::Map(entries) => 1 + entries.iter().map(|(_, value)| count(&value.value)).sum::<usize>(),
        _ => 1,
    }
}

/// A key as text, whatever it looks like.
struct Key(String);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Key)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_bool<E>(self, yes: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(yes))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Raw, E> {
        Ok(Raw::Number(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Raw, E> {
        // As kubectl's way through Go writes it: `1e3` and `1000.0` are the number 1000.
        #[expect(clippy::cast_possible_truncation, reason = "within 2^53, and without a fraction")]
        if number.fract() == 0.0 && number.abs() < 9e15 {
            return Ok(Raw::Number((number as i64).into()));
        }
        Ok(serde_json::Number::from_f64(number).map_or_else(|| Raw::String(number.to_string()), Raw::Number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Raw, E> {
        Ok(Raw::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Raw, E> {
        Ok(Raw::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Raw, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Raw::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Raw, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(Raw::Map(map))
    }
}
