//! For whom a command line asks: `--as`, as kubectl reads it.

use super::grammar::{Call, Given};

/// Somebody for whom the one who sends the request speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedAs {
    /// The argument that names the user.
    pub at: usize,
    /// The user.
    pub user: String,
    /// The groups, each with its argument.
    pub groups: Vec<(usize, String)>,
}

/// For whom a call asks; `None`: for the one who sends it. The last `--as` counts, and an empty one says nobody.
pub fn asked_as(call: &Call<'_>) -> Option<AskedAs> {
    let value = |given: &Given| Some((given.value_at, given.value.clone()?));
    let (at, user) = call.values("as").last().and_then(value).filter(|(_, user)| !user.is_empty())?;
    Some(AskedAs { at, user, groups: call.values("as-group").filter_map(value).collect() })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{super::grammar, *};

    #[rstest]
    #[case("get pods --as=jane", Some((2, "jane", vec![])))]
    #[case("--as jane get pods", Some((1, "jane", vec![])))]
    #[case("get pods --as=ann --as=jane", Some((3, "jane", vec![])))]
    #[case("get pods --as jane --as-group=a --as-group b", Some((3, "jane", vec![(4, "a"), (6, "b")])))]
    #[case("get pods --as=", None)]
    #[case("get pods", None)]
    #[case("exec p -- kubectl get pods --as=jane", None)]
    #[case("create rolebinding b --user=jane", None)]
    fn the_one_for_whom_kubectl_asks(#[case] line: &str, #[case] found: Option<(usize, &str, Vec<(usize, &str)>)>) {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let expected = found.map(|(at, user, groups)| AskedAs {
            at,
            user: user.to_owned(),
            groups: groups.into_iter().map(|(at, group)| (at, group.to_owned())).collect(),
        });
        assert_eq!(asked_as(&grammar::read(&args).expect(line)), expected);
    }
}
