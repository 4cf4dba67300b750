//! `as`: who asks, and whether they exist.

use crate::{
    k8s::{
        kubectl::{asked_as, grammar},
        usernames,
    },
    plan::{
        Caller, Credential, Identity,
        context::{Context, Draft, below, words::only},
        kinds::nearest,
        lower::headers::looks_secret,
        resolve::{groups, reference, story::Story},
    },
    scenario::{
        calls::{As, AsFull},
        expect::Expect,
    },
};

/// Reads who asks.
pub(in crate::plan) fn read(cx: &mut Context<'_>, draft: &Draft<'_>, story: &Story<'_>) -> Caller {
    let by_line = by_kubectl(cx, draft, story);
    let Some(said) = &draft.step.asked_as else { return by_line.unwrap_or_default() };
    let at = below(&draft.pointer, "as");
    if let Some(verb) = draft.verb
        && let Some(hint) = super::asks_as_itself(verb)
    {
        cx.findings.error(&at, format!("`as` with `{verb}`")).at_key().second_key(&draft.at(), "the verb").hint(hint);
    }
    let caller = match said {
        As::Word(word) => by_word(cx, &at, word, story),
        As::Full(full) => by_fields(cx, &at, full, story),
    };
    let expected = draft.step.expect.iter().flat_map(|expects| expects.items());
    let denials = expected.filter(|(_, expect)| expect.is_denial());
    for (pointer, expect) in denials.filter(|_| matches!(caller.credential, Credential::Text(_))) {
        cx.findings
            .error(
                &below(&format!("{}{pointer}", draft.pointer), expect.claim()),
                "nobody is refused as a stranger: a bad token is a 401",
            )
            .second(&at, "no token")
            .hint("write `status: 401`; a call without a token is made `as: anonymous`");
    }
    caller
}

fn nobody() -> Caller {
    Caller { credential: Credential::Anonymous, identity: None }
}

fn by_word(cx: &mut Context<'_>, at: &str, word: &str, story: &Story<'_>) -> Caller {
    let text = word;
    if text == "anonymous" {
        return Caller { credential: Credential::Anonymous, identity: Some(Identity::Anonymous) };
    }
    let account = text.strip_prefix("serviceaccount/").and_then(|rest| usernames::written(rest, cx.namespace));
    let Some((namespace, name)) = account.map(|(namespace, name)| (namespace.to_owned(), name.to_owned())) else {
        let hint = meant(text, story);
        cx.findings.error(at, format!("`as`: nobody is called `{word}`")).hint(hint);
        return nobody();
    };
    reference::account(cx, at, &namespace, &name, story);
    let identity = Identity::ServiceAccount { namespace: namespace.clone(), name: name.clone() };
    Caller { credential: Credential::Account { namespace, name }, identity: Some(identity) }
}

/// What was probably meant by a word that names no caller.
fn meant(text: &str, story: &Story<'_>) -> String {
    let accounts = story.names("", "ServiceAccount");
    if let Some(user) = text.strip_prefix(usernames::PREFIX) {
        return format!("write `serviceaccount/{}`", user.replacen(':', "/", 1));
    }
    if let Some((kind, name)) = text.split_once('/')
        && (nearest(kind, ["serviceaccount"].into_iter()).is_some() || kind == "sa")
        && !name.is_empty()
    {
        return format!("write `serviceaccount/{}`", name.trim_matches('/'));
    }
    if accounts.contains(&text) || text == "default" {
        return format!("write `serviceaccount/{text}`");
    }
    match nearest(text, ["anonymous"].into_iter()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!(
            "`serviceaccount/NAME`, `anonymous`, or for a user `{{user: {}}}`",
            text.split('/').next_back().unwrap_or("NAME")
        ),
    }
}

