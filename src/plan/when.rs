//! On which clusters a step, or an expectation, holds.

use std::sync::{Arc, LazyLock};

use crate::{cluster_kind::ClusterKind, k8s::Version, scenario::when::Feature};

/// A condition on the cluster; an empty one always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct When {
    /// All must hold.
    pub kubernetes: Vec<Comparison>,
    /// One must be the cluster's kind; `None`: any.
    pub cluster: Option<Vec<ClusterKind>>,
    /// The cluster must have all of them.
    pub feature: Vec<Feature>,
}

/// A comparison with a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Comparison {
    /// How it is compared.
    pub sign: Sign,
    /// With which.
    pub version: Version,
}

/// How versions are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// `>=`
    AtLeast,
    /// `<=`
    AtMost,
    /// `>`
    Above,
    /// `<`
    Below,
    /// `=`
    Exactly,
}

impl Sign {
    /// The longest first, as they are read: `>` begins `>=`.
    pub const ALL: [Sign; 5] = [Sign::AtLeast, Sign::AtMost, Sign::Above, Sign::Below, Sign::Exactly];

    /// As it is written.
    pub const fn written(self) -> &'static str {
        match self {
            Sign::AtLeast => ">=",
            Sign::AtMost => "<=",
            Sign::Above => ">",
            Sign::Below => "<",
            Sign::Exactly => "=",
        }
    }
}

/// What is true of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Here {
    /// The version of its API server.
    pub kubernetes: Version,
    /// Its kind, as `--cluster` names it.
    pub cluster: ClusterKind,
    /// What it has.
    pub feature: Vec<Feature>,
}

impl Comparison {
    /// Whether a version fulfils it.
    pub fn holds(self, version: Version) -> bool {
        match self.sign {
            Sign::AtLeast => version >= self.version,
            Sign::AtMost => version <= self.version,
            Sign::Above => version > self.version,
            Sign::Below => version < self.version,
            Sign::Exactly => version == self.version,
        }
    }
}

/// What of a condition is not so.
enum Lack<'a> {
    Version,
    Kind(&'a [ClusterKind]),
    Feature(Feature),
}

impl When {
    /// Why it does not hold here, or nothing.
    pub fn missing(&self, here: &Here) -> Option<String> {
        Some(match self.lack(here)? {
            Lack::Version => {
                let words = self.kubernetes.iter().map(|one| format!("{}{}", one.sign.written(), one.version));
                let words = words.collect::<Vec<_>>().join(", ");
                format!("needs Kubernetes {words}, this is {}", here.kubernetes)
            }
            Lack::Kind(kinds) => {
                let kinds: Vec<_> = kinds.iter().map(|kind| kind.word()).collect();
                format!("needs a cluster of kind {}, this is {}", kinds.join(" or "), here.cluster)
            }
            Lack::Feature(Feature::Pods) => "needs a cluster that runs Pods".into(),
            Lack::Feature(Feature::Anonymous) => "needs a cluster that lets anonymous calls in".into(),
        })
    }

