//! A panic in a scenario: it ends this one, its clean-up follows, and the others go on.

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt as _;

use crate::cluster::ClusterError;

/// Runs the steps of a scenario to their end, or to a panic.
///
/// # Errors
/// What the panic said.
pub async fn caught<T>(steps: impl Future<Output = T>) -> Result<T, ClusterError> {
    // What the steps had in their hands is not used any more, but for numbers and lists that are whole at any time.
    AssertUnwindSafe(steps).catch_unwind().await.map_err(|panic| ClusterError {
        log: panic_in_words(&*panic).lines().map(str::to_owned).collect(),
        ..ClusterError::new(
            "this is a bug in kubewalk; it ended the scenario",
            "the claim is neither true nor false; please report it, with the lines that say where it happened",
        )
    })
}

/// What a panic said.
fn panic_in_words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// Panics with all that was asked and came back in its words, in the step that [`crate::settings::panic_in_step`] names: for the
/// tests that no credential is told then, and that nothing is left.
#[cfg(debug_assertions)]
pub fn on_demand(step: &crate::plan::Step, answer: Option<&crate::expect::Answer>) {
    let asked = crate::settings::panic_in_step();
    if asked.is_some_and(|which| which == step.number.to_string() || which == step.title) {
        let output = match answer {
            Some(crate::expect::Answer::Exec { stdout, .. }) => String::from_utf8_lossy(stdout),
            _ => "".into(),
        };
        panic!("a test asked for this: {output} {step:?}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_words_of_a_panic_are_kept() {
        assert!(caught(async {}).await.is_ok());
        let plain = caught(async { panic!("plain") }).await.expect_err("a panic");
        let made = caught(async { panic!("made of {}", 2) }).await.expect_err("a panic");
        assert_eq!((plain.log, made.log), (vec!["plain".to_owned()], vec!["made of 2".to_owned()]));
    }
}
