//! `cluster:` at the top: what is asked of the API server, looked at and put in order. Nothing in it may name a file, an
//! address or a flag: the words that would are refused, whichever author wrote them.

mod api_server;
mod words;

use crate::{
    k8s::{nearest, server::OPTIONS},
    plan::{
        Trust,
        context::{Context, below},
        lower::cluster::words::{AT, by_itself, sorted, ticked},
    },
    scenario::{Document, server::Admission},
    shape::Shape,
};
use std::collections::BTreeMap;

use serde_json::Value;

/// The most that all of it may be, in bytes: it is handed to the node as one argument.
const MOST: usize = 32 << 10;

/// The plugins whose configuration names no file and no address.
const CONFIGURED: [&str; 5] =
    ["EventRateLimit", "PodNodeSelector", "PodSecurity", "PodTolerationRestriction", "ResourceQuota"];

/// The shape that a scenario asks for, as far as it is right.
pub(in crate::plan) fn shape(cx: &mut Context<'_>, document: &Document, trust: Trust) -> Shape {
    let Some(server) = &document.scenario.cluster else { return Shape::default() };
    let before = cx.findings.errors();
    let mut shape = Shape::default();
    if let Some(admission) = &server.admission {
        plugins(cx, admission, &mut shape);
    }
    let at = below(AT, "featureGates");
    for (gate, on) in &server.feature_gates {
        match OPTIONS.gates.get(gate) {
            Some(usual) if usual == on => by_itself(cx, &below(&at, gate), &format!("`{gate}` is {}", on_off(*on))),
            Some(_) => drop(shape.gates.insert(gate.clone(), *on)),
            None => {
                let words = format!("Kubernetes {} has no feature gate `{gate}` that can be set", OPTIONS.version);
                let guess = guess(gate, &OPTIONS.gates);
                let hint = guess.unwrap_or_else(|| "a feature that is GA is always on, and has none".into());
                cx.findings.error(&below(&at, gate), words).at_key().hint(hint);
            }
        }
    }
    if let Some(told) = &server.api_server {
        api_server::read(cx, told, &mut shape);
    }
    if trust == Trust::Narrow {
        narrow(cx, &shape, server.admission.as_ref());
    }
    if shape.json().len() > MOST {
        cx.findings.error(AT, format!("more than {} KiB are asked of the API server", MOST >> 10)).at_key();
    }
    if shape.is_usual() && cx.findings.errors() == before {
        let words = "nothing in it is other than usual, so the usual API server is started";
        cx.findings.warn(AT, words).at_key().hint("leave `cluster:` out");
    }
    shape
}

fn on_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

fn guess(word: &str, among: &BTreeMap<String, bool>) -> Option<String> {
    nearest(word, among.keys().map(String::as_str)).map(|name| format!("did you mean `{name}`?"))
}

