//! The user names of ServiceAccounts, and what people write instead: any other user name may be a user's, so no API server rejects
//! one as unknown.

use super::near::nearest;

/// How the user name of a ServiceAccount begins.
pub const PREFIX: &str = "system:serviceaccount:";

/// How the name of the group begins in which all ServiceAccounts of a namespace are.
pub const GROUP_PREFIX: &str = "system:serviceaccounts:";

/// The user name of a ServiceAccount.
pub fn username(namespace: &str, name: &str) -> String {
    format!("{PREFIX}{namespace}:{name}")
}

/// The group in which all ServiceAccounts of a namespace are.
pub fn group(namespace: &str) -> String {
    format!("{GROUP_PREFIX}{namespace}")
}

/// The groups that a caller is in of whom these are said. They are all, but for `system:authenticated` or `system:unauthenticated`,
/// which the API server adds; only where none is said, it gives a ServiceAccount its own.
///
/// Source: `apiserver/pkg/endpoints/filters/impersonation/impersonation.go`.
pub fn groups(user: &str, said: impl IntoIterator<Item = String>) -> Vec<String> {
    const UNKNOWN: &str = "system:unauthenticated";
    const KNOWN: &str = "system:authenticated";
    let mut all: Vec<String> = Vec::new();
    for group in said {
        if !all.contains(&group) {
            all.push(group);
        }
    }
    if let Some((namespace, _)) = account(user).filter(|_| all.is_empty()) {
        all = vec!["system:serviceaccounts".into(), group(namespace)];
    }
    let added = if user == "system:anonymous" { UNKNOWN } else { KNOWN };
    if !all.iter().any(|group| group == added || group == UNKNOWN) {
        all.push(added.into());
    }
    all
}

/// The namespace and the name of the ServiceAccount whose user name this is. As the API server splits it: both are there, and there is
/// no third part.
pub fn account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user.strip_prefix(PREFIX)?.split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

/// Whether this is the user name of that ServiceAccount.
pub fn is_account(user: &str, namespace: &str, name: &str) -> bool {
    let own = user.strip_prefix(PREFIX).and_then(|rest| rest.strip_prefix(namespace));
    own.and_then(|rest| rest.strip_prefix(':')) == Some(name)
}

/// The ServiceAccount that `NAME` or `NAMESPACE/NAME` names; `home` is the namespace of what names none.
pub fn written<'a>(text: &'a str, home: &'a str) -> Option<(&'a str, &'a str)> {
    let (namespace, name) = text.split_once('/').unwrap_or((home, text));
    (!namespace.is_empty() && !name.is_empty() && !name.contains('/')).then_some((namespace, name))
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
    (plain(namespace) && plain(name)).then(|| username(namespace, name))
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
    #[case("system:serviceaccount:a:b", Some(("a", "b")))]
    #[case("system:serviceaccount:a:", None)]
    #[case("system:serviceaccount::b", None)]
    #[case("system:serviceaccount:a:b:c", None)]
    #[case("system:serviceaccount:a", None)]
    #[case("system:serviceaccounts:a", None)]
    #[case("a:b", None)]
    fn an_account_is_split_as_the_api_server_does(#[case] user: &str, #[case] parts: Option<(&str, &str)>) {
        assert_eq!(account(user), parts);
        assert_eq!(parts.map(|(namespace, name)| username(namespace, name)).as_deref(), parts.map(|_| user));
        assert_eq!(is_account(user, "a", "b"), parts.is_some());
    }

    #[rstest]
    #[case("system:serviceaccount:a:b", &[], &["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"])]
    #[case::said_groups_are_all("system:serviceaccount:a:b", &["dev"], &["dev", "system:authenticated"])]
    #[case::its_own_as_well("system:serviceaccount:a:b", &["system:serviceaccounts:a"], &["system:serviceaccounts:a", "system:authenticated"])]
    #[case("ann", &["dev", "dev"], &["dev", "system:authenticated"])]
    #[case("ann", &["system:unauthenticated"], &["system:unauthenticated"])]
    #[case("ann", &["system:authenticated"], &["system:authenticated"])]
    #[case("system:anonymous", &[], &["system:unauthenticated"])]
    #[case("system:anonymous", &["system:authenticated"], &["system:authenticated", "system:unauthenticated"])]
    fn groups_are_those_that_the_api_server_sees(#[case] user: &str, #[case] said: &[&str], #[case] all: &[&str]) {
        assert_eq!(groups(user, said.iter().map(|&group| group.to_owned())), all);
    }

    #[rstest]
    #[case("b", Some(("home", "b")))]
    #[case("a/b", Some(("a", "b")))]
    #[case("", None)]
    #[case("a/", None)]
    #[case("/b", None)]
    #[case("a/b/c", None)]
    fn a_written_account_has_a_namespace_or_is_at_home(#[case] text: &str, #[case] parts: Option<(&str, &str)>) {
        assert_eq!(written(text, "home"), parts);
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