    /// The first that is not so here; without words, since a plan asks it of every cluster that there can be.
    fn lack(&self, here: &Here) -> Option<Lack<'_>> {
        if !self.kubernetes.iter().all(|comparison| comparison.holds(here.kubernetes)) {
            return Some(Lack::Version);
        }
        if let Some(kinds) = self.cluster.as_deref().filter(|kinds| !kinds.contains(&here.cluster)) {
            return Some(Lack::Kind(kinds));
        }
        self.feature.iter().find(|feature| !here.feature.contains(feature)).copied().map(Lack::Feature)
    }

    /// Whether it holds on no version later than this one.
    pub fn up_to(&self, last: Version) -> bool {
        let later = (last.minor + 1..=60).map(|minor| Version::new(last.major, minor));
        later.into_iter().all(|version| !self.kubernetes.iter().all(|comparison| comparison.holds(version)))
    }

    /// In words, as the end of a sentence: `with Kubernetes >=1.24, <1.35`, `on kind or k3s`.
    pub fn describe(&self) -> String {
        let mut parts = Vec::new();
        if !self.kubernetes.is_empty() {
            let all = self.kubernetes.iter().map(|one| format!("{}{}", one.sign.written(), one.version));
            parts.push(format!("with Kubernetes {}", all.collect::<Vec<_>>().join(", ")));
        }
        if let Some(kinds) = &self.cluster {
            parts.push(format!("on {}", kinds.iter().map(|kind| kind.word()).collect::<Vec<_>>().join(" or ")));
        }
        parts.extend(self.feature.iter().map(|feature| match feature {
            Feature::Pods => "where Pods run".to_owned(),
            Feature::Anonymous => "where anonymous calls are let in".to_owned(),
        }));
        parts.join(" ")
    }

    /// Whether it holds here.
    pub fn holds(&self, here: &Here) -> bool {
        self.lack(here).is_none()
    }
}

/// Every cluster that there can be, for questions about all of them.
pub(super) fn everywhere() -> impl Iterator<Item = Here> {
    let features: [&[Feature]; 4] =
        [&[Feature::Pods, Feature::Anonymous], &[Feature::Pods], &[Feature::Anonymous], &[]];
    (20..=60).flat_map(move |minor| {
        ClusterKind::ALL.into_iter().flat_map(move |cluster| {
            features.into_iter().map(move |feature| Here {
                kubernetes: Version::new(1, minor),
                cluster,
                feature: feature.to_vec(),
            })
        })
    })
}

/// On which of all clusters that there can be some conditions hold: what is asked of many pairs of steps.
#[derive(Clone)]
pub(super) struct Clusters(Arc<[u64]>);

impl Clusters {
    /// Where all of them hold.
    pub fn of(conditions: [&Option<When>; 2]) -> Self {
        static ALL: LazyLock<Vec<Here>> = LazyLock::new(|| everywhere().collect());
        static WHOLE: LazyLock<Clusters> = LazyLock::new(|| Clusters::among(&ALL, [&None, &None]));
        // Of nearly all steps.
        if conditions.iter().all(|when| when.is_none()) { WHOLE.clone() } else { Self::among(&ALL, conditions) }
    }

    fn among(all: &[Here], conditions: [&Option<When>; 2]) -> Self {
        let holds = |here: &Here| conditions.iter().copied().flatten().all(|when| when.holds(here));
        let bits =
            |some: &[Here]| some.iter().enumerate().fold(0, |bits, (at, here)| bits | (u64::from(holds(here)) << at));
        Self(all.chunks(64).map(bits).collect())
    }

    /// Adds those that are among the other.
    pub fn add(&mut self, other: &Self) {
        if !Arc::ptr_eq(&self.0, &other.0) {
            self.0 = self.0.iter().zip(&*other.0).map(|(one, other)| one | other).collect();
        }
    }

    /// Whether there is a cluster that is among both.
    pub fn meet(&self, other: &Self) -> bool {
        self.0.iter().zip(&*other.0).any(|(one, other)| one & other != 0)
    }
}

/// Whether `outer` holds on every cluster on which all of `inner` do.
pub fn within(inner: &[Option<&When>], outer: &When) -> bool {
    let all = |here: &Here| inner.iter().flatten().all(|when| when.holds(here));
    everywhere().filter(all).all(|here| outer.holds(&here))
}

