//! A class in a real browser, with a real cluster: its keys, its question, the way back, the picture beside it, and a second page that
//! only follows.
#![cfg(target_os = "linux")]

#[path = "../common/browser.rs"]
mod browser;
#[path = "../common/recorded.rs"]
mod recorded;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, Instant},
};

use browser::{Browser, CONTRAST, screenshots};
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::{
    Api, Client, Config, ResourceExt as _,
    config::{KubeConfigOptions, Kubeconfig},
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use traces::{Place, alone};

const CLASS: &str = "title: A reader comes to its right
steps:
  - {title: An account, say: It has no rights yet., serviceAccount: reader}
  - title: It may not list Pods
    predict: 200 or 403?
    as: serviceaccount/reader
    get: {kind: Pod}
    expect: {status: 403, reason: Forbidden}
  - title: A Role
    role: {name: read-pods, rules: [{apiGroups: [''], resources: [pods], verbs: [list]}]}
  - {title: Its binding, bind: {role: read-pods, to: [{serviceAccount: reader}]}}
  - title: Now it may
    as: serviceaccount/reader
    get: {kind: Pod}
    expect: {status: 200, within: 5s}
";

/// How long something may take to be seen.
const SEEN_WITHIN: Duration = Duration::from_secs(120);

fn chromium() -> Option<PathBuf> {
    recorded::tool(&["chromium", "chromium-browser", "google-chrome"], "KUBEWALK_CHROMIUM")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// kubewalk that shows a class in a browser. It is killed with this value.
struct Shown {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    leads: String,
    follows: String,
}

impl Shown {
    fn start(place: &Place, args: &[&str]) -> Self {
        let mut child = place.kubewalk(&[args, &["--browser", "--no-typing"]].concat()).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut url = |words: &str| {
            let line = lines.next().expect("a line").expect("a text");
            line.strip_prefix(words).unwrap_or_else(|| panic!("{words} {line}")).trim().to_owned()
        };
        let (leads, follows) = (url("to lead the class:"), url("only to follow it:"));
        Shown { child, lines, leads, follows }
    }

    /// Of a scenario, on a cluster; recorded.
    fn class(place: &Place, folder: &Path) -> Self {
        let (file, events) = (inside(folder, "class.yaml"), inside(folder, "events"));
        std::fs::write(&file, CLASS).expect("written");
        Self::start(place, &["demo", &file, "--cluster", "builtin", "--record", &events])
    }

    /// Its exit code, and all that it has said since.
    fn ended(&mut self) -> (Option<i32>, String) {
        let mut said: Vec<String> = self.lines.by_ref().map(|line| line.expect("a text")).collect();
        let mut notes = String::new();
        self.child.stderr.take().expect("piped").read_to_string(&mut notes).expect("a text");
        said.push(notes);
        (self.child.wait().expect("it ends").code(), said.join("\n"))
    }

    fn kill(&self) {
        kill_process(Pid::from_raw(self.child.id().cast_signed()).expect("a pid"), Signal::KILL).expect("it lives");
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn inside(folder: &Path, name: &str) -> String {
    folder.join(name).to_string_lossy().into_owned()
}

/// Waits until all of this is seen on a page.
async fn until(browser: &mut Browser, words: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let seen = browser.eval("document.body.innerText").await.as_str().unwrap_or_default().to_owned();
        if words.iter().all(|word| seen.contains(word)) {
            return seen;
        }
        assert!(begun.elapsed() < SEEN_WITHIN, "{words:?} is not seen in\n{seen}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn press(browser: &mut Browser, key: &str, words: &[&str]) -> String {
    let code = match key {
        "Enter" => 13,
        "PageDown" => 34,
        "ArrowLeft" => 37,
        "ArrowRight" => 39,
        "!" => 49,
        letter => u32::from(letter.to_ascii_uppercase().as_bytes()[0]),
    };
    browser.key(key, code).await;
    until(browser, words).await
}

async fn types(browser: &mut Browser, text: &str) {
    browser.ask("Input.insertText", json!({"text": text})).await;
    browser.key("Enter", 13).await;
}

/// Waits until the page asks for something, and says it.
async fn answers(browser: &mut Browser, text: &str) {
    let begun = Instant::now();
    while browser.eval("document.activeElement.id === 'text'").await != true {
        assert!(begun.elapsed() < SEEN_WITHIN, "nothing is asked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    types(browser, text).await;
}

/// What a script comes to that waits for something.
async fn come(browser: &mut Browser, script: &str) -> Value {
    let script = json!({"expression": script, "returnByValue": true, "awaitPromise": true});
    let said = browser.ask("Runtime.evaluate", script).await;
    assert!(said.get("exceptionDetails").is_none(), "{said}");
    said["result"]["value"].clone()
}

/// The boxes of the picture, and the same for who does not see it.
async fn picture(browser: &mut Browser) -> (Vec<String>, Vec<String>, String) {
    let seen = browser
        .eval(
            "(() => {
                const texts = query => Array.from(document.querySelectorAll(query), e => e.textContent.trim());
                const boxes = Array.from(document.querySelectorAll('#diagram:not([hidden]) svg g.node'), node =>
                  Array.from(node.querySelectorAll('text'), text => text.textContent.trim()).join(' '));
                const svg = document.querySelector('#diagram svg');
                const words = svg ? document.getElementById(svg.getAttribute('aria-describedby')).textContent : '';
                return [boxes, texts('#words li'), words];
            })()",
        )
        .await;
    serde_json::from_value(seen).expect("boxes and sentences")
}

/// The Roles and RoleBindings of a class' namespace, as the cluster has them.
struct Rights {
    client: Client,
    namespace: String,
}

impl Rights {
    async fn of(place: &Place, namespace: &str) -> Self {
        let name = place.clusters_now().pop_first().expect("a cluster");
        let config = Kubeconfig::read_from(place.nodes().join(name).join("kubeconfig")).expect("a kubeconfig");
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await.expect("a config");
        Rights { client: Client::try_from(config).expect("a client"), namespace: namespace.to_owned() }
    }

    async fn there(&self) -> Vec<String> {
        let roles: Api<Role> = Api::namespaced(self.client.clone(), &self.namespace);
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), &self.namespace);
        let roles = roles.list(&kube::api::ListParams::default()).await.expect("Roles");
        let bindings = bindings.list(&kube::api::ListParams::default()).await.expect("RoleBindings");
        let roles = roles.items.iter().map(|role| format!("Role {}", role.name_any()));
        roles.chain(bindings.items.iter().map(|binding| format!("RoleBinding {}", binding.name_any()))).collect()
    }
}

/// A page of somebody else on this machine.
async fn elsewhere() -> String {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
    let url = format!("http://{}/", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 22\r\nConnection: close\r\n\r\n<title>another</title>";
            let _ = stream.write_all(page.as_bytes()).await;
        }
    });
    url
}

#[test]
fn a_class_is_led_in_one_page_and_followed_in_another() {
    let Some(chromium) = chromium() else { return };
    let (_alone, runtime) = (alone(), runtime());
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    // The browsers first: they may take longer than a cluster.
    let start = async || (Browser::start(&chromium).await, Browser::start(&chromium).await);
    let (mut leader, mut follower) = runtime.block_on(start());
    let mut shown = Shown::class(&place, folder.path());
    let (leads, follows) = (shown.leads.clone(), shown.follows.clone());
    runtime.block_on(async {
        leader.open(&leads).await;
        let seen = until(&mut leader, &["A reader comes to its right", "… getting ready"]).await;
        assert!(!seen.contains("space next"), "no key is taken yet: {seen}");
        follower.open(&follows).await;
        until(&mut leader, &["5 steps", "builtin, Kubernetes", "namespace kw-", "space next"]).await;
        place.note_clusters();
        let there = leader.eval("document.getElementById('place').textContent").await.to_string();
        let namespace = there.trim_matches('"').rsplit_once("namespace ").expect("a namespace").1.to_owned();
        let rights = Rights::of(&place, &namespace).await;
        assert_eq!(follower.eval("document.querySelectorAll('form, button, input').length").await, 0);

        // The first step, and a question with a wrong guess. Nothing is given away.
        let seen = press(&mut leader, "Enter", &["Step 1 of 5", "It has no rights yet.", "kind: ServiceAccount"]).await;
        assert!(!seen.contains("It may not list Pods"), "{seen}");
        assert_eq!(leader.eval("document.getElementById('diagram').hidden").await, true);
        press(&mut leader, "ArrowRight", &["✓ held"]).await;
        assert_eq!(picture(&mut leader).await.0, ["ServiceAccount reader"]);
        press(&mut leader, "PageDown", &["Step 2 of 5", "? 200 or 403?"]).await;
        leader.key("Enter", 13).await;
        answers(&mut leader, "200").await;
        until(&mut leader, &["You said: 200"]).await;
        let seen = until(&mut follower, &["You said: 200", "This page follows."]).await;
        assert!(!seen.contains("It may not list Pods") && !seen.contains("403 Forbidden"), "{seen}");
        let judged = ["✓ held 403", "It may not list Pods", "but something else came", "because no binding"];
        press(&mut leader, "Enter", &judged).await;
        let denied = "✗ 2 no rule allows list pods";
        let (boxes, ..) = picture(&mut leader).await;
        assert!(boxes.len() == 2 && boxes[1].starts_with(denied), "{boxes:?}");

        // The grant.
        for step in ["Step 3 of 5", "Step 4 of 5", "Step 5 of 5"] {
            press(&mut leader, "Enter", &[step]).await;
            press(&mut leader, "Enter", &["✓ held"]).await;
        }
        until(&mut follower, &["Step 5 of 5", "✓ held 200", "5 ✓"]).await;
        assert_eq!(rights.there().await, ["Role read-pods", "RoleBinding read-pods_reader"]);
        let granted = ["ServiceAccount reader", "✓ 5 RoleBinding read-pods_reader", "✓ 5 Role read-pods", "✓ 5 list pods"];
        for page in [&mut leader, &mut follower] {
            let (boxes, words, described) = picture(page).await;
            assert_eq!(boxes, granted);
            let sentence = format!("RoleBinding read-pods_reader in {namespace} grants Role read-pods in {namespace} (allowed in step 5)");
            assert!(words.contains(&sentence), "{words:?}");
            assert!(described.contains(&sentence) && described.contains("✗ N: it was denied"), "{described}");
        }
        press(&mut leader, "e", &["Why", "read-pods"]).await;
        until(&mut follower, &["Why"]).await;
        press(&mut leader, "d", &["Who may do what", "grants Role read-pods"]).await;
        press(&mut leader, "d", &["✓ held 200"]).await;
        readable(&mut leader).await;

        // Back twice: the binding is gone, on the cluster and in the picture; the Role is there.
        press(&mut leader, "ArrowLeft", &["Step 5 of 5", "all is as it was before this step"]).await;
        press(&mut leader, "b", &["Step 4 of 5", "all is as it was before this step", "4 ↶"]).await;
        until(&mut follower, &["Step 4 of 5", "4 ↶"]).await;
        assert_eq!(rights.there().await, ["Role read-pods"]);
        let (boxes, ..) = picture(&mut follower).await;
        assert!(boxes.len() == 4 && boxes[1].starts_with(denied) && boxes[2] == "Role read-pods", "{boxes:?}");

        // And on again: the step, then straight to the last one.
        press(&mut leader, "Enter", &["Step 4 of 5", "kind: RoleBinding", "4 ·"]).await;
        press(&mut leader, "Enter", &["✓ held", "4 ✓"]).await;
        assert_eq!(rights.there().await, ["Role read-pods", "RoleBinding read-pods_reader"]);
        press(&mut leader, "b", &["4 ↶"]).await;
        press(&mut leader, "g", &["Which step?"]).await;
        answers(&mut leader, "5").await;
        until(&mut leader, &["Step 5 of 5", "4 ✓", "5 ·"]).await;
        press(&mut leader, "Enter", &["✓ held 200", "5 ✓"]).await;
        assert_eq!(picture(&mut leader).await.0, granted);
        press(&mut leader, "!", &["a shell opens in the terminal"]).await;

        // Keys of a follower say nothing, and neither does what its page could send, whoever wrote it.
        for key in ["n", "b", "s", "q", "q"] {
            press(&mut follower, key, &["✓ held 200"]).await;
        }
        let say = "fetch('say', {method: 'POST', body: '{\"do\":\"back\"}'}).then(answer => answer.status)";
        assert_eq!(come(&mut follower, say).await, 403);
        // Without the key, or with another one, nothing is there.
        for path in ["/", "/aaaaaaaaaaaaaaaaaaaaaaaa/", "/aaaaaaaaaaaaaaaaaaaaaaaa/events"] {
            assert_eq!(come(&mut follower, &format!("fetch('{path}').then(answer => answer.status)")).await, 404, "{path}");
        }
        // A page of somebody else who knows the key is not heard, reads nothing, and cannot show the page inside itself.
        let mut stranger = Browser::start(&chromium).await;
        stranger.open(&elsewhere().await).await;
        let sent = format!(
            "fetch('{leads}say', {{method: 'POST', mode: 'no-cors', body: '{{\"do\":\"back\"}}'}}).then(() => 'heard', () => 'refused')"
        );
        assert_eq!(come(&mut stranger, &sent).await, "refused");
        let read = format!("fetch('{leads}').then(() => 'read', () => 'refused')");
        assert_eq!(come(&mut stranger, &read).await, "refused");
        let framed = format!(
            "new Promise(done => {{ const frame = document.createElement('iframe'); frame.src = '{leads}';
               frame.onload = () => done(frame.contentDocument === null); document.body.append(frame); }})"
        );
        assert_eq!(come(&mut stranger, &framed).await, true, "what is in the frame is not of this page");
        let blocked = stranger.told("Log.entryAdded").iter().any(|told| told.to_string().contains("frame-ancestors"));
        assert!(blocked, "{:?}", stranger.told("Log.entryAdded"));
        drop(stranger);
        let seen = until(&mut leader, &["Step 5 of 5", "✓ held 200"]).await;
        assert!(!seen.contains("q again"), "{seen}");

        // The end.
        press(&mut leader, "Enter", &["The end", "5 of 5 steps held"]).await;
        let ended = tokio::task::spawn_blocking(move || shown.ended());
        press(&mut leader, "q", &["The class is over"]).await;
        let (code, said) = ended.await.expect("no panic");
        assert_eq!(code, Some(0), "{said}");
        assert!(said.contains("5 steps held, 0 failed, 0 not run"), "{said}");

        // Nothing was asked of anybody else, and nothing went wrong on the pages.
        for (page, own) in [(&leader, &leads), (&follower, &follows)] {
            let asked = page.told("Network.requestWillBeSent");
            let asked: Vec<&str> = asked.iter().filter_map(|told| told["params"]["request"]["url"].as_str()).collect();
            let origin = own.rsplitn(3, '/').last().expect("an origin");
            assert!(asked.iter().all(|url| url.starts_with(origin) || url.starts_with("data:")), "{asked:?}");
            assert!(page.told("Runtime.exceptionThrown").is_empty(), "{:?}", page.told("Runtime.exceptionThrown"));
            // That an answer was 403 or 404, or did not come any more, is the network's to say.
            let mut console = page.told("Log.entryAdded");
            console.retain(|told| told["params"]["entry"]["source"] != "network");
            assert!(console.is_empty(), "{console:?}");
        }
        let sent = follower.told("Network.requestWillBeSent");
        let sent = sent.iter().filter(|told| told["params"]["request"]["method"] != "GET").count();
        assert_eq!(sent, 1, "only what the test itself has sent");
    });
    place.nothing_left_within(Duration::from_secs(20));
    recorded_is_a_run(&mut place, folder.path());
}

