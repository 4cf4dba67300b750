//! What `doctor --class` looks at: whether a class can be given on this machine without a network.

use std::net::{Ipv4Addr, TcpListener};

use crate::{
    cluster::{machine::Noted, preflight::Check},
    cluster_kind::{Choice, ClusterKind},
    exit_code::Exit,
};

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

/// So much disk a class takes in MiB: what its Pods write, and a recording. The node itself is in the cache already.
const DISK: u64 = 256;

/// Refuses a cluster that no class is given on.
///
/// # Errors
/// The exit code, after it was told why.
pub fn own_cluster(choice: Choice) -> Result<(), Exit> {
    if choice != Choice::Of(ClusterKind::Kubeconfig) {
        return Ok(());
    }
    eprint_line!(
        "error: a class has a cluster of its own, since going back restores all that is in it\n  \
         = help: in a cluster that exists: `kubewalk run --cluster kubeconfig --context NAME`"
    );
    Err(Exit::Invalid)
}

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

/// What can be known before a cluster of this choice is started; `disk`: the free space where the cache is, in MiB.
pub fn before(kinds: &[(&str, Vec<Check>)], choice: Choice, machine: &[Noted], disk: Option<u64>) -> Vec<Point> {
    let mut points = vec![node(kinds, choice), port()];
    points.extend(crate::cluster::machine::available().map(memory));
    points.extend(disk.map(room));
    points.extend(machine.iter().filter(|noted| noted.name == "inotify instances").map(|noted| Point {
        name: noted.name,
        found: noted.found.clone(),
        good: !noted.narrow,
        remedy: "end programs that watch files, or raise the number".into(),
    }));
    points
}

/// The node of the cluster that a class gets: it works here, and nothing has to be downloaded for it.
fn node(kinds: &[(&str, Vec<Check>)], choice: Choice) -> Point {
    let prefetch =
        "`kubewalk prefetch` once, with a network, pulls or builds it, and says how long the first start will take";
    let checks = |kind: ClusterKind| {
        kinds.iter().find(|(name, _)| name.split(' ').next() == Some(kind.word())).map(|(_, checks)| checks.as_slice())
    };
    let is_node = |check: &&Check| matches!(check.name, "engine" | "image");
    let is_here = |kind: ClusterKind| checks(kind).into_iter().flatten().any(|check| is_node(&check) && check.is_here);
    let here = |kind: ClusterKind| Point::good("node", format!("is here, nothing is downloaded: {kind}"));
    // Beside its node, which is missing in another way.
    let broken = |kind: ClusterKind| {
        checks(kind).into_iter().flatten().filter(|check| !is_node(check)).find_map(|check| check.missing.clone())
    };
    let Choice::Of(kind) = choice else {
        // In the order in which `auto` takes them.
        let kinds = [ClusterKind::K3s, ClusterKind::Docker, ClusterKind::Builtin];
        let missing = || Point::bad("node", "no cluster that works here has its node on this machine", prefetch);
        return kinds.into_iter().find(|kind| is_here(*kind) && broken(*kind).is_none()).map_or_else(missing, here);
    };
    if let Some(e) = broken(kind) {
        return Point::bad("node", format!("{kind} does not work here: {}", e.message), e.remedy.unwrap_or_default());
    }
    if is_here(kind) {
        return here(kind);
    }
    if checks(kind).into_iter().flatten().any(|check| is_node(&check)) {
        let remedy = format!("`kubewalk prefetch --cluster {kind}` once, with a network, pulls or builds it");
        return Point::bad("node", format!("that of {kind} is not on this machine"), remedy);
    }
    Point::good("node", format!("{kind}; whether its image is here, its start shows"))
}

/// A port of this machine alone, as the API server and a page for the projector need one.
fn port() -> Point {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, 0)) {
        Ok(_) => Point::good("ports", "127.0.0.1 has free ones"),
        Err(e) => Point::bad("ports", format!("127.0.0.1 gives none: {e}"), "bring up the loopback interface"),
    }
}

fn room(free: u64) -> Point {
    let found = format!("{free} MiB are free where the cache is; a class takes about {DISK}");
    if free >= DISK { Point::good("disk", found) } else { Point::bad("disk", found, "make room for it") }
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
        let built = |here, good| {
            let checks = vec![check("user", false, good), check("engine", here, true)];
            vec![("builtin (no Docker)", checks)]
        };
        assert!(node(&built(true, true), Choice::Auto).good);
        assert!(!node(&built(false, true), Choice::Auto).good);
        assert!(!node(&built(true, false), Choice::Auto).good, "a cluster that does not work here has no node");
        let pulled = |here| vec![("k3s (in Docker)", vec![check("docker", false, true), check("image", here, true)])];
        assert!(node(&pulled(true), Choice::Auto).good);
        assert!(!node(&pulled(false), Choice::Auto).good);
    }

    #[test]
    fn the_node_is_that_of_the_cluster_that_a_class_gets() {
        let engine = |works| vec![check("docker", false, works), check("engine", true, true)];
        let k3s = |here| vec![check("docker", false, true), check("image", here, true)];
        let kinds = vec![
            ("builtin (no Docker)", vec![check("user", false, true), check("engine", true, true)]),
            ("k3s (in Docker)", k3s(false)),
            ("docker (the engine's)", engine(true)),
            ("kind (in Docker)", vec![check("docker", false, true), check("kind", false, true)]),
        ];
        let found = |choice| node(&kinds, choice);
        assert!(found(Choice::Auto).found.ends_with(": docker"), "{:?}", found(Choice::Auto));
        assert!(found(Choice::Of(ClusterKind::Builtin)).found.ends_with(": builtin"));
        let missing = found(Choice::Of(ClusterKind::K3s));
        assert_eq!((missing.good, missing.found.as_str()), (false, "that of k3s is not on this machine"));
        assert!(found(Choice::Of(ClusterKind::Kind)).good, "the start shows it");
        let offline =
            node(&[("builtin (no Docker)", vec![check("engine", false, false)])], Choice::Of(ClusterKind::Builtin));
        assert_eq!((offline.good, offline.found.as_str()), (false, "that of builtin is not on this machine"));
        let broken = node(&[("docker (the engine's)", engine(false))], Choice::Of(ClusterKind::Docker));
        assert_eq!((broken.good, broken.found.as_str()), (false, "docker does not work here: not so"));
        let with_k3s = [("builtin (no Docker)", engine(true)), ("k3s (in Docker)", k3s(true))];
        assert!(node(&with_k3s, Choice::Auto).found.ends_with(": k3s"));
    }

    #[test]
    fn a_full_disk_is_missing() {
        assert!(room(DISK).good && !room(DISK - 1).good);
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
