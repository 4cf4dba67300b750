//! Did you mean …?

/// The word that was probably meant: equal but for case, plural or a slip or two of the fingers.
pub fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let allowed = match word.chars().count() {
        0..=2 => 0,
        3..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    among
        .map(|other| {
            let other_lower = other.to_lowercase();
            let distance = if lower.trim_end_matches('s') == other_lower.trim_end_matches('s') {
                0
            } else {
                strsim::damerau_levenshtein(&lower, &other_lower)
            };
            (distance, other)
        })
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, other)| other)
}
