//! kubectl runs on the node, as its root: which calls of it read and write nothing there but what the API gives.
//!
//! What is not known to be harmless counts as reaching the node, so a flag that a later kubectl brings does, too.

use crate::k8s::kubectl::grammar::{self, Given, Takes, Wrong};

/// Commands that only speak to the API.
const COMMANDS: &[&str] = &[
    "annotate",
    "api-resources",
    "api-versions",
    "apply",
    "auth",
    "certificate",
    "create",
    "delete",
    "describe",
    "events",
    "exec",
    "explain",
    "get",
    "label",
    "logs",
    "patch",
    "replace",
    "rollout",
    "scale",
    "version",
    "wait",
];

/// Flags that may name a file by another flag's word, or write what was sent.
const NOT_THESE: [&str; 3] = ["template", "v", "vmodule"];

/// Forms of output that are made of the API's answer alone, with no file for a template.
const OUTPUTS: [&str; 8] =
    ["json", "yaml", "name", "wide", "jsonpath=", "jsonpath-as-json=", "go-template=", "custom-columns="];

/// The index and the words of the first argument that may reach the node; `None`: none does. The line is read by kubectl's own
/// grammar: what it takes for a flag's value is one, and what it does not is none (`--dry-run -f/etc/x`).
pub fn reaches(args: &[String]) -> Option<(usize, String)> {
    let call = match grammar::read(args) {
        Ok(call) => call,
        Err(Wrong::NoCommand) => return Some((0, "kubectl without a command".into())),
        Err(Wrong::Unknown(at, words)) => return Some((at, format!("`kubectl {words}`"))),
        Err(Wrong::NoValue(at, flag) | Wrong::NoFlag(at, flag)) => return Some((at, format!("the flag `{flag}`"))),
    };
    let words = call.command.words;
    if !COMMANDS.contains(&words.split(' ').next().unwrap_or_default()) {
        return Some((call.at, format!("`kubectl {words}`")));
    }
    let mut found: Vec<(usize, String)> = call.flags.iter().filter_map(of_flag).collect();
    // A saved value could become a flag of its own.
    let saved = call.words.iter().filter(|(_, word)| word.starts_with('{'));
    found.extend(saved.map(|(at, _)| (*at, "a word that begins with a saved value".to_owned())));
    found.into_iter().min_by_key(|(at, _)| *at)
}

fn of_flag(given: &Given) -> Option<(usize, String)> {
    let value = given.value.as_deref().unwrap_or_default();
    let known = |form: &&str| value == *form || (form.ends_with('=') && value.starts_with(*form));
    let what = match given.flag {
        Some(flag) if flag.name == "filename" && value != "-" => format!("a file of the node, `{value}`"),
        Some(flag) if flag.name == "filename" => return None,
        Some(flag) if flag.name == "output" && !OUTPUTS.iter().any(known) => {
            format!("the output `{value}`")
        }
        Some(flag) if !flag.never && flag.takes != Takes::File && !NOT_THESE.contains(&flag.name) => return None,
        _ => format!("the flag `{}`", given.written),
    };
    Some((given.at, what))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn arguments(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[rstest]
    #[case("get pods")]
    #[case("--namespace=a get pods -o json")]
    #[case("-n a get role r -o=jsonpath={.rules}")]
    #[case("get pods -ojsonpath={.x} --as=system:serviceaccount:a:{saved.name}")]
    #[case("auth can-i list pods --as system:serviceaccount:a:b -q")]
    #[case("create token a --duration=30m -o json")]
    #[case("apply --server-side -f - --validate=strict")]
    #[case("exec client -c debug -- curl -sS -k --config /etc/passwd {saved.x}")]
    #[case("logs client -f")]
    #[case("delete pod a --wait=false --now")]
    fn what_only_speaks_to_the_api(#[case] text: &str) {
        assert_eq!(reaches(&arguments(text)), None);
    }

    #[rstest]
    #[case("cp a:/x /etc/x", "`kubectl cp`")]
    #[case("debug node/kubewalk", "`kubectl debug`")]
    #[case("config view --raw", "`kubectl config`")]
    #[case("proxy", "`kubectl proxy`")]
    #[case("my-plugin", "`kubectl my-plugin`")]
    #[case("apply -f /etc/kubernetes/admin.conf", "a file of the node, `/etc/kubernetes/admin.conf`")]
    #[case("apply -f/etc/x", "a file of the node, `/etc/x`")]
    #[case("apply -f=/etc/x", "a file of the node, `/etc/x`")]
    #[case("apply --filename=https://e.org/x", "a file of the node, `https://e.org/x`")]
    #[case("apply -k /etc", "the flag `-k`")]
    #[case("create configmap a --from-file=/etc/passwd", "the flag `--from-file`")]
    #[case("create secret generic a --from-env-file /etc/x", "the flag `--from-env-file`")]
    #[case("patch pod a --patch-file=/x", "the flag `--patch-file`")]
    #[case("get pods -o jsonpath-file=/etc/passwd", "the output `jsonpath-file=/etc/passwd`")]
    #[case("get pods -ogo-template-file=/etc/passwd", "the output `go-template-file=/etc/passwd`")]
    #[case("get pods --template=/etc/passwd", "the flag `--template`")]
    #[case("get pods --profile=cpu --profile-output=/etc/x", "the flag `--profile`")]
    #[case("get pods --cache-dir=/etc", "the flag `--cache-dir`")]
    #[case("get pods --kuberc=/x", "the flag `--kuberc`")]
    #[case("get pods -v=9", "the flag `-v`")]
    #[case("apply --dry-run -f/etc/x -o yaml", "a file of the node, `/etc/x`")]
    #[case("apply --validate --filename /etc/x", "a file of the node, `/etc/x`")]
    #[case("delete --cascade -f /etc/x", "a file of the node, `/etc/x`")]
    #[case("logs a --all-containers -f/etc/x", "the flag `-/`")]
    #[case("-n get cp a:/x /etc/x", "`kubectl cp`")]
    #[case("get pods -Ak/etc", "the flag `-k`")]
    #[case("apply --dry-run --filename=/etc/x", "a file of the node, `/etc/x`")]
    #[case("get -Af/etc/x", "a file of the node, `/etc/x`")]
    #[case("get pods --output --filename=/etc/x", "the output `--filename=/etc/x`")]
    #[case("--dry-run cp get a:/x /etc/x", "the flag `--dry-run`")]
    #[case("--output json cp a:/x /etc/x", "`kubectl cp`")]
    #[case("get {saved.flag}", "a word that begins with a saved value")]
    #[case("get pods -o {saved.form}", "the output `{saved.form}`")]
    fn what_may_reach_the_node(#[case] text: &str, #[case] what: &str) {
        assert_eq!(reaches(&arguments(text)).map(|(_, what)| what).as_deref(), Some(what));
    }
}
