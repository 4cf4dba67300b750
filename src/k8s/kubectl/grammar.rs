//! kubectl's command line as kubectl itself reads it: cobra looks for the command, pflag reads the flags.
//!
//! Until the command is found, only the flags of all commands are known; the word behind any other one that has no `=` is taken
//! for its value. So in `-n get delete namespace x` the command is `delete`.

use super::table::{COMMANDS, Command, GLOBAL, NEVER};

/// How a flag takes its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// None, or true or false after `=`.
    Switch,
    /// None, or one after `=`.
    Perhaps,
    /// One, after `=` or as the next word.
    Value,
    /// The same, and it is a file of the machine on which kubectl runs.
    File,
}

/// A flag of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Flag {
    /// Its name without dashes.
    pub name: &'static str,
    /// Its short form.
    pub short: Option<char>,
    /// How it takes its value.
    pub takes: Takes,
    /// Whether it says where the API server is or who asks.
    pub never: bool,
}

/// A flag of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// The argument in which it stands.
    pub at: usize,
    /// How it is written, without its value: `-n`, `--output`.
    pub written: String,
    /// What the table says; `None`: it does not know it.
    pub flag: Option<Flag>,
    /// Its value, if it has one.
    pub value: Option<String>,
    /// The argument in which the value stands, or would.
    pub value_at: usize,
}

impl Given {
    /// Its long name, if it is known.
    pub fn name(&self) -> &str {
        self.flag.map_or(self.written.trim_start_matches('-'), |flag| flag.name)
    }

    /// Whether a switch is on.
    pub fn on(&self) -> bool {
        !matches!(self.value.as_deref(), Some("0" | "f" | "F" | "false" | "FALSE" | "False"))
    }
}

/// A command line that was read.
#[derive(Debug)]
pub struct Call<'a> {
    /// The command.
    pub command: &'static Command,
    /// The argument that is its first word.
    pub at: usize,
    /// Its flags, in order.
    pub flags: Vec<Given>,
    /// Its other words, each with its argument.
    pub words: Vec<(usize, &'a str)>,
    /// What stands behind `--`; `None`: there is no `--`.
    pub rest: Option<&'a [String]>,
}

/// Why a command line is not kubectl's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// There is no command.
    NoCommand,
    /// There is no such command: the argument, and the words up to it.
    Unknown(usize, String),
    /// A flag has no value: the argument, and how it is written.
    NoValue(usize, String),
    /// An argument begins like a flag and is none.
    NoFlag(usize, String),
}

impl Call<'_> {
    /// The values of a flag, by its long name.
    pub fn values<'s>(&'s self, name: &'s str) -> impl Iterator<Item = &'s Given> {
        self.flags.iter().filter(move |given| given.name() == name)
    }

    /// Whether a switch is on; the last one counts.
    pub fn is_on(&self, name: &str) -> bool {
        self.values(name).last().is_some_and(Given::on)
    }

    /// Whether nothing is to be changed: `--dry-run` alone means so, too.
    pub fn is_dry_run(&self) -> bool {
        let last = self.values("dry-run").last();
        last.is_some_and(|given| given.on() && given.value.as_deref() != Some("none"))
    }

    /// The same command line in the one form that can be read in one way only: the command, each flag in one argument by its long
    /// name, the other words.
    pub fn canonical(&self) -> Vec<String> {
        let flag = |given: &Given| match (&given.value, given.flag) {
            (Some(value), Some(flag)) => format!("--{}={value}", flag.name),
            (None, Some(flag)) => format!("--{}", flag.name),
            (value, None) => {
                format!("{}{}", given.written, value.as_ref().map(|v| format!("={v}")).unwrap_or_default())
            }
        };
        let command = self.command.words.split(' ').map(str::to_owned);
        let words = self.words.iter().map(|(_, word)| (*word).to_owned());
        let rest = self.rest.into_iter().flat_map(|rest| std::iter::once("--".to_owned()).chain(rest.iter().cloned()));
        command.chain(self.flags.iter().map(flag)).chain(words).chain(rest).collect()
    }
}

/// Reads a command line.
///
/// # Errors
/// When kubectl would not take it, as far as the table knows. Flags that it does not know are not an error here.
pub fn read(args: &[String]) -> Result<Call<'_>, Wrong> {
    let mut left: Vec<usize> = (0..args.len()).collect();
    let first = next_word(args, &left, None).ok_or(Wrong::NoCommand)?;
    let at = left.remove(first);
    let mut command = COMMANDS.iter().find(|one| one.words == args[at]).ok_or_else(|| unknown(at, &args[at]))?;
    while let Some(next) = next_word(args, &left, Some(command)) {
        let word = args[left[next]].as_str();
        let Some(deeper) = below(command, word) else {
            // A group has nothing but its commands, and `create` looks for a plugin by that name.
            if groups(command) && (command.flags.is_empty() || command.words == "create") {
                return Err(unknown(left[next], &format!("{} {word}", command.words)));
            }
            break;
        };
        left.remove(next);
        command = deeper;
    }
    let mut call = Call { command, at, flags: vec![], words: vec![], rest: None };
    flags(args, &left, &mut call)?;
    Ok(call)
}