fn plugins(cx: &mut Context<'_>, admission: &Admission, shape: &mut Shape) {
    let at = below(AT, "admission");
    for (key, list, on) in [("enable", &admission.enable, true), ("disable", &admission.disable, false)] {
        let at = below(&at, key);
        for (index, name) in list.iter().enumerate() {
            let at = below(&at, index);
            match OPTIONS.plugins.get(name) {
                None => {
                    let words = format!("Kubernetes {} has no admission plugin `{name}`", OPTIONS.version);
                    let hint = guess(name, &OPTIONS.plugins).unwrap_or_else(|| {
                        let rest = OPTIONS.plugins.iter().filter(|(_, usual)| **usual != on);
                        let rest: Vec<_> = rest.map(|(name, _)| format!("`{name}`")).collect();
                        format!("those that are {} by themselves: {}", on_off(!on), rest.join(", "))
                    });
                    cx.findings.error(&at, words).hint(hint);
                }
                Some(_) if on && name == "ImagePolicyWebhook" => {
                    cx.findings
                        .error(&at, "`ImagePolicyWebhook` asks a server by a file of addresses and keys")
                        .hint("to judge images, apply a ValidatingAdmissionPolicy or a ValidatingWebhookConfiguration");
                }
                Some(_) if on && name == "AlwaysDeny" => {
                    cx.findings
                        .error(&at, "with `AlwaysDeny` nothing can be made, so no cluster comes up")
                        .hint("to refuse some requests, apply a ValidatingAdmissionPolicy");
                }
                Some(usual) if *usual == on => by_itself(cx, &at, &format!("`{name}` is {}", on_off(on))),
                Some(_) if on => drop(shape.enable.insert(name.clone())),
                Some(_) => drop(shape.disable.insert(name.clone())),
            }
            if !on && admission.enable.contains(name) {
                cx.findings.error(&at, format!("`{name}` is to be on and off")).hint("leave one of the two out");
            }
        }
    }
    let at = below(&at, "config");
    for (name, config) in &admission.config {
        let at = below(&at, name);
        if !CONFIGURED.contains(&name.as_str()) {
            let guess = nearest(name, CONFIGURED.into_iter()).map(|name| format!("did you mean `{name}`? "));
            let hint = format!("{}it can be said of {}", guess.unwrap_or_default(), ticked(&CONFIGURED));
            let words = format!("a configuration of `{name}` cannot be said");
            cx.findings.error(&at, words).at_key().hint(hint);
            continue;
        }
        let usual = OPTIONS.plugins.get(name).copied().unwrap_or_default();
        if !(usual || admission.enable.contains(name)) || admission.disable.contains(name) {
            let words = format!("`{name}` is configured, and is not on");
            let hint = format!("add it: `enable: [{name}]`");
            cx.findings.error(&at, words).at_key().hint(hint);
        }
        if let Some(key) = ["path", "kubeConfigFile"].into_iter().find(|key| config.contains_key(*key)) {
            let words = "no file of the node is named here";
            cx.findings.error(&below(&at, key), words).at_key().hint("write the configuration itself");
        }
        shape.plugins.insert(name.clone(), sorted(Value::Object(config.clone())));
    }
}

