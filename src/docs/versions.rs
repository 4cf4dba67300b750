//! Versions of Kubernetes, as `all` or comparisons, in words.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_comparisons_in_words() {
        assert_eq!(in_words("all").as_deref(), Some("all"));
        assert_eq!(in_words(">=1.24, <1.37").as_deref(), Some("from 1.24, up to 1.36"));
        assert_eq!(in_words("<1.24").as_deref(), Some("up to 1.23"));
        assert_eq!(in_words(">=1.x").as_deref(), None);
        assert_eq!(in_words("some").as_deref(), None);
    }
}