fn by_fields(cx: &mut Context<'_>, at: &str, full: &AsFull, story: &Story<'_>) -> Caller {
    let said: Vec<&str> =
        [("user", full.user.is_some()), ("token", full.token.is_some()), ("text", full.text.is_some())]
            .into_iter()
            .filter_map(|(key, there)| there.then_some(key))
            .collect();
    match said.as_slice() {
        [] => {
            let finding = cx.findings.error(at, "`as` says nobody");
            let groups = !full.groups.is_empty();
            finding.hint(if groups { "groups belong to a `user`: add one" } else { "one of `user`, `token`, `text`" });
            return nobody();
        }
        [first, second, ..] => {
            cx.findings
                .error(&below(at, second), format!("`{second}` beside `{first}`"))
                .at_key()
                .second_key(&below(at, first), "the first")
                .hint("one caller a step: leave out one of them");
            return nobody();
        }
        [only] if *only != "user" && !full.groups.is_empty() => {
            cx.findings
                .error(&below(at, "groups"), format!("`groups` beside `{only}`"))
                .at_key()
                .hint("a token says its groups itself; only a `user` is given some");
        }
        [_] => {}
    }
    if let Some(user) = &full.user {
        return by_user(cx, at, user, &full.groups, story);
    }
    if let Some(text) = &full.text {
        return by_text(cx, &below(at, "text"), text);
    }
    let Some(name) = full.token.as_deref().and_then(only) else { return nobody() };
    let identity = story.saved.get(name).and_then(|kept| kept.token.clone());
    Caller { credential: Credential::Saved(name.to_owned()), identity }
}

fn by_user(cx: &mut Context<'_>, at: &str, user: &str, groups: &[String], story: &Story<'_>) -> Caller {
    let at_user = below(at, "user");
    let (user, groups) = (user.to_owned(), groups.to_vec());
    one_line(cx, &at_user, &user);
    if user.is_empty() {
        cx.findings
            .error(&at_user, "a user without a name")
            .hint("for a call without a credential write `as: anonymous`");
    }
    for (index, group) in groups.iter().enumerate() {
        let at = below(&below(at, "groups"), index);
        one_line(cx, &at, group);
        groups::check(cx, &at, group);
    }
    if let Some((namespace, name)) = usernames::account(&user) {
        reference::account(cx, &at_user, namespace, name, story);
    }
    reference::username(cx, &at_user, &user);
    let anonymous = user == "system:anonymous";
    let mut caller = spoken_for(user, groups);
    if anonymous {
        caller.identity = Some(Identity::Anonymous);
    }
    caller
}

/// The administrator, who speaks for a user.
fn spoken_for(user: String, groups: Vec<String>) -> Caller {
    let identity = match usernames::account(&user) {
        // The server adds an account's groups itself.
        Some((namespace, name)) if groups.is_empty() => {
            Identity::ServiceAccount { namespace: namespace.into(), name: name.into() }
        }
        _ => Identity::User { name: user.clone(), groups: groups.clone() },
    };
    Caller { credential: Credential::Impersonation { user, groups }, identity: Some(identity) }
}

/// For whom kubectl's own line asks, by `--as`. What kubectl itself has made is not known here, so of an account only a slip is
/// told: whether it is there, the run asks the cluster.
fn by_kubectl(cx: &mut Context<'_>, draft: &Draft<'_>, story: &Story<'_>) -> Option<Caller> {
    let line = &draft.step.kubectl.as_ref()?.args;
    let asked = asked_as(&grammar::read(line).ok()?)?;
    let place = |at| below(&below(&draft.at(), "args"), at);
    let at = place(asked.at);
    let fails = |expect: &Expect| expect.must_fail() || expect.tells_of_denial();
    let denied = draft.step.expect.iter().flat_map(|expects| expects.items()).any(|(_, expect)| fails(expect));
    if let Some((namespace, name)) = usernames::account(&asked.user).filter(|_| denied) {
        reference::asked_account(cx, &at, (namespace, name), story);
    }
    reference::username(cx, &at, &asked.user);
    for (at, group) in &asked.groups {
        groups::check(cx, &place(*at), group);
    }
    Some(spoken_for(asked.user, asked.groups.into_iter().map(|(_, group)| group).collect()))
}

