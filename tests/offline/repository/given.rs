//! What users are given for their CI: the action's and the template's steps run here, one after the other, in a folder that stands for
//! a project, with the files and variables of a job, and a release on this machine's disk that has the real program.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
};

use serde_json::Value;

use super::{root, script, text};

/// A project with a true story, its home, and a release of the program that was just built.
struct Job {
    dir: tempfile::TempDir,
}

impl Job {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        for folder in ["work/scenarios/rbac", "temp", "home", "releases"] {
            std::fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        }
        std::fs::copy(
            root().join("scenarios/rbac/one-role.yaml"),
            dir.path().join("work/scenarios/rbac/one-role.yaml"),
        )
        .expect("copied");
        let job = Job { dir };
        let version = format!("v{}", env!("CARGO_PKG_VERSION"));
        std::fs::create_dir(job.at("releases").join(&version)).expect("a folder");
        for file in packed().path().read_dir().expect("a folder").flatten() {
            std::fs::copy(file.path(), job.at("releases").join(&version).join(file.file_name())).expect("copied");
        }
        job
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    /// Where releases are.
    fn releases(&self) -> String {
        format!("file://{}", self.at("releases").display())
    }

    /// A command of a step, in the project, with nothing of this process's variables but where things are.
    fn bash(&self, script: &str, path: &str) -> Command {
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.at("work"))
            .env_clear();
        let cache = kubewalk::settings::from_env().cache;
        command.env("PATH", path).env("HOME", self.at("home")).env("KUBEWALK_CACHE", cache).env("CI", "true");
        command
    }
}

/// The archive of the program that was just built, and its sum; made once.
fn packed() -> &'static tempfile::TempDir {
    static PACKED: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
        let (dir, work) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let small = work.path().join("kubewalk");
        let stripped = Command::new("strip").arg("-o").arg(&small).arg(env!("CARGO_BIN_EXE_kubewalk")).status();
        assert!(stripped.expect("strip, which comes with gcc").success());
        let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
        script("scripts/release-archive", &[&target, &small.to_string_lossy(), &dir.path().to_string_lossy()]);
        dir
    });
    &PACKED
}

fn said(output: &Output) -> String {
    format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The job of somebody's workflow that uses the action, as far as it has got.
struct Action<'a> {
    job: &'a Job,
    inputs: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
    path: String,
}

impl Action<'_> {
    /// What an expression of the action means. Only those that it uses are known.
    fn expression(&self, text: &str) -> String {
        let text = text.trim();
        let releases =
            "inputs.releases || format('{0}/{1}/releases/download', github.server_url, github.action_repository)";
        if text == releases {
            return self.inputs["releases"].clone();
        }
        if let Some(input) = text.strip_prefix("inputs.") {
            return self.inputs[input].clone();
        }
        if let Some(output) = text.strip_prefix("steps.").and_then(|rest| rest.split_once(".outputs.")) {
            return self.outputs.get(&format!("{}.{}", output.0, output.1)).cloned().unwrap_or_default();
        }
        match text {
            "runner.temp" => self.job.at("temp").display().to_string(),
            _ => panic!("an expression that is not known here: {text}"),
        }
    }

    fn filled(&self, text: &str) -> String {
        let mut rest = text;
        let mut filled = String::new();
        while let Some((before, after)) = rest.split_once("${{") {
            let (inside, behind) = after.split_once("}}").expect("an end");
            filled += before;
            filled += &self.expression(inside);
            rest = behind;
        }
        filled + rest
    }

    /// Runs the steps that run something, and gives the last one's exit code and words.
    fn run(&mut self, action: &Value) -> (Option<i32>, String) {
        let steps = action["runs"]["steps"].as_array().expect("steps");
        let mut last = (None, String::new());
        for step in steps.iter().filter(|step| !step["run"].is_null()) {
            assert_eq!(step["shell"], "bash");
            let id = step["id"].as_str().expect("an id");
            let files = ["GITHUB_PATH", "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY"];
            let mut command = self.job.bash(step["run"].as_str().expect("a script"), &self.path);
            for name in files {
                let file = self.job.at(&format!("temp/{id}-{name}"));
                std::fs::write(&file, "").expect("written");
                command.env(name, file);
            }
            for (name, value) in step["env"].as_object().expect("variables") {
                command.env(name, self.filled(value.as_str().expect("a text")));
            }
            command.env("GITHUB_ACTION_PATH", root()).env("GITHUB_ACTIONS", "true");
            let output = command.output().expect("bash starts");
            let read = |name: &str| std::fs::read_to_string(self.job.at(&format!("temp/{id}-{name}"))).expect("a file");
            for line in read("GITHUB_OUTPUT").lines() {
                let (key, value) = line.split_once('=').unwrap_or_else(|| panic!("a runner refuses `{line}`"));
                self.outputs.insert(format!("{id}.{key}"), value.to_owned());
            }
            for folder in read("GITHUB_PATH").lines() {
                self.path = format!("{folder}:{}", self.path);
            }
            last = (output.status.code(), said(&output) + &read("GITHUB_STEP_SUMMARY"));
            if !output.status.success() {
                break;
            }
        }
        last
    }
}

