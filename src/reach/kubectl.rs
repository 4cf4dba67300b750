//! kubectl runs on the node, as its root: which calls of it read and write nothing there but what the API gives.
//!
//! What is not known to be harmless counts as reaching the node, so a flag that a later kubectl brings does, too.

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

/// Flags whose value, which may come as a word of its own, is no file.
const WITH_VALUE: &[&str] = &[
    "--all-containers",
    "--api-group",
    "--api-version",
    "--as",
    "--as-group",
    "--as-uid",
    "--audience",
    "--bound-object-kind",
    "--bound-object-name",
    "--bound-object-uid",
    "--cascade",
    "--clusterrole",
    "--container",
    "--dry-run",
    "--duration",
    "--field-manager",
    "--field-selector",
    "--for",
    "--from-literal",
    "--grace-period",
    "--group",
    "--limit",
    "--namespace",
    "--namespaced",
    "--non-resource-url",
    "--output",
    "--patch",
    "--raw",
    "--replicas",
    "--request-timeout",
    "--resource",
    "--resource-name",
    "--resource-version",
    "--role",
    "--selector",
    "--serviceaccount",
    "--sort-by",
    "--subresource",
    "--tail",
    "--timeout",
    "--type",
    "--user",
    "--verb",
    "--verbs",
    "-c",
    "-l",
    "-n",
    "-o",
    "-p",
];

/// Flags that stand alone.
const ALONE: &[&str] = &[
    "--all",
    "--all-namespaces",
    "--force",
    "--force-conflicts",
    "--ignore-not-found",
    "--list",
    "--no-headers",
    "--now",
    "--overwrite",
    "--quiet",
    "--recursive",
    "--save-config",
    "--server-side",
    "--show-kind",
    "--show-labels",
    "--show-managed-fields",
    "--stdin",
    "--validate",
    "--wait",
    "-A",
    "-i",
    "-q",
];

/// Forms of output that are made of the API's answer alone, with no file for a template.
const OUTPUTS: [&str; 8] =
    ["json", "yaml", "name", "wide", "jsonpath=", "jsonpath-as-json=", "go-template=", "custom-columns="];

/// The index and the words of the first argument that may reach the node; `None`: none does.
pub fn reaches(args: &[String]) -> Option<(usize, String)> {
    let mut command = None;
    let mut words = args.iter().map(String::as_str).enumerate().peekable();
    while let Some((index, word)) = words.next() {
        // What comes then is a command in a container.
        if word == "--" {
            break;
        }
        if !word.starts_with('-') || word == "-" {
            match command {
                None if COMMANDS.contains(&word) => command = Some(word),
                None => return Some((index, format!("`kubectl {word}`"))),
                // A saved value could become a flag of its own.
                Some(_) if word.starts_with('{') => {
                    return Some((index, "a word that begins with a saved value".into()));
                }
                // `auth reconcile` reads a file; it needs `-f`, which is looked at, too.
                Some(_) => {}
            }
            continue;
        }
        let (flag, mut value) = split(word);
        if ALONE.contains(&flag)
            && value.is_none_or(|value| matches!(value, "true" | "false" | "strict" | "warn" | "ignore"))
        {
            continue;
        }
        let file = matches!(flag, "-f" | "--filename");
        // `logs -f` and `logs -p` take no value.
        if matches!(command, Some("logs")) && matches!(word, "-f" | "-p") {
            continue;
        }
        if !file && !WITH_VALUE.contains(&flag) {
            return Some((index, format!("the flag `{flag}`")));
        }
        if value.is_none() {
            value = words.next().map(|(_, word)| word);
        }
        let value = value.unwrap_or_default();
        let output = matches!(flag, "-o" | "--output");
        let known = |form: &&str| value == *form || (form.ends_with('=') && value.starts_with(*form));
        if file && value != "-" {
            return Some((index, format!("a file of the node, `{value}`")));
        }
        if output && !OUTPUTS.iter().any(known) {
            return Some((index, format!("the output `{value}`")));
        }
    }
    None
}

/// A flag and what is joined to it: `--a=b`, `-nb`, `-n=b`.
fn split(word: &str) -> (&str, Option<&str>) {
    if let Some(rest) = word.strip_prefix("--") {
        return match rest.find('=') {
            Some(at) => (&word[..at + 2], Some(&rest[at + 1..])),
            None => (word, None),
        };
    }
    let after = word.char_indices().nth(2).map(|(at, _)| at);
    match after {
        Some(at) => (&word[..at], Some(word[at..].strip_prefix('=').unwrap_or(&word[at..]))),
        None => (word, None),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn words(text: &str) -> Vec<String> {
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
        assert_eq!(reaches(&words(text)), None);
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
    #[case("get {saved.flag}", "a word that begins with a saved value")]
    #[case("get pods -o {saved.form}", "the output `{saved.form}`")]
    fn what_may_reach_the_node(#[case] text: &str, #[case] what: &str) {
        assert_eq!(reaches(&words(text)).map(|(_, what)| what).as_deref(), Some(what));
    }
}
