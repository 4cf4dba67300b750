//! Whether the run has been told to stop, and why.

use std::{fmt, time::Duration};

use tokio::sync::watch;

use crate::exit_code::Exit;

/// Why a run has to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// A signal, by its number.
    Signal(u8),
    /// The time that the run was given is over.
    Budget(Duration),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Why::Signal(number) => write!(f, "signal {number}"),
            Why::Budget(budget) => write!(f, "its budget of {budget:?}, which is spent"),
        }
    }
}

impl From<Why> for Exit {
    fn from(why: Why) -> Self {
        match why {
            Why::Signal(number) => Exit::Signal(number),
            Why::Budget(_) => Exit::Budget,
        }
    }
}

/// Tells every part of a run that it must stop now and clean up.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<Why>>);

/// The other end of a [`Stop`].
#[derive(Debug, Clone)]
pub struct Stopper(std::sync::Arc<watch::Sender<Option<Why>>>);

/// A stop that has not been asked for.
pub fn pair() -> (Stopper, Stop) {
    let (tell, told) = watch::channel(None);
    (Stopper(std::sync::Arc::new(tell)), Stop(told))
}

impl Stopper {
    /// Asks for the stop. The first reason stays.
    pub fn stop(&self, why: Why) {
        self.0.send_if_modified(|now| now.is_none() && now.replace(why).is_none());
    }
}

impl Stop {
    /// A stop that no caller ever asks for.
    pub fn never() -> Self {
        pair().1
    }

    /// Why, once it is asked for. Waits for ever when no caller can ask any more.
    pub async fn requested(&self) -> Why {
        let mut told = self.0.clone();
        let why = told.wait_for(Option::is_some).await.ok().and_then(|why| *why);
        match why {
            Some(why) => why,
            None => std::future::pending().await,
        }
    }

    /// Why, if the stop was asked for already.
    pub fn asked(&self) -> Option<Why> {
        *self.0.borrow()
    }
}

/// Runs until `work` is done or the stop is asked for.
///
/// # Errors
/// Why it was stopped.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, Why> {
    tokio::select! {
        biased;
        why = stop.requested() => Err(why),
        done = work => Ok(done),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let (stopper, stop) = pair();
        assert_eq!(stop.asked(), None);
        stopper.stop(Why::Budget(Duration::from_secs(90)));
        stopper.stop(Why::Signal(2));
        let why = stop.asked().expect("a reason");
        assert_eq!(why.to_string(), "its budget of 90s, which is spent");
        assert_eq!(Exit::from(why).code(), 124);
    }
}
