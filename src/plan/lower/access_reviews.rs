//! Questions to the authorizer that a step asks by other means than `can`: `kubectl auth can-i`, and reviews that it sends itself.
//! To all of them the answer about what does not exist is no, so they are looked at as those of `can` are.

mod says_no;
mod sent;

use serde_json::Value;

use self::sent::Sent;
use super::can::requests;
use crate::{
    k8s::{Served, kubectl::grammar, usernames},
    plan::{
        Action, Caller, Expected, Identity, Kubectl,
        can::{Cell, Who, given},
        context::{Context, Draft, below},
        resolve::{reference, story::Story},
    },
    scenario::{
        can::{Cells, Words},
        expect::Expect,
    },
};

/// A question as it is written: where, what, and about whom if that is another than the caller.
struct Question {
    at: String,
    cells: Cells,
    user: Option<(String, String)>,
    groups: Groups,
    /// Whether the step expects a yes.
    allowed: bool,
}

/// The groups that a question says.
enum Groups {
    /// As whom kubectl asks: the API server adds to them.
    Impersonated(Vec<String>),
    /// A review about another than the caller is about these only.
    Reviewed(Vec<String>),
}

/// The questions of a step, each with the answer that the step expects.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    (action, caller, expected): (&Action, &Caller, &[Expected]),
    story: &Story<'_>,
) -> Vec<Cell> {
    let says_no = |refuses: &dyn Fn(&Expect) -> bool| expected.iter().any(|item| refuses(&item.expect));
    let mut questions: Vec<Question> = match action {
        Action::Kubectl(call) => can_i(cx, draft, (call, &|| !says_no(&says_no::by_can_i))).into_iter().collect(),
        _ => Vec::new(),
    };
    for review in sent::read(draft, action) {
        let printed = matches!(action, Action::Kubectl(_) | Action::Exec(_));
        let by = if printed { says_no::by_output } else { says_no::by_answer };
        let allowed = !says_no(&|expect| by(expect, &review.body));
        // What a command is about is its own matter, and a review that is refused itself has no answer.
        if allowed && (matches!(action, Action::Exec(_)) || expected.iter().all(|item| item.expect.must_fail())) {
            continue;
        }
        let asked = self::review(cx, &review, allowed);
        let about = asked.as_ref().and_then(|asked| asked.user.as_ref()).filter(|_| !allowed);
        if let Some((at, user)) = about.filter(|(at, _)| !cx.findings.on_purpose(&[at])) {
            if let Some(account) = usernames::account(user) {
                reference::asked_account(cx, at, account, story);
            }
            reference::username(cx, at, user);
        }
        questions.extend(asked);
    }
    let identity = match action {
        Action::Curl(call) => Some(&call.identity),
        Action::Exec(call) => Some(&call.identity),
        _ => caller.identity.as_ref(),
    };
    let mut found = Vec::new();
    for Question { at, cells, user, groups, allowed } in questions {
        let nobody = user.as_ref().is_some_and(|(at, _)| cx.findings.on_purpose(&[at]));
        let who = who(cx, identity, user, groups);
        found.extend(requests::read(cx, &at, &cells, story, allowed).into_iter().map(|asked| Cell {
            pointer: at[draft.pointer.len()..].to_owned(),
            who: who.clone(),
            request: asked.request,
            allowed,
            api: asked.api,
            on_purpose: asked.on_purpose || nobody,
        }));
    }
    found
}

/// About whom a question is. Whether an account is there, which kubectl may have made, the run finds out.
fn who(cx: &Context<'_>, caller: Option<&Identity>, user: Option<(String, String)>, said: Groups) -> Who {
    let (at, user, groups) = match (user, said) {
        (Some((at, user)), Groups::Impersonated(said)) => {
            let groups = usernames::groups(&user, said);
            (Some(at), user, groups)
        }
        (Some((at, user)), Groups::Reviewed(groups)) => (Some(at), user, groups),
        (None, _) => match caller {
            Some(caller) => (None, caller.username(), caller.groups()),
            None => (None, "system:admin".to_owned(), given("system:admin")),
        },
    };
    // One that is meant not to exist is any user.
    let words = match (usernames::account(&user), at) {
        (Some((namespace, name)), Some(at)) if !cx.findings.on_purpose(&[&at]) => {
            format!("serviceaccount/{namespace}/{name}")
        }
        _ => format!("user {user}"),
    };
    Who { words, user, groups }
}

