//! The scenarios of a run by the API server that they ask for: each kind of server is started once.

use super::{
    Ended,
    retry::{ClusterSource, RetryLoop},
    sink::EventSink,
    skip,
};
use crate::{cluster::Wanted, cluster_kind::ClusterKind, exit_code::Exit, plan::Plan, shape::Shape};

/// Puts together what can share a cluster: first all that ask for nothing unusual, then the others in the order of their files.
pub fn by_server(plans: Vec<Plan>) -> Vec<Vec<Plan>> {
    let (usual, others): (Vec<_>, Vec<_>) = plans.into_iter().partition(|plan| plan.shape.is_usual());
    let mut groups: Vec<Vec<Plan>> = if usual.is_empty() { vec![] } else { vec![usual] };
    for plan in others {
        match groups.iter_mut().find(|group| group[0].shape == plan.shape) {
            Some(group) => group.push(plan),
            None => groups.push(vec![plan]),
        }
    }
    groups
}

/// The cluster of a group.
pub fn wanted(group: &[Plan], wanted: &Wanted) -> Wanted {
    let shape = group.first().map_or_else(Shape::default, |plan| plan.shape.clone());
    Wanted { anonymous: group.iter().any(Plan::anonymous), shape, ..wanted.clone() }
}

/// Runs one group after the other, and says of those that cannot run on this kind of cluster why not.
pub async fn run<'a, S: ClusterSource>(
    groups: &'a [Vec<Plan>],
    kind: Option<ClusterKind>,
    retry_loop: impl Fn(&'a [Plan]) -> RetryLoop<'a, S>,
    sink: &mut dyn EventSink,
) -> Ended {
    let mut totals = Ended::before(0);
    let (mut ran, mut hopeless) = (false, false);
    for group in groups {
        let steps = group.iter().map(|plan| plan.steps.len()).sum::<usize>();
        let usual = group.iter().all(|plan| plan.shape.is_usual());
        if let Some(why) = kind.and_then(ClusterKind::usual_only).filter(|_| !usual) {
            for plan in group {
                let words = plan.shape.words();
                skip::all(plan, &format!("{why} (it asks for: {words})"), &mut |event| sink.event(event));
            }
            totals.skipped += steps;
            continue;
        }
        let retry_loop = retry_loop(group);
        // Without a cluster for the first, there is none for the others; and who stops a run wants no further cluster.
        if hopeless || retry_loop.stop.asked().is_some() {
            totals.skipped += steps;
            continue;
        }
        ran = true;
        let of_group = retry_loop.run(sink).await;
        let enough = retry_loop.fail_fast && of_group.failed > 0;
        hopeless =
            enough || of_group.exit == Exit::Environment && of_group.held + of_group.failed + of_group.broken == 0;
        totals.add(of_group);
    }
    if !ran && totals.exit == Exit::Held {
        sink.note("kubewalk: nothing was run: no scenario that was chosen can run on this kind of cluster");
        totals.exit = Exit::Nothing;
    }
    totals
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{plan::Names, scenario};

    fn plan(cluster: &str) -> Plan {
        let text = format!("title: t\n{cluster}steps:\n  - title: s\n    serviceAccount: a\n");
        let document: Arc<_> = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("valid");
        crate::plan::plan(document, &Names::random()).expect("a plan")
    }

    #[test]
    fn each_shape_is_there_once_and_the_usual_one_is_first() {
        let pull = "cluster: {admission: {enable: [AlwaysPullImages]}}\n";
        let off = "cluster: {apiServer: {anonymousAuth: false}}\n";
        let groups = by_server(vec![plan(pull), plan(""), plan(off), plan(pull), plan("")]);
        let sizes: Vec<_> = groups.iter().map(|group| (group[0].shape.words(), group.len())).collect();
        let want = [("", 2), ("with AlwaysPullImages", 2), ("no anonymous calls", 1)];
        assert_eq!(sizes, want.map(|(words, size)| (words.to_owned(), size)));
        assert!(wanted(&groups[1], &Wanted::default()).shape == groups[1][0].shape);
        assert!(by_server(vec![]).is_empty());
    }
}
