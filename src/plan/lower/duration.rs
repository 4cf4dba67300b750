//! Lengths of time: `500ms`, `30s`, `2m`.

use std::time::Duration;

use crate::{plan::context::Context, scenario::duration::Duration as Written};

/// The longest time that a step may be given.
pub(in crate::plan) const LIMIT: Duration = Duration::from_secs(600);
/// The longest time that a scenario may be given.
const SCENARIO_LIMIT: Duration = Duration::from_secs(3600);
/// The time that a scenario is given when it says nothing.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(900);

/// Reads a time, which must be more than nothing and at most ten minutes.
pub(in crate::plan) fn duration(cx: &mut Context<'_>, pointer: &str, text: &Written) -> Option<Duration> {
    limited(cx, pointer, text, LIMIT)
}

/// The time of the whole scenario.
pub(in crate::plan) fn scenario_timeout(cx: &mut Context<'_>, said: Option<&Written>) -> Duration {
    said.and_then(|text| limited(cx, "/timeout", text, SCENARIO_LIMIT)).unwrap_or(SCENARIO_TIMEOUT)
}

fn limited(cx: &mut Context<'_>, pointer: &str, text: &Written, limit: Duration) -> Option<Duration> {
    let text = &text.0;
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let millis = match (digits.parse::<u64>(), &text[digits.len()..]) {
        (Ok(number), "ms") => number,
        (Ok(number), "s") => number.saturating_mul(1000),
        (Ok(number), "m") => number.saturating_mul(60_000),
        _ if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => u64::MAX,
        _ => {
            cx.findings
                .error(pointer, format!("`{text}` is no length of time"))
                .hint("a number and its unit: `500ms`, `30s`, `2m`");
            return None;
        }
    };
    let duration = Duration::from_millis(millis);
    if duration.is_zero() {
        cx.findings.error(pointer, "a time of nothing").label("must be more than 0");
        return None;
    }
    if duration > limit {
        let most = format!("at most {}m", limit.as_secs() / 60);
        cx.findings.error(pointer, format!("`{text}` is too long")).label(most);
        return None;
    }
    Some(duration)
}
