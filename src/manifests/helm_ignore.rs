//! `.helmignore`: the files of a chart's folder that helm does not take for the chart's.
//!
//! Source: `pkg/ignore/rules.go` of helm. A pattern with a slash that is not its last character is about the whole path from the chart,
//! another about the last part of one; a slash at the end means folders only, `!` all that does *not* fit, and a comment is a
//! line that begins with `#`.

use regex::Regex;

/// The rules of a chart.
#[derive(Debug, Default)]
pub(super) struct Ignored(Vec<Rule>);

#[derive(Debug)]
struct Rule {
    pattern: Regex,
    /// About the whole path from the chart's folder.
    whole: bool,
    folders_only: bool,
    negated: bool,
}

impl Ignored {
    /// Reads them, with what helm itself leaves out.
    ///
    /// # Errors
    /// A line that helm refuses, and why.
    pub(super) fn read(text: &str) -> Result<Self, (String, &'static str)> {
        let text = text.trim_start_matches('\u{feff}');
        let rules = text.lines().chain(["templates/.?*"]).filter_map(|line| rule(line).transpose());
        rules.collect::<Result<_, _>>().map(Self)
    }

    /// Whether a path below the chart's folder is left out.
    pub(super) fn leaves_out(&self, path: &str, is_folder: bool) -> bool {
        let last = path.rsplit('/').next().unwrap_or_default();
        let fits = |rule: &Rule| rule.pattern.is_match(if rule.whole { path } else { last });
        self.0.iter().any(|rule| match rule.negated {
            // As helm has it: what a negated rule does not fit is left out, and a folder only by a rule about folders.
            true if rule.folders_only && !is_folder => true,
            true => !fits(rule),
            false => (is_folder || !rule.folders_only) && fits(rule),
        })
    }
}

fn rule(line: &str) -> Result<Option<Rule>, (String, &'static str)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let wrong = |why| Err((line.to_owned(), why));
    if line.contains("**") {
        return wrong("helm knows no double star");
    }
    let (negated, rest) = line.strip_prefix('!').map_or((false, line), |rest| (true, rest));
    let (folders_only, rest) = rest.strip_suffix('/').map_or((false, rest), |rest| (true, rest));
    let (whole, rest) = match rest.strip_prefix('/') {
        Some(rest) => (true, rest),
        None => (rest.contains('/'), rest),
    };
    match pattern(rest).and_then(|pattern| Regex::new(&pattern).ok()) {
        Some(pattern) => Ok(Some(Rule { pattern, whole, folders_only, negated })),
        None => wrong("helm cannot read the pattern"),
    }
}

/// A pattern of Go's `filepath.Match` as a regular expression.
fn pattern(glob: &str) -> Option<String> {
    let literal = |c: char| regex::escape(c.encode_utf8(&mut [0; 4]));
    let (mut all, mut rest) = (String::from("(?s)^"), glob.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            '*' => all.push_str("[^/]*"),
            '?' => all.push_str("[^/]"),
            '\\' => all.push_str(&literal(rest.next()?)),
            '[' => {
                all.push('[');
                if rest.next_if_eq(&'^').is_some() {
                    all.push('^');
                }
                let mut some = false;
                loop {
                    match rest.next()? {
                        ']' if some => break,
                        ']' => return None,
                        '-' => all.push('-'),
                        '\\' => all.push_str(&literal(rest.next()?)),
                        c => all.push_str(&literal(c)),
                    }
                    some = true;
                }
                all.push(']');
            }
            c => all.push_str(&literal(c)),
        }
    }
    all.push('$');
    Some(all)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("*.tmp", "a/b.tmp", false, true)]
    #[case("*.tmp", "a/b.tmp.yaml", false, false)]
    #[case("docs/", "docs", true, true)]
    #[case("docs/", "docs", false, false)]
    #[case("docs/", "a/docs", true, true)]
    #[case("/docs", "docs", true, true)]
    #[case("/docs", "a/docs", true, false)]
    #[case("ci/*.yaml", "ci/a.yaml", false, true)]
    #[case("ci/*.yaml", "ci/b/a.yaml", false, false)]
    #[case("# a\n\n  b?c  ", "x/bxc", false, true)]
    #[case("[a-c]x", "bx", false, true)]
    #[case("[^a-c]x", "bx", false, false)]
    #[case("\\*x", "*x", false, true)]
    #[case("", "templates/.swp", false, true)]
    #[case("", "templates/a.yaml", false, false)]
    #[case("", ".swp", false, false)]
    #[case("!*.yaml", "README.md", false, true)]
    fn files_are_left_out_as_by_helm(#[case] rules: &str, #[case] path: &str, #[case] folder: bool, #[case] out: bool) {
        assert_eq!(Ignored::read(rules).expect("rules").leaves_out(path, folder), out);
    }

    #[test]
    fn what_helm_refuses_is_told() {
        assert_eq!(Ignored::read("a/**").unwrap_err().0, "a/**");
        assert_eq!(Ignored::read("a\n[b").unwrap_err().0, "[b");
    }
}
