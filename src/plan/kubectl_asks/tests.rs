use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::k8s::{
    definition,
    kubectl::{
        goes_on,
        table::{COMMANDS, Effect},
    },
};

const MAPS: &str = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}"#;

/// A command, what it prints, and what it asks.
const CALLS: &[(&str, &str, &str)] = &[
    ("-n a get cm", "", "list configmaps in a"),
    ("get deploy/web -n a", "", "get deployments.apps web in a"),
    ("get nodes -n a", "", "list nodes"),
    ("get namespace a", "", "get namespaces a in a"),
    ("get pods -A", "", "list pods"),
    ("get pods,svc p -n a", "", "get pods p in a; get services p in a"),
    ("get secrets -n a --field-selector metadata.name=s", "", "get secrets s in a"),
    ("get deploy web -n a --subresource=scale", "", "get deployments.apps/scale web in a"),
    ("get --raw /metrics", "", "get /metrics"),
    ("get wd w -n a", "", "get widgets.lab.example w in a"),
    ("get gadgets", "", ""),
    ("describe pod p -n a", "", "get pods p in a"),
    ("delete pod p -n a", "", "delete pods p in a"),
    ("delete pods --all -n a", "", "delete pods in a; list pods in a"),
    ("delete -f - -n a", "", "delete configmaps c in a"),
    ("delete --raw /api/v1/namespaces/a/pods", "", "deletecollection pods in a"),
    ("label pod p a=b c- -n a", "", "patch pods p in a; get pods p in a"),
    ("label pods --all a=b -n a", "", "patch pods in a; list pods in a"),
    ("label pod p --list -n a", "", "get pods p in a"),
    ("label pod p a=b --local -n a", "", ""),
    ("annotate pod/p a=b -n a", "", "patch pods p in a; get pods p in a"),
    ("patch node n -p {}", "", "patch nodes n; get nodes n"),
    (
        "patch deploy web --subresource scale -p {} -n a",
        "",
        "patch deployments.apps/scale web in a; get deployments.apps web in a",
    ),
    ("apply -f - -n a", "configmap/c created", "create configmaps in a; get configmaps c in a"),
    ("apply -f - -n a", "configmap/c configured", "patch configmaps c in a; get configmaps c in a"),
    ("apply -f - -n a", "configmap/c unchanged", "get configmaps c in a"),
    ("apply -f - -n a", "", "patch configmaps c in a; create configmaps in a; get configmaps c in a"),
    (
        "apply -f - -n a --server-side",
        "configmap/c serverside-applied",
        "patch configmaps c in a; create configmaps in a",
    ),
    ("apply -f - -n a --dry-run=client", "configmap/c created (dry run)", "get configmaps c in a"),
    ("apply -f role.yaml", "", ""),
    ("apply set-last-applied -f - -n a", "", "patch configmaps c in a; get configmaps c in a"),
    ("apply view-last-applied cm/c -n a", "", "get configmaps c in a"),
    ("diff -f - -n a", "", "patch configmaps c in a; get configmaps c in a"),
    ("replace -f - -n a", "", "update configmaps c in a; get configmaps c in a"),
    ("replace --force -f - -n a", "", "delete configmaps c in a; create configmaps in a"),
    ("replace --raw /api/v1/namespaces/a/pods/p -f -", "", "update pods p in a"),
    ("create -f - -n a", "", "create configmaps in a"),
    ("create -f - -n a --dry-run=client", "", ""),
    ("create -f - -n a --dry-run=server", "", "create configmaps in a"),
    ("create --raw /apis/apps/v1/namespaces/a/deployments -f -", "", "create deployments.apps in a"),
    ("create clusterrole r --verb=get --resource=pods", "", "create clusterroles.rbac.authorization.k8s.io"),
    (
        "create clusterrolebinding b --clusterrole=view --user=u",
        "",
        "create clusterrolebindings.rbac.authorization.k8s.io",
    ),
    ("create configmap c -n a", "", "create configmaps in a"),
    ("create cronjob c -n a", "", "create cronjobs.batch in a"),
    ("create deploy d --image=i -n a", "", "create deployments.apps in a"),
    ("create ingress i -n a", "", "create ingresses.networking.k8s.io in a"),
    ("create job j --image=i -n a", "", "create jobs.batch in a"),
    ("create job j --from=cronjob/c -n a", "", "create jobs.batch in a; get cronjobs.batch c in a"),
    ("create ns n", "", "create namespaces"),
    ("create pdb p -n a", "", "create poddisruptionbudgets.policy in a"),
    ("create priorityclass p", "", "create priorityclasses.scheduling.k8s.io"),
    ("create quota q -n a", "", "create resourcequotas in a"),
    ("create role r -n a", "", "create roles.rbac.authorization.k8s.io in a"),
    ("create rolebinding b -n a", "", "create rolebindings.rbac.authorization.k8s.io in a"),
    ("create secret docker-registry s -n a", "", "create secrets in a"),
    ("create secret generic s -n a", "", "create secrets in a"),
    ("create secret tls s -n a", "", "create secrets in a"),
    ("create service clusterip s -n a", "", "create services in a"),
    ("create service externalname s -n a", "", "create services in a"),
    ("create service loadbalancer s -n a", "", "create services in a"),
    ("create svc nodeport s -n a", "", "create services in a"),
    ("create sa s -n a", "", "create serviceaccounts in a"),
    ("create token s -n a", "", "create serviceaccounts/token s in a"),
    ("run p --image=i -n a", "", "create pods in a"),
    ("run p --image=i --expose -n a", "", "create pods in a; create services in a"),
    ("expose deploy web --port=80 -n a", "", "create services in a; get deployments.apps web in a"),
    (
        "autoscale deploy web --max=3 -n a",
        "",
        "create horizontalpodautoscalers.autoscaling in a; get deployments.apps web in a",
    ),
    ("scale deploy/web --replicas=2 -n a", "", "patch deployments.apps/scale web in a; get deployments.apps web in a"),
    (
        "scale deploy web --replicas=2 --current-replicas=1 -n a",
        "",
        "update deployments.apps/scale web in a; get deployments.apps web in a",
    ),
    ("set env deploy/web A=b -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    ("set env deploy/web --list -n a", "", "get deployments.apps web in a"),
    ("set image deploy/web c=i:1 -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    (
        "set resources deploy/web --limits=cpu=1 -n a",
        "",
        "patch deployments.apps web in a; get deployments.apps web in a",
    ),
    ("set selector svc s a=b -n a", "", "patch services s in a; get services s in a"),
    ("set sa deploy web s -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    (
        "set subject rolebinding b --user=u -n a",
        "",
        "patch rolebindings.rbac.authorization.k8s.io b in a; get rolebindings.rbac.authorization.k8s.io b in a",
    ),
    ("rollout history deploy/web -n a", "", "get deployments.apps web in a"),
    ("rollout pause deploy/web -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    ("rollout restart deploy web -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    ("rollout resume deploy/web -n a", "", "patch deployments.apps web in a; get deployments.apps web in a"),
    ("rollout status ds/d -n a", "", "get daemonsets.apps d in a; list daemonsets.apps d in a"),
    ("rollout undo sts/s -n a", "", "patch statefulsets.apps s in a; get statefulsets.apps s in a"),
    ("wait pod p --for=condition=Ready -n a", "", "get pods p in a; list pods p in a"),
    ("auth can-i get pods", "", "create selfsubjectaccessreviews.authorization.k8s.io"),
    ("auth can-i --list", "", "create selfsubjectrulesreviews.authorization.k8s.io"),
    ("auth whoami", "", "create selfsubjectreviews.authentication.k8s.io"),
    ("auth reconcile -f - -n a", "", "update configmaps c in a; create configmaps in a; get configmaps c in a"),
    (
        "certificate approve r",
        "",
        "update certificatesigningrequests.certificates.k8s.io/approval r; get certificatesigningrequests.certificates.k8s.io r",
    ),
    (
        "certificate deny csr/r",
        "",
        "update certificatesigningrequests.certificates.k8s.io/approval r; get certificatesigningrequests.certificates.k8s.io r",
    ),
    ("cordon n", "", "patch nodes n; get nodes n"),
    ("uncordon node/n", "", "patch nodes n; get nodes n"),
    ("drain n --ignore-daemonsets", "", "patch nodes n; get nodes n; create pods/eviction; list pods"),
    ("drain n --disable-eviction", "", "patch nodes n; get nodes n; delete pods; list pods"),
    ("taint nodes n a=b:NoSchedule c-", "", "patch nodes n; get nodes n"),
    ("top node", "", "list nodes.metrics.k8s.io"),
    ("top pod p -n a", "", "get pods.metrics.k8s.io p in a"),
    ("logs p -n a", "", "get pods/log p in a; get pods p in a"),
    ("logs -l app=web -n a", "", "get pods/log in a; list pods in a"),
    ("exec -n a p -- ls", "", "create pods/exec p in a; get pods p in a"),
    ("exec -n a deploy/web -- ls", "", "create pods/exec in a; get deployments.apps web in a; list pods in a"),
    ("attach p -n a", "", "create pods/attach p in a; get pods p in a"),
    ("port-forward svc/s 80 -n a", "", "create pods/portforward in a; get services s in a; list pods in a"),
    ("cp p:/tmp/x y -n a", "", "create pods/exec p in a; get pods p in a"),
    ("cp x b/p:/tmp/x -n a", "", "create pods/exec p in b; get pods p in b"),
    ("debug p --image=i -n a", "", "patch pods/ephemeralcontainers p in a; get pods p in a"),
    ("debug p --copy-to=q -n a", "", "create pods in a; get pods p in a"),
    ("debug node/n --image=i -n a", "", "create pods in a; get nodes n"),
    ("events -n a", "", "list events in a"),
    ("cluster-info", "", "list services in kube-system"),
    ("cluster-info dump", "", "list nodes"),
    ("api-resources", "", "get /api; get /apis"),
    ("api-versions", "", "get /api; get /apis"),
    ("explain pods", "", "get /api; get /apis"),
    ("version", "", "get /version"),
];

/// What asks the API server nothing, or only says what is below it.
const SILENT: [&str; 10] = [
    "auth",
    "certificate",
    "completion",
    "create secret",
    "create service",
    "kustomize",
    "options",
    "rollout",
    "set",
    "top",
];

fn words(request: &Request) -> String {
    match request {
        Request::Path { verb, path } => format!("{verb} {path}"),
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let group = if group.is_empty() { String::new() } else { format!(".{group}") };
            let sub = subresource.as_ref().map(|sub| format!("/{sub}")).unwrap_or_default();
            let name = name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
            let place = namespace.as_ref().map(|place| format!(" in {place}")).unwrap_or_default();
            format!("{verb} {resource}{group}{sub}{name}{place}")
        }
    }
}

#[test]
fn each_command_that_a_scenario_may_say_asks_what_kubectl_asks() {
    let widgets = definition::resources(&json!({"spec": {"group": "lab.example", "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]}, "versions": [{"name": "v1", "served": true}]}}));
    let apis = Apis::of_scenario(widgets, Vec::new());
    let mut tried: BTreeSet<&str> = SILENT.into_iter().collect();
    for (line, printed, expected) in CALLS {
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        tried.insert(grammar::read(&args).expect(line).command.words);
        let called = Called { args: &args, stdin: Some(MAPS), printed };
        let found: Vec<String> = requests(called, &apis).iter().map(words).collect();
        assert_eq!(found.join("; "), *expected, "{line}");
    }
    let may_be_said = |words: &str| {
        let args: Vec<String> = words.split(' ').map(str::to_owned).collect();
        goes_on(&args)
    };
    let all = COMMANDS.iter().filter(|one| match one.effect {
        Effect::Own => false,
        Effect::Waits => may_be_said(one.words),
        Effect::Reads | Effect::Inside | Effect::Changes | Effect::Files => true,
    });
    let untried: Vec<&str> = all.map(|one| one.words).filter(|words| !tried.contains(words)).collect();
    assert!(untried.is_empty(), "{untried:?}");
}
