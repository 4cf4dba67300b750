//! The time that all scenarios of a test process may take together.

use std::sync::OnceLock;

use crate::{
    clock::Moment,
    run_limits::RunLimits,
    stop::{self, Stop, Why},
};

/// What breaks the scenarios of this process off, once its budget is spent; the first caller's is counted from now on.
pub fn stop(limits: &RunLimits) -> &'static Stop {
    static STOP: OnceLock<Stop> = OnceLock::new();
    STOP.get_or_init(|| {
        let (stopper, stop) = stop::pair();
        if let Some(budget) = limits.budget {
            let end = Moment::now() + budget;
            // A thread, since each test has an async runtime of its own.
            std::thread::spawn(move || {
                while !end.left().is_zero() {
                    std::thread::sleep(end.left());
                }
                stopper.stop(Why::Budget(budget));
            });
        }
        stop
    })
}
