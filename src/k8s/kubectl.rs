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
#[path = "kubectl/tests.rs"]
mod tests;
