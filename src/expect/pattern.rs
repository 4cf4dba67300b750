//! Regular expressions that end in time, whatever they are and whatever they look at.

use regex::{Regex, RegexBuilder};

/// The longest text in which a pattern is looked for.
const LONGEST: usize = 1 << 20;

/// The biggest pattern, compiled, in bytes; of a long text, less.
const BIGGEST: usize = 4 << 20;
const SMALLEST: usize = 64 << 10;

/// The size of a pattern times the length of the text: what the slowest way to look takes, a second or two.
const WORK: usize = 1 << 33;

/// Compiles a pattern for a text of so many bytes.
///
/// # Errors
/// When it is none, or the two together take too long.
pub fn compile(pattern: &str, length: usize) -> Result<Regex, String> {
    if length > LONGEST {
        let most = LONGEST >> 20;
        return Err(format!("the text has {length} bytes, and a pattern is looked for in {most} MiB at most"));
    }
    let size = (WORK / length.max(1)).clamp(SMALLEST, BIGGEST);
    RegexBuilder::new(pattern).size_limit(size).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("the pattern is too big for a text of {length} bytes"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_end_is_refused() {
        assert!(compile(r"^\w{3,40}$", 2000).is_ok());
        assert!(compile("(", 1).expect_err("no pattern").contains("unclosed group"));
        assert_eq!(
            compile(r"(\w{1000}){10}", 100_000).expect_err("too big"),
            "the pattern is too big for a text of 100000 bytes"
        );
        assert!(compile("a", 2 << 20).expect_err("too long").starts_with("the text has 2097152 bytes"));
    }

    #[test]
    fn the_slowest_that_is_let_through_ends_soon() {
        let begun = std::time::Instant::now();
        let text: String =
            (0..1 << 20).map(|n: u32| if n.wrapping_mul(2_654_435_769) >> 31 == 0 { '0' } else { '1' }).collect();
        if let Ok(regex) = compile("[01]*1[01]{400}x", text.len()) {
            assert!(!regex.is_match(&text));
        }
        assert!(begun.elapsed() < std::time::Duration::from_secs(120), "{:?}", begun.elapsed());
    }
}
