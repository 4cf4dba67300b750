//! Did you mean …? One answer for keys, names, resources and words of all sorts.

/// So much of a word is compared, in letters: no author means a longer one.
const MOST: usize = 64;

/// The word that was probably meant: equal but for case, dashes, plural, or a slip or two of the fingers.
pub fn nearest<'a>(word: &str, among: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let own = folded(word);
    let allowed = match own.chars().count() {
        0..=1 => 0,
        2..=5 => 1,
        6..=9 => 2,
        _ => 3,
    };
    let slips = |other: &str| match folded(other) {
        other if other.trim_end_matches('s') == own.trim_end_matches('s') => 0,
        other => strsim::damerau_levenshtein(&own, &other),
    };
    let near = among.map(|other| (slips(other), other)).filter(|(slips, _)| *slips <= allowed);
    near.min_by_key(|(slips, _)| *slips).map(|(_, other)| other)
}

/// The API group that was probably meant. Two slips at most, however long it is: groups of one's own may end alike.
pub fn nearest_group<'a>(group: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let others = known.filter(|other| !other.is_empty() && *other != group);
    let allowed = if group.contains('.') { 2 } else { 1 };
    let lower = group.to_lowercase();
    let near = others.map(|other| (strsim::damerau_levenshtein(other, &lower), other));
    near.filter(|(slips, _)| *slips <= allowed).min().map(|(_, other)| other)
}

fn folded(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '-' | '_' | ' ')).flat_map(char::to_lowercase).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("tittle", Some("title"))]
    #[case("POD", Some("pods"))]
    #[case("service-account", Some("serviceAccount"))]
    #[case("tilte", Some("title"))]
    #[case("t", None)]
    #[case("title of it", None)]
    fn a_slip_or_two_are_forgiven(#[case] word: &str, #[case] meant: Option<&str>) {
        assert_eq!(nearest(word, ["serviceAccount", "title", "pods"].into_iter()), meant);
    }

    #[rstest]
    #[case("app", Some("apps"))]
    #[case("rbac.authorisation.k8s.io", Some("rbac.authorization.k8s.io"))]
    #[case("edge.k8s.io", None)]
    #[case("apps", None)]
    fn groups_are_nearer(#[case] group: &str, #[case] meant: Option<&str>) {
        let known = ["", "apps", "node.k8s.io", "rbac.authorization.k8s.io"];
        assert_eq!(nearest_group(group, known.into_iter()), meant);
    }
}
