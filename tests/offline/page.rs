//! The HTML report in a real browser: it renders, says nothing on the console, asks no server for anything, and can be read
//! and used without a mouse and without eyes. Chromium is driven by its own protocol.

#[path = "../common/recorded.rs"]
mod recorded;

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use kubewalk::report::html;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// A browser with one page. It ends with this value.
struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    session: String,
    next: u64,
    /// Everything that the browser told without being asked.
    told: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    async fn start(chromium: &std::path::Path) -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let child = Command::new(chromium)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--disable-dev-shm-usage", "--remote-debugging-port=0", "--window-size=1280,900"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromium starts");
        // It says there where it listens, once it does.
        let said = profile.path().join("DevToolsActivePort");
        let mut port = String::new();
        for _ in 0..600 {
            port = std::fs::read_to_string(&said).unwrap_or_default();
            if port.lines().count() == 2 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let (port, path) = port.split_once('\n').expect("chromium listens");
        let stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.expect("a connection");
        let (socket, _) = client_async(format!("ws://127.0.0.1:{port}{path}"), stream).await.expect("a web socket");
        let mut browser = Browser { child, socket, session: String::new(), next: 0, told: vec![], _profile: profile };
        let targets = browser.ask("Target.getTargets", json!({})).await;
        let pages = targets["targetInfos"].as_array().expect("targets");
        let page = pages.iter().find(|target| target["type"] == "page").expect("a page")["targetId"].clone();
        let attached = browser.ask("Target.attachToTarget", json!({"targetId": page, "flatten": true})).await;
        browser.session = attached["sessionId"].as_str().expect("a session").to_owned();
        for domain in ["Page", "Runtime", "Log", "Network", "DOM", "Accessibility"] {
            browser.ask(&format!("{domain}.enable"), json!({})).await;
        }
        browser
    }

    async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": params});
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.socket.send(Message::text(message.to_string())).await.expect("sent");
        loop {
            let message = self.read().await;
            if message["id"] == self.next {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.told.push(message);
        }
    }

    async fn read(&mut self) -> Value {
        let read = tokio::time::timeout(Duration::from_secs(60), self.socket.next());
        let message = read.await.expect("chromium answers").expect("a message").expect("a message");
        serde_json::from_str(message.to_text().expect("a text")).expect("JSON")
    }

    async fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url})).await;
        while !self.told.iter().any(|message| message["method"] == "Page.loadEventFired") {
            let message = self.read().await;
            self.told.push(message);
        }
    }

    async fn eval(&mut self, script: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", json!({"expression": script, "returnByValue": true})).await;
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    async fn key(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = "\r".into();
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    fn told(&self, method: &str) -> Vec<&Value> {
        self.told.iter().filter(|message| message["method"] == method).collect()
    }
}

#[tokio::test]
async fn a_browser_shows_the_page_and_the_keyboard_is_enough() {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let Some(chromium) = recorded::tool(&names, "KUBEWALK_CHROMIUM") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("page.html");
    std::fs::write(&file, html::render(&recorded::run())).expect("written");
    let mut browser = Browser::start(&chromium).await;
    let url = format!("file://{}", file.display());
    browser.open(&url).await;

    // It renders, and nothing in it ran.
    let title = browser.eval("document.title").await;
    assert_eq!(title, "kubewalk: 1 of 5 scenarios failed, 2 have no answer");
    assert_eq!(browser.eval("document.querySelectorAll('script, img, iframe, object, form').length").await, 0);
    assert_eq!(browser.eval("typeof owned").await, "undefined");
    assert_eq!(browser.eval("document.querySelectorAll('section.story').length").await, 5);
    let seen = browser.eval("document.body.innerText").await.to_string();
    for words in [
        "Same claim",
        "expected",
        "200 OK, as system:anonymous",
        "kubectl get pods",
        "Role a/r gives <it>",
        "cut here; the whole has 9000 bytes",
    ] {
        assert!(seen.contains(words), "`{words}` is not seen in\n{seen}");
    }

    // The picture of who may do what, with a sign at each arrow.
    let drawn =
        browser.eval("Array.from(document.querySelectorAll('svg.rbac text'), t => t.textContent).join('|')").await;
    let drawn = drawn.as_str().expect("a text").to_owned();
    assert!(drawn.contains("no rule allows") && drawn.contains("✗ 1"), "{drawn}");

    // The step that failed is open, the others are not; the keyboard opens them.
    let opened = "document.querySelectorAll('details[open]').length";
    assert_eq!(browser.eval(opened).await, 2, "one failed, one broken");
    browser.key("Tab", 9).await;
    assert_eq!(browser.eval("document.activeElement.className").await, "skip");
    let mut found = false;
    for _ in 0..40 {
        browser.key("Tab", 9).await;
        found = browser.eval("document.activeElement.matches('details:not([open]) > summary')").await == true;
        if found {
            break;
        }
    }
    assert!(found, "Tab reaches a folded step");
    browser.key("Enter", 13).await;
    assert_eq!(browser.eval(opened).await, 3);
    assert_eq!(browser.eval("document.activeElement.parentElement.open").await, true);

    // What a screen reader is told: landmarks, headings in order, a name for every mark.
    let tree = browser.ask("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().expect("nodes");
    let of = |role: &str| nodes.iter().filter(|node| node["role"]["value"] == role).collect::<Vec<_>>();
    for role in ["banner", "navigation", "main", "contentinfo"] {
        assert_eq!(of(role).len(), 1, "{role}");
    }
    let names: Vec<_> =
        of("image").iter().map(|node| node["name"]["value"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(names.len() > 5 && names.iter().all(|name| !name.is_empty()), "{names:?}");
    assert!(names.iter().any(|name| name == "failed") && names.iter().any(|name| name == "held"), "{names:?}");
    let levels = "Array.from(document.querySelectorAll('h1,h2,h3,h4'), h => +h.tagName[1])";
    let levels: Vec<u64> = serde_json::from_value(browser.eval(levels).await).expect("numbers");
    assert_eq!(levels[0], 1);
    assert!(levels.windows(2).all(|pair| pair[1] <= pair[0] + 1), "no heading is left out: {levels:?}");

    // Readable from the last row, and nothing sticks out of a small window.
    let size = browser.eval("parseFloat(getComputedStyle(document.body).fontSize)").await;
    assert!(size.as_f64().expect("a number") >= 17.0, "{size}");
    browser
        .ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": 400, "height": 800, "deviceScaleFactor": 1, "mobile": false}),
        )
        .await;
    assert_eq!(browser.eval("document.documentElement.scrollWidth <= window.innerWidth").await, true);
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", features).await;
        let contrast = browser.eval(CONTRAST).await;
        assert!(contrast["least"].as_f64().expect("a number") >= 4.5, "{scheme}: {contrast}");
    }
    screenshots(&mut browser).await;

    // A clean console, and no server asked.
    assert!(browser.told("Runtime.exceptionThrown").is_empty() && browser.told("Runtime.consoleAPICalled").is_empty());
    assert!(browser.told("Log.entryAdded").is_empty(), "{:?}", browser.told("Log.entryAdded"));
    let asked = browser.told("Network.requestWillBeSent");
    let asked: Vec<_> =
        asked.iter().map(|message| message["params"]["request"]["url"].as_str().unwrap_or_default()).collect();
    assert!(asked.iter().all(|asked| *asked == url || *asked == "data:,"), "{asked:?}");
}

/// The least contrast of a text with what is behind it, as WCAG 2 counts it.
const CONTRAST: &str = r"(() => {
  const parts = c => (c.match(/[\d.]+/g) || []).map(Number);
  const light = c => { const [r, g, b] = parts(c).map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; if (parts(c)[3] !== 0) return c; } return 'rgb(255,255,255)'; };
  let least = 99, where = '';
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('.skip')) continue;
    const a = light(getComputedStyle(e).color), b = light(behind(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least) { least = ratio; where = e.tagName + '.' + e.className; }
  }
  return { least, where };
})()";

/// Pictures for somebody who looks at the page: `KUBEWALK_SCREENSHOTS` names a folder.
async fn screenshots(browser: &mut Browser) {
    use base64::Engine as _;
    let Some(folder) = std::env::var_os("KUBEWALK_SCREENSHOTS") else { return };
    browser
        .ask(
            "Emulation.setDeviceMetricsOverride",
            json!({"width": 1280, "height": 1600, "deviceScaleFactor": 1, "mobile": false}),
        )
        .await;
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", features).await;
        let picture = browser.ask("Page.captureScreenshot", json!({"format": "png"})).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().expect("a picture"));
        let path = std::path::Path::new(&folder).join(scheme).with_extension("png");
        std::fs::write(path, bytes.expect("base64")).expect("written");
    }
}
