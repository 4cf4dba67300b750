//! Chromium without a window, driven by its own protocol.
#![allow(dead_code, reason = "each test file uses its part")]

use std::{
    process::{Child, Command, Stdio},
    time::Duration,
};

use futures::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// A browser with one page. It ends with this value.
pub struct Browser {
    child: Child,
    socket: WebSocketStream<TcpStream>,
    session: String,
    next: u64,
    /// Everything that the browser told without being asked.
    pub told: Vec<Value>,
    _profile: tempfile::TempDir,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    /// See the protocol of Chromium.
    pub async fn start(chromium: &std::path::Path) -> Self {
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

    /// See the protocol of Chromium.
    pub async fn ask(&mut self, method: &str, params: Value) -> Value {
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

    /// See the protocol of Chromium.
    pub async fn open(&mut self, url: &str) {
        self.ask("Page.navigate", json!({"url": url})).await;
        while !self.told.iter().any(|message| message["method"] == "Page.loadEventFired") {
            let message = self.read().await;
            self.told.push(message);
        }
    }

    /// See the protocol of Chromium.
    pub async fn eval(&mut self, script: &str) -> Value {
        let answer = self.ask("Runtime.evaluate", json!({"expression": script, "returnByValue": true})).await;
        assert!(answer.get("exceptionDetails").is_none(), "{script}: {answer}");
        answer["result"]["value"].clone()
    }

    /// See the protocol of Chromium.
    pub async fn key(&mut self, key: &str, code: u32) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if key == "Enter" && kind == "keyDown" {
                event["text"] = "\r".into();
            }
            self.ask("Input.dispatchKeyEvent", event).await;
        }
    }

    /// What was told of this kind.
    pub fn told(&self, method: &str) -> Vec<&Value> {
        self.told.iter().filter(|message| message["method"] == method).collect()
    }
}

/// The least contrast of a text with what is behind it, as WCAG 2 counts it.
pub const CONTRAST: &str = r"(() => {
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

/// Pictures for somebody who looks at the page, light and dark: `KUBEWALK_SCREENSHOTS` names a folder.
pub async fn screenshots(browser: &mut Browser, name: &str, (width, height): (u32, u32)) {
    use base64::Engine as _;
    let Some(folder) = std::env::var_os("KUBEWALK_SCREENSHOTS") else { return };
    let size = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
    browser.ask("Emulation.setDeviceMetricsOverride", size).await;
    for scheme in ["light", "dark"] {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        browser.ask("Emulation.setEmulatedMedia", features).await;
        let picture = browser.ask("Page.captureScreenshot", json!({"format": "png"})).await;
        let bytes = base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().expect("a picture"));
        let path = std::path::Path::new(&folder).join(format!("{name}{scheme}.png"));
        std::fs::write(path, bytes.expect("base64")).expect("written");
    }
}