fn one_line(cx: &mut Context<'_>, at: &str, text: &str) {
    if text.chars().any(char::is_control) {
        cx.findings.error(at, "a line break or control character in a header").hint("a name is one line");
    }
}

fn by_text(cx: &mut Context<'_>, at: &str, text: &str) -> Caller {
    one_line(cx, at, text);
    // `{"alg":"none"` begins such a token; it proves nothing, so it is no user's.
    if looks_secret(text) && !text.starts_with("eyJhbGciOiJub25l") {
        cx.findings
            .error(at, "a token must not stand in a file")
            .label("a credential")
            .hint("save a token by the verb `token`, and ask `as: {token: '{saved.NAME}'}`");
    }
    if text.trim().is_empty() {
        // The server takes no notice of a bearer without a token.
        return Caller { credential: Credential::Text(text.into()), identity: Some(Identity::Anonymous) };
    }
    Caller { credential: Credential::Text(text.into()), identity: None }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::{
        Credential, Identity, Plan,
        make::testing::{good, in_default, said},
    };

    fn steps(args: &[&str], more: Value) -> Value {
        let mut step = json!({"kubectl": {"args": args}, "expect": {"status": 403}});
        step.as_object_mut().expect("a step").extend(more.as_object().cloned().expect("keys"));
        in_default(json!([{"serviceAccount": "reader"}, step]))
    }

    fn plan(args: &[&str]) -> Plan {
        good(steps(args, json!({})))
    }

    #[rstest]
    #[case(&["get", "pods", "--as=jane"], "jane", &[])]
    #[case(&["--as", "jane", "get", "pods", "--as-group", "dev"], "jane", &["dev"])]
    #[case(&["get", "pods", "--as=system:serviceaccount:default:reader"], "system:serviceaccount:default:reader", &[])]
    #[case(&["exec", "p", "--as=jane", "--", "kubectl", "--as=ann"], "jane", &[])]
    fn kubectls_own_line_says_who_asks(#[case] args: &[&str], #[case] user: &str, #[case] groups: &[&str]) {
        let caller = plan(args).steps.remove(1).caller;
        assert_eq!(caller.identity.as_ref().map(Identity::username).as_deref(), Some(user));
        let groups = groups.iter().map(|group| (*group).to_owned()).collect();
        assert_eq!(caller.credential, Credential::Impersonation { user: user.to_owned(), groups });
    }

    #[test]
    fn who_sends_the_request_stays_who_the_step_says() {
        let plan = good(steps(&["get", "pods", "--as=jane"], json!({"as": "serviceaccount/reader"})));
        assert!(matches!(&plan.steps[1].caller.credential, Credential::Account { name, .. } if name == "reader"));
        assert_eq!(self::plan(&["get", "pods"]).steps[1].caller.credential, Credential::Administrator);
    }

    #[rstest]
    #[case("system:serviceaccount:default:raeder", "no step makes ServiceAccount `raeder`")]
    #[case("system:serviceaccount:elsewhere:reader", "no step makes ServiceAccount `reader` in namespace `elsewhere`")]
    #[case(
        "system:serviceacount:default:reader",
        "no ServiceAccount has the user name `system:serviceacount:default:reader`"
    )]
    #[case("serviceaccount/reader", "no ServiceAccount has the user name `serviceaccount/reader`")]
    fn whom_kubectl_asks_for_must_be_there(#[case] user: &str, #[case] message: &str) {
        let flag = format!("--as={user}");
        for caller in [json!({}), json!({"as": "serviceaccount/reader"})] {
            let found = said(steps(&["get", "pods", &flag], caller));
            assert!(
                found.len() == 1 && found[0].starts_with(&format!("warning /steps/1/kubectl/args/2: {message}")),
                "{found:?}"
            );
        }
    }
}
