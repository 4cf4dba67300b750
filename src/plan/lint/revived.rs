//! Tokens whose ServiceAccount, Pod or Secret was deleted: the API server remembers for 10 s that a token was good, so an
//! answer that came at once would say nothing: the run waits that long. An account of the same name that is made anew does not bring them back.

use std::collections::HashMap;

use crate::{
    k8s::kubectl::grammar,
    plan::{
        Action, Credential, Identity, Request, Saved, Step,
        context::{Context, below},
        kinds::OWN,
    },
    scenario::expect::Expect,
};

/// An object: its kind, its namespace and its name.
type Key = (&'static str, String, String);

/// Warns about answers that may be remembered ones.
pub(in crate::plan) fn check(cx: &mut Context<'_>, steps: &[Step]) {
    // By object: the last step so far that made it, and all that delete it.
    let mut made: HashMap<Key, usize> = HashMap::new();
    let mut gone: HashMap<Key, Vec<usize>> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        for key in deletes(step) {
            gone.entry(key).or_default().push(index);
        }
    }
    let mut saved: HashMap<&str, usize> = HashMap::new();
    for (index, step) in steps.iter().enumerate() {
        let found = credential(steps, (&made, &saved), step);
        made.extend(makes(step).into_iter().map(|key| (key, index)));
        let tokens = step.save.iter().filter(|save| save.what == Saved::Token);
        saved.extend(tokens.map(|save| (save.name.as_str(), index)));
        let Some((born, lives_by)) = found else { continue };
        let ends = lives_by.iter().filter_map(|key| {
            let all = gone.get(key)?;
            let at = all.get(all.partition_point(|at| *at <= born)).filter(|at| **at < index)?;
            Some((*at, key))
        });
        let Some((by, (kind, _, name))) = ends.min_by_key(|(at, _)| *at) else { continue };
        let by = &steps[by];
        let item = step.expected.iter().find(|item| !is_dead(&item.expect));
        let Some(item) = item else { continue };
        let at = if item.expect.status.is_some() {
            below(&format!("{}{}", step.pointer, item.pointer), "status")
        } else {
            below(&step.pointer, step.verb)
        };
        let anew = steps[by.number..index]
            .iter()
            .any(|step| makes(step).iter().any(|made| made.0 == *kind && made.2 == *name));
        let anew = if anew { "; the one made anew does not bring it back" } else { "" };
        cx.findings
            .warn(&at, format!("this token died with {kind} `{name}`"))
            .label("kubewalk waits until the server has forgotten it, and then it is 401")
            .second(&below(&by.pointer, by.verb), format!("deleted here{anew}"))
            .hint("expect `status: 401`; a new Pod or a new `token` step gets a new token");
    }
}

/// Whether the end of the token is what is expected.
fn is_dead(expect: &Expect) -> bool {
    expect.status == Some(401) || expect.reason.as_deref() == Some("Unauthorized")
}

/// The index of the step in which the token was made that a step sends, and what it lives by.
fn credential(
    steps: &[Step],
    (made, saved): (&HashMap<Key, usize>, &HashMap<&str, usize>),
    step: &Step,
) -> Option<(usize, Vec<Key>)> {
    let account = |identity: &Identity| match identity {
        Identity::ServiceAccount { namespace, name } => Some(("ServiceAccount", namespace.clone(), name.clone())),
        _ => None,
    };
    let name = match (&step.action, &step.caller.credential) {
        (Action::Curl(curl), _) if curl.mounted_token && curl.place.of.is_none() => {
            let pod = ("Pod", curl.place.namespace.clone(), curl.place.pod.clone());
            let born = *made.get(&pod)?;
            return Some((born, account(&curl.identity).into_iter().collect()));
        }
        (Action::Curl(curl), _) => curl.saved_token.as_ref()?,
        (_, Credential::Saved(name)) => name,
        _ => return None,
    };
    let born = *saved.get(name.as_str())?;
    let Action::Token(call) = &steps[born].action else { return None };
    let own = |kind, name: &String| (kind, call.namespace.clone(), name.clone());
    let mut keys = vec![own("ServiceAccount", &call.account)];
    keys.extend(call.secret.as_ref().map(|secret| own("Secret", secret)));
    match &call.bound_to {
        Some((kind, name)) if kind == "Pod" => keys.push(own("Pod", name)),
        Some((kind, name)) if kind == "Secret" => keys.push(own("Secret", name)),
        Some((kind, name)) if kind == "Node" => keys.push(("Node", String::new(), name.clone())),
        _ => {}
    }
    Some((born, keys))
}

