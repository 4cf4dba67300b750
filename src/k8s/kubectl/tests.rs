use rstest::rstest;

use super::*;

fn args(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

#[rstest]
#[case("delete pod p --dry-run=server", true)]
#[case("delete pod p --dry-run", true)]
#[case("delete pod p", false)]
#[case("delete pod p --dry-run=none", false)]
#[case("delete pod p --dry-run=server --dry-run=none", false)]
#[case("exec p -- delete --dry-run=server", false)]
fn a_dry_run_is_one_unless_it_says_none(#[case] line: &str, #[case] dry: bool) {
    assert_eq!(is_dry_run(&args(line)), dry);
}

fn refused(line: &str, place: Place<'_>) -> Option<String> {
    let words = |all: Vec<Refused>| all.into_iter().map(|one| one.what).collect::<Vec<_>>().join("; ");
    check(&args(line), place).err().map(words)
}

const FOREIGN: Place<'_> = Place::Host { yes: false, own: Some("mine") };
const YES: Place<'_> = Place::Host { yes: true, own: Some("mine") };

#[rstest]
#[case("get pods")]
#[case("get pods -A -o json")]
#[case("get pods -ojsonpath={.items[*].metadata.name}")]
#[case("get pods -o go-template --template {{.}}")]
#[case("get --raw /version")]
#[case("describe pod x")]
#[case("logs x --tail 5")]
#[case("auth can-i get pods --as=system:serviceaccount:mine:reader")]
#[case("auth whoami -o json")]
#[case("diff -f -")]
#[case("events")]
#[case("top pods")]
#[case("top no")]
#[case("explain pods --recursive")]
#[case("wait --for=condition=Ready pod/x --timeout 5s")]
#[case("rollout status deployment/x -w")]
#[case("rollout history deployment/x")]
#[case("get delete")]
#[case("-n delete get pods")]
fn who_reads_is_let(#[case] line: &str) {
    for place in [Place::Node, FOREIGN, YES] {
        assert_eq!(refused(line, place), None, "{line} {place:?}");
    }
}

#[rstest]
#[case("port-forward p 80", true)]
#[case("attach p", true)]
#[case("get pods --watch", true)]
#[case("get pods -w", true)]
#[case("logs p -f", true)]
#[case("get pods", false)]
#[case("proxy", false)]
#[case("edit pod p", false)]
#[case("rollout status deployment/x -w", false)]
fn what_goes_on_may_be_refused(#[case] line: &str, #[case] on: bool) {
    assert_eq!(goes_on(&args(line)), on);
    let never = line.starts_with("proxy") || line.starts_with("edit");
    assert_eq!(check(&args(line), Place::Refusing).is_err(), never);
    // On this machine it would open a port, or stay.
    assert_eq!(check(&args(line), YES).is_ok(), check(&args(line), Place::Node).is_ok());
}

#[rstest]
#[case("-n get delete namespace x")]
#[case("-nget delete namespace x")]
#[case("--namespace get delete namespace x")]
#[case("-n auth delete namespace x")]
#[case("-n config delete namespace x")]
#[case("-n logs delete pod x")]
#[case("--as get delete namespace x")]
#[case("-v get delete namespace x")]
#[case("--output get delete namespace x")]
#[case("-l get delete pods")]
#[case("-f get delete")]
#[case("--request-timeout get drain node")]
#[case("auth -n can-i reconcile -f -")]
#[case("auth reconcile -f -")]
#[case("rollout -n status restart deploy/x")]
#[case("rollout -n history undo deploy/x")]
#[case("delete pod x")]
#[case("create token x")]
#[case("create -n get sa x")]
#[case("exec x -- id")]
#[case("debug x --image=y")]
#[case("run x --image=y")]
#[case("cordon n")]
#[case("certificate approve x")]
#[case("annotate pod x a=b")]
#[case("label pod x a=b")]
#[case("set env deploy/x A=b")]
#[case("apply -f - --dry-run=server")]
#[case("delete --raw /api/v1/namespaces/x")]
#[case("replace --raw /api/v1/namespaces/x -f -")]
fn who_changes_needs_a_yes(#[case] line: &str) {
    let why = refused(line, FOREIGN).unwrap_or_default();
    assert!(why.contains("does more than read"), "{line}: {why}");
}

#[rstest]
#[case("delete namespace x")]
#[case("apply -f -")]
#[case("exec x -- cat /etc/passwd")]
#[case("create sa x")]
#[case("get pods --as=jane")]
fn with_a_yes_it_may(#[case] line: &str) {
    assert!(refused(line, FOREIGN).is_some(), "{line}");
    assert_eq!(refused(line, YES), None, "{line}");
}

#[rstest]
#[case("config view --raw")]
#[case("config set-credentials x --exec-command=/bin/sh")]
#[case("-n x config use-context y")]
#[case("plugin list")]
#[case("kuberc view")]
#[case("alpha x")]
#[case("proxy")]
#[case("port-forward x 1:1")]
#[case("edit pod x")]
#[case("create -f - --edit")]
#[case("create --edit=true -f -")]
#[case("attach x")]
#[case("apply edit-last-applied cm/x")]
#[case("get pods -s https://evil")]
#[case("get pods -shttps://evil")]
#[case("get pods -s=https://evil")]
#[case("get pods -Ashttps://evil")]
#[case("-s https://evil get pods")]
#[case("--server https://evil get pods")]
#[case("--ser_ver=x get pods")]
#[case("get pods --kubeconfig=/x")]
#[case("get pods --context x")]
#[case("get pods --cluster x")]
#[case("get pods --user x")]
#[case("create sa x --user y")]
#[case("get pods --token x")]
#[case("get pods --username x --password y")]
#[case("get pods --client-key x")]
#[case("get pods --client_key x")]
#[case("get pods --client-certificate x")]
#[case("get pods --certificate-authority x")]
#[case("get pods --insecure-skip-tls-verify")]
#[case("get pods --insecure_skip_tls_verify")]
#[case("get pods --tls-server-name x")]
#[case("get pods --cache-dir x")]
#[case("get pods --profile=cpu --profile-output=/x")]
#[case("get pods --kuberc=/x")]
#[case("get pods --proxy-url=http://evil")]
#[case("get pods -w")]
#[case("get pods -Aw")]
#[case("get pods --watch=1")]
#[case("logs x -f")]
#[case("logs x -pf")]
#[case("__complete get pods")]
#[case("create frobnicate x")]
#[case("frobnicate")]
fn nobody_may(#[case] line: &str) {
    for place in [Place::Node, FOREIGN, YES] {
        // A flag that does not exist is kubectl's to refuse where it is harmless.
        let harmless = place == Place::Node && line.contains("--ser_ver");
        assert!(harmless || refused(line, place).is_some(), "{line} {place:?}");
    }
}

#[rstest]
#[case("get -f /etc/passwd")]
#[case("get -f=/etc/passwd")]
#[case("get -f/etc/passwd")]
#[case("get -f -,/etc/passwd")]
#[case("get --filename https://evil/x.yaml")]
#[case("get -k /etc")]
#[case("get -Ak/etc")]
#[case("diff -f - -k .")]
#[case("get pods -o go-template-file=/etc/passwd")]
#[case("get pods -ogo-template-file=/etc/passwd")]
#[case("get pods -o templatefile=/etc/passwd")]
#[case("get pods -o jsonpath-file=/etc/passwd")]
#[case("get pods -o custom-columns-file=/etc/passwd")]
#[case("get pods -o jsonpath-file --template /etc/passwd")]
#[case("get pods -o JSONPATH-FILE=/etc/passwd")]
#[case("get pods -o json -o templatefile --template=/etc/passwd")]
#[case("create configmap x --from-file=/etc/passwd")]
#[case("create secret generic x --from-env-file /etc/passwd")]
#[case("create secret tls x --cert=a --key=b")]
#[case("patch pod x --patch-file=/etc/passwd")]
#[case("debug x --image=y --custom=/etc/passwd")]
#[case("cluster-info dump --output-directory=/tmp/x")]
#[case("cp x:/etc/passwd /tmp/x")]
#[case("kustomize .")]
fn files_of_this_machine_are_nobodys_and_those_of_the_node_are_no_matter(#[case] line: &str) {
    assert!(refused(line, FOREIGN).is_some(), "{line}");
    let why = refused(line, YES).unwrap_or_default();
    assert!(why.contains("of this machine"), "{line}: {why}");
    assert_eq!(refused(line, Place::Node), None, "{line}");
}

#[rstest]
#[case("get --raw /api/v1/namespaces/x/../y", "`..` in the path of `--raw`")]
#[case("get --raw=/api/v1/namespaces/x/%2e%2E/y", "`%2e%2E` in the path of `--raw`")]
#[case("get --raw /api/x%2f..", "`x%2f..` in the path of `--raw`")]
fn a_path_that_clients_and_servers_read_in_two_ways_is_refused(#[case] line: &str, #[case] why: &str) {
    for place in [Place::Node, YES] {
        assert!(refused(line, place).is_some_and(|said| said.starts_with(why)), "{line}");
    }
}

#[rstest]
#[case("get --raw /api/v1/namespaces/x/services/y/proxy/")]
#[case("get --raw /api/v1/namespaces/x/services/y/%70roxy/")]
#[case("get --raw /api/v1/namespaces/x/pods/y/exec?command=id")]
#[case("get --raw https://evil/")]
#[case("get service y --subresource=proxy")]
#[case("get pods --as=system:admin")]
#[case("get pods --as system:serviceaccount:kube-system:x")]
#[case("get pods --as=system:serviceaccount:minetoo:x")]
#[case("get pods --as-group=system:masters")]
#[case("get pods --frobnicate")]
#[case("get pods -Z")]
fn what_reads_too_much_or_is_unknown_is_refused_there(#[case] line: &str) {
    assert!(refused(line, FOREIGN).is_some(), "{line}");
    assert_eq!(refused(line, Place::Node), None, "{line}");
}
