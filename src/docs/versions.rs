//! Versions of Kubernetes, as `all` or comparisons, in words.

use crate::k8s::Version;

/// A list of comparisons such as `>=1.24, <1.37` in words; `None` when it is none.
pub(super) fn in_words(versions: &str) -> Option<String> {
    match versions {
        "all" | "none" => return Some(versions.to_owned()),
        _ => {}
    }
    let parts = versions.split(',').map(str::trim).map(|part| {
        let operator_ends = part.find(|c: char| c.is_ascii_digit())?;
        let (operator, version) = (part[..operator_ends].trim(), &part[operator_ends..]);
        let (major, minor) = version.split_once('.')?;
        let (_, minor): (u32, u32) = (major.parse().ok()?, minor.parse().ok()?);
        Some(match operator {
            ">=" => format!("from {version}"),
            ">" => format!("from {major}.{}", minor + 1),
            "<=" => format!("up to {version}"),
            "<" => format!("up to {major}.{}", minor.checked_sub(1)?),
            "=" | "==" => format!("only {version}"),
            "!=" => format!("not {version}"),
            _ => return None,
        })
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join(", "))
}

/// Whether a version is among them.
pub(super) fn holds(versions: &str, version: Version) -> bool {
    match versions {
        "all" => return true,
        "none" => return false,
        _ => {}
    }
    versions.split(',').map(str::trim).all(|part| {
        let operator_ends = part.find(|c: char| c.is_ascii_digit()).unwrap_or(part.len());
        let Ok(other) = part[operator_ends..].parse::<Version>() else { return false };
        match part[..operator_ends].trim() {
            ">=" => version >= other,
            ">" => version > other,
            "<=" => version <= other,
            "<" => version < other,
            "=" | "==" => version == other,
            "!=" => version != other,
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_among_them_or_not() {
        let of = |versions| [20, 24, 37].map(|minor| holds(versions, Version::new(1, minor)));
        assert_eq!(of("all"), [true; 3]);
        assert_eq!(of("none"), [false; 3]);
        assert_eq!(of(">=1.24, <1.37"), [false, true, false]);
        assert_eq!(of("<1.24"), [true, false, false]);
    }

    #[test]
    fn says_comparisons_in_words() {
        assert_eq!(in_words("all").as_deref(), Some("all"));
        assert_eq!(in_words(">=1.24, <1.37").as_deref(), Some("from 1.24, up to 1.36"));
        assert_eq!(in_words("<1.24").as_deref(), Some("up to 1.23"));
        assert_eq!(in_words(">=1.x").as_deref(), None);
        assert_eq!(in_words("some").as_deref(), None);
    }
}
