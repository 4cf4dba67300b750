//! How scenarios ended.

use crate::exit_code::Exit;

/// How one scenario or several ended: the gravest end, and numbers of steps.
#[derive(Debug, Clone)]
pub struct Ended {
    /// The gravest end: held, failed, environment, a signal …
    pub exit: Exit,
    /// Steps that held.
    pub held: usize,
    /// Steps that did not hold.
    pub failed: usize,
    /// Steps that could not be carried out.
    pub broken: usize,
    /// Steps that were not run.
    pub skipped: usize,
    /// What could not be removed.
    pub left: Vec<String>,
    /// Of how many scenarios what they made stays, so that a person can look at it.
    pub kept: usize,
}

impl Ended {
    /// Of so many steps, before any of them was run.
    pub fn before(steps: usize) -> Self {
        Ended { exit: Exit::Held, held: 0, failed: 0, broken: 0, skipped: steps, left: vec![], kept: 0 }
    }

    /// Adds those of other scenarios.
    pub fn add(&mut self, other: Ended) {
        self.exit = self.exit.worst(other.exit);
        self.held += other.held;
        self.failed += other.failed;
        self.broken += other.broken;
        self.skipped += other.skipped;
        self.left.extend(other.left);
        self.kept += other.kept;
    }
}
