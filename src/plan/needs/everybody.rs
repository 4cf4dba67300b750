//! What steps change for all who use a cluster that exists.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{by_address, made};
use crate::{
    plan::{
        Action, Object, Request, Step,
        context::{Context, Draft, below},
    },
    reach::{
        Reach,
        everybody::{self, Of, Own},
    },
    scenario::{Verb, beside},
};

/// What a scenario has of its own, as its plan says.
struct Planned<'a> {
    /// Its namespace.
    namespace: &'a str,
    /// The Namespaces that it makes.
    namespaces: BTreeSet<&'a str>,
    /// The CustomResourceDefinitions that it makes.
    definitions: BTreeSet<&'a str>,
}

impl Own for Planned<'_> {
    fn namespace(&self, name: &str) -> bool {
        name == self.namespace || self.namespaces.contains(name)
    }

    fn definition(&self, name: &str) -> bool {
        self.definitions.contains(name)
    }
}

/// Finds what all steps change for all who use it, each with its place: an error of the scenario in a cluster that exists.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    let objects = || drafts.iter().flat_map(|draft| &draft.objects).map(|placed| &placed.object);
    let named = |group: &str, kind: &str| {
        objects().filter(|object| object.kind.is(group, kind)).map(|object| object.name.as_str()).collect()
    };
    let own = Planned {
        namespace: cx.namespace,
        namespaces: named("", "Namespace"),
        definitions: named("apiextensions.k8s.io", "CustomResourceDefinition"),
    };
    for draft in drafts {
        // What the others send is looked at as it is sent; of kubectl nothing is sent that changes more than it reads.
        if !matches!(draft.verb, Some(Verb::Kubectl | Verb::Request | Verb::Curl)) {
            for placed in &draft.objects {
                refuse(cx, &placed.pointer, object(&placed.object, &own));
            }
        }
    }
    // A text in which values are put is looked at when they are known.
    let read = |text: &str| {
        let values = beside::values(text);
        if values.is_none() && text.contains("{saved.") { Some(vec![json!({})]) } else { values }
    };
    for step in steps.iter().filter(|step| made(&step.action).is_empty()) {
        refuse(cx, &below(&below(&step.pointer, step.verb), "body"), sent(&step.action, read, &own));
    }
}

/// What an action changes for all who use the cluster, once all values are in it.
pub fn changes(action: &Action, own: &dyn Own) -> Vec<Reach> {
    let made = made(action).iter().flat_map(|one| object(one, own));
    made.chain(sent(action, beside::values, own)).collect()
}

fn object(object: &Object, own: &dyn Own) -> Vec<Reach> {
    let kind = &object.kind;
    // Of kinds that are not Kubernetes' own, only the cluster knows whether they live in a namespace.
    let Some(plural) = &kind.plural else { return vec![] };
    everybody::manifest(Of { group: &kind.group, plural, namespaced: kind.namespaced }, &object.manifest, own)
}

fn sent(action: &Action, read: impl Fn(&str) -> Option<Vec<Value>>, own: &dyn Own) -> Vec<Reach> {
    let (requests, body) = match action {
        Action::Patch(change) => {
            let kind = &change.target.kind;
            let Some(plural) = &kind.plural else { return vec![] };
            let of = Of { group: &kind.group, plural, namespaced: kind.namespaced };
            return everybody::change(of, &change.body, own);
        }
        Action::Request(call) => (action.requests(), call.body.as_deref()),
        Action::Curl(call) => (action.requests().into_iter().chain(by_address(action)).collect(), call.body.as_deref()),
        _ => return vec![],
    };
    let found = |request: &Request| {
        let Request::Resource { verb, group, resource, subresource, namespace, .. } = request else { return vec![] };
        // What is removed must be the scenario's own, as must be what a proxy or a program in a Pod is sent.
        let elsewhere = subresource.as_deref().is_some_and(crate::k8s::kubectl::leads_on_by);
        if elsewhere || !matches!(verb.as_str(), "create" | "update" | "patch") {
            return vec![];
        }
        let of = Of { group, plural: resource, namespaced: namespace.is_some() && resource != "namespaces" };
        everybody::body(of, body, &read, own)
    };
    requests.iter().flat_map(found).collect()
}

fn refuse(cx: &mut Context<'_>, at: &str, found: Vec<Reach>) {
    for reach in found {
        cx.findings
            .error(
                &format!("{at}{}", reach.pointer),
                format!("would change the cluster for all who use it: {}", reach.what),
            )
            .label("felt by all")
            .hint(
                "run it in a cluster of kubewalk's own, or say with --yes-this-cluster, without --namespace, that all may be touched in this one",
            );
    }
}
