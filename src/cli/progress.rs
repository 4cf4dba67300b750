//! How a cluster's start goes, on standard error: in place on a terminal, else a line each.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use crate::{
    cluster::Progress,
    duration::took,
    output::{eprint_in_place, stderr_is_a_terminal},
    sync::locked,
};

/// Shows it.
pub fn show(progress: Progress) {
    match progress {
        Progress::BuildingEngine { kubernetes } => {
            eprint_line!(
                "kubewalk: the engine's node image with Kubernetes {kubernetes} is built now, once (about 10 minutes); it can \
                 be interrupted"
            );
        }
        Progress::PulledEngine { kubernetes, image, bytes, ms } => eprint_line!(
            "kubewalk: the engine's node image with Kubernetes {kubernetes} was pulled from {image}: {} MB in {}",
            bytes.div_ceil(1 << 20),
            took(ms)
        ),
        Progress::Note(text) => eprint_line!("kubewalk: {text}"),
        Progress::Pull { image, done, total } => pulled(&image, done, total),
        Progress::Phase { name, ms } if stderr_is_a_terminal() => {
            eprint_in_place(&format!("kubewalk: starting the cluster: {name} after {ms} ms"));
        }
        Progress::Phase { name, ms } => eprint_line!("kubewalk: {name} after {ms} ms"),
        Progress::Warm { name } => eprint_line!("kubewalk: the warm cluster {name} is used"),
        Progress::NotWarm { name, why } => {
            eprint_line!("kubewalk: the warm cluster {name} {why}; a new cluster is started");
        }
    }
}

/// How far a pull is: in place on a terminal, else a line every ten seconds.
fn pulled(image: &str, done: u64, total: u64) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let terminal = stderr_is_a_terminal();
    let pause = Duration::from_millis(if terminal { 200 } else { 10_000 });
    let mut last = locked(&LAST);
    if last.is_some_and(|last| last.elapsed() < pause) {
        return;
    }
    *last = Some(Instant::now());
    let far = if total == 0 { String::new() } else { format!(": {} of {} MB", done >> 20, total >> 20) };
    if terminal {
        eprint_in_place(&format!("kubewalk: pulling {image}{far}"));
    } else {
        eprint_line!("kubewalk: pulling {image}{far}");
    }
}
