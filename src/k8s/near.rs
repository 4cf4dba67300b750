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

/// The API group that was probably meant. Two slips at most, however long it is: groups of one's own may end alike. `x-k8s.io` is the
/// community's domain for kinds that no cluster has by itself, as `scheduling.x-k8s.io`: no author writes it by a slip.
pub fn nearest_group<'a>(group: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if group.ends_with(".x-k8s.io") {
        return None;
    }
    let others = known.filter(|other| !other.is_empty() && *other != group);
    let allowed = if group.contains('.') { 2 } else { 1 };
    let lower = group.to_lowercase();
    let near = others.map(|other| (strsim::damerau_levenshtein(other, &lower), other));
    near.filter(|(slips, _)| *slips <= allowed).min().map(|(_, other)| other)
}

/// Whether a name is another one with a slip of the fingers in it: two letters swapped, one missing, doubled, or too much, or its
/// neighbour on the keyboard. Both may be names of their own, so what tells names apart on purpose is none: digits, a letter more or
/// less at the end (`reader`, `readers`), a short word (`jan`, `jane`), or another first letter.
pub fn is_slip(name: &str, of: &str) -> bool {
    let Some((edit, word, inner)) = edit(name, of) else { return false };
    match edit {
        Edit::Swapped => word >= 3,
        Edit::Doubled => word >= 5,
        Edit::Missing | Edit::Extra => word >= 5 && inner,
        Edit::Other(one, other) => inner && (word >= 8 || word >= 6 && side_by_side(one, other)),
    }
}

/// The same for a name that Kubernetes gives, as `system:masters`: users give no other thing nearly the same name.
pub fn is_slip_of_own(name: &str, of: &str) -> bool {
    of.contains([':', '-', '/']) && edit(name, of).is_some_and(|(_, word, _)| word >= 4)
}

/// What makes one name of another.
enum Edit {
    Swapped,
    Doubled,
    Missing,
    Extra,
    Other(char, char),
}

/// The one edit by letters that makes `name` of `of`; how many letters the word in `of` has, and whether it is within that word.
fn edit(name: &str, of: &str) -> Option<(Edit, usize, bool)> {
    let (name, of): (Vec<char>, Vec<char>) = (name.chars().collect(), of.chars().collect());
    if name.len().abs_diff(of.len()) > 1 {
        return None;
    }
    let same = |pairs: &mut dyn Iterator<Item = (&char, &char)>| pairs.take_while(|(one, other)| one == other).count();
    let at = same(&mut name.iter().zip(&of));
    let end = same(&mut name[at..].iter().rev().zip(of[at..].iter().rev()));
    let (one, other) = (&name[at..name.len() - end], &of[at..of.len() - end]);
    // Digits and signs tell names apart on purpose; and of them no word is taken below.
    if !one.iter().chain(other).all(char::is_ascii_alphabetic) {
        return None;
    }
    let longer = if name.len() > of.len() { &name } else { &of };
    let start =
        longer[..at.min(longer.len())].iter().rposition(|c| !c.is_ascii_alphabetic()).map_or(0, |before| before + 1);
    let stop = longer[at..].iter().position(|c| !c.is_ascii_alphabetic()).map_or(longer.len(), |behind| at + behind);
    let doubled = |letter: char| at > start && longer[at - 1] == letter;
    let edit = match (one, other) {
        ([a, b], [c, d]) if (a, b) == (d, c) => Edit::Swapped,
        ([], [letter]) | ([letter], []) if doubled(*letter) => Edit::Doubled,
        ([], [_]) => Edit::Missing,
        ([_], []) => Edit::Extra,
        ([one], [other]) => Edit::Other(*one, *other),
        _ => return None,
    };
    let word = stop - start - usize::from(name.len() > of.len());
    Some((edit, word, at > start && at + 1 < stop))
}

/// Whether two letters are neighbours on a keyboard.
fn side_by_side(one: char, other: char) -> bool {
    const ROWS: [&str; 3] = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];
    let place = |letter: char| ROWS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(letter)?)));
    let (Some(one), Some(other)) = (place(one), place(other)) else { return false };
    let (upper, lower) = if one.0 <= other.0 { (one, other) } else { (other, one) };
    match lower.0 - upper.0 {
        0 => upper.1.abs_diff(lower.1) == 1,
        1 => lower.1 == upper.1 || lower.1 + 1 == upper.1,
        _ => false,
    }
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
    #[case::swapped("raeder", "reader", true)]
    #[case("jnae", "jane", true)]
    #[case("wbe", "web", true)]
    #[case("system:serviceaccount:a:raeder", "system:serviceaccount:a:reader", true)]
    #[case("kubernetes.io/kube-apiserver-clinet", "kubernetes.io/kube-apiserver-client", true)]
    #[case::missing("develpers", "developers", true)]
    #[case::doubled("setings", "settings", true)]
    #[case("db-pasword", "db-password", true)]
    #[case("proces", "process", true)]
    #[case::extra("seettings", "settings", true)]
    #[case::beside("wruter", "writer", true)]
    #[case("prodaction", "production", true)]
    #[case::the_same("reader", "reader", false)]
    #[case::digits("reader2", "reader", false)]
    #[case("reader-1", "reader-2", false)]
    #[case::one_more("readers", "reader", false)]
    #[case("readera", "readerb", false)]
    #[case("team-a", "team-b", false)]
    #[case("reader-b", "reader", false)]
    #[case("cfg-11", "cfg-1", false)]
    #[case("cfg-1", "cfg-11", false)]
    #[case("a--b", "a-b", false)]
    #[case("team-22", "team-2", false)]
    #[case("é-", "e", false)]
    #[case::short("jan", "jane", false)]
    #[case("dev", "div", false)]
    #[case("ab", "ba", false)]
    #[case::first("leader", "reader", false)]
    #[case("render", "reader", false)]
    #[case("stage", "state", false)]
    #[case("Reader", "reader", false)]
    fn names_that_are_slips(#[case] name: &str, #[case] of: &str, #[case] slip: bool) {
        assert_eq!((is_slip(name, of), is_slip(of, of)), (slip, false));
    }

    #[rstest]
    #[case("system:master", "system:masters", true)]
    #[case("kube-sytem", "kube-system", true)]
    #[case("system:serviceaccount:a", "system:serviceaccounts:a", true)]
    #[case("admins", "admin", false)]
    #[case("system:masters", "system:masters", false)]
    fn slips_of_kubernetes_names(#[case] name: &str, #[case] of: &str, #[case] slip: bool) {
        assert_eq!(is_slip_of_own(name, of), slip);
    }

    #[rstest]
    #[case("app", Some("apps"))]
    #[case("rbac.authorisation.k8s.io", Some("rbac.authorization.k8s.io"))]
    #[case("edge.k8s.io", None)]
    #[case("node.x-k8s.io", None)]
    #[case("RBAC.authorization.x-k8s.io", None)]
    #[case("apps", None)]
    fn groups_are_nearer(#[case] group: &str, #[case] meant: Option<&str>) {
        let known = ["", "apps", "node.k8s.io", "rbac.authorization.k8s.io"];
        assert_eq!(nearest_group(group, known.into_iter()), meant);
    }
}