/// The word for one of the kinds that a token lives by.
fn kind(kind: &str) -> Option<&'static str> {
    ["ServiceAccount", "Pod", "Secret", "Namespace", "Node"].into_iter().find(|known| *known == kind)
}

/// What a step deletes, as far as it is known. What is meant to be refused deletes nothing.
fn deletes(step: &Step) -> Vec<Key> {
    if step.expected.iter().any(|item| item.expect.must_fail()) {
        return vec![];
    }
    if let Action::Kubectl(kubectl) = &step.action {
        return by_kubectl(&kubectl.args);
    }
    let requests = step.action.requests().into_iter();
    requests
        .filter_map(|request| match request {
            Request::Resource { verb, group, resource, subresource: None, namespace, name: Some(name) }
                if verb == "delete" =>
            {
                let own = OWN.iter().find(|own| own.group == group && own.plural.as_deref() == Some(&resource))?;
                Some((kind(&own.kind)?, namespace.unwrap_or_default(), name))
            }
            _ => None,
        })
        .collect()
}

/// `kubectl delete KIND NAME…` and `kubectl delete KIND/NAME…`.
fn by_kubectl(args: &[String]) -> Vec<Key> {
    if grammar::read(args).is_ok_and(|call| call.is_dry_run()) {
        return vec![];
    }
    let mut namespace = String::new();
    let mut words: Vec<&str> = Vec::new();
    let mut all = args.iter().map(String::as_str);
    while let Some(word) = all.next() {
        match word.split_once('=') {
            Some(("--namespace" | "-n", name)) => namespace = name.to_owned(),
            None if matches!(word, "-n" | "--namespace") => namespace = all.next().unwrap_or_default().to_owned(),
            _ if word.starts_with('-') => {}
            _ => words.push(word),
        }
    }
    let known = |word: &str| match word.to_lowercase().as_str() {
        "serviceaccount" | "serviceaccounts" | "sa" => Some("ServiceAccount"),
        "pod" | "pods" | "po" => Some("Pod"),
        "secret" | "secrets" => Some("Secret"),
        "node" | "nodes" | "no" => Some("Node"),
        _ => None,
    };
    let [verb, rest @ ..] = words.as_slice() else { return vec![] };
    if *verb != "delete" {
        return vec![];
    }
    let place = |kind: &str| if kind == "Node" { String::new() } else { namespace.clone() };
    let key = |kind: &'static str, name: &str| (kind, place(kind), name.to_owned());
    match rest {
        [first, names @ ..] if !first.contains('/') => {
            known(first).map_or_else(Vec::new, |kind| names.iter().map(|name| key(kind, name)).collect())
        }
        all => (all.iter())
            .filter_map(|word| word.split_once('/'))
            .filter_map(|(kind, name)| Some(key(known(kind)?, name)))
            .collect(),
    }
}