#[test]
fn the_action_installs_runs_and_reports() {
    let action: Value = serde_saphyr::from_str(&text("action.yml")).expect("YAML");
    let job = Job::new();
    let begin = |changes: &[(&str, &str)]| {
        let declared = action["inputs"].as_object().expect("inputs");
        let mut inputs: BTreeMap<String, String> = declared
            .iter()
            .map(|(name, input)| (name.clone(), input["default"].as_str().expect("a default").to_owned()))
            .collect();
        inputs.insert("releases".to_owned(), job.releases());
        for (name, value) in changes {
            assert!(inputs.insert((*name).to_owned(), (*value).to_owned()).is_some(), "{name} is no input");
        }
        let path = std::env::var("PATH").expect("a PATH");
        Action { job: &job, inputs, outputs: BTreeMap::new(), path }
    };
    let mut held = begin(&[("cluster", "builtin"), ("untrusted", "true")]);
    held.outputs.insert("install.engine".to_owned(), String::new());
    let (code, words) = held.run(&without_archive(&action));
    assert_eq!(code, Some(0), "{words}");
    assert!(words.contains("6 steps held, 0 failed"), "{words}");
    assert_eq!(held.outputs["run.exit-code"], "0");
    assert!(held.outputs["install.engine"].len() == 16, "{:?}", held.outputs);
    let reports = job.at("work").join(&held.outputs["run.reports"]);
    for report in ["junit.xml", "run.html", "run.jsonl"] {
        assert!(std::fs::metadata(reports.join(report)).is_ok_and(|file| file.len() > 100), "{report}");
    }
    assert!(job.at("temp/kubewalk-bin/kubectl-walk").exists());

    // A mistake in a scenario: the exit code is kubewalk's, and the line is annotated.
    let mut invalid = begin(&[("cluster", "builtin"), ("paths", "scenarios wrong.yaml")]);
    std::fs::write(job.at("work/wrong.yaml"), "title: A\nsteps:\n  - title: B\n    serviceAcount: x\n")
        .expect("written");
    let (code, words) = invalid.run(&without_archive(&action));
    assert_eq!((code, invalid.outputs["run.exit-code"].as_str()), (Some(2), "2"), "{words}");
    assert!(words.contains("::error file=wrong.yaml,line=4"), "{words}");

    // An archive that is not what its sum says is not installed.
    let archive = job.at(&format!(
        "releases/v{0}/kubewalk-v{0}-{1}-unknown-linux-musl.tar.gz",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    ));
    let mut bytes = std::fs::read(&archive).expect("the archive");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&archive, bytes).expect("written");
    std::fs::remove_dir_all(job.at("temp/kubewalk-bin")).expect("removed");
    let (code, words) = begin(&[("cluster", "builtin")]).run(&action);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("is not what its sum says; nothing is installed"), "{words}");
    assert!(!job.at("temp/kubewalk-bin").exists());
    let (code, words) = begin(&[("version", "v9.9.9")]).run(&action);
    assert_eq!(code, Some(3), "{words}");
    assert!(words.contains("cannot get file://"), "{words}");
}

