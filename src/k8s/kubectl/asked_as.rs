//! For whom a command line asks: `--as`, as kubectl reads it.

use super::grammar::{Call, Given};

/// The caller that a request impersonates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedAs {
    /// The argument that names the user.
    pub at: usize,
    /// The user.
    pub user: String,
    /// The groups, each with its argument.
    pub groups: Vec<(usize, String)>,
}

/// The caller that a kubectl call impersonates; `None`: it asks as the user whose credential it sends. The last `--as` counts, and an
/// empty one impersonates no user.
pub fn asked_as(call: &Call<'_>) -> Option<AskedAs> {
    let value = |given: &Given| Some((given.value_at, given.value.clone()?));
    let (at, user) = call.values("as").last().and_then(value).filter(|(_, user)| !user.is_empty())?;
    Some(AskedAs { at, user, groups: call.values("as-group").filter_map(value).collect() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{super::grammar, *};

    /// The user and the groups, each behind its argument.
    #[rstest]
    #[case("get pods --as=jane", "2 jane")]
    #[case("--as jane get pods", "1 jane")]
    #[case("get pods --as=ann --as=jane", "3 jane")]
    #[case("get pods --as jane --as-group=a --as-group b", "3 jane 4 a 6 b")]
    #[case("get pods --as=", "")]
    #[case("get pods", "")]
    #[case("exec p -- kubectl get pods --as=jane", "")]
    #[case("create rolebinding b --user=jane", "")]
    fn the_one_for_whom_kubectl_asks(#[case] line: &str, #[case] expected: &str) {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let found = asked_as(&grammar::read(&args).expect(line));
        let all = found.into_iter().flat_map(|found| [vec![(found.at, found.user)], found.groups].concat());
        let words: Vec<String> = all.map(|(at, word)| format!("{at} {word}")).collect();
        assert_eq!(words.join(" "), expected);
    }
}
