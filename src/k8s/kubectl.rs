//! What a scenario may say to kubectl. Its command line is read by kubectl's own grammar, before the run and again when the
//! values that earlier steps saved are filled in; and what is not known to be harmless is refused.

mod asked_as;
pub mod grammar;
pub mod table;

pub use self::asked_as::{AskedAs, asked_as};
use self::{
    grammar::{Call, Given, Takes, Wrong},
    table::{COMMANDS, Effect},
};
use super::{nearest, paths, usernames};

/// Where kubectl runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// In the node of a cluster of our own: the files that it sees are the node's, and the cluster ends with the run.
    Node,
    /// There, and the step claims that the API server refuses the call: what does not end by itself ends then, and if it is not refused,
    /// it is ended.
    Refusing,
    /// On this machine, for a cluster that exists.
    Host {
        /// Whether the person said that everything in this cluster may be touched.
        yes: bool,
        /// The scenario's own namespace, if it has one.
        own: Option<&'a str>,
    },
}

/// Whether the API server is asked only what it would do: the last `--dry-run` counts, and `none` is none.
pub fn is_dry_run(args: &[String]) -> bool {
    // Without a value (`--dry-run`) it is a dry run; its value is never a word of its own.
    let of_flag = |word: &String| word.strip_prefix("--dry-run").map(|rest| rest.trim_start_matches('=').to_owned());
    let said = args.iter().take_while(|word| *word != "--").filter_map(of_flag).last();
    said.is_some_and(|how| !matches!(how.as_str(), "none" | "false"))
}

/// Why an argument is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The argument, counted from 0.
    pub at: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hint: Option<String>,
}

impl Refused {
    fn new(at: usize, what: impl Into<String>, hint: &str) -> Self {
        Refused { at, what: what.into(), hint: Some(hint.to_owned()) }
    }
}

/// Formats of `--output` that print, and read no file.
const FORMATS: &[&str] = &[
    "",
    "custom-columns",
    "go-template",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "kyaml",
    "name",
    "plaintext",
    "plaintext-openapiv2",
    "template",
    "wide",
    "yaml",
];

/// Parts of an API path behind which a GET does more than read.
const LEADS_ON: &[&str] = &["attach", "exec", "portforward", "proxy"];

/// Commands that wait for a person once the API server has let them in.
const ENDS_WHEN_REFUSED: [&str; 2] = ["attach", "port-forward"];

/// Whether a command line goes on without an end if it is not refused.
pub fn goes_on(args: &[String]) -> bool {
    check(args, Place::Node).is_err() && check(args, Place::Refusing).is_ok()
}

/// Reads a command line and says all that is refused in it.
///
/// # Errors
/// What is refused, in the order of the arguments; never empty.
pub fn check<'a>(args: &'a [String], place: Place<'_>) -> Result<Call<'a>, Vec<Refused>> {
    let call = grammar::read(args).map_err(|wrong| vec![refuse(wrong)])?;
    let mut refused = command(&call, place);
    for given in &call.flags {
        refused.extend(flag(&call, given, place));
    }
    if refused.is_empty() {
        return Ok(call);
    }
    refused.sort_by_key(|one| one.at);
    Err(refused)
}

fn refuse(wrong: Wrong) -> Refused {
    match wrong {
        Wrong::NoCommand => Refused::new(0, "kubectl without a command", "e.g. `args: [get, pods]`"),
        Wrong::Unknown(at, words) => {
            let near = nearest(&words, COMMANDS.iter().map(|command| command.words));
            let near = near.map(|near| format!("did you mean `{near}`?"));
            let group = words.rsplit_once(' ').map(|(group, _)| format!("{group} "));
            let inside = group.map(|group| {
                let names = COMMANDS.iter().filter_map(|command| command.words.strip_prefix(&group));
                format!("it has: {}", names.filter(|name| !name.contains(' ')).collect::<Vec<_>>().join(", "))
            });
            Refused { at, what: format!("kubectl has no command `{words}`"), hint: near.or(inside) }
        }
        Wrong::NoValue(at, flag) => Refused::new(at, format!("`{flag}` has no value"), "write it as the next argument"),
        Wrong::NoFlag(at, word) => Refused::new(at, format!("`{word}` is no flag"), "a flag is `--name` or `-n`"),
    }
}