/// The action without the archive of its engine, which has hundreds of megabytes; [`an_engine_is_kept_and_comes_back`] tries that.
fn without_archive(action: &Value) -> Value {
    let mut action = action.clone();
    for step in action["runs"]["steps"].as_array_mut().expect("steps") {
        if let Some(variables) = step["env"].as_object_mut() {
            variables.remove("KUBEWALK_ENGINE_ARCHIVE");
        }
    }
    action
}

#[test]
fn an_engine_is_kept_and_comes_back() {
    let dir = tempfile::tempdir().expect("a folder");
    let (cache, file) = (dir.path().join("cache"), dir.path().join("kept/engine.tar.gz"));
    let call = |what: &str| {
        let mut command = Command::new(root().join("scripts/engine-archive"));
        let output = command.arg(what).arg(&file).arg("0123456789abcdef").env("KUBEWALK_CACHE", &cache).output();
        let output = output.expect("it starts");
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    assert!(call("restore").contains("nothing was kept"));
    assert!(call("save").contains("is not built"));
    let engine = cache.join("engine/0123456789abcdef");
    std::fs::create_dir_all(&engine).expect("a folder");
    std::fs::write(engine.join("COMPLETE"), "yes").expect("written");
    call("save");
    std::fs::remove_dir_all(&cache).expect("removed");
    call("restore");
    assert_eq!(std::fs::read_to_string(engine.join("COMPLETE")).expect("it is back"), "yes");
    assert!(call("save").contains("it is kept already"));
}

/// The commands of the template's job, with its inputs; the cluster is the one of this machine instead of the service's.
#[test]
fn the_template_installs_runs_and_reports() {
    let template = text("templates/kubewalk.gitlab-ci.yml");
    let (head, body) = template.split_once("\n---\n").expect("two documents");
    let spec: Value = serde_saphyr::from_str(head).expect("YAML");
    let job = Job::new();
    let mut filled = body.to_owned();
    for (name, input) in spec["spec"]["inputs"].as_object().expect("inputs") {
        let default = input["default"].as_str().expect("a default");
        let value = match name.as_str() {
            "releases" => job.releases(),
            "cluster" => "builtin".to_owned(),
            _ => default.to_owned(),
        };
        let mark = format!("$[[ inputs.{name} ]]");
        assert!(filled.contains(&mark), "{name} is used nowhere");
        filled = filled.replace(&mark, &value);
    }
    assert!(!filled.contains("$[["), "{filled}");
    let made: Value = serde_saphyr::from_str(&filled).expect("YAML");
    let made = &made["kubewalk"];
    let lines =
        |key: &str| made[key].as_array().expect(key).iter().map(|line| line.as_str().expect("a line").to_owned());
    let commands: Vec<String> = lines("before_script").chain(lines("script")).collect();
    let mut command = job.bash(&commands.join("\n"), &std::env::var("PATH").expect("a PATH"));
    for (name, value) in
        made["variables"].as_object().expect("variables").iter().filter(|(name, _)| !name.starts_with("DOCKER_"))
    {
        command.env(name, value.as_str().expect("a text"));
    }
    let output = command.output().expect("bash starts");
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("6 steps held, 0 failed"), "{}", said(&output));
    let junit = made["artifacts"]["reports"]["junit"].as_str().expect("a path");
    assert!(exists(&job.at("work").join(junit)));
}

fn exists(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.len() > 100)
}
