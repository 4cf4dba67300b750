//! What all formats are made of, and their footer.

use std::sync::LazyLock;

use regex::Regex;

use crate::report::story::Run;

/// What a reader is told of a run that did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(pub Vec<String>);

/// What all formats are made of.
pub(super) struct Page<'a> {
    pub title: &'a str,
    pub run: &'a Run<'a>,
    pub stamp: Option<Stamp>,
}

/// Stands where the page's own sum is to be.
pub(super) const SEAL: &str = "sha256:SEAL-OF-THIS-PAGE";

/// Stands before it.
pub(super) const SUM_OF: &str = "The sum of this page, without the day and the version of kubewalk: ";

/// The day and the version, which are no part of the sum.
pub(super) static MADE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"Made on [0-9-]{0,10} by kubewalk [0-9A-Za-z.+-]{0,40} from a real run")
        .expect("a pattern that the tests compile")
});

/// The footer of all formats, line by line; the last has the page's own sum.
pub(super) fn footer(page: &Page<'_>) -> Vec<String> {
    let day = page.run.started.split('T').next().unwrap_or_default();
    let mut lines = vec![format!("Made on {day} by kubewalk {} from a real run.", page.run.kubewalk)];
    if let Some(cluster) = page.run.cluster {
        lines.push(format!("Kubernetes {}, cluster {}.", cluster.kubernetes, cluster.kind));
    }
    lines.extend(page.run.scenarios.iter().map(|story| format!("{} {}", story.path, story.sum)));
    lines.push(format!("{SUM_OF}{SEAL}"));
    lines.iter().map(|line| line.replace('\n', " ")).collect()
}