fn command(call: &Call<'_>, place: Place<'_>) -> Vec<Refused> {
    let words = call.command.words;
    let refused = |what: String, hint: &str| vec![Refused::new(call.at, what, hint)];
    match (call.command.effect, place) {
        (Effect::Waits, Place::Refusing) if ENDS_WHEN_REFUSED.contains(&words) => vec![],
        (Effect::Waits, Place::Node) if ENDS_WHEN_REFUSED.contains(&words) => refused(
            format!("`kubectl {words}` waits for a person"),
            "to call from a Pod, use `curl` or `exec`; to show that it is refused, add `expect: {status: 403}`",
        ),
        (Effect::Waits, _) => {
            refused(format!("`kubectl {words}` waits for a person"), "to call from a Pod, use `curl` or `exec`")
        }
        (Effect::Own, _) => refused(
            format!("`kubectl {words}` is about kubectl itself"),
            "a scenario speaks to its own cluster, as kubewalk has set it up",
        ),
        (Effect::Files, Place::Host { .. }) => refused(
            format!("`kubectl {words}` reads or writes files of this machine"),
            "in a cluster that exists kubectl runs on this machine; leave the step out there: `when: {cluster: [builtin]}`",
        ),
        (Effect::Changes | Effect::Inside, Place::Host { yes: false, .. }) => refused(
            format!("`kubectl {words}` does more than read, in a cluster that is not kubewalk's"),
            "use the verbs of the language, or say that all may be touched with --yes-this-cluster",
        ),
        _ => vec![],
    }
}

fn flag(call: &Call<'_>, given: &Given, place: Place<'_>) -> Option<Refused> {
    let refused = |what: String, hint: &str| Some(Refused::new(given.at, what, hint));
    let (name, written) = (given.name(), &given.written);
    let value = given.value.as_deref().unwrap_or_default();
    let (words, host) = (call.command.words, matches!(place, Place::Host { .. }));
    let Some(flag) = given.flag else {
        let known = grammar::known(Some(call.command)).filter(|flag| !flag.never).map(|flag| flag.name);
        let hint = nearest(name, known).map(|near| format!("did you mean `--{near}`?"));
        let what = format!("kubewalk knows no flag `{written}` of `kubectl {words}`");
        // In its own cluster kubectl says so itself, or is newer than the table.
        return host.then_some(Refused { at: given.at, what, hint });
    };
    if flag.never {
        let hint = match name {
            "user" | "token" | "username" | "password" => "say who asks by `as`, e.g. `as: serviceaccount/NAME`",
            _ => "a scenario speaks to its own cluster only",
        };
        return refused(format!("`{written}` is kubewalk's own"), hint);
    }
    if name == "edit" && given.on() {
        return refused(
            format!("`{written}` opens an editor, which waits for a person"),
            "give the object as it is to be, by `stdin`",
        );
    }
    if matches!(name, "watch" | "watch-only" | "follow")
        && given.on()
        && words != "rollout status"
        && place != Place::Refusing
    {
        return refused(format!("`{written}` never ends"), "wait for a state by `wait`, or ask once");
    }
    if let Some(part) = Some(value).filter(|_| name == "raw").and_then(paths::dots) {
        return refused(format!("`{part}` in the path of `{written}`"), "write the path that is meant");
    }
    let Place::Host { yes, own } = place else { return None };
    let leads_elsewhere = match name {
        "raw" => leads_on(value),
        _ => leads_on_by(value),
    };
    match name {
        _ if flag.takes == Takes::File && !(name == "filename" && value == "-") => {
            let hint = match name {
                "filename" => "write `-f`, `-` and give it by `stdin`",
                _ => "make the object with `apply` or `create`",
            };
            refused(format!("`{written}` names a file of this machine"), hint)
        }
        "output" if !FORMATS.contains(&value.split('=').next().unwrap_or_default()) => {
            let hint = "formats that read no file: json, yaml, name, wide, jsonpath=…, go-template=…, custom-columns=…";
            refused(format!("`{written}` with this format may read a file of this machine"), hint)
        }
        "raw" | "subresource" if leads_elsewhere => refused(
            format!("`{written}` may do more than read there"),
            "use the verb `request`, which says what it sends",
        ),
        "as" if !yes && !own.is_some_and(|own| is_account_of(value, own)) => refused(
            format!("`{written}` names somebody who is not the scenario's own"),
            "say who asks by `as`: the rights for it are looked at before the run",
        ),
        "as-group" | "as-uid" | "as-user-extra" if !yes => refused(
            format!("`{written}` makes somebody of whom nobody knows what they may"),
            "say who asks by `as`: the rights for it are looked at before the run",
        ),
        _ => None,
    }
}

fn is_account_of(user: &str, namespace: &str) -> bool {
    usernames::account(user).is_some_and(|(own, _)| own == namespace)
}

/// Whether a GET of a subresource reaches something behind the API server, and so may do more than read.
pub fn leads_on_by(subresource: &str) -> bool {
    LEADS_ON.contains(&subresource)
}

/// Whether a GET of a path may reach something behind the API server.
fn leads_on(path: &str) -> bool {
    let plain = path.split('?').next().unwrap_or_default();
    !plain.starts_with('/') || plain.contains('%') || plain.split('/').any(|part| LEADS_ON.contains(&part))
}

#[cfg(test)]
mod tests {
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
}
