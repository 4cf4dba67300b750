//! Where something stands in a scenario's file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    scenario::{Source, Span},
    text,
};

/// A place in a scenario's file, or in one that it names, with its line.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// The file, when it is one that the scenario names; left out: the scenario itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// 1 for the first.
    pub line: usize,
    /// In characters, 1 for the first.
    pub col: usize,
    /// The line's text.
    pub excerpt: String,
    /// First byte of the value in the excerpt.
    pub start: usize,
    /// One past its last byte; a value of several lines ends with its first one.
    pub end: usize,
}

/// A line of the file that is longer is told in part.
const LONG: usize = 16 << 10;

impl Place {
    /// Where a span begins.
    pub fn from_span(source: &Source, span: Span) -> Self {
        let whole = &*source.text;
        let at = text::floor(whole, span.start);
        let begin = whole[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let stop = whole[at..].find('\n').map_or(whole.len(), |newline| at + newline);
        let raw = whole[begin..stop].trim_end_matches('\r');
        let line = 1 + whole[..begin].matches('\n').count();
        let col = 1 + whole[begin..at].chars().count();
        let (mut start, mut end) = ((at - begin).min(raw.len()), span.end.saturating_sub(begin).min(raw.len()));
        // Of a line of megabytes, what is about the place.
        let skipped = if raw.len() > LONG { text::floor(raw, start.saturating_sub(LONG / 4)) } else { 0 };
        let raw = &raw[skipped..text::floor(raw, skipped + LONG)];
        (start, end) = (start - skipped, end.saturating_sub(skipped).min(raw.len()));
        let excerpt = text::escape(&crate::redact::redact(&raw.replace('\t', " ")), false);
        if excerpt != raw.replace('\t', " ") {
            (start, end) = (0, excerpt.len());
        }
        end = text::floor(&excerpt, end.max(start));
        Self { file: None, line, col, excerpt, start, end }
    }
}
