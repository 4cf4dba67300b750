//! Lengths of time: `500ms`, `30s`, `2m`.

use std::time::Duration;

use crate::{duration, plan::context::Context, scenario::duration::Duration as Written};

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

/// A length of time of any size.
pub(in crate::plan) fn read(cx: &mut Context<'_>, pointer: &str, text: &str, hint: &str) -> Option<Duration> {
    let duration = duration::read(text);
    if duration.is_none() {
        cx.findings.error(pointer, format!("`{text}` is no length of time")).hint(hint);
    }
    duration
}

fn limited(cx: &mut Context<'_>, pointer: &str, text: &Written, limit: Duration) -> Option<Duration> {
    let text = &text.0;
    let duration = read(cx, pointer, text, "a number and its unit: `500ms`, `30s`, `2m`")?;
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
