//! The scenarios of a run by the API server that they ask for: each kind of server is started once.

use super::{
    Ended,
    retry::{ClusterSource, RetryLoop},
    sink::EventSink,
    skip,
};
use crate::{
    cluster::{Wanted, engine::Release},
    cluster_kind::ClusterKind,
    exit_code::Exit,
    k8s::Version,
    plan::Plan,
    shape::Shape,
};

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

/// The version of Kubernetes that a cluster will have, where that is known before its start.
fn version(wanted: &Wanted) -> Option<Version> {
    let ours = matches!(wanted.kind, Some(ClusterKind::Builtin | ClusterKind::Docker));
    wanted.kubernetes.or(ours.then_some(Release::NEWEST.minor))
}

/// Why the scenarios of a group that asks for another API server are not run on such a cluster, if they are not. Those that ask for
/// nothing unusual are always: each step says for itself where it is skipped.
pub fn in_vain(group: &[Plan], wanted: &Wanted) -> Option<Vec<String>> {
    let kind = wanted.kind.and_then(ClusterKind::usual_only);
    let why = |plan: &Plan| match kind {
        Some(why) => Some(format!("{why} (it asks for: {})", plan.shape.describe())),
        // The other API server may be one that this version cannot be.
        None => version(wanted).and_then(|version| plan.not_on(version)),
    };
    if group.iter().all(|plan| plan.shape.is_usual()) { None } else { group.iter().map(why).collect() }
}

/// Runs one group after the other, and says of those that cannot run on this kind of cluster why not.
pub async fn run<'a, S: ClusterSource>(
    groups: &'a [Vec<Plan>],
    wanted: &Wanted,
    retry_loop: impl Fn(&'a [Plan]) -> RetryLoop<'a, S>,
    sink: &mut dyn EventSink,
) -> Ended {
    let mut totals = Ended::before(0);
    let (mut ran, mut hopeless) = (false, false);
    for group in groups {
        let steps = group.iter().map(|plan| plan.steps.len()).sum::<usize>();
        if let Some(reasons) = in_vain(group, wanted) {
            for (plan, why) in group.iter().zip(reasons) {
                skip::all(plan, &why, &mut |event| sink.event(event));
            }
            totals.skipped += steps;
            continue;
        }
        let retry_loop = retry_loop(group);
        // Without a cluster for the first, there is none for the others; and a run that is stopped wants no further cluster.
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
    fn a_server_that_a_version_cannot_be_is_not_started_when_no_step_is_for_that_version() {
        let text = "title: t\ncluster: {apiServer: {anonymousAuth: false}}\nsteps:\n  - title: s\n    when: {kubernetes: '>=1.35'}\n    serviceAccount: a\n";
        let document: Arc<_> = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("valid");
        let new = crate::plan::plan(document, &Names::random()).expect("a plan");
        let on = |minor| Wanted { kubernetes: Some(Version::new(1, minor)), ..ClusterKind::Builtin.into() };
        let of = |plan: &Plan, wanted: &Wanted| in_vain(std::slice::from_ref(plan), wanted);
        assert_eq!(of(&new, &on(34)), Some(vec!["needs Kubernetes >=1.35, this is 1.34".into()]));
        assert_eq!(of(&new, &on(37)), None);
        assert_eq!(of(&new, &ClusterKind::Builtin.into()), None);
        assert_eq!(of(&plan("cluster: {apiServer: {anonymousAuth: false}}\n"), &on(34)), None);
        assert_eq!(of(&plan(""), &on(34)), None);
    }

    #[test]
    fn each_shape_is_there_once_and_the_usual_one_is_first() {
        let pull = "cluster: {admission: {enable: [AlwaysPullImages]}}\n";
        let off = "cluster: {apiServer: {anonymousAuth: false}}\n";
        let groups = by_server(vec![plan(pull), plan(""), plan(off), plan(pull), plan("")]);
        let sizes: Vec<_> = groups.iter().map(|group| (group[0].shape.describe(), group.len())).collect();
        let want = [("", 2), ("with AlwaysPullImages", 2), ("no anonymous calls", 1)];
        assert_eq!(sizes, want.map(|(words, size)| (words.to_owned(), size)));
        assert!(wanted(&groups[1], &Wanted::default()).shape == groups[1][0].shape);
        assert!(by_server(vec![]).is_empty());
    }
}
