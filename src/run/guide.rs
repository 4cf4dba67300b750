//! The guide through a scenario: says what comes next, and may go back.

use futures::future::BoxFuture;

use crate::{cluster::Cluster, plan::Plan};

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// The next step is carried out.
    Step,
    /// The next step is left out, for this reason.
    Skip(String),
    /// Everything becomes what it was before the step of this number, which is the next one then.
    Back(usize),
    /// The scenario ends here.
    End,
}

/// How far a scenario has come.
#[derive(Debug, Clone, Copy)]
pub struct Position<'a> {
    /// The scenario; under another name after it was begun anew.
    pub plan: &'a Plan,
    /// Where it runs.
    pub cluster: &'a Cluster,
    /// How many steps are behind.
    pub at: usize,
    /// The lines that do the same as the next step; `None`: there is none.
    pub lines: Option<&'a str>,
}

/// The guide that leads through a scenario.
pub trait Guide: Sync + std::fmt::Debug {
    /// What comes next. The position after the last step is asked about, too.
    fn turn<'a>(&'a self, at: Position<'a>) -> BoxFuture<'a, Turn>;

    /// Whether a person may have changed something on the cluster since this was asked last: in a shell.
    fn touched(&self) -> bool;
}
