//! Time that passes only while this process runs. A process that is stopped (Ctrl-Z, a debugger, a frozen container) uses up
//! no budget meanwhile: what it waits for could not be seen, so nothing is known to be late.
//!
//! What runs elsewhere (`curl --max-time` in a Pod) goes on by the clock of the wall, and is measured by [`Instant`].

use std::{
    ops::Add,
    sync::{Mutex, OnceLock},
    time::{Duration, Instant},
};

use crate::sync::locked;

/// How often the time is looked at, and so how exactly the beginning of a stop is known.
const TICK: Duration = Duration::from_millis(100);

/// After how long without a look the process must have been stopped. A machine that is merely busy is sooner back.
const STOPPED: Duration = Duration::from_secs(1);

/// A moment of the time that passes only while this process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(Duration);

/// The deadline came first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not over in time")]
pub struct Late;

impl Moment {
    /// This one.
    pub fn now() -> Self {
        static CLOCK: OnceLock<&Mutex<Clock>> = OnceLock::new();
        let clock = CLOCK.get_or_init(|| {
            let clock: &'static Mutex<Clock> = Box::leak(Box::new(Mutex::new(Clock::new(Instant::now()))));
            // A thread, and no task: a runtime that is kept busy is not a process that is stopped.
            std::thread::spawn(move || {
                loop {
                    look(clock);
                    std::thread::sleep(TICK);
                }
            });
            clock
        });
        Moment(look(clock))
    }

    /// How long ago it was.
    pub fn elapsed(self) -> Duration {
        Self::now().0.saturating_sub(self.0)
    }

    /// How long it is until then; nothing when it is over.
    pub fn left(self) -> Duration {
        self.0.saturating_sub(Self::now().0)
    }

    /// The same in whole seconds, for what has its own clock: curl, `timeout`. A part of a second counts as one: what is asked
    /// for at once after a deadline was set has all of its time, and not a second less.
    pub fn seconds_left(self) -> u64 {
        let left = self.left();
        (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1)
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(duration))
    }
}

/// Waits until a moment.
pub async fn sleep_until(moment: Moment) {
    // After a stop, the timer of the wall fires too soon.
    loop {
        let left = moment.left();
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left).await;
    }
}

/// Asks until an answer decides, and rests after each that does not.
pub async fn poll<T, F: Future<Output = Option<T>>>(rest: Duration, mut ask: impl FnMut() -> F) -> T {
    loop {
        if let Some(decided) = ask().await {
            return decided;
        }
        tokio::time::sleep(rest).await;
    }
}

/// Runs until `work` is done or the deadline comes.
///
/// # Errors
/// The deadline came first.
pub async fn timeout_at<T>(deadline: Moment, work: impl Future<Output = T>) -> Result<T, Late> {
    tokio::select! {
        biased;
        done = work => Ok(done),
        () = sleep_until(deadline) => Err(Late),
    }
}

fn look(clock: &Mutex<Clock>) -> Duration {
    locked(clock).look(Instant::now())
}

/// The time so far, as the looks at it tell.
#[derive(Debug)]
struct Clock {
    begun: Instant,
    /// The last look.
    seen: Instant,
    /// For how long the process was stopped.
    stopped: Duration,
}

impl Clock {
    fn new(now: Instant) -> Self {
        Clock { begun: now, seen: now, stopped: Duration::ZERO }
    }

    /// How long the process has run, stops taken off.
    fn look(&mut self, now: Instant) -> Duration {
        let since = now.saturating_duration_since(self.seen);
        if since > STOPPED {
            self.stopped += since.saturating_sub(TICK);
        }
        self.seen = self.seen.max(now);
        self.seen.saturating_duration_since(self.begun).saturating_sub(self.stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_stop_does_not_count() {
        let begun = Instant::now();
        let mut clock = Clock::new(begun);
        for tick in 1..=20 {
            clock.look(begun + tick * TICK);
        }
        assert_eq!(clock.look(begun + 62 * SECOND), 2 * SECOND + TICK, "a stop of a minute");
        assert_eq!(clock.look(begun + 62 * SECOND + TICK), 2 * SECOND + 2 * TICK, "it goes on");
        assert_eq!(clock.look(begun + 122 * SECOND), 2 * SECOND + 3 * TICK, "another one");
    }

    #[test]
    fn a_busy_machine_does_not_stop_the_clock() {
        let begun = Instant::now();
        let mut clock = Clock::new(begun);
        for late in 1..=60 {
            clock.look(begun + late * SECOND);
        }
        assert_eq!(clock.look(begun + 60 * SECOND), 60 * SECOND);
    }

    #[test]
    fn a_deadline_of_whole_seconds_has_all_of_them() {
        assert_eq!((Moment::now() + 2 * SECOND).seconds_left(), 2);
        assert_eq!((Moment::now() + TICK).seconds_left(), 1);
        assert_eq!(Moment::now().seconds_left(), 1, "no program takes none for an end");
    }

    #[test]
    fn an_older_look_changes_nothing() {
        let begun = Instant::now();
        let mut clock = Clock::new(begun);
        assert_eq!(clock.look(begun + SECOND), SECOND);
        assert_eq!(clock.look(begun), SECOND);
    }

    #[tokio::test]
    async fn it_is_asked_until_an_answer_decides() {
        let mut asked = 0;
        let decided = poll(Duration::ZERO, || {
            asked += 1;
            std::future::ready((asked == 3).then_some("three"))
        })
        .await;
        assert_eq!((decided, asked), ("three", 3));
    }

    #[tokio::test]
    async fn what_is_done_is_not_late() {
        let now = Moment::now();
        assert_eq!(timeout_at(now, std::future::ready(1)).await, Ok(1));
        assert_eq!(timeout_at(now, std::future::pending::<()>()).await, Err(Late));
    }
}
