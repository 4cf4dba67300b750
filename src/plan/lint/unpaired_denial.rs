//! What only shows when the steps are seen together: a denial says little until the same call is seen to succeed.

use std::{
    collections::{HashMap, HashSet, hash_map::Entry},
    hash::Hash,
};

use crate::{
    plan::{
        Action, Credential, Expected, Identity, Request, Step, acting,
        context::{
            Context, below,
            words::{PREFIX, if_fresh},
        },
        when::Clusters,
    },
    scenario::{
        expect::{Expect, Text, TextRule},
        verbs::Method,
    },
};

/// A call of the story about which RBAC decides.
struct Call<'a> {
    step: &'a Step,
    /// Who asks; `None`: kubewalk's administrator.
    identity: Option<&'a Identity>,
    /// What; it may be refused for any of them.
    requests: Vec<Request>,
    /// One of those that are alike.
    kinds: Vec<Request>,
    /// The Pod that it comes from.
    pod: Option<&'a str>,
    /// Where it is expected to succeed, by each expectation.
    succeeds: Vec<Clusters>,
}

impl<'a> Call<'a> {
    fn from_step(step: &'a Step) -> Option<Self> {
        let mut call = Self::read(step)?;
        let mut seen = HashSet::new();
        call.succeeds = successes(step).map(|item| clusters(step, item)).collect();
        call.kinds = call.requests.iter().filter(|request| seen.insert(shape(request))).cloned().collect();
        Some(call)
    }

    fn read(step: &'a Step) -> Option<Self> {
        let (requests, kinds, succeeds) = (step.action.requests(), vec![], vec![]);
        match &step.action {
            Action::Curl(curl) => {
                let requests = acting::requests(&curl.headers, &requests).unwrap_or(requests);
                Some(Call {
                    step,
                    identity: Some(&curl.identity),
                    requests,
                    kinds,
                    pod: Some(&curl.place.pod),
                    succeeds,
                })
            }
            // A yes of the authorizer is as good as a call.
            Action::Can(can) => {
                let granted = can.cells.iter().filter(|cell| cell.allowed).map(|cell| cell.request.clone());
                Some(Call { step, identity: None, requests: granted.collect(), kinds, pod: None, succeeds })
            }
            _ if step.caller.credential == Credential::Administrator => {
                Some(Call { step, identity: None, requests, kinds, pod: None, succeeds })
            }
            _ => {
                let identity = Some(step.caller.identity.as_ref()?);
                Some(Call { step, identity, requests, kinds, pod: None, succeeds })
            }
        }
    }

    /// By what it is found, if it succeeds, for a denial that it shows to be for want of a right only.
    fn shows(&self) -> impl Iterator<Item = Key<'_>> {
        self.kinds.iter().flat_map(move |request| {
            let by_caller = self.identity.and_then(|identity| Key::of_caller(identity, request));
            [Some(Key::Alike(shape(request))), by_caller].into_iter().flatten()
        })
    }
}

/// By what calls are alike: they ask for the same of the same resource, by any caller and about any object; or the same caller asks for
/// something else of it. Namespaces and names may be others.
#[derive(PartialEq, Eq, Hash)]
enum Key<'a> {
    Alike([&'a str; 5]),
    OfCaller(&'a Identity, [&'a str; 3]),
}

impl<'a> Key<'a> {
    fn of_caller(identity: &'a Identity, request: &'a Request) -> Option<Self> {
        // Paths are as good as each other, by any caller: whether each of them is there is looked at by itself.
        let Request::Resource { group, resource, subresource, .. } = request else { return None };
        Some(Key::OfCaller(identity, [group, resource, subresource.as_deref().unwrap_or_default()]))
    }
}

/// What of a request matters when it is compared with others.
fn shape(request: &Request) -> [&str; 5] {
    match request {
        Request::Resource { verb, group, resource, subresource, .. } => {
            ["", verb, group, resource, subresource.as_deref().unwrap_or_default()]
        }
        Request::Path { verb, .. } => ["path", verb, "", "", ""],
    }
}

/// Where a call that is found by each of these is expected to succeed: each call is looked at once, and not with all others.
fn shown<'a, K: Eq + Hash>(calls: impl Iterator<Item = (K, &'a Clusters)>) -> HashMap<K, Clusters> {
    let mut shown: HashMap<K, Clusters> = HashMap::new();
    for (key, clusters) in calls {
        match shown.entry(key) {
            Entry::Occupied(mut known) => known.get_mut().add(clusters),
            Entry::Vacant(free) => {
                free.insert(clusters.clone());
            }
        }
    }
    shown
}

