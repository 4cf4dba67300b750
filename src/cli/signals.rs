//! What ends a run from outside: signals.

use tokio::signal::unix::SignalKind;

use crate::{
    exit_code::Exit,
    stop::{self, Stop, Stopper, Why},
};

/// Turns INT, TERM and HUP into a stop. A second one ends the process at once; the cluster's keeper still cleans up.
pub fn listen() -> (Stopper, Stop) {
    let (stopper, stop) = stop::pair();
    for (kind, number) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)] {
        let Ok(mut signals) = tokio::signal::unix::signal(kind) else { continue };
        let stopper = stopper.clone();
        tokio::spawn(async move {
            signals.recv().await;
            stopper.stop(Why::Signal(number));
            signals.recv().await;
            std::process::exit(i32::from(Exit::Signal(number).code()));
        });
    }
    (stopper, stop)
}
