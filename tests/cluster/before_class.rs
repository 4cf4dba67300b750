//! `doctor --class`: what it says of a machine that has a node, and of one that would have to fetch it.
#![cfg(target_os = "linux")]

#[path = "../common/traces.rs"]
mod traces;

use std::time::Duration;

use traces::{Place, Said};

fn doctor(place: &Place, cache: Option<&std::path::Path>) -> Said {
    let mut command = place.kubewalk(&["doctor", "--class", "--cluster", "auto"]);
    // Whether there is Docker, and what it has, is another matter.
    command.env("DOCKER_HOST", "unix:///nowhere/docker.sock");
    if let Some(cache) = cache {
        command.env("KUBEWALK_CACHE", cache);
    }
    Said::from(&command.output().expect("kubewalk starts"))
}

#[test]
fn a_machine_with_a_node_starts_one_and_says_how_long_it_took() {
    let _alone = traces::alone();
    let mut place = Place::new();
    let said = doctor(&place, None);
    place.note_clusters();
    assert_eq!(said.code, Some(0), "{said:?}");
    let class = said.stdout.split("a class without a network:\n").nth(1).expect("its part");
    assert!(class.contains("  ok       node: is here, nothing is downloaded: builtin"), "{class}");
    let ready = class.lines().find(|line| line.contains("time to ready: ")).expect("the time");
    assert!(ready.contains(" s until a Pod can run, on builtin") || ready.contains(" ms until"), "{ready}");
    assert!(class.ends_with("A class can be given here without a network.\n"), "{class}");
    place.nothing_left_within(Duration::from_secs(10));
}

#[test]
fn without_a_node_nothing_is_started_and_what_to_do_is_said() {
    let mut place = Place::new();
    let cache = tempfile::tempdir().expect("a folder");
    let said = doctor(&place, Some(cache.path()));
    place.note_clusters();
    assert_eq!(said.code, Some(3), "{said:?}");
    let class = said.stdout.split("a class without a network:\n").nth(1).expect("its part");
    assert!(class.contains("  missing  node: no cluster that works here has its node on this machine"), "{class}");
    assert!(!class.contains("time to ready"), "nothing was started: {class}");
    assert!(class.ends_with("A class cannot be given here yet.\n"), "{class}");
    place.nothing_left_within(Duration::from_secs(10));
}