/// The expectations of success that a step has; of a call from a Pod it must say so.
fn successes(step: &Step) -> impl Iterator<Item = &Expected> {
    step.expected.iter().filter(|item| {
        let Expect { status, reason, message, by, .. } = &item.expect;
        let silent = reason.is_none() && message.is_none() && by.is_none() && !matches!(step.action, Action::Curl(_));
        status.map_or(silent, |status| (200..300).contains(&status))
    })
}

/// Where an expectation is looked at.
fn clusters(step: &Step, item: &Expected) -> Clusters {
    Clusters::of([&step.when, &item.when])
}

/// Where an expectation stands.
fn at(step: &Step, item: &Expected) -> String {
    format!("{}{}", step.pointer, item.pointer)
}

/// What shows that a denied call can succeed.
const COUNTERPART: &str = "add a step that makes the same call with the right to do so and expects 200";

/// The same of HEAD: RBAC is asked about a resource as for a GET, and then the API server answers 405 to all.
const COUNTERPART_BY_GET: &str =
    "add a step that asks for it by GET with the right to do so and expects 200 (HEAD of a resource gets 405)";

fn is_head_of_a_resource(call: &Call<'_>) -> bool {
    let is_head = match &call.step.action {
        Action::Curl(curl) => curl.method == Method::Head,
        Action::Request(request) => request.method == Method::Head,
        _ => false,
    };
    is_head && call.requests.iter().any(|request| matches!(request, Request::Resource { .. }))
}

/// Looks at all calls of the story.
pub(in crate::plan) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    for step in steps {
        let elsewhere = matches!(step.action, Action::Curl(_) | Action::Exec(_) | Action::Kubectl(_) | Action::Can(_));
        let admin = step.caller.credential == Credential::Administrator && !elsewhere;
        for item in step.expected.iter().filter(|item| admin && item.expect.is_rbac_denial()) {
            cx.findings
                .warn(&below(&at(step, item), item.expect.claim()), "RBAC never refuses kubewalk's administrator")
                .second_key(&below(&step.pointer, step.verb), "asked by the administrator")
                .hint("say who asks, e.g. `as: serviceaccount/NAME`; if somebody else refuses, say `by: …`");
        }
    }
    elsewhere(cx, steps);
    let calls: Vec<Call<'_>> = steps.iter().filter_map(Call::from_step).collect();
    let succeeding = calls.iter().filter(|call| !call.requests.is_empty());
    let shown =
        shown(succeeding.flat_map(|call| {
            call.succeeds.iter().flat_map(move |clusters| call.shows().map(move |key| (key, clusters)))
        }));
    let denials = |call| {
        let call: &Call<'_> = call;
        (call.step.expected.iter()).filter(|item| item.expect.is_rbac_denial()).map(move |item| (call, item))
    };
    for (call, item) in calls.iter().flat_map(denials) {
        let step = call.step;
        let status_at = below(&at(step, item), item.expect.claim());
        if call.requests.is_empty() {
            // Of a saved host it is unknown before the run.
            let late = matches!(&step.action, Action::Curl(curl) if curl.late);
            if call.pod.is_some() && !late {
                cx.findings
                    .warn(&status_at, "RBAC denies only what is asked of the API server")
                    .second(&below(&below(&step.pointer, "curl"), "url"), "another server")
                    .hint("call `https://kubernetes.default/…`, or expect what this server prints, by `json`");
            }
            continue;
        }
        let Some(user) = call.identity.filter(|who| who.is_known()).map(Identity::username) else { continue };
        check_message(cx, step, item, &call.requests.iter().map(|request| request.denial(&user)).collect::<Vec<_>>());
        let here = clusters(step, item);
        let paired = call.shows().any(|key| shown.get(&key).is_some_and(|there| there.meet(&here)));
        if !paired {
            cx.findings
                .warn(&status_at, "nothing shows that this call can succeed at all")
                .label("a denial without its counterpart")
                .hint(if is_head_of_a_resource(call) { COUNTERPART_BY_GET } else { COUNTERPART });
        }
    }
}