fn unknown(at: usize, words: &str) -> Wrong {
    Wrong::Unknown(at, words.to_owned())
}

/// The flags of all commands, and those of one.
pub fn known(command: Option<&'static Command>) -> impl Iterator<Item = Flag> {
    let own = command.into_iter().flat_map(|command| command.flags).flat_map(|group| group.split(' '));
    let one = |word: &'static str, never: bool| {
        let name = word.trim_end_matches(['*', '?', '@']);
        let takes = match &word[name.len()..] {
            "*" => Takes::Switch,
            "?" => Takes::Perhaps,
            "@" => Takes::File,
            _ => Takes::Value,
        };
        let (name, short) = name.split_once('/').map_or((name, None), |(name, short)| (name, short.chars().next()));
        Flag { name, short, takes, never }
    };
    // A command's own flag stands before one of all commands: `create rolebinding --user`.
    own.map(move |word| one(word, false))
        .chain(GLOBAL.split(' ').map(move |word| one(word, false)))
        .chain(NEVER.split(' ').map(move |word| one(word, true)))
}

fn long(command: Option<&'static Command>, name: &str) -> Option<Flag> {
    // kubectl takes `--a_b` for `--a-b`.
    let name = name.replace('_', "-");
    known(command).find(|flag| flag.name == name)
}

fn short(command: Option<&'static Command>, letter: char) -> Option<Flag> {
    known(command).find(|flag| flag.short == Some(letter))
}

/// Whether there are commands below this one.
fn groups(command: &Command) -> bool {
    COMMANDS.iter().any(|one| one.words.strip_prefix(command.words).is_some_and(|rest| rest.starts_with(' ')))
}

fn below(command: &Command, word: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|one| {
        let last = one.words.strip_prefix(command.words).and_then(|rest| rest.strip_prefix(' '));
        last.is_some_and(|last| !last.contains(' ') && (last == word || one.aliases.contains(&word)))
    })
}

