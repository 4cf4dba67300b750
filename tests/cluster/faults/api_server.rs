//! Faults 20 to 22, and 24: answers that are no answers of Kubernetes, and commands in Pods whose end is not seen.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use crate::{
    Files, SOON,
    cluster::{begin, kill, proc, processes},
    end,
    fake_api::{Asked, FakeApi, Reply},
    page::Fault,
    run_in, said,
    traces::{Place, Said},
};

/// Runs these steps with a fake that answers so.
fn against(place: &Place, steps: &str, script: impl Fn(&Asked) -> Option<Reply> + Send + Sync + 'static) -> Said {
    let (files, api) = (Files::new(), FakeApi::start(script));
    let scenario = files.scenario("claim", steps);
    let said = said(run_in(place, &api.kubeconfig(files.path()), "fake", &[]).arg(scenario));
    assert_eq!(api.namespaces(), Vec::<String>::new(), "{said:?}");
    said
}

#[test]
fn fault_20_an_api_server_that_starts_anew() {
    const STEPS: &str = "  - title: Nobody may look\n    as: anonymous\n    request:\n      path: /claim # on purpose\n    expect: {status: 403}\n";
    let mut fault = Fault::new(
        20,
        "the API server starts anew in a step: what it refuses meanwhile is not what it refuses afterwards, or is; it is killed \
         and stays away",
        "fake API server; builtin",
        file!(),
    );
    let place = Place::new();
    for (code, words) in [(1, "expected 403, got 200"), (0, "1 step held")] {
        let (gone, claims) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
        let told = Arc::clone(&gone);
        let api = FakeApi::start(move |asked| {
            if !asked.is("GET", "/claim") {
                return None;
            }
            let first = claims.fetch_add(1, Ordering::Relaxed) == 0;
            while first && !told.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            Some(match first || code == 0 {
                true => {
                    Reply::refusal(403, "Forbidden", "forbidden: User \"system:anonymous\" cannot get path \"/claim\"")
                }
                false => Reply::json(200, &serde_json::json!({})),
            })
        });
        let files = Files::new();
        let scenario = files.scenario("claim", STEPS);
        let child =
            run_in(&place, &api.kubeconfig(files.path()), "fake", &[]).arg(scenario).spawn().expect("it starts");
        api.until(|asked| asked.is("GET", "/claim"));
        let before = ready(&api);
        api.go_away();
        // Until it is known that it went away, and the answer is one of that time.
        api.until_now(|api| ready(api) > before + 1);
        gone.store(true, Ordering::Relaxed);
        api.until_now(|api| ready(api) > before + 3);
        api.come_back();
        fault.saw(&end(child), code, words);
        assert_eq!(api.asked().iter().filter(|asked| asked.is("GET", "/claim")).count(), 2, "it is asked again");
        assert_eq!(api.namespaces(), Vec::<String>::new());
    }
    let (mut place, files) = (place, Files::new());
    let child = begin(&mut place, &files, "builtin", &[]);
    let cluster = place.clusters_now().pop_first().expect("a folder");
    let server = |pid| proc(pid, "cgroup").contains(&cluster) && proc(pid, "comm").trim() == "kube-apiserver";
    kill(&processes(server));
    fault.saw(&end(child), 3, "kube-apiserver of the cluster ended");
    fault.nothing_left(&place, SOON);
}

/// How many times it was asked whether it is ready.
fn ready(api: &FakeApi) -> usize {
    api.asked().iter().filter(|asked| asked.is("GET", "/readyz")).count()
}

#[test]
fn fault_21_an_api_server_that_is_overloaded() {
    const STEPS: &str = "  - {title: It answers, request: {path: /claim}, expect: {status: 200}, timeout: 5s}\n";
    let mut fault = Fault::new(
        21,
        "429, then 500, then a connection that breaks, then an answer; 503 all the time",
        "fake API server",
        file!(),
    );
    let place = Place::new();
    let claims = AtomicUsize::new(0);
    let recovers = against(&place, STEPS, move |asked| {
        asked.is("GET", "/claim").then(|| match claims.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::refusal(429, "TooManyRequests", "slow down"),
            1 => Reply::refusal(500, "InternalError", "etcd leader changed"),
            2 => Reply::Reset,
            _ => Reply::json(200, &serde_json::json!({})),
        })
    });
    fault.saw(&recovers, 0, "1 step held");
    let overloaded = against(&place, STEPS, |asked| {
        asked.is("GET", "/claim").then(|| Reply::refusal(503, "ServiceUnavailable", "apiserver not ready"))
    });
    fault.saw(&overloaded, 3, "error[");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_22_what_only_looks_like_a_denial() {
    const STEPS: &str =
        "  - title: Nobody may look\n    as: anonymous\n    request: {path: /api}\n    expect: {status: 403}\n";
    let mut fault =
        Fault::new(22, "401 instead of 403; a proxy's 403; a 403 about somebody else", "fake API server", file!());
    let place = Place::new();
    let case = |reply: fn() -> Reply| against(&place, STEPS, move |asked| (asked.path == "/api").then(reply));
    let unauthorized = case(|| Reply::refusal(401, "Unauthorized", "Unauthorized"));
    fault.saw(&unauthorized, 1, "got 401");
    let html = case(|| Reply::Http(403, "text/html", "<html><title>Access denied</title></html>".into()));
    fault.saw(&html, 1, "403, but not a refusal by the API server");
    let other = case(|| {
        Reply::refusal(403, "Forbidden", "forbidden: User \"system:serviceaccount:a:b\" cannot get path \"/api\"")
    });
    fault.saw(&other, 1, "403, but the call was made as");
    fault.nothing_left(&place, SOON);
}

#[test]
fn fault_24_the_output_of_a_command_is_cut_endless_or_no_text() {
    const STEPS: &str = "  - {title: A Pod, pod: {name: p, image: curl}}\n  \
                         - {title: A command, exec: {in: p, command: [say]}, expect: {stdout: words}}\n";
    let mut fault = Fault::new(
        24,
        "a command's stream is cut; has no end; brings more than 16 MiB; is no text",
        "fake API server",
        file!(),
    );
    let place = Place::new();
    let case = |reply: fn() -> Reply| {
        let is_exec = |asked: &Asked| asked.path.split('?').next().is_some_and(|path| path.ends_with("/pods/p/exec"));
        against(&place, STEPS, move |asked| is_exec(asked).then(reply))
    };
    // What came is just what is expected, and yet it is no pass: the rest is not known.
    let cut = case(|| Reply::Exec(vec![(1, b"words".to_vec())]));
    fault.saw(&cut, 3, "cut before the command's end was told");
    let no_word = case(|| Reply::Exec(vec![(1, b"words".to_vec()), (3, b"{\"status\":\"Failure\"}".to_vec())]));
    fault.saw(&no_word, 3, "failed without a word");
    let flood = case(|| Reply::ended(vec![vec![b'y'; 1 << 20]; 17]));
    fault.saw(&flood, 3, "more than 16 MiB");
    let binary = case(|| Reply::ended(vec![b"words\xff\xfe\x00\x1b[2J".to_vec()]));
    assert!(!binary.stdout.contains(['\u{1b}', '\u{0}']), "{binary:?}");
    fault.saw(&binary, 1, "\\u{1b}[2J");
    fault.nothing_left(&place, SOON);
}
