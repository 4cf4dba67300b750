//! The words of a command line that a line to run one scenario again must have, too.

use clap::{ArgMatches, parser::ValueSource};

/// The arguments without which a scenario would run on another cluster, or be trusted, and their flags.
const MEANING: [(&str, &str); 7] = [
    ("untrusted", "--untrusted"),
    ("cluster", "--cluster"),
    ("kubernetes", "--kubernetes"),
    ("context", "--context"),
    ("yes_this_cluster", "--yes-this-cluster"),
    ("namespace", "--namespace"),
    ("curl_image", "--curl-image"),
];

/// Those that were said on the command line of a command: variables and the project's file are there the next time, too. Several versions
/// of Kubernetes are left out: which of them a failure is of is told with it.
pub fn options(found: &ArgMatches) -> Vec<String> {
    let is_said = |id: &str| {
        matches!(found.try_contains_id(id), Ok(true)) && found.value_source(id) == Some(ValueSource::CommandLine)
    };
    let mut words = Vec::new();
    for (id, flag) in MEANING.into_iter().filter(|(id, _)| is_said(id)) {
        let values: Vec<_> = found.get_raw(id).into_iter().flatten().map(|value| value.to_string_lossy()).collect();
        match values.as_slice() {
            _ if matches!(id, "untrusted" | "yes_this_cluster") => words.push(flag.to_owned()),
            [_, _, ..] if id == "kubernetes" => {}
            values => words.extend(values.iter().flat_map(|value| [flag.to_owned(), value.to_string()])),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(&["run"], &[])]
    #[case(&["run", "--untrusted", "--cluster", "builtin", "--kubernetes", "1.34"], &["--untrusted", "--cluster", "builtin", "--kubernetes", "1.34"])]
    #[case(&["run", "--kubernetes", "1.20,1.37", "--jobs", "2"], &[])]
    #[case(&["run", "--cluster=kubeconfig", "--context", "it", "--yes-this-cluster"], &["--cluster", "kubeconfig", "--context", "it", "--yes-this-cluster"])]
    #[case(&["run", "--namespace", "a,b", "--curl-image", "c"], &["--namespace", "a", "--namespace", "b", "--curl-image", "c"])]
    #[case(&["watch", "--untrusted", "x"], &["--untrusted"])]
    #[case(&["demo", "--cluster", "docker", "x"], &["--cluster", "docker"])]
    #[case(&["docs", "--kubernetes", "1.34", "x"], &["--kubernetes", "1.34"])]
    #[case(&["list", "x"], &[])]
    fn what_changes_the_meaning_is_said_again(#[case] words: &[&str], #[case] again: &[&str]) {
        let found = crate::cli::command().try_get_matches_from(std::iter::once(&"kubewalk").chain(words));
        let found = found.unwrap_or_else(|e| panic!("{e}"));
        let (_, found) = found.subcommand().expect("a command");
        let expected: Vec<_> = again.iter().map(|word| (*word).to_owned()).collect();
        // A developer's own variables are no part of it: what is said on the line goes before.
        assert_eq!(options(found), expected);
    }
}