/// A refusal by another server, or by one that is only known when the step runs, says as little as RBAC's until the same call is seen to succeed.
fn elsewhere(cx: &mut Context<'_>, steps: &[Step]) {
    let mut succeeding: Vec<((&str, &str), Clusters)> = Vec::new();
    for step in steps {
        if let Action::Curl(call) = &step.action {
            let key = (call.url.as_str(), call.method.word());
            succeeding.extend(successes(step).map(|item| (key, clusters(step, item))));
        }
    }
    let shown = shown(succeeding.iter().map(|(key, clusters)| (*key, clusters)));
    for step in steps {
        let Action::Curl(call) = &step.action else { continue };
        let denies = |expect: &Expect| expect.is_denial_elsewhere() || call.late && expect.is_rbac_denial();
        for item in step.expected.iter().filter(|item| denies(&item.expect)) {
            let here = clusters(step, item);
            let there = shown.get(&(call.url.as_str(), call.method.word()));
            let paired = there.is_some_and(|there| there.meet(&here));
            if !paired {
                cx.findings
                    .warn(
                        &below(&at(step, item), item.expect.claim()),
                        "nothing shows that this call can succeed at all",
                    )
                    .label("a denial without its counterpart")
                    .hint(COUNTERPART);
            }
        }
    }
}

/// The message of RBAC is known from the request, so an expectation of another one cannot hold.
fn check_message(cx: &mut Context<'_>, step: &Step, item: &Expected, denials: &[String]) {
    let any = |fits: &dyn Fn(&str) -> bool| denials.iter().any(|denial| fits(denial));
    let (key, fits) = match &item.expect.message {
        None | Some(Text::Rule(TextRule::Matches(_))) => return,
        // The server may append to the message, so more than the beginning may be expected.
        Some(Text::Is(text)) => ("", any(&|denial| agree(denial, text))),
        Some(Text::Rule(TextRule::StartsWith(text))) => ("startsWith", any(&|denial| agree(denial, text))),
        Some(Text::Rule(TextRule::Equals(text))) => (
            "equals",
            any(&|denial| if is_late(denial, text) { agree(denial, text) } else { text.starts_with(denial) }),
        ),
        Some(Text::Rule(TextRule::Lacks(text))) => {
            ("lacks", any(&|denial| is_late(denial, text) || !denial.contains(text.as_str())))
        }
        // It may be in what the server appends.
        Some(Text::Rule(TextRule::Contains(_))) => return,
    };
    if fits {
        return;
    }
    let at = below(&self::at(step, item), "message");
    let hint = format!("it begins with: {}", if_fresh(cx.namespace, &denials[0]));
    let at = if key.is_empty() { at } else { below(&at, key) };
    cx.findings
        .error(&at, "RBAC refuses this call with another message")
        .second_key(&below(&step.pointer, step.verb), "the call")
        .hint(hint);
}

/// Whether one can be the beginning of the other, as far as both are known before the run: up to the first saved value.
fn agree(denial: &str, text: &str) -> bool {
    let (denial, text) = (known(denial), known(text));
    denial.starts_with(text) || text.starts_with(denial)
}

fn known(text: &str) -> &str {
    text.find(PREFIX).map_or(text, |at| &text[..at])
}

/// Whether one of them has a saved value in it.
fn is_late(denial: &str, text: &str) -> bool {
    [denial, text].into_iter().any(|text| text.contains(PREFIX))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use crate::{
        plan::{self, Names},
        scenario,
    };

    fn said(text: &str) -> Vec<String> {
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        match plan::plan(document, &Names { suffix: "x".into() }) {
            Ok(plan) => plan.warnings.into_iter().map(|found| found.message).collect(),
            Err(found) => found.into_iter().map(|found| found.message).collect(),
        }
    }

    #[rstest]
    #[case("'pods is forbidden: User \"system:serviceaccount:{namespace}:{saved.n}\" cannot list resource'", true)]
    #[case("{startsWith: 'pods is forbidden: User \"{saved.n}'}", true)]
    #[case("{lacks: '{saved.n}'}", true)]
    #[case("{equals: 'pods is forbidden: User \"{saved.n}'}", true)]
    #[case("'secrets is forbidden: User \"{saved.n}\"'", false)]
    #[case("{equals: 'pods are forbidden: User \"{saved.n}'}", false)]
    fn a_saved_value_in_a_message_may_be_any(#[case] message: &str, #[case] may_hold: bool) {
        let text = format!(
            "title: t\nsteps:\n  - {{title: a, serviceAccount: reader, save: {{n: $.metadata.name}}}}\n  - title: b\n    \
             as: serviceaccount/reader\n    get: {{kind: Pod}}\n    expect: {{status: 403, message: {message}}}\n"
        );
        let found = said(&text).iter().any(|message| message.contains("with another message"));
        assert_eq!(found, !may_hold);
    }
}
