//! The lines that kubewalk prints as the same by hand are the same: those of every step of every shipped scenario are given to a shell,
//! as they stand, on another cluster, in the order of the steps, and each comes to the verdict of its step.
#![cfg(target_os = "linux")]
#![allow(clippy::print_stdout, reason = "what no shell was given and why, shown with --nocapture")]

#[path = "../common/traces.rs"]
mod traces;

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;
use traces::Place;

/// Those that are tried unless all are asked for: of each kind of line some.
const USUAL: &str = "scenarios/serviceaccount/walkthrough.yaml scenarios/reviews/what-a-reader-may-do.yaml \
                     scenarios/rbac/apply-needs-more-than-create.yaml scenarios/cases/the-token-never-reached-the-request.yaml";

/// The value of a key.
fn of<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// What a shell said to the lines of a step, and how the last of them ended.
struct Heard {
    text: String,
    code: i32,
}

/// A shell that keeps the variables of the lines for later ones.
struct Shell {
    child: Child,
    said: BufReader<ChildStdout>,
}

/// Stands before the end of each step in what the shell says.
const END: &str = "----- end of step";

impl Shell {
    /// In a namespace that is made first, unless every cluster has it.
    fn new(config: &str, namespace: &str) -> Shell {
        let mut child = Command::new("bash")
            .env("KUBECONFIG", config)
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let said = BufReader::new(child.stdout.take().expect("its output"));
        let mut shell = Shell { child, said };
        shell.tell(&format!(
            "exec 2>&1\nkubectl create namespace {namespace}\n\
             until kubectl get sa default -n {namespace} >/dev/null 2>&1; do sleep 0.1; done"
        ));
        shell
    }

