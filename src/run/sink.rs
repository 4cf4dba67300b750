//! Where a run tells what happens. The command line prints and reports it; a test collects it.

use crate::{
    cluster::{ClusterError, Progress},
    event::{Event, Fault},
    exit_code::Exit,
    plan::Plan,
    stop::Why,
};

/// Takes what a run tells.
pub trait EventSink: Send {
    /// An event of the run.
    fn event(&mut self, event: Event);

    /// A sentence beside the results, which no report repeats.
    fn note(&mut self, text: &str);

    /// How far the start of a cluster is.
    fn progress(&mut self, progress: Progress);

    /// No API server starts with what these scenarios ask for: their author must change them.
    fn refused(&mut self, plans: &[Plan], error: ClusterError) -> Exit;

    /// The whole run cannot go on.
    fn abort(&mut self, error: ClusterError) -> Exit {
        let ClusterError { message, remedy, log } = error;
        self.event(Event::Aborted { path: None, class: Fault::Cluster, message, remedy, log });
        Exit::Environment
    }

    /// The scenarios were broken off. Only a spent budget is told: a person who sends a signal knows that they did.
    fn broken_off(&mut self, why: Why) {
        if let Why::Budget(budget) = why {
            let message = format!("the run's budget of {budget:?} is spent");
            let remedy = Some("give it more by --budget, or let fewer scenarios run".to_owned());
            self.event(Event::Aborted { path: None, class: Fault::Budget, message, remedy, log: vec![] });
        }
    }
}