/// `kubectl auth can-i VERB RESOURCE`, `… RESOURCE/NAME`, `… /path`.
fn can_i(cx: &Context<'_>, draft: &Draft<'_>, (call, allowed): (&Kubectl, &dyn Fn() -> bool)) -> Option<Question> {
    let at = below(&draft.at(), "args");
    let place = |index: usize| index.checked_sub(call.added).map_or_else(|| at.clone(), |index| below(&at, index));
    let read = grammar::read(&call.args).ok()?;
    let late = call.args.iter().any(|word| word.contains('{'));
    if read.command.words != "auth can-i" || late || read.is_on("list") {
        return None;
    }
    let [(_, verb), (index, what)] = read.words.as_slice() else { return None };
    let last = |name: &'static str| read.values(name).last();
    let value = |name: &'static str| last(name).and_then(|given| given.value.clone());
    let mut cells = empty(verb);
    if what.starts_with('/') {
        cells.url = Some(Words::One((*what).to_owned()));
    } else {
        let (word, name) = what.split_once('/').map_or((*what, None), |(word, name)| (word, Some(name)));
        let (word, namespaced) = resource(cx, word);
        cells.resource = Some(Words::One(word));
        cells.name = name.map(|name| Words::One(name.to_owned()));
        cells.subresource = value("subresource").map(Words::One);
        let everywhere = read.is_on("all-namespaces").then(|| "*".to_owned());
        cells.namespace = everywhere.or_else(|| value("namespace")).filter(|_| namespaced).map(Words::One);
    }
    let user = last("as").and_then(|given| Some((place(given.value_at), given.value.clone()?)));
    let groups = Groups::Impersonated(read.values("as-group").filter_map(|given| given.value.clone()).collect());
    Some(Question { at: place(*index), cells, user, groups, allowed: allowed() })
}

fn empty(verb: &str) -> Cells {
    Cells {
        who: None,
        verb: Some(Words::One(verb.to_owned())),
        resource: None,
        subresource: None,
        name: None,
        namespace: None,
        url: None,
    }
}

/// The resource that kubectl takes a word for, and whether it is in namespaces.
fn resource(cx: &Context<'_>, word: &str) -> (String, bool) {
    match cx.apis.named(word) {
        Some(own) => (own.written(), own.namespaced),
        None => (word.to_owned(), true),
    }
}

