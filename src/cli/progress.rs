//! How a cluster's start goes, on standard error: in place on a terminal, else a line each.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use super::say::{in_place, on_a_terminal};
use crate::{cluster::Progress, sync::locked};

/// Says it.
pub fn tell(progress: Progress) {
    match progress {
        Progress::BuildingEngine => {
            tell!("kubewalk: the engine's node image is built now, once (about 10 minutes); it can be interrupted");
        }
        Progress::Note(text) => tell!("kubewalk: {text}"),
        Progress::Pull { image, done, total } => pulled(&image, done, total),
        Progress::Phase { name, ms } if on_a_terminal() => {
            in_place(&format!("kubewalk: starting the cluster: {name} after {ms} ms"));
        }
        Progress::Phase { name, ms } => tell!("kubewalk: {name} after {ms} ms"),
        Progress::Warm { name } => tell!("kubewalk: the warm cluster {name} is used"),
        Progress::NotWarm { name, why } => {
            tell!("kubewalk: the warm cluster {name} {why}; a new cluster is started");
        }
    }
}

/// How far a pull is: in place on a terminal, else a line every ten seconds.
fn pulled(image: &str, done: u64, total: u64) {
    static LAST: Mutex<Option<Instant>> = Mutex::new(None);
    let terminal = on_a_terminal();
    let pause = Duration::from_millis(if terminal { 200 } else { 10_000 });
    let mut last = locked(&LAST);
    if last.is_some_and(|last| last.elapsed() < pause) {
        return;
    }
    *last = Some(Instant::now());
    let far = if total == 0 { String::new() } else { format!(": {} of {} MB", done >> 20, total >> 20) };
    if terminal {
        in_place(&format!("kubewalk: pulling {image}{far}"));
    } else {
        tell!("kubewalk: pulling {image}{far}");
    }
}