/// `--untrusted`: nothing that could take its policies away, or give a Pod what they do not know.
fn narrow(cx: &mut Context<'_>, shape: &Shape, admission: Option<&Admission>) {
    let mut refuse = |at: &str, what: &str| {
        cx.findings
            .error(at, format!("an untrusted scenario may not {what}"))
            .at_key()
            .hint("leave it out, or run the scenario without --untrusted if you trust its author");
    };
    if admission.is_some_and(|admission| !admission.disable.is_empty()) {
        refuse(
            &below(&below(AT, "admission"), "disable"),
            "switch admission plugins off: they keep its Pods from the node",
        );
    }
    if !shape.gates.is_empty() {
        refuse(&below(AT, "featureGates"), "switch features: what they let a Pod reach is not known");
    }
    if !shape.apis.is_empty() {
        refuse(&below(&below(AT, "apiServer"), "runtimeConfig"), "choose which APIs are served");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::plan::{
        Names,
        make::{examine, testing::document},
    };

    fn found(cluster: Value, trust: Trust) -> (Shape, Vec<String>) {
        let scenario = json!({"title": "t", "cluster": cluster, "steps": [{"title": "s", "serviceAccount": "a"}]});
        let (plan, findings) = examine(document(scenario), &Names { suffix: "x".into() }, trust, None);
        (
            plan.shape,
            findings.into_iter().map(|found| format!("{}: {}", found.pointer, found.diagnostic.message)).collect(),
        )
    }

    fn errors(cluster: &Value) -> String {
        found(cluster.clone(), Trust::Full).1.join("\n")
    }

    #[test]
    fn a_right_one_becomes_a_shape() {
        let (shape, found) = found(
            json!({
                "admission": {"enable": ["PodNodeSelector"], "disable": ["NodeRestriction"],
                    "config": {"PodNodeSelector": {"podNodeSelectorPluginConfig": {"clusterDefaultNodeSelector": "a=b"}}}},
                "featureGates": {"HPAScaleToZero": false},
                "apiServer": {
                    "authenticationConfig": {"anonymous": {"enabled": true, "conditions": [{"path": "/livez"}]}},
                    "authorizationConfig": {"kind": "AuthorizationConfiguration", "authorizers": [
                        {"type": "RBAC", "name": "rbac"}, {"type": "Node", "name": "node"}]},
                    "auditPolicy": {"rules": [{"level": "Metadata"}]},
                    "priorityAndFairness": false, "runtimeConfig": {"api/alpha": true, "batch/v1": false},
                },
            }),
            Trust::Full,
        );
        assert_eq!(found, Vec::<String>::new());
        assert_eq!(
            shape.json(),
            "{\"enable\":[\"PodNodeSelector\"],\"disable\":[\"NodeRestriction\"],\"plugins\":{\"PodNodeSelector\":{\"podNodeSelectorPluginConfig\":\
             {\"clusterDefaultNodeSelector\":\"a=b\"}}},\"gates\":{\"HPAScaleToZero\":false},\"authentication\":{\"anonymous\":{\"conditions\":\
             [{\"path\":\"/livez\"}],\"enabled\":true},\"apiVersion\":\"apiserver.config.k8s.io/v1\",\"kind\":\"AuthenticationConfiguration\"},\
             \"authorization\":[\"RBAC\",\"Node\"],\"audit\":{\"apiVersion\":\"audit.k8s.io/v1\",\"kind\":\"Policy\",\"rules\":[{\"level\":\"Metadata\"}]},\
             \"fairness\":false,\"apis\":{\"api/alpha\":true,\"batch/v1\":false}}"
        );
    }

    #[test]
    fn the_order_in_which_it_is_written_makes_no_other_shape() {
        let of = |cluster| found(cluster, Trust::Full).0;
        let one =
            of(json!({"apiServer": {"auditPolicy": {"kind": "Policy", "rules": [{"level": "None", "users": ["a"]}]}}}));
        let other = of(json!({"apiServer": {"auditPolicy": {"rules": [{"users": ["a"], "level": "None"}]}}}));
        assert_eq!(one.json(), other.json());
        let of = |list: Value| of(json!({"admission": {"enable": list}}));
        assert_eq!(
            of(json!(["AlwaysPullImages", "NamespaceExists"])),
            of(json!(["NamespaceExists", "AlwaysPullImages"]))
        );
    }

    #[test]
    fn nothing_names_a_file_or_an_address() {
        for (cluster, words) in [
            (json!({"admission": {"enable": ["ImagePolicyWebhook"]}}), "asks a server"),
            (
                json!({"admission": {"config": {"ValidatingAdmissionWebhook": {"kubeConfigFile": "/etc/passwd"}}}}),
                "cannot be said",
            ),
            (
                json!({"admission": {"config": {"ValidatingAdmissionPolicy": {"staticManifestsDir": "/"}}}}),
                "cannot be said",
            ),
            (json!({"admission": {"config": {"PodSecurity": {"path": "/etc/passwd"}}}}), "no file"),
            (
                json!({"apiServer": {"authenticationConfig": {"jwt": [], "anonymous": {"enabled": true}}}}),
                "`jwt` cannot be said",
            ),
            (
                json!({"apiServer": {"authorizationConfig": {"authorizers": [{"type": "Webhook", "name": "w"}]}}}),
                "asks an address",
            ),
            (
                json!({"apiServer": {"authorizationConfig": {"authorizers": [{"type": "ABAC", "name": "a"}]}}}),
                "reads a file",
            ),
            (
                json!({"apiServer": {"authorizationConfig": {"authorizers": [{"type": "RBAC", "name": "r", "webhook": {}}]}}}),
                "`webhook` cannot",
            ),
        ] {
            assert!(errors(&cluster).contains(words), "{cluster}: {}", errors(&cluster));
        }
    }

    #[test]
    fn an_untrusted_one_keeps_its_policies() {
        for cluster in [
            json!({"admission": {"disable": ["ValidatingAdmissionPolicy"]}}),
            json!({"featureGates": {"ManifestBasedAdmissionControlConfig": false}}),
            json!({"featureGates": {"AllAlpha": true}}),
            json!({"apiServer": {"runtimeConfig": {"batch/v1": false}}}),
        ] {
            let found = found(cluster.clone(), Trust::Narrow).1.join("\n");
            assert!(found.contains("an untrusted scenario may not"), "{cluster}: {found}");
        }
        let enable = json!({"admission": {"enable": ["AlwaysPullImages"]}, "apiServer": {"anonymousAuth": false}});
        assert_eq!(found(enable, Trust::Narrow).1, Vec::<String>::new());
    }

    #[test]
    fn versions_of_apis_are_told_from_other_words() {
        use api_server::is_api;
        for word in ["v1", "apps/v1", "resource.k8s.io/v1alpha3", "api/all", "api/ga", "batch/v2beta10"] {
            assert!(is_api(word), "{word}");
        }
        for word in ["", "apps", "api/v1x", "apps/1", "a,b/v1", "a=true/v1", "apps/v1alpha", "v", "/v1", "Apps/v1"] {
            assert!(!is_api(word), "{word}");
        }
    }
}
