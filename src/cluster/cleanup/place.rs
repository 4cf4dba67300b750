//! Where runs may leave things.

use std::time::Duration;

use futures::future::BoxFuture;

/// How long the look of a run at its start may take, and what it removes then. The rest waits for a later run.
pub const AT_A_START: Duration = Duration::from_secs(5);

/// Something that a dead run has left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// For people: `container kubewalk-0123456789`.
    pub what: String,
    /// For its place.
    pub id: String,
}

/// Where runs may leave things of one kind.
pub trait Place: Send + Sync {
    /// What is looked for, for people: `containers in Docker`.
    fn name(&self) -> &'static str;

    /// What of dead runs is there. A place that does not exist here holds nothing; one that cannot be looked at is an error.
    fn find(&self) -> BoxFuture<'_, Result<Vec<Left>, String>>;

    /// Removes one of them; that it has gone meanwhile is fine.
    fn remove<'a>(&'a self, left: &'a Left) -> BoxFuture<'a, Result<(), String>>;
}
