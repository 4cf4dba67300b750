//! Lines that stand one level too deep, dashes and colons without a blank behind them: what the YAML reader calls something else.

use super::{
    super::{
        Diagnostic, Span,
        diagnostic::printable,
        fix::{self, Edit},
    },
    mended,
};

/// What is meant by a line that the YAML reader stumbled over.
pub(in crate::scenario) fn explain(text: &str, at: usize) -> Option<Diagnostic> {
    let at = at.min(text.len());
    let start = text[..at].rfind('\n').map_or(0, |found| found + 1);
    let line = text[start..].split('\n').next().unwrap_or_default();
    let before: Vec<(usize, &str)> = {
        let mut all = Vec::new();
        let mut offset = 0;
        for line in text[..start].split_inclusive('\n') {
            all.push((offset, line.trim_end_matches(['\n', '\r'])));
            offset += line.len();
        }
        all.into_iter().filter(|(_, line)| !line.trim().is_empty() && !line.trim_start().starts_with('#')).collect()
    };
    let above = before.last().copied();
    // `-title: x`
    for (offset, line) in [Some((start, line)), above].into_iter().flatten() {
        if let Some(dash) = tight_dash(line) {
            let span = Span { start: offset + dash, end: offset + dash + 1 };
            let fix = vec![Edit::insert(span.end, " ")];
            return Some(mended(
                "a dash without a blank behind it begins no element",
                span,
                "write `- ` with a blank",
                fix,
            ));
        }
    }
    let (offset, above) = above?;
    let column = line.len() - line.trim_start_matches(' ').len();
    let key = key_of(line)?;
    let home_column = above.len() - above.trim_start_matches([' ', '-']).len();
    let rest = &above[home_column..];
    let home = key_of(rest)?;
    let value = rest[home.len()..].trim_start_matches(['"', '\'']).strip_prefix(':')?.trim();
    let scalar = !value.is_empty() && !value.starts_with(['|', '>', '[', '{', '&', '*', '#']);
    if column <= home_column || !scalar {
        return None;
    }
    let span = Span { start: start + column, end: start + column + key.len() };
    let block = fix::block(text, span)?;
    let by = home_column as isize - column as isize;
    let hint = format!("it stands in the column of `{}` on the line above: {} blanks less", printable(home), -by);
    let mut found = mended(
        &format!("`{}` is indented too far", printable(key)),
        span,
        &hint,
        fix::shift(text, siblings(text, block, column), by),
    );
    found.second = Some((
        Span { start: offset + home_column, end: offset + home_column + home.len() },
        "has its value already".to_owned(),
    ));
    Some(found)
}

/// The block and those behind it that begin in its column.
fn siblings(text: &str, block: Span, column: usize) -> Span {
    let mut end = block.end;
    for line in text[block.end..].split_inclusive('\n') {
        let indentation = line.bytes().take_while(|byte| *byte == b' ').count();
        if !line.trim().is_empty() && indentation < column {
            break;
        }
        end += line.len();
    }
    Span { start: block.start, end: block.start + text[block.start..end].trim_end().len() }
}

/// Where a dash stands that begins an element and has no blank behind it.
fn tight_dash(line: &str) -> Option<usize> {
    let rest = line.trim_start_matches(' ');
    let inner = rest.strip_prefix('-')?;
    (inner.starts_with(|c: char| c.is_ascii_alphabetic()) && key_of(inner).is_some()).then_some(line.len() - rest.len())
}

/// The key that a line begins with.
fn key_of(line: &str) -> Option<&str> {
    let line = line.trim_start_matches(' ');
    let end = line.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/')))?;
    let behind = line[end..].strip_prefix(':')?;
    (end > 0 && (behind.is_empty() || behind.starts_with([' ', '\r', '\n']))).then(|| &line[..end])
}

/// Keys without a blank behind their colons: `title:x serviceAccount:a` is one text to YAML.
pub(in crate::scenario) fn tight_colons(text: &str, span: Span) -> Option<Diagnostic> {
    let line = &text[span.start..span.end];
    let (key, rest) = line.split_once(':')?;
    let word = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !word || rest.is_empty() || rest.starts_with([' ', '/']) {
        return None;
    }
    let column = fix::column(text, span.start);
    let mut edits = vec![Edit::insert(span.start + key.len() + 1, " ")];
    let mut at = span.start + line.len();
    // The text goes on in the same column.
    for next in text[at..].split_inclusive('\n').skip(1) {
        at = text[..at].len() + text[at..].find('\n').map_or(0, |found| found + 1);
        let own = next.trim_start_matches(' ');
        let same = next.len() - own.len() == column;
        match own.find(':') {
            Some(colon) if same && own[..colon].chars().all(|c| c.is_ascii_alphanumeric()) => {
                if own[colon + 1..].starts_with(|c: char| !c.is_whitespace()) {
                    edits.push(Edit::insert(at + column + colon + 1, " "));
                }
            }
            _ => break,
        }
        at += next.trim_end_matches('\n').len();
    }
    let colon = span.start + key.len();
    Some(mended(
        &format!("the colon behind `{key}` has no blank behind it, so this is one text to YAML"),
        Span { start: colon, end: colon + 1 },
        &format!("write `{key}: …` with a blank"),
        edits,
    ))
}

/// The changes that move an entry to the column of the key around it, if it is the last of its mapping.
pub(in crate::scenario) fn outwards(text: &str, key: Span, home: Span) -> Vec<Edit> {
    let (own, column) = (fix::column(text, key.start), fix::column(text, home.start));
    let Some(block) = fix::block(text, key).filter(|_| own > column) else { return Vec::new() };
    let rest = text[block.end..].lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let last = rest.is_none_or(|line| line.len() - line.trim_start_matches(' ').len() < own);
    if last { fix::shift(text, block, column as isize - own as isize) } else { Vec::new() }
}

/// The changes that put an entry under a key that is not there yet.
pub(in crate::scenario) fn inwards(text: &str, key: Span, home: &str) -> Vec<Edit> {
    let Some(block) = fix::block(text, key) else { return Vec::new() };
    let column = " ".repeat(fix::column(text, key.start));
    let mut edits = fix::shift(text, block, 2);
    if let Some(first) = edits.first_mut() {
        first.text = format!("{column}{home}:\n  ");
    }
    edits
}

/// A text that begins with `#`, so that there is none: `title: #1 of many`.
pub(in crate::scenario) fn comment(text: &str, key: Span, name: &str) -> Option<Diagnostic> {
    let rest = text.get(key.end..)?.split('\n').next()?;
    let (colon, value) =
        rest.split_once(':').filter(|(before, _)| before.is_empty() || *before == "\"" || *before == "'")?;
    let said = value.trim();
    let meant = said.strip_prefix('#').is_some_and(|said| said.starts_with(char::is_alphanumeric));
    if !meant {
        return None;
    }
    let start = key.end + colon.len() + 1 + value.len() - value.trim_start().len();
    let span = Span { start, end: start + said.len() };
    let quoted = format!("'{}'", said.replace('\'', "''"));
    let fix = vec![Edit::replace(span, quoted.clone())];
    Some(mended(&format!("{name} has no value: a `#` begins a comment"), span, &format!("quote it: `{quoted}`"), fix))
}
