//! A cluster that exists, for attacks on what others have in it.

use std::{
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use http::Method;
use kubewalk::{steps::api, testing};
use serde_json::{Value, json};

use crate::{
    existing,
    traces::{Place, Said},
};

/// The ClusterRoles.
pub const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";

/// What a role of a scenario allows.
pub const RULES: &str = "rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]";

/// A cluster that exists, its administrator, and a place for runs that do not know whose it is.
pub struct Given {
    pub place: Place,
    runtime: tokio::runtime::Runtime,
    client: kube::Client,
    pub files: tempfile::TempDir,
}

impl Given {
    pub fn new() -> Given {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let client = runtime.block_on(testing::shared().client()).expect("a client");
        Given { place: Place::new(), runtime, client, files: tempfile::tempdir().expect("a folder") }
    }

    pub fn answer(&self, method: Method, path: &str, body: &Value) -> (u16, Value) {
        let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
        let sent = api::send(&self.client, method, path, Some("application/json"), body);
        let answer = self.runtime.block_on(sent).expect("an answer");
        (answer.status, answer.json.unwrap_or_default())
    }

    pub fn send(&self, method: Method, path: &str, body: &Value) -> Value {
        let (status, json) = self.answer(method, path, body);
        assert!(status < 300, "{path}: {json}");
        json
    }

    pub fn there(&self, path: &str) -> Option<Value> {
        let (status, json) = self.answer(Method::GET, path, &Value::Null);
        (status == 200).then_some(json)
    }

    pub fn until(&self, what: &str, mut seen: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !seen() {
            assert!(begun.elapsed() < Duration::from_secs(90), "never: {what}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The person's kubeconfig: the context `it`, and one more that leads elsewhere.
    pub fn kubeconfig(&self) -> PathBuf {
        let text = std::fs::read_to_string(existing::kubeconfig()).expect("a kubeconfig");
        let config = kube::config::Kubeconfig::from_yaml(&text).expect("YAML");
        let mut config = serde_json::to_value(config).expect("JSON");
        config["contexts"][0]["name"] = "it".into();
        config["current-context"] = "production".into();
        let more = [
            ("clusters", json!({"name": "production", "cluster": {"server": "https://production.example"}})),
            ("users", json!({"name": "boss", "user": {"token": "the-boss-of-production"}})),
            ("contexts", json!({"name": "production", "context": {"cluster": "production", "user": "boss"}})),
        ];
        for (list, one) in more {
            config[list].as_array_mut().expect("a list").push(one);
        }
        self.file("kubeconfig", &config.to_string())
    }

    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.files.path().join(name);
        std::fs::write(&path, text).expect("written");
        path
    }

    /// A fake kubectl in a folder that comes first on the PATH.
    pub fn fake_kubectl(&self, script: &str) -> String {
        let folder = self.files.path().join("bin");
        std::fs::create_dir_all(&folder).expect("made");
        let path = folder.join("kubectl");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("written");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("allowed");
        format!("{}:{}", folder.display(), std::env::var("PATH").expect("a path"))
    }

    pub fn command(&self, scenario: &Path, args: &[&str]) -> Command {
        let mut command = self.place.kubewalk(&["run", "--cluster", "kubeconfig", "--context", "it"]);
        command.args(args).arg(scenario).env("KUBECONFIG", self.kubeconfig());
        command
    }

    pub fn run(&self, scenario: &Path, args: &[&str]) -> Said {
        Said::from(&self.command(scenario, args).output().expect("kubewalk starts"))
    }

    /// The namespace of a run, once it is there.
    pub fn namespace(&self, prefix: &str) -> Option<String> {
        let list = self.there("/api/v1/namespaces").unwrap_or_default();
        let names = list["items"].as_array().into_iter().flatten();
        let stays = names.filter(|item| item["metadata"]["deletionTimestamp"].is_null());
        let mut names = stays.filter_map(|item| item["metadata"]["name"].as_str());
        names.find(|name| name.starts_with(prefix)).map(str::to_owned)
    }
}