/// Where the next word that is no flag and no flag's value stands in `left`, as cobra looks for it.
fn next_word(args: &[String], left: &[usize], command: Option<&'static Command>) -> Option<usize> {
    let alone = |flag: Option<Flag>| flag.is_some_and(|flag| matches!(flag.takes, Takes::Switch | Takes::Perhaps));
    let mut at = 0;
    while let Some(word) = left.get(at).map(|index| args[*index].as_str()) {
        if word == "--" {
            return None;
        }
        let takes_next = !word.contains('=')
            && match word.strip_prefix("--") {
                Some(name) => !alone(long(command, name)),
                None => word.len() == 2 && word.starts_with('-') && !alone(short(command, word.chars().nth(1)?)),
            };
        if takes_next {
            at += 1;
        } else if !word.is_empty() && !word.starts_with('-') {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Reads flags and words as pflag does.
fn flags<'a>(args: &'a [String], left: &[usize], call: &mut Call<'a>) -> Result<(), Wrong> {
    let command = Some(call.command);
    let mut left = left.iter().copied();
    while let Some(at) = left.next() {
        let word = args[at].as_str();
        if word == "--" {
            call.rest = Some(&args[at + 1..]);
            break;
        }
        let mut give = |written: String, flag: Option<Flag>, value: Option<String>, value_at: usize| {
            call.flags.push(Given { at, written, flag, value, value_at });
        };
        if let Some(rest) = word.strip_prefix("--") {
            let (name, value) = rest.split_once('=').map_or((rest, None), |(name, value)| (name, Some(value)));
            if name.is_empty() || name.starts_with('-') {
                return Err(Wrong::NoFlag(at, word.to_owned()));
            }
            let (flag, written) = (long(command, name), format!("--{name}"));
            let needs = flag.is_some_and(|flag| matches!(flag.takes, Takes::Value | Takes::File));
            let (value, value_at) = match value {
                None if needs => {
                    let next = left.next().ok_or(Wrong::NoValue(at, written.clone()))?;
                    (Some(args[next].clone()), next)
                }
                value => (value.map(str::to_owned), at),
            };
            give(written, flag, value, value_at);
        } else if word.len() > 1 && word.starts_with('-') {
            let mut letters = word[1..].chars();
            while let Some(letter) = letters.next() {
                let (flag, written, rest) = (short(command, letter), format!("-{letter}"), letters.as_str());
                let needs = flag.is_some_and(|flag| matches!(flag.takes, Takes::Value | Takes::File));
                let (value, value_at) = match rest.strip_prefix('=') {
                    Some(value) => (Some(value.to_owned()), at),
                    None if needs && rest.is_empty() => {
                        let next = left.next().ok_or(Wrong::NoValue(at, written.clone()))?;
                        (Some(args[next].clone()), next)
                    }
                    None if needs => (Some(rest.to_owned()), at),
                    None => (None, at),
                };
                // Behind an unknown letter, it is unknown what follows.
                let over = value.is_some() || flag.is_none();
                give(written, flag, value, value_at);
                if over {
                    break;
                }
            }
        } else {
            call.words.push((at, word));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn args(line: &str) -> Vec<String> {
        // `_` stands for an empty argument.
        line.split(' ').map(|word| if word == "_" { String::new() } else { word.to_owned() }).collect()
    }

    #[rstest]
    #[case("get pods", "get pods")]
    #[case("-n get delete namespace x", "delete --namespace=get namespace x")]
    #[case("-nget delete namespace x", "delete --namespace=get namespace x")]
    #[case("-n=get delete namespace x", "delete --namespace=get namespace x")]
    #[case("--namespace get delete namespace x", "delete --namespace=get namespace x")]
    #[case("--namespace=get delete ns x", "delete --namespace=get ns x")]
    #[case("-n logs delete ns x", "delete --namespace=logs ns x")]
    #[case("--as get delete ns x", "delete --as=get ns x")]
    #[case("-v get delete ns x", "delete --v=get ns x")]
    #[case("--request-timeout get delete ns x", "delete --request-timeout=get ns x")]
    #[case("--output get delete ns x", "delete --output=get ns x")]
    #[case("-o json get pods", "get --output=json pods")]
    #[case("-f get delete", "delete --filename=get")]
    #[case("_ get pods", "get  pods")]
    #[case("get -Aoyaml pods", "get --all-namespaces --output=yaml pods")]
    #[case("get -A=false pods", "get --all-namespaces=false pods")]
    #[case("get pods -Ashttps://evil", "get --all-namespaces --server=https://evil pods")]
    #[case("get pods -s https://evil", "get --server=https://evil pods")]
    #[case("get pods --insecure_skip_tls_verify", "get --insecure-skip-tls-verify pods")]
    #[case("get --all-namespaces pods", "get --all-namespaces pods")]
    #[case("get -n -- pods", "get --namespace=-- pods")]
    #[case("exec p -- get -n x", "exec p -- get -n x")]
    #[case("create -n create sa x", "create serviceaccount --namespace=create x")]
    #[case("create rolebinding b --user jane", "create rolebinding --user=jane b")]
    #[case("auth can-i delete pods", "auth can-i delete pods")]
    #[case("auth -n can-i reconcile -f -", "auth reconcile --namespace=can-i --filename=-")]
    #[case("logs p -f", "logs --follow p")]
    #[case("get pods -f -", "get --filename=- pods")]
    #[case("top no", "top node")]
    #[case("rollout -n status restart deploy/x", "rollout restart --namespace=status deploy/x")]
    #[case("delete pod x --cascade orphan", "delete --cascade pod x orphan")]
    #[case("cluster-info dump", "cluster-info dump")]
    #[case("apply view-last-applied cm/x", "apply view-last-applied cm/x")]
    fn a_line_is_read_as_kubectl_reads_it(#[case] line: &str, #[case] canonical: &str) {
        let args = args(line);
        let call = read(&args).expect(line);
        assert_eq!(call.canonical().join(" "), canonical);
        // The canonical form is its own canonical form.
        let once = call.canonical();
        assert_eq!(read(&once).expect(canonical).canonical(), once);
    }

    #[rstest]
    #[case("-A get pods", Wrong::Unknown(2, "pods".into()))]
    #[case("-- get pods", Wrong::NoCommand)]
    #[case("-n get", Wrong::NoCommand)]
    #[case("gte pods", Wrong::Unknown(0, "gte".into()))]
    #[case("__complete get", Wrong::Unknown(0, "__complete".into()))]
    #[case("auth", Wrong::NoCommand)]
    #[case("auth sudo", Wrong::Unknown(1, "auth sudo".into()))]
    #[case("create frobnicate", Wrong::Unknown(1, "create frobnicate".into()))]
    #[case("get pods -n", Wrong::NoValue(2, "-n".into()))]
    #[case("get pods --namespace", Wrong::NoValue(2, "--namespace".into()))]
    #[case("get ---x", Wrong::NoFlag(1, "---x".into()))]
    #[case("get --=x", Wrong::NoFlag(1, "--=x".into()))]
    fn what_kubectl_would_not_take_is_said(#[case] line: &str, #[case] wrong: Wrong) {
        match read(&args(line)) {
            Err(found) => assert_eq!(found, wrong),
            // A group alone prints its help.
            Ok(call) => assert_eq!((wrong, call.command.words), (Wrong::NoCommand, "auth")),
        }
    }

    #[test]
    fn the_table_is_sound() {
        for command in COMMANDS {
            let group = command.words.rsplit_once(' ').map(|(group, _)| group);
            assert!(group.is_none_or(|group| COMMANDS.iter().any(|one| one.words == group)), "{}", command.words);
            let mut shorts: Vec<char> = known(Some(command)).filter_map(|flag| flag.short).collect();
            let all = shorts.len();
            shorts.sort_unstable();
            shorts.dedup();
            assert_eq!(shorts.len(), all, "{}: a letter twice", command.words);
        }
    }
}