/// What a step makes that a token may live by.
fn makes(step: &Step) -> Vec<Key> {
    let objects = match &step.action {
        Action::Apply(objects) | Action::Create(objects) => objects.as_slice(),
        Action::Pod(object) => std::slice::from_ref(object),
        _ => &[],
    };
    (objects.iter())
        .filter(|object| object.kind.group.is_empty())
        .filter_map(|object| {
            Some((kind(&object.kind.kind)?, object.namespace.clone().unwrap_or_default(), object.name.clone()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use rstest::rstest;

    use crate::{
        plan::{self, Names},
        scenario,
    };

    const POD: &str =
        "  - {title: a, serviceAccount: me}\n  - {title: b, pod: {name: p, image: curl, serviceAccount: me}}\n";
    const TOKEN: &str =
        "  - {title: a, serviceAccount: me}\n  - {title: b, token: {serviceAccount: me}, save: {t: token}}\n";
    const CALL: &str =
        "  - {title: z, curl: {in: p, url: 'https://kubernetes.default/api', token: mounted}, expect: {status: 200}}\n";
    const ASK: &str = "  - {title: z, as: {token: '{saved.t}'}, get: {kind: Pod}, expect: {status: 403}}\n";

    #[rstest]
    #[case(POD, "delete: {kind: ServiceAccount, name: me}", "serviceAccount: me", CALL, true)]
    #[case(POD, "kubectl: {args: [delete, sa, me]}", "whoami: {}", CALL, true)]
    #[case(POD, "kubectl: {args: [delete, serviceaccount/me, --wait=false]}", "whoami: {}", CALL, true)]
    #[case(POD, "delete: {kind: ServiceAccount, name: other}", "whoami: {}", CALL, false)]
    #[case(POD, "kubectl: {args: [delete, sa, me, --dry-run=server]}", "whoami: {}", CALL, false)]
    #[case(POD, "kubectl: {args: [delete, sa, me, --dry-run=none]}", "whoami: {}", CALL, true)]
    #[case(POD, "{kubectl: {args: [delete, sa, me]}, expect: {exitCode: 1}}", "whoami: {}", CALL, false)]
    #[case(
        TOKEN,
        "{as: serviceaccount/other, delete: {kind: ServiceAccount, name: me}, expect: {reason: Forbidden}}",
        "whoami: {}",
        ASK,
        false
    )]
    #[case(
        TOKEN,
        "{as: serviceaccount/other, delete: {kind: ServiceAccount, name: me}, expect: {status: 403, by: rbac}}",
        "whoami: {}",
        ASK,
        false
    )]
    #[case(
        TOKEN,
        "request: {method: DELETE, path: '/api/v1/namespaces/{namespace}/serviceaccounts/me'}",
        "whoami: {}",
        ASK,
        true
    )]
    #[case(
        TOKEN,
        "delete: {kind: ServiceAccount, name: me}",
        "serviceAccount: me",
        "  - {title: z, as: {token: '{saved.t}'}, get: {kind: Pod}, expect: {status: 401, within: 15s}}\n",
        false
    )]
    #[case(
        TOKEN,
        "delete: {kind: ServiceAccount, name: me}",
        "token: {serviceAccount: default}",
        "  - {title: z, as: serviceaccount/default, get: {kind: Pod}, expect: {status: 403}}\n",
        false
    )]
    fn a_token_dies_with_what_it_lives_by(
        #[case] begin: &str,
        #[case] delete: &str,
        #[case] between: &str,
        #[case] ask: &str,
        #[case] warned: bool,
    ) {
        let other = "  - {title: o, serviceAccount: other}\n";
        let delete = match delete.strip_prefix('{') {
            Some(rest) => format!("{{title: d, {rest}"),
            None => format!("title: d\n    {delete}"),
        };
        let text = format!("title: t\nsteps:\n{other}{begin}  - {delete}\n  - title: m\n    {between}\n{ask}");
        let document = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plan = plan::plan(document, &Names { suffix: "x".into() }).unwrap_or_else(|found| panic!("{found:?}"));
        let found = plan.warnings.iter().any(|found| found.message.contains("this token died with"));
        assert_eq!(found, warned, "{:?}", plan.warnings);
    }
}
