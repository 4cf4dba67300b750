//! The HTML report in a real browser: it renders, says nothing on the console, asks no server for anything, and can be read
//! and used without a mouse and without eyes. Chromium is driven by its own protocol.

#[path = "../common/browser.rs"]
mod browser;
#[path = "../common/recorded.rs"]
mod recorded;

use browser::{Browser, CONTRAST, screenshots};
use kubewalk::report::html;
use serde_json::json;

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
    assert_eq!(title, "kubewalk: 1 of 5 scenarios failed, 2 have no answer, and something is left behind");
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
    screenshots(&mut browser, "", (1280, 1600)).await;

    // A clean console, and no server asked.
    assert!(browser.told("Runtime.exceptionThrown").is_empty() && browser.told("Runtime.consoleAPICalled").is_empty());
    assert!(browser.told("Log.entryAdded").is_empty(), "{:?}", browser.told("Log.entryAdded"));
    let asked = browser.told("Network.requestWillBeSent");
    let asked: Vec<_> =
        asked.iter().map(|message| message["params"]["request"]["url"].as_str().unwrap_or_default()).collect();
    assert!(asked.iter().all(|asked| *asked == url || *asked == "data:,"), "{asked:?}");
}
