//! Whether the run has been told to stop, and by which signal.

use tokio::sync::watch;

/// Tells every part of a run that it must stop now and clean up.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Option<u8>>);

/// The other end of a [`Stop`].
#[derive(Debug, Clone)]
pub struct Stopper(std::sync::Arc<watch::Sender<Option<u8>>>);

/// A stop that has not been asked for.
pub fn pair() -> (Stopper, Stop) {
    let (tell, told) = watch::channel(None);
    (Stopper(std::sync::Arc::new(tell)), Stop(told))
}

impl Stopper {
    /// Asks for the stop; `signal` is its number.
    pub fn stop(&self, signal: u8) {
        self.0.send_replace(Some(signal));
    }
}

impl Stop {
    /// A stop that nobody ever asks for.
    pub fn never() -> Self {
        pair().1
    }

    /// The signal, once there is one. Waits for ever when nobody can ask any more.
    pub async fn requested(&self) -> u8 {
        let mut told = self.0.clone();
        let signal = told.wait_for(Option::is_some).await.ok().and_then(|signal| *signal);
        match signal {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }

    /// The signal, if the stop was asked for already.
    pub fn signal(&self) -> Option<u8> {
        *self.0.borrow()
    }
}

/// Runs until `work` is done or the stop is asked for.
///
/// # Errors
/// The signal.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, u8> {
    tokio::select! {
        biased;
        signal = stop.requested() => Err(signal),
        done = work => Ok(done),
    }
}
