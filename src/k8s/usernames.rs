//! The user names of ServiceAccounts, and what people write instead: any other user name may be somebody's, so no server says
//! that nobody is called so.

use super::near::nearest;

/// How the user name of a ServiceAccount begins.
pub const PREFIX: &str = "system:serviceaccount:";

/// The namespace and the name of the ServiceAccount whose user name this is.
pub fn account(user: &str) -> Option<(&str, &str)> {
    user.strip_prefix(PREFIX)?.split_once(':')
}

/// The user name of a ServiceAccount that was meant by one that only looks like it; `home` is the namespace of what names none.
pub fn meant(user: &str, home: &str) -> Option<String> {
    let plain = |part: &str| !part.is_empty() && !part.contains([':', '/']);
    if account(user).is_some_and(|(namespace, name)| plain(namespace) && plain(name)) {
        return None;
    }
    let parts: Vec<&str> = user.split([':', '/']).collect();
    let is_word = |part: &str| nearest(part, ["serviceaccount"].into_iter()).is_some();
    let rest = match parts.as_slice() {
        [system, word, rest @ ..] if nearest(system, ["system"].into_iter()).is_some() && is_word(word) => rest,
        // A colon alone may be that of somebody's own names.
        [word, rest @ ..] if user.contains('/') && (*word == "sa" || is_word(word)) => rest,
        _ => return None,
    };
    let (namespace, name) = match rest {
        [name] => (home, *name),
        [namespace, name] => (*namespace, *name),
        _ => return None,
    };
    (plain(namespace) && plain(name)).then(|| format!("{PREFIX}{namespace}:{name}"))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("system:serviceacount:a:b", "system:serviceaccount:a:b")]
    #[case("system:serviceaccounts:a:b", "system:serviceaccount:a:b")]
    #[case("system:service-account:a:b", "system:serviceaccount:a:b")]
    #[case("sytem:serviceaccount:a:b", "system:serviceaccount:a:b")]
    #[case("system:serviceaccount:b", "system:serviceaccount:home:b")]
    #[case("system:serviceaccount:a/b", "system:serviceaccount:a:b")]
    #[case("system:serviceaccount/a/b", "system:serviceaccount:a:b")]
    #[case("serviceaccount/b", "system:serviceaccount:home:b")]
    #[case("serviceaccount/a/b", "system:serviceaccount:a:b")]
    #[case("sa/b", "system:serviceaccount:home:b")]
    fn what_looks_like_an_accounts_name(#[case] user: &str, #[case] name: &str) {
        assert_eq!(meant(user, "home").as_deref(), Some(name));
    }

    #[rstest]
    #[case("system:serviceaccount:a:b")]
    #[case("jane")]
    #[case("jane@example.org")]
    #[case("oidc:serviceaccount")]
    #[case("service-account-ci")]
    #[case("serviceaccount:ci")]
    #[case("system:node:serviceaccount")]
    #[case("system:anonymous")]
    #[case("system:kube-controller-manager")]
    #[case("team/service")]
    #[case("system:serviceaccount:a:")]
    fn other_names_are_somebodys(#[case] user: &str) {
        assert_eq!(meant(user, "home"), None);
    }
}