    /// Gives it lines, and takes what it says to them.
    fn tell(&mut self, lines: &str) -> Heard {
        let input = self.child.stdin.as_mut().expect("its input");
        // Nothing reads the input of the shell itself; `timeout` is for what waits for ever.
        let lines = format!("{{\n:\n{lines}\n}} </dev/null\nended=$?; echo; echo '{END}' $ended\n");
        input.write_all(lines.as_bytes()).expect("it listens");
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.said.read_line(&mut line).unwrap_or(0) == 0 {
                return Heard { text: text + "(the shell has ended)", code: -1 };
            }
            if let Some(rest) = line.strip_prefix(END) {
                return Heard { text, code: rest.trim().parse().unwrap_or(-1) };
            }
            text += &line;
        }
    }

    /// The verdict of the lines of a step: `None` when it is the step's. What the step waits for, they may be asked again for.
    fn differs(&mut self, step: &Value) -> Option<String> {
        let waits = of(step, "yaml").contains("within");
        let begun = Instant::now();
        loop {
            let heard = self.tell(of(step, "equivalent"));
            let found = differs(step, &heard)?;
            if !waits || begun.elapsed() > LONG {
                return Some(format!("{found}\n{}", heard.text));
            }
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a step that waits is waited for: a token's end is seen after 10 s.
const LONG: Duration = Duration::from_secs(20);

/// Why what a shell said is another verdict than that of the step.
fn differs(step: &Value, heard: &Heard) -> Option<String> {
    let answered = &step["answered"];
    let body = of(&answered["body"], "text");
    let lower = heard.text.to_lowercase();
    if let Some(lines) = questions(body) {
        let said: Vec<&str> = heard.text.lines().filter_map(yes_or_no).collect();
        // Of many questions the first are written out.
        let wanted = &lines[..lines.len().min(said.len().max(1))];
        let cut = of(step, "equivalent").contains("more questions");
        return (said != wanted || !cut && said.len() != lines.len())
            .then(|| format!("{lines:?} were answered, not {said:?}"));
    }
    if let Some(code) = answered["exitCode"].as_i64() {
        return (i64::from(heard.code) != code).then(|| format!("exit code {code}, not {}", heard.code));
    }
    let Some(status) = answered["status"].as_u64() else {
        return (heard.code != 0).then(|| format!("it ended well, not with {}", heard.code));
    };
    let by_curl = of(step, "equivalent").contains("curl ");
    let json: Value = serde_json::from_str(body).unwrap_or_default();
    if by_curl {
        // curl ends well whatever the server says; its body says it.
        let same = match json["kind"].as_str() {
            // That it went well has no code.
            Some("Status") if json["status"] == "Success" => lower.contains("\"success\""),
            Some("Status") => {
                lower.contains(&format!("\"code\": {status}")) || lower.contains(&format!("\"code\":{status}"))
            }
            Some(kind) => heard.text.contains(&format!("\"{kind}\"")),
            None => {
                heard.text.contains(&status.to_string())
                    || body.lines().next().is_none_or(|line| heard.text.contains(line.trim()))
            }
        };
        return (!same).then(|| format!("{status}"));
    }
    if (200..300).contains(&status) {
        return (heard.code != 0).then(|| format!("{status}, not exit code {}", heard.code));
    }
    let reason = json["reason"].as_str().unwrap_or_default().to_lowercase();
    let words: &[&str] = match (status, reason.as_str()) {
        (401, _) => &["unauthorized", "must be logged in", "provide credentials"],
        // In kubectl's own words: it asks whether the server has such a review, and is refused.
        (403, _) => &["forbidden", "you do not have permission"],
        (404, _) => &["not found", "notfound", "could not find"],
        (409, _) => &["already exists", "conflict", "alreadyexists"],
        (422, _) => &["invalid"],
        _ => &[],
    };
    let message = json["message"].as_str().unwrap_or_default().to_lowercase();
    let said = words.iter().any(|word| lower.contains(word)) || !message.is_empty() && lower.contains(message.trim());
    (heard.code == 0 || !said).then(|| format!("{status} {reason}, and exit code {}", heard.code))
}

/// The answers to questions about rights, in a body of ours.
fn questions(body: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = body.lines().map(|line| line.split(':').next().unwrap_or_default()).collect();
    (!lines.is_empty() && lines.iter().all(|line| ["yes", "no"].contains(line))).then_some(lines)
}

fn yes_or_no(line: &str) -> Option<&'static str> {
    match line.trim().split([' ', '-']).next()? {
        "yes" | "true" => Some("yes"),
        "no" | "false" => Some("no"),
        _ => None,
    }
}

#[test]
fn every_line_of_every_scenario_comes_to_the_verdict_of_its_step() {
    let mut place = Place::new();
    let folder = tempfile::tempdir().expect("a folder");
    let events = folder.path().join("events");
    let report = format!("events={}", events.display());
    let only = match std::env::var("KUBEWALK_EQUIVALENTS") {
        Ok(word) if word == "all" => "scenarios".to_owned(),
        Ok(paths) => paths,
        Err(_) => {
            let note = format!(
                "kubewalk: the lines of {USUAL} only; KUBEWALK_EQUIVALENTS=all takes long, PATHS are those alone\n"
            );
            kubewalk::testing::note(&note);
            USUAL.to_owned()
        }
    };
    let paths: Vec<&str> = only.split(' ').collect();
    let run = place.run(&[&["run"], paths.as_slice(), &["--cluster", "builtin", "--report", &report]].concat());
    assert_eq!(run.code, Some(0), "{run:?}");
    let events: Vec<Value> = (fs::read_to_string(&events).expect("events").lines())
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let up = |place: &mut Place| {
        let up = place.run(&["cluster", "up", "--cluster", "builtin"]);
        assert_eq!(up.code, Some(0), "{up:?}");
        place.run(&["cluster", "kubeconfig"]).stdout.trim().to_owned()
    };
    let mut config = up(&mut place);
    let (mut wrong, mut tried, mut untold) = (Vec::new(), 0, Vec::new());
    for started in events.iter().filter(|event| of(event, "event") == "scenarioStarted") {
        let (path, namespace) = (of(started, "path"), of(started, "namespace"));
        if fs::read_to_string(path).expect("the scenario").lines().any(|line| line.starts_with("cluster:")) {
            untold.push(format!("{path}: it needs a cluster that is started as it says"));
            continue;
        }
        let steps: Vec<&Value> = (events.iter())
            .filter(|event| of(event, "event") == "stepFinished" && of(event, "path") == path)
            .filter(|step| of(&step["outcome"], "is") == "held")
            .collect();
        let (mut shell, mut first) = (Shell::new(&config, namespace), None);
        for step in steps {
            let (number, lines) = (&step["number"], of(step, "equivalent"));
            if lines.lines().all(|line| line.starts_with('#')) {
                untold.push(format!("{path} {number}: {lines}"));
                continue;
            }
            tried += 1;
            let Some(found) = shell.differs(step) else { continue };
            // What rests on a step that no shell could do is done by none either.
            if let Some(first) = first {
                untold.push(format!("{path} {number}: rests on step {first}"));
                continue;
            }
            match lines.lines().find(|line| line.starts_with("# ") && !line.contains("more questions")) {
                Some(why) => {
                    untold.push(format!("{path} {number}: {why}"));
                    first = Some(number);
                }
                None => wrong.push(format!("{path} step {number} {}: {found}\n{lines}", of(step, "title"))),
            }
        }
        if namespace.starts_with("kw-") {
            let delete = ["delete", "namespace", namespace, "--wait=false"];
            let _ = Command::new("kubectl").args(delete).env("KUBECONFIG", &config).output();
        } else {
            // What is made in a namespace that everybody has is in the way of others.
            place.run(&["cluster", "down", "--all"]);
            config = up(&mut place);
        }
    }
    place.run(&["cluster", "down", "--all"]);
    assert!(tried > 0, "no line was given to the shell");
    println!("{tried} steps, {} of them otherwise", wrong.len());
    untold.iter().for_each(|line| println!("not given to the shell: {line}"));
    assert!(wrong.is_empty(), "{} of {tried} steps:\n{}", wrong.len(), wrong.join("\n\n"));
}
