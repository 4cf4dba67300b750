//! What ends a run from outside: signals.

use tokio::signal::unix::SignalKind;

use crate::{
    cluster::limits,
    exit_code::Exit,
    stop::{self, Stop, Stopper, Why},
};

/// Lets a write that would make a file larger than allowed (`ulimit -f`) fail with an error, where it would end the process.
pub fn survive_a_file_limit() {
    const SIGXFSZ: i32 = 25;
    if !limits::file_size_is_limited() {
        return;
    }
    // The handler stays when the runtime has gone.
    if let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() {
        let _inside = runtime.enter();
        let _ = tokio::signal::unix::signal(SignalKind::from_raw(SIGXFSZ));
    }
}

/// Turns INT, TERM and HUP into a stop. A second one of a kind ends the process at once, and says which command removes what is
/// left then; the cluster's keeper still cleans up.
pub fn listen(sweep: String) -> (Stopper, Stop) {
    let (stopper, stop) = stop::pair();
    for (kind, number) in [(SignalKind::interrupt(), 2), (SignalKind::terminate(), 15), (SignalKind::hangup(), 1)] {
        let Ok(mut signals) = tokio::signal::unix::signal(kind) else { continue };
        let (stopper, sweep) = (stopper.clone(), sweep.clone());
        tokio::spawn(async move {
            signals.recv().await;
            stopper.stop(Why::Signal(number));
            signals.recv().await;
            eprint_line!("kubewalk: ended at once, before the clean-up was over; to remove what is left: {sweep}");
            std::process::exit(i32::from(Exit::Signal(number).code()));
        });
    }
    (stopper, stop)
}