/// What a review asks; of what is only known later, nothing.
fn review(cx: &Context<'_>, sent: &Sent, allowed: bool) -> Option<Question> {
    let body = &sent.body;
    let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    if body.to_string().contains("{saved.") {
        return None;
    }
    let spec = &body["spec"];
    let own = body["kind"].as_str()?.starts_with("Self");
    let user = text(&spec["user"]).filter(|_| !own).map(|user| (sent.place(&["spec", "user"]), user));
    let groups = Groups::Reviewed(spec["groups"].as_array().into_iter().flatten().filter_map(text).collect());
    let asked = &spec["resourceAttributes"];
    if let Some(word) = text(&asked["resource"]) {
        let group = text(&asked["group"]).unwrap_or_default();
        let namespaced = match cx.apis.resource("get", &group, &word, None) {
            Served::Resource(own) => own.namespaced,
            _ => true,
        };
        let mut cells = empty(asked["verb"].as_str()?);
        cells.resource = Some(Words::One(if group.is_empty() { word } else { format!("{word}.{group}") }));
        cells.subresource = text(&asked["subresource"]).map(Words::One);
        cells.name = text(&asked["name"]).map(Words::One);
        let place = text(&asked["namespace"]).or_else(|| text(&body["metadata"]["namespace"]));
        cells.namespace = Some(place.unwrap_or_else(|| "*".into())).filter(|_| namespaced).map(Words::One);
        let at = sent.place(&["spec", "resourceAttributes"]);
        return Some(Question { at, cells, user, groups, allowed });
    }
    let asked = &spec["nonResourceAttributes"];
    let mut cells = empty(asked["verb"].as_str()?);
    cells.url = Some(Words::One(text(&asked["path"])?));
    Some(Question { at: sent.place(&["spec", "nonResourceAttributes"]), cells, user, groups, allowed })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use crate::plan::make::testing::{good, in_default, said};

    fn can_i(words: &[&str], no: bool) -> Value {
        let args: Vec<_> = ["auth", "can-i"].iter().chain(words).collect();
        let expect = if no { json!({"exitCode": 1, "stdout": "no"}) } else { json!({"stdout": "yes"}) };
        in_default(json!([
            {"serviceAccount": "me"},
            {"as": "serviceaccount/me", "kubectl": {"args": args}, "expect": expect},
        ]))
    }

    fn review(attributes: Value, allowed: bool) -> Value {
        let body =
            json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": attributes});
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        in_default(json!([
            {"serviceAccount": "me"},
            {"as": "serviceaccount/me", "request": {"method": "POST", "path": path, "body": body},
                "expect": {"status": 201, "json": {"status": {"allowed": allowed}}}},
        ]))
    }

    #[rstest]
    #[case(&["list", "podz"], "there is no resource `podz`")]
    #[case(&["lst", "pods"], "`lst` is no verb")]
    #[case(&["get", "pods", "--subresource=lgo"], "`pods` have no subresource `lgo`")]
    #[case(&["get", "pods/p", "--subresource", "lgo"], "`pods` have no subresource `lgo`")]
    #[case(&["get", "/healthzz"], "/healthzz")]
    #[case(&["list", "deployments.app"], "`deployments.app`")]
    #[case(&["list", "pods", "-n", "nosuch"], "namespace `nosuch`")]
    fn a_slip_in_what_kubectl_asks_gives_no_green(#[case] words: &[&str], #[case] part: &str) {
        let found = said(can_i(words, true));
        assert!(found.iter().any(|message| message.contains(part)), "{found:?}");
    }

    #[test]
    fn about_whom_kubectl_asks_must_exist() {
        let args = ["auth", "can-i", "list", "pods", "--as=system:serviceaccount:default:mee"];
        let found = said(in_default(json!([
            {"serviceAccount": "me"},
            {"kubectl": {"args": args}, "expect": {"exitCode": 1, "stdout": "no"}},
        ])));
        assert!(found.iter().any(|message| message.contains("no step makes ServiceAccount `mee`")), "{found:?}");
    }

    #[rstest]
    #[case(json!({"resourceAttributes": {"verb": "list", "resource": "podz", "namespace": "default"}}), "there is no resource `podz`")]
    #[case(json!({"resourceAttributes": {"verb": "list", "resource": "deployments", "namespace": "default"}}), "there is no resource `deployments`")]
    #[case(json!({"nonResourceAttributes": {"verb": "get", "path": "/healthzz"}}), "/healthzz")]
    fn a_slip_in_a_review_gives_no_green(#[case] attributes: Value, #[case] part: &str) {
        let found = said(review(attributes, false));
        assert!(found.iter().any(|message| message.contains(part)), "{found:?}");
    }

    #[rstest]
    #[case(&["list", "po"], "pods")]
    #[case(&["list", "Pod"], "pods")]
    #[case(&["list", "deploy"], "deployments")]
    #[case(&["list", "deployments.apps"], "deployments")]
    #[case(&["list", "deployments.v1.apps", "-A"], "deployments")]
    #[case(&["list", "nodes"], "nodes")]
    fn kubectls_words_for_resources_are_known(#[case] words: &[&str], #[case] plural: &str) {
        let plan = good(can_i(words, true));
        let cell = &plan.steps[1].questions[0];
        assert!(!cell.allowed && cell.describe().contains(&format!("list {plural}")), "{}", cell.describe());
        assert!(good(can_i(words, false)).steps[1].questions[0].allowed);
    }

    #[rstest]
    #[case(&["--as=system:serviceaccount:default:me"], &["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"])]
    #[case(&["--as=system:serviceaccount:default:me", "--as-group=dev"], &["dev", "system:authenticated"])]
    fn whom_kubectl_asks_as_has_the_groups_that_the_server_sees(#[case] more: &[&str], #[case] groups: &[&str]) {
        let words: Vec<&str> = ["list", "pods"].into_iter().chain(more.iter().copied()).collect();
        assert_eq!(good(can_i(&words, true)).steps[1].questions[0].who.groups, groups);
    }

    #[test]
    fn a_review_is_about_the_groups_that_it_says() {
        let spec = json!({"user": "ann", "groups": ["dev"], "resourceAttributes": {"verb": "list", "resource": "pods", "namespace": "default"}});
        let body = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec});
        let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
        let plan = good(in_default(json!([{"request": {"method": "POST", "path": path, "body": body},
            "expect": {"status": 201, "json": {"status": {"allowed": false}}}}])));
        assert_eq!(plan.steps[0].questions[0].who.groups, ["dev"]);
    }

    #[test]
    fn a_review_is_a_question() {
        let asked = json!({"resourceAttributes": {"verb": "list", "group": "apps", "resource": "deployments", "namespace": "default"}});
        let plan = good(review(asked, false));
        assert_eq!(
            plan.steps[1].questions[0].describe(),
            "user system:serviceaccount:default:me: list deployments of apps in namespace default"
        );
    }
}
