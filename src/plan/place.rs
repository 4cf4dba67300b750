//! Where in the cluster a call is made: a container of a Pod, which the scenario names, or which is looked for when the step runs.

use std::collections::BTreeMap;

/// A container of a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The Pod's namespace.
    pub namespace: String,
    /// The Pod; empty until the step runs, when it must be looked for.
    pub pod: String,
    /// The container; `None`: the first.
    pub container: Option<String>,
    /// How the Pod is looked for; `None`: a step of the scenario makes a Pod of this name.
    pub of: Option<Of>,
    /// Whether its image is known to have curl.
    pub has_curl: bool,
    /// Whether `container` is one that kubewalk has put into the Pod.
    pub added: bool,
    /// What was found out about it when the step ran, in words: how it was picked, and why a container was put into it.
    pub told: String,
}

/// How a Pod is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// By a name that no step of the scenario gives to a Pod of its own.
    Name,
    /// By what owns it.
    Owner(Owner, String),
    /// By its labels.
    Labels(BTreeMap<String, String>),
}

/// The workloads that own Pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "Kubernetes' own words")]
pub enum Owner {
    Deployment,
    StatefulSet,
    DaemonSet,
    ReplicaSet,
    Job,
    CronJob,
}

impl Owner {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Deployment, Self::StatefulSet, Self::DaemonSet, Self::ReplicaSet, Self::Job, Self::CronJob];

    /// The workload that a word names: `deployment`.
    pub fn read(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|owner| owner.word() == word)
    }

    /// The workload that is meant by a word that kubectl would take, too: `deploy`, `StatefulSets`, `sts`.
    pub fn meant(word: &str) -> Option<Self> {
        let lower = word.to_lowercase();
        let short = |owner: Self| match owner {
            Self::Deployment => "deploy",
            Self::StatefulSet => "sts",
            Self::DaemonSet => "ds",
            Self::ReplicaSet => "rs",
            Self::Job => "job",
            Self::CronJob => "cj",
        };
        let group = |owner: Self| format!("{}.{}", owner.plural(), owner.group());
        Self::ALL
            .into_iter()
            .find(|owner| [owner.word(), owner.plural(), short(*owner), &group(*owner)].contains(&lower.as_str()))
    }

    /// As a scenario says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::StatefulSet => "statefulset",
            Self::DaemonSet => "daemonset",
            Self::ReplicaSet => "replicaset",
            Self::Job => "job",
            Self::CronJob => "cronjob",
        }
    }

    /// Kubernetes' kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Deployment => "Deployment",
            Self::StatefulSet => "StatefulSet",
            Self::DaemonSet => "DaemonSet",
            Self::ReplicaSet => "ReplicaSet",
            Self::Job => "Job",
            Self::CronJob => "CronJob",
        }
    }

    /// Its API group.
    pub fn group(self) -> &'static str {
        if matches!(self, Self::Job | Self::CronJob) { "batch" } else { "apps" }
    }

    /// Its plural.
    pub fn plural(self) -> &'static str {
        match self {
            Self::Deployment => "deployments",
            Self::StatefulSet => "statefulsets",
            Self::DaemonSet => "daemonsets",
            Self::ReplicaSet => "replicasets",
            Self::Job => "jobs",
            Self::CronJob => "cronjobs",
        }
    }

    /// What stands between it and its Pods, if anything does.
    pub fn between(self) -> Option<Self> {
        match self {
            Self::Deployment => Some(Self::ReplicaSet),
            Self::CronJob => Some(Self::Job),
            Self::StatefulSet | Self::DaemonSet | Self::ReplicaSet | Self::Job => None,
        }
    }

    /// Where in its manifest the Pod's template stands, as a JSON pointer.
    pub fn template(self) -> &'static str {
        if self == Self::CronJob { "/spec/jobTemplate/spec/template" } else { "/spec/template" }
    }
}

impl Place {
    /// What is looked for: `deployment/web`, `labels app=web`, `pod/web-0`.
    pub fn sought(&self) -> String {
        match &self.of {
            Some(Of::Owner(owner, name)) => format!("{}/{name}", owner.word()),
            Some(Of::Labels(labels)) => format!("labels {}", selector(labels)),
            Some(Of::Name) | None => format!("pod/{}", self.pod),
        }
    }

    /// As kubectl's `exec` takes it. It finds Pods by what owns them, as a run does, whatever their names are the next time; for
    /// labels, and for what it does not know, there is the Pod that was found.
    pub fn for_kubectl(&self) -> String {
        match &self.of {
            Some(Of::Owner(owner, _)) if *owner != Owner::CronJob && !self.added => self.sought(),
            _ if self.pod.is_empty() => "POD".to_owned(),
            _ => self.pod.clone(),
        }
    }
}

/// Labels as kubectl's `-l` takes them: `app=web,tier=front`.
pub fn selector(labels: &BTreeMap<String, String>) -> String {
    labels.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join(",")
}
