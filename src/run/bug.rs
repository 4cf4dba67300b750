//! A panic in a scenario: it ends this one, its clean-up follows, and the others go on.

use std::{any::Any, panic::AssertUnwindSafe};

use futures::FutureExt as _;

use crate::cluster::ClusterError;

/// The word that reports have for it.
pub const CLASS: &str = "bug";

/// Runs the steps of a scenario to their end, or to a panic.
///
/// # Errors
/// What the panic said.
pub async fn caught(steps: impl Future<Output = ()>) -> Result<(), ClusterError> {
    // What the steps had in their hands is not used any more, but for numbers and lists that are whole at any time.
    AssertUnwindSafe(steps).catch_unwind().await.map_err(|panic| {
        let message = format!("a bug in kubewalk ended this scenario: {}", words(&*panic));
        ClusterError::new(
            message,
            "the claim is neither true nor false; please report this with the lines of the panic",
        )
    })
}

/// What a panic said.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

/// Panics with all that came back in its words, in the step that [`crate::settings::panics_in`] names: for the test that no
/// credential is told then.
#[cfg(debug_assertions)]
pub fn on_demand(step: &crate::plan::Step, answer: Option<&crate::expect::Answer>) {
    if let Some(crate::expect::Answer::Exec { stdout, .. }) = answer
        && crate::settings::panics_in().is_some_and(|title| title == step.title)
    {
        panic!("on demand: {}", String::from_utf8_lossy(stdout));
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
        assert!(plain.message.ends_with("scenario: plain") && made.message.ends_with("scenario: made of 2"));
    }
}
