//! How long a run may take and what is tried again, as `kubewalk run` and `cargo test` read it alike.

use std::time::Duration;

use crate::duration;

/// The time limits of a run, and its retries.
#[derive(Debug, Clone, clap::Args)]
pub struct RunLimits {
    /// How long everything may take, the start of the cluster included, e.g. `90s`, `10m`, `1h`. When it is spent, what runs is
    /// broken off and cleaned up, the reports are written, and the exit code is 124. Left out: as long as it takes.
    #[arg(long, value_name = "TIME", value_parser = duration::option, env = "KUBEWALK_BUDGET")]
    pub budget: Option<Duration>,
    /// How long what a scenario made may take to go. Then it is listed as left behind, with what holds it.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = duration::option, env = "KUBEWALK_CLEANUP_BUDGET")]
    pub cleanup_budget: Duration,
    /// Runs a scenario again, up to N times, when the environment kept it from an answer; never when an expectation failed. On
    /// another cluster, if this one is not sound any more. What holds only then is reported as flaky.
    #[arg(long, value_name = "N", default_value_t = 0, env = "KUBEWALK_RETRY_ENVIRONMENT")]
    pub retry_environment: usize,
    /// Ends with exit code 5 when something held only when it was run again.
    #[arg(long, env = "KUBEWALK_FAIL_ON_FLAKY")]
    pub fail_on_flaky: bool,
}