/// Whether there is a cluster on which both hold.
pub fn together(one: Option<&When>, other: Option<&When>) -> bool {
    let holds = |when: Option<&When>, here: &Here| when.is_none_or(|when| when.holds(here));
    (one.is_none() && other.is_none()) || everywhere().any(|here| holds(one, &here) && holds(other, &here))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn clusters_meet_where_both_conditions_hold() {
        let version = |sign, minor| {
            let kubernetes = vec![Comparison { sign, version: Version::new(1, minor) }];
            Some(When { kubernetes, ..When::default() })
        };
        let on = |kind| Some(When { cluster: Some(vec![kind]), ..When::default() });
        let all = [
            None,
            version(Sign::Below, 30),
            version(Sign::AtLeast, 30),
            version(Sign::Exactly, 60),
            version(Sign::Above, 60),
            on(ClusterKind::K3s),
            on(ClusterKind::ALL[0]),
            Some(When { feature: vec![Feature::Anonymous], ..When::default() }),
        ];
        for one in &all {
            for other in &all {
                let expected =
                    everywhere().any(|here| [one, other].into_iter().flatten().all(|when| when.holds(&here)));
                let met = Clusters::of([one, &None]).meet(&Clusters::of([&None, other]));
                assert_eq!(met, expected, "{one:?} {other:?}");
                assert_eq!(Clusters::of([one, other]).meet(&Clusters::of([&None, &None])), expected);
            }
        }
    }

    #[test]
    fn what_holds_misses_nothing() {
        let versions = [vec![], vec![Comparison { sign: Sign::Below, version: Version::new(1, 24) }]];
        for kubernetes in versions {
            for cluster in [None, Some(vec![ClusterKind::Kind])] {
                for feature in [vec![], vec![Feature::Pods], vec![Feature::Pods, Feature::Anonymous]] {
                    let when = When { kubernetes: kubernetes.clone(), cluster: cluster.clone(), feature };
                    for here in everywhere() {
                        assert_eq!(when.holds(&here), when.missing(&here).is_none(), "{when:?} {here:?}");
                    }
                }
            }
        }
    }

    #[rstest]
    #[case(Sign::AtLeast, Version::new(1, 37), true)]
    #[case(Sign::AtLeast, Version::new(1, 38), false)]
    #[case(Sign::AtMost, Version::new(1, 37), true)]
    #[case(Sign::Below, Version::new(1, 37), false)]
    #[case(Sign::Below, Version::new(2, 0), true)]
    #[case(Sign::Above, Version::new(1, 9), true)]
    #[case(Sign::Exactly, Version::new(1, 37), true)]
    fn numbers_not_texts_are_compared(#[case] sign: Sign, #[case] version: Version, #[case] holds: bool) {
        assert_eq!(Comparison { sign, version }.holds(Version::new(1, 37)), holds);
    }

    #[test]
    fn says_why_not() {
        let here = Here { kubernetes: Version::new(1, 37), cluster: ClusterKind::K3s, feature: vec![Feature::Pods] };
        let of = |when: When| when.missing(&here).unwrap_or_default();
        let kubernetes = vec![
            Comparison { sign: Sign::AtLeast, version: Version::new(1, 24) },
            Comparison { sign: Sign::Below, version: Version::new(1, 35) },
        ];
        assert_eq!(of(When { kubernetes, ..When::default() }), "needs Kubernetes >=1.24, <1.35, this is 1.37");
        let cluster = Some(vec![ClusterKind::Builtin, ClusterKind::Kind]);
        assert_eq!(of(When { cluster, ..When::default() }), "needs a cluster of kind builtin or kind, this is k3s");
        let feature = vec![Feature::Pods, Feature::Anonymous];
        assert_eq!(of(When { feature, ..When::default() }), "needs a cluster that lets anonymous calls in");
        assert!(When::default().holds(&here));
        let kubernetes = vec![Comparison { sign: Sign::Below, version: Version::new(1, 24) }];
        let when = When { kubernetes, cluster: Some(vec![ClusterKind::K3s]), feature: vec![] };
        assert_eq!(when.describe(), "with Kubernetes <1.24 on k3s");
        assert!(when.up_to(Version::new(1, 23)) && !when.up_to(Version::new(1, 22)));
        assert!(!When::default().up_to(Version::new(1, 37)));
    }
}
