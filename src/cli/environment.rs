//! How an error of the environment is told.

use crate::{
    cluster::{ClusterError, node_event},
    exit_code::Exit,
};

/// Tells it on standard error with its remedy, and gives the exit code.
pub fn eprint_environment(error: &ClusterError) -> Exit {
    eprint_line!("error: {}", error.message);
    for line in &error.log {
        eprint_line!("  {line}");
    }
    if let Some(remedy) = &error.remedy {
        eprint_line!("  = help: {remedy}");
    }
    if node_event::is_refusal(error) { Exit::Invalid } else { Exit::Environment }
}
