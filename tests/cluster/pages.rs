//! Pages that only a real run can make: two runs make the same, one byte of an answer that is another is refused, in a page as in
//! an event stream, and a cast is played by a reader that is not ours.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::{fs, path::Path};

use asciicast_rs::{Asciicast, V3, v3::EventPayload};
use avt::Terminal;
use traces::{Place, Said};

/// A story with all that differs from run to run: a fresh namespace, uids, times, a token, a list.
const STORY: &str = "title: A reader may list
say: It has a Role.
steps:
  - title: An account
    serviceAccount: reader
  - title: A secret
    create: {apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {word: abracadabra}}
  - title: Nobody may list yet
    as: serviceaccount/reader
    get: {kind: ConfigMap}
    expect: {status: 403}
  - title: A Role
    role: {name: r, rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]}
  - title: Its binding
    bind: {role: r, to: [{serviceAccount: reader}]}
  - title: Now it lists
    as: serviceaccount/reader
    get: {kind: ConfigMap}
    expect: {status: 200, within: 2s}
  - title: A token
    token: {serviceAccount: reader}
    save: {own: token}
  - title: What the secret looks like
    get: {kind: Secret, name: s}
";

const FORMATS: [&str; 3] = ["markdown", "html", "cast"];

struct Pages {
    place: Place,
    folder: tempfile::TempDir,
}

impl Pages {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn docs(&mut self, words: &[&str]) -> Said {
        let story = self.path("story.yaml");
        self.place.run(&[&["docs", story.as_str()], words].concat())
    }

    /// A run, and the stream of it.
    fn record(&mut self, name: &str) -> String {
        let (story, events) = (self.path("story.yaml"), self.path(name));
        let report = format!("events={events}");
        let run = self.place.run(&["run", &story, "--cluster", "builtin", "--report", &report]);
        assert!(Path::new(&events).is_file(), "{run:?}");
        events
    }
}

#[test]
fn a_page_is_what_a_run_made_and_nothing_else() {
    let mut pages = Pages { place: Place::new(), folder: tempfile::tempdir().expect("a folder") };
    fs::write(pages.path("story.yaml"), STORY).expect("written");
    let events = pages.record("events");
    for format in FORMATS {
        let page = pages.path(format);
        let made = pages.docs(&["--from", &events, "--format", format, "--output", &page]);
        assert_eq!(made.code, Some(0), "{made:?}");
        let text = fs::read_to_string(&page).expect("the page");
        for hidden in ["YWJyYWNhZGFicmE", "abracadabra\"", "eyJ"] {
            assert!(!text.contains(hidden), "{format}: {hidden}");
        }
        // In a cast a line comes some letters at a time.
        let line = format == "cast" || text.contains("kubectl --as=system:serviceaccount:kw-story:reader");
        assert!(text.contains("cannot list resource") && line, "{text}");
        assert!(text.contains("sha256:") && text.contains("Kubernetes v1."), "{text}");
        if format == "cast" {
            played(&text);
        }
        // A page that is changed by one byte of an answer.
        let at = text.find("cannot list").expect("the answer");
        let changed = format!("{}C{}", &text[..at], &text[at + 1..]);
        fs::write(&page, &changed).expect("written");
        let said = pages.docs(&["--from", &events, "--format", format, "--output", &page, "--check"]);
        assert!(said.code == Some(1) && said.stderr.contains("error[altered]"), "{said:?}");
        assert_eq!(fs::read_to_string(&page).expect("the page"), changed, "nothing is written");
        fs::write(&page, &text).expect("written");
    }
    // Another run, on another cluster, makes the same; the last one has a run of its own.
    let again = pages.record("again");
    for format in FORMATS {
        let page = pages.path(format);
        let said = pages.docs(&["--from", &again, "--format", format, "--output", &page, "--check"]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let page = pages.path("html");
    let said = pages.docs(&["--cluster", "builtin", "--format", "html", "--output", &page, "--check"]);
    assert_eq!(said.code, Some(0), "{said:?}");

    // A stream that is changed by one byte of an answer, or that has no seal.
    let text = fs::read_to_string(&events).expect("the stream");
    let at = text.find("cannot list").expect("the answer");
    fs::write(&events, format!("{}C{}", &text[..at], &text[at + 1..])).expect("written");
    let said = pages.docs(&["--from", &events]);
    assert!(
        said.code == Some(2) && said.stderr.contains("changed after the run wrote it") && said.stdout.is_empty(),
        "{said:?}"
    );
    let unsealed: Vec<&str> = text.lines().collect();
    fs::write(&events, unsealed[..unsealed.len() - 1].join("\n") + "\n").expect("written");
    let said = pages.docs(&["--from", &events]);
    assert!(said.code == Some(2) && said.stderr.contains("error[unsealed]"), "{said:?}");

    // A scenario that says something else than the one that was run.
    fs::write(pages.path("story.yaml"), STORY.replace("It has a Role", "It has none")).expect("written");
    let said = pages.docs(&["--from", &again]);
    assert!(said.code == Some(2) && said.stderr.contains("error[changed]"), "{said:?}");

    // A run that did not hold.
    fs::write(pages.path("story.yaml"), STORY.replace("verbs: [list]", "verbs: [get]")).expect("written");
    let failed = pages.record("failed");
    let said = pages.docs(&["--from", &failed]);
    assert!(said.code == Some(1) && said.stderr.contains("error[notHeld]") && said.stdout.is_empty(), "{said:?}");
    let said = pages.docs(&["--from", &failed, "--allow-failed"]);
    assert!(said.code == Some(0) && said.stdout.contains("**This run did not hold.**"), "{said:?}");
}

/// A cast as another reader than ours reads it, and as asciinema's own terminal shows it.
fn played(text: &str) {
    let cast = Asciicast::<V3>::from_slice(text.as_bytes()).expect("a cast of version 3");
    let (cols, rows) = (usize::from(cast.header.term.cols), usize::from(cast.header.term.rows));
    let mut terminal = Terminal::with_scrollback(cols, rows, None).expect("a size");
    let (mut markers, mut last) = (Vec::new(), false);
    for event in &cast.events {
        last = matches!(event.payload, EventPayload::Exit(_));
        match &event.payload {
            EventPayload::Output(text) => terminal.feed(text.as_str()),
            EventPayload::Marker(label) => markers.push(label.clone()),
            EventPayload::Exit(_) => {}
            other => panic!("{other:?}"),
        }
    }
    let shown = terminal.screen().text().join("\n");
    assert!(last, "its end is said");
    assert_eq!(markers[0], "A reader may list");
    assert_eq!(markers.len(), 9, "{markers:?}");
    assert_eq!(markers[3], "3. Nobody may list yet");
    for words in [
        "$ kubectl --as=system:serviceaccount:kw-story:reader get configmaps",
        "3. Nobody may list yet",
        "✓ 403 Forbidden",
    ] {
        assert!(shown.contains(words), "{words}:\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "nothing is left of what only colours:\n{shown}");
}