/// What is recorded of a class that went back and forth is sealed, and makes the page that a run makes.
fn recorded_is_a_run(place: &mut Place, folder: &Path) {
    let (file, events, page) = (inside(folder, "class.yaml"), inside(folder, "events"), inside(folder, "page.md"));
    let said = place.run(&["report", &events]);
    assert!(said.code == Some(0) && said.stdout.contains("5 steps held"), "{said:?}");
    let said = place.run(&["docs", &file, "--from", &events, "--output", &page]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = place.run(&["docs", &file, "--cluster", "builtin", "--output", &page, "--check"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let stream = std::fs::read_to_string(&events).expect("the stream");
    std::fs::write(&events, stream.replacen("cannot list", "Cannot list", 1)).expect("written");
    let said = place.run(&["docs", &file, "--from", &events]);
    assert!(said.code == Some(2) && said.stderr.contains("changed after the run wrote it"), "{said:?}");
    place.nothing_left_within(Duration::from_secs(20));
}

/// Enough contrast in both rooms, nothing that sticks out of a small window, and letters that are read from the last row.
async fn readable(page: &mut Browser) {
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        page.ask("Emulation.setEmulatedMedia", features).await;
        let contrast = page.eval(CONTRAST).await;
        assert!(contrast["least"].as_f64().expect("a number") >= 4.5, "{scheme}: {contrast}");
    }
    for (width, height) in [(400, 800), (1280, 720)] {
        let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        page.ask("Emulation.setDeviceMetricsOverride", size).await;
        assert_eq!(page.eval("document.documentElement.scrollWidth <= window.innerWidth").await, true, "{width}");
    }
    let letters =
        "Array.from(document.querySelectorAll('#diagram svg g.node text'), e => e.getBoundingClientRect().height)";
    let letters: Vec<f64> = serde_json::from_value(page.eval(letters).await).expect("heights");
    assert!(!letters.is_empty() && letters.iter().all(|height| *height >= 16.0), "{letters:?}");
}

#[test]
fn a_class_in_a_browser_that_is_killed_leaves_nothing() {
    let Some(chromium) = chromium() else { return };
    let _alone = alone();
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let shown = Shown::class(&place, folder.path());
    runtime().block_on(async {
        let mut leader = Browser::start(&chromium).await;
        leader.open(&shown.leads).await;
        until(&mut leader, &["5 steps", "builtin, Kubernetes", "space next"]).await;
        place.note_clusters();
        press(&mut leader, "Enter", &["Step 1 of 5"]).await;
        press(&mut leader, "Enter", &["✓ held"]).await;
        press(&mut leader, "q", &["q again ends the class"]).await;
        // Whoever says something else goes on.
        press(&mut leader, "Enter", &["Step 2 of 5"]).await;
        shown.kill();
        until(&mut leader, &["The class is over, or kubewalk does not answer."]).await;
    });
    drop(shown);
    place.nothing_left_within(Duration::from_secs(20));
}

/// What a class looks like: `scripts/class-screenshots` makes pictures of it.
#[test]
fn an_earlier_run_is_a_class_in_a_browser_without_a_cluster() {
    let Some(chromium) = chromium() else { return };
    let _alone = alone();
    let (mut place, folder) = (Place::new(), tempfile::tempdir().expect("a folder"));
    let events = folder.path().join("events").to_string_lossy().into_owned();
    let said = place.run(&["run", WALKTHROUGH, "--cluster", "builtin", "--report", &format!("events={events}")]);
    assert_eq!(said.code, Some(0), "{said:?}");
    place.nothing_left_within(Duration::from_secs(20));
    let mut shown = Shown::start(&place, &["demo", "--replay", &events]);
    runtime().block_on(async {
        let mut leader = Browser::start(&chromium).await;
        leader.open(&shown.leads).await;
        let mut follower = Browser::start(&chromium).await;
        follower.open(&shown.follows).await;
        let all = until(&mut leader, &[" steps", "builtin, Kubernetes", "space next"]).await;
        let steps: usize = all
            .lines()
            .find_map(|line| line.strip_suffix(" steps")?.trim().parse().ok())
            .expect("how many steps there are");
        screenshots(&mut leader, "0-before-", SIZE).await;
        for step in 1..=steps {
            let heading = format!("Step {step} of {steps}");
            press(&mut leader, "Enter", &[&heading]).await;
            screenshots(&mut leader, &format!("{step}-a-asked-"), SIZE).await;
            let is_asked = leader.eval("document.getElementById('predict').textContent !== ''").await == true;
            leader.key("Enter", 13).await;
            if is_asked {
                answers(&mut leader, "200").await;
                until(&mut leader, &["You said: 200"]).await;
                leader.key("Enter", 13).await;
            }
            until(&mut leader, &[&heading, &format!("{step} ✓")]).await;
            until(&mut follower, &[&heading, &format!("{step} ✓")]).await;
            assert!(place.clusters_now().is_empty());
            screenshots(&mut leader, &format!("{step}-b-judged-"), SIZE).await;
            screenshots(&mut follower, &format!("{step}-c-follows-"), SIZE).await;
        }
        readable(&mut leader).await;
        screenshots(&mut leader, "z-small-", (400, 800)).await;
        press(&mut leader, "h", &["Hint"]).await;
        screenshots(&mut leader, "z-hint-", SIZE).await;
        press(&mut leader, "b", &[&format!("{steps} ↶")]).await;
        press(&mut leader, "!", &["there is no cluster"]).await;
        press(&mut leader, "q", &["q again"]).await;
        let ended = tokio::task::spawn_blocking(move || shown.ended());
        press(&mut leader, "q", &["The class is over"]).await;
        let (code, said) = ended.await.expect("no panic");
        assert_eq!(code, Some(0), "{said}");
    });
    place.nothing_left_within(Duration::from_secs(5));
}

const WALKTHROUGH: &str = "scenarios/serviceaccount/walkthrough.yaml";

/// A projector's.
const SIZE: (u32, u32) = (1280, 720);
