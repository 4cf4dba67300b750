//! Lengths of time as the command line and the environment write them, and as they are told.

use std::time::Duration;

/// `90s`, `30m`, `2h`.
///
/// # Errors
/// How one is written.
pub fn read(text: &str) -> Result<Duration, String> {
    let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    let unit = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("give a number with s, m or h, such as 30m".into()),
    };
    let seconds = number.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs).ok_or_else(|| "give a time of at least 1s".into())
}

/// `90 s`, `30 min`, `2 h`: not less than it is.
pub fn words(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ => format!("{} h", seconds.div_ceil(3600)),
    }
}
