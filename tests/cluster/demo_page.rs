//! A class in a real browser, with a real cluster: its keys, its question, the way back, and a second page that only follows.
#![cfg(target_os = "linux")]

#[path = "../common/browser.rs"]
mod browser;
#[path = "../common/recorded.rs"]
mod recorded;
#[path = "../common/traces.rs"]
mod traces;

use std::{
    io::{BufRead as _, BufReader},
    time::{Duration, Instant},
};

use browser::{Browser, CONTRAST, screenshots};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
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

async fn press(browser: &mut Browser, key: &str, code: u32, words: &[&str]) -> String {
    browser.key(key, code).await;
    until(browser, words).await
}

async fn types(browser: &mut Browser, text: &str) {
    browser.ask("Input.insertText", json!({"text": text})).await;
    browser.key("Enter", 13).await;
}

#[tokio::test]
async fn a_class_is_led_in_one_page_and_followed_in_another() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = recorded::tool(&names, "KUBEWALK_CHROMIUM") else { return };
    let mut place = tokio::task::spawn_blocking(|| {
        drop(alone());
        Place::new()
    })
    .await
    .expect("a place");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("class.yaml");
    std::fs::write(&file, CLASS).expect("written");
    let mut command =
        place.kubewalk(&["demo", &file.to_string_lossy(), "--cluster", "builtin", "--browser", "--no-typing"]);
    let mut child = command.spawn().expect("kubewalk starts");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut url = || {
        let line = lines.next().expect("a line").expect("text");
        line.split_whitespace().last().expect("an address").to_owned()
    };
    let (leads, follows) = (url(), url());
    let mut leader = Browser::start(&chromium).await;
    leader.open(&leads).await;
    let mut follower = Browser::start(&chromium).await;
    follower.open(&follows).await;
    until(&mut leader, &["A reader comes to its right", "5 steps", "builtin, Kubernetes"]).await;
    place.note_clusters();
    assert_eq!(follower.eval("document.querySelectorAll('form, button, input').length").await, 0);

    let seen = press(&mut leader, "Enter", 13, &["Step 1 of 5", "It has no rights yet.", "kind: ServiceAccount"]).await;
    assert!(!seen.contains("It may not list Pods"), "{seen}");
    press(&mut leader, "ArrowRight", 39, &["✓ held"]).await;
    press(&mut leader, "PageDown", 34, &["Step 2 of 5", "? 200 or 403?"]).await;
    press(&mut leader, "Enter", 13, &["OK"]).await;
    assert_eq!(leader.eval("document.activeElement.id").await, "text");
    types(&mut leader, "200").await;
    until(&mut leader, &["You said: 200"]).await;
    let seen = until(&mut follower, &["You said: 200", "This page follows."]).await;
    assert!(!seen.contains("It may not list Pods") && !seen.contains("403 Forbidden"), "{seen}");
    press(
        &mut leader,
        "Enter",
        13,
        &["✓ held 403", "It may not list Pods", "but something else came", "because no binding"],
    )
    .await;
    for step in ["Step 3 of 5", "Step 4 of 5", "Step 5 of 5"] {
        press(&mut leader, "Enter", 13, &[step]).await;
        press(&mut leader, "Enter", 13, &["✓ held"]).await;
    }
    until(&mut follower, &["Step 5 of 5", "✓ held 200", "5 ✓"]).await;
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        leader.ask("Emulation.setEmulatedMedia", features).await;
        let contrast = leader.eval(CONTRAST).await;
        assert!(contrast["least"].as_f64().expect("a number") >= 4.5, "{scheme}: {contrast}");
    }
    screenshots(&mut leader, "class-", (1280, 720)).await;
    let narrow = json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false});
    leader.ask("Emulation.setDeviceMetricsOverride", narrow).await;
    assert_eq!(leader.eval("document.documentElement.scrollWidth <= window.innerWidth").await, true);

    // Back twice, and what the last step had shown is shown again once its binding is there again.
    press(&mut leader, "ArrowLeft", 37, &["Step 5 of 5", "all is as it was before this step"]).await;
    press(&mut leader, "ArrowLeft", 37, &["Step 4 of 5", "all is as it was before this step", "4 ↶"]).await;
    until(&mut follower, &["Step 4 of 5", "4 ↶"]).await;
    leader.key("g", 71).await;
    until(&mut leader, &["Which step?"]).await;
    types(&mut leader, "5").await;
    until(&mut leader, &["Step 5 of 5", "4 ✓"]).await;
    press(&mut leader, "Enter", 13, &["✓ held 200"]).await;
    press(&mut leader, "!", 49, &["a shell opens in the terminal"]).await;

    // A follower's page can say nothing, whoever writes it.
    let says = "fetch('say', {method: 'POST', body: '{\"do\":\"quit\"}'}).then(answer => answer.status)";
    let says = json!({"expression": says, "returnByValue": true, "awaitPromise": true});
    let said = follower.ask("Runtime.evaluate", says).await;
    assert_eq!(said["result"]["value"], 403, "{said}");

    // Nothing was asked of anybody else, and nothing went wrong.
    for (browser, own) in [(&leader, &leads), (&follower, &follows)] {
        let asked = browser.told("Network.requestWillBeSent");
        let asked: Vec<&str> = asked.iter().filter_map(|told| told["params"]["request"]["url"].as_str()).collect();
        assert!(asked.iter().all(|url| url.starts_with(own.as_str()) || url.starts_with("data:")), "{asked:?}");
        assert!(browser.told("Runtime.exceptionThrown").is_empty(), "{:?}", browser.told("Runtime.exceptionThrown"));
    }
    let console: Vec<&Value> = leader.told("Log.entryAdded");
    assert!(console.is_empty(), "{console:?}");

    let pid = Pid::from_raw(child.id().cast_signed()).expect("a pid");
    kill_process(pid, Signal::INT).expect("it lives");
    let ended = tokio::task::spawn_blocking(move || child.wait()).await.expect("no panic").expect("an end");
    assert_eq!(ended.code(), Some(130));
    until(&mut leader, &["The class is over"]).await;
    place.nothing_left_within(Duration::from_secs(20));
}
