//! What `doctor --class` looks at: whether a class can be given on this machine without a network.

use std::net::{Ipv4Addr, TcpListener};

use crate::cluster::{machine::Noted, preflight::Check};

/// One thing that a class needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Point {
    /// What.
    pub name: &'static str,
    /// What is so.
    pub found: String,
    /// Whether it is as a class needs it.
    pub good: bool,
    /// What to do when it is not.
    pub remedy: String,
}

/// So much memory a class takes in MiB: a node, and a browser or a terminal beside it.
const MEMORY: u64 = 1200;

impl Point {
    /// All is well.
    pub fn good(name: &'static str, found: impl Into<String>) -> Self {
        Point { name, found: found.into(), good: true, remedy: String::new() }
    }

    /// It is not.
    pub fn bad(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Point { name, found: found.into(), good: false, remedy: remedy.into() }
    }
}

/// What can be known before a cluster is started.
pub fn before(kinds: &[(&str, Vec<Check>)], machine: &[Noted]) -> Vec<Point> {
    let mut points = vec![node(kinds), port()];
    points.extend(crate::cluster::machine::available().map(memory));
    points.extend((machine.iter().filter(|noted| ["disk", "inotify instances"].contains(&noted.name))).map(|noted| {
        Point { name: noted.name, found: noted.found.clone(), good: !noted.narrow, remedy: "make room for it".into() }
    }));
    points
}

/// The node of a cluster that works here, and that nothing has to be downloaded for.
fn node(kinds: &[(&str, Vec<Check>)]) -> Point {
    let works = |checks: &[Check]| checks.iter().all(|check| check.missing.is_none());
    let there = |checks: &[Check]| checks.iter().any(|check| matches!(check.name, "engine" | "image") && check.is_here);
    let found: Vec<&str> =
        kinds.iter().filter(|(_, checks)| works(checks) && there(checks)).map(|(kind, _)| *kind).collect();
    match found.first() {
        Some(kind) => Point::good("node", format!("is here, nothing is downloaded: {kind}")),
        None => Point::bad(
            "node",
            "no cluster that works here has its node on this machine",
            "`kubewalk prefetch` once, with a network, pulls or builds it, and says how long the first start will take",
        ),
    }
}

/// A port of this machine alone, as the API server and a page for the projector need one.
fn port() -> Point {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) {
        Ok(_) => Point::good("ports", "127.0.0.1 has free ones"),
        Err(e) => Point::bad("ports", format!("127.0.0.1 gives none: {e}"), "bring up the loopback interface"),
    }
}

fn memory(free: u64) -> Point {
    let found = format!("{free} MiB are free; a class takes about {MEMORY}");
    if free >= MEMORY { Point::good("memory", found) } else { Point::bad("memory", found, "end other programs") }
}

/// The answer.
pub fn page(points: &[Point]) -> String {
    let mut text = "a class without a network:\n".to_owned();
    for point in points {
        let mark = if point.good { "ok     " } else { "missing" };
        text.push_str(&format!("  {mark}  {}: {}\n", point.name, point.found));
        if !point.good && !point.remedy.is_empty() {
            text.push_str(&format!("           {}\n", point.remedy));
        }
    }
    let good = points.iter().all(|point| point.good);
    text + if good { "A class can be given here without a network.\n" } else { "A class cannot be given here yet.\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::ClusterError;

    fn check(name: &'static str, is_here: bool, good: bool) -> Check {
        let missing = (!good).then(|| ClusterError::new("not so", "do it"));
        Check { name, found: String::new(), is_here, missing }
    }

    #[test]
    fn a_node_that_must_be_fetched_is_none_for_a_class() {
        let built = |here, good| vec![("builtin", vec![check("user", false, good), check("engine", here, true)])];
        assert!(node(&built(true, true)).good);
        assert!(!node(&built(false, true)).good);
        assert!(!node(&built(true, false)).good, "a cluster that does not work here has no node");
        let pulled = |here| vec![("k3s", vec![check("docker", false, true), check("image", here, true)])];
        assert!(node(&pulled(true)).good);
        assert!(!node(&pulled(false)).good);
    }

    #[test]
    fn one_thing_that_is_missing_is_enough_and_comes_with_what_to_do() {
        let good = Point::good("node", "is here");
        assert!(page(std::slice::from_ref(&good)).ends_with("A class can be given here without a network.\n"));
        let text = page(&[good, memory(100)]);
        assert!(text.contains(
            "  missing  memory: 100 MiB are free; a class takes about 1200\n           end other programs\n"
        ));
        assert!(text.ends_with("A class cannot be given here yet.\n"), "{text}");
    }
}
