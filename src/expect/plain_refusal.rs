//! A refusal in plain text, by another server than the API server: a kubelet, kube-rbac-proxy, or an endpoint that asks the API
//! server about its callers by itself.
//!
//! Sources: `pkg/kubelet/server/{server,auth}.go` in Kubernetes, `pkg/filters` in kube-rbac-proxy, and
//! `pkg/metrics/filters` in controller-runtime. Before Kubernetes 1.32 a kubelet's words were those that kube-rbac-proxy still has;
//! there only the address that was called tells them apart.

use std::sync::LazyLock;

use regex::Regex;

use super::hints::shown_user;
use crate::{redact::show, scenario::expect::DeniedBy};

/// A refusal in plain text that names its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlainRefusal {
    /// In whose words.
    pub form: Form,
    /// Who the caller was taken for.
    pub user: String,
    /// What was asked of the authorizer; empty where the words do not say it.
    pub verb: String,
    /// The same.
    pub resource: String,
    /// The same; a kubelet asks for several.
    pub subresources: Vec<String>,
}

/// In whose words a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A kubelet's since 1.32.
    Kubelet,
    /// kube-rbac-proxy's, and an older kubelet's when it is about `nodes`.
    Proxy,
    /// Those of controller-runtime's filter for metrics.
    Filter,
}

static FORBIDDEN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Forbidden \(user=(.*), verb=(\w*), resource=(\S*), subresource(\(s\))?=(\[[\w ]*\]|[\w/]*)\)$")
        .expect("a pattern that the tests compile")
});

/// controller-runtime's words.
const FILTER: &str = "Authorization denied for user ";

impl PlainRefusal {
    /// Reads a body.
    pub fn parse(status: u16, body: &str) -> Option<Self> {
        if status != 403 {
            return None;
        }
        let body = body.trim_end();
        if let Some(user) = body.strip_prefix(FILTER).filter(|user| !user.contains('\n')) {
            let (verb, resource) = (String::new(), String::new());
            return Some(Self { form: Form::Filter, user: user.to_owned(), verb, resource, subresources: vec![] });
        }
        let found = FORBIDDEN.captures(body)?;
        let subresources = found[5].trim_matches(['[', ']']).split_whitespace().map(str::to_owned).collect();
        let form = if found.get(4).is_some() { Form::Kubelet } else { Form::Proxy };
        Some(Self { form, user: found[1].into(), verb: found[2].into(), resource: found[3].into(), subresources })
    }

    /// Who has these words.
    pub fn speaker(&self) -> &'static str {
        match self.form {
            Form::Kubelet => "a kubelet",
            Form::Proxy if self.resource == "nodes" => "a kubelet (or kube-rbac-proxy)",
            Form::Proxy => "kube-rbac-proxy",
            Form::Filter => "an endpoint that asks the API server by itself",
        }
    }

    /// What was refused, and what would grant it.
    pub(super) fn refused(&self) -> (String, Option<String>) {
        let who = shown_user(&self.user);
        if self.resource.is_empty() || self.form == Form::Filter {
            let verb =
                if self.verb.is_empty() { String::new() } else { format!(" {} this path", show::line(&self.verb, 80)) };
            let what = if verb.is_empty() { format!("{who} may not call it") } else { format!("{who} may not{verb}") };
            let hint = "a ClusterRole with `nonResourceURLs` for the path and the verb, bound cluster-wide, grants it where the \
                        server asks about paths";
            return (what, Some(hint.to_owned()));
        }
        let resource = show::line(&self.resource, 80);
        let first = self.subresources.first().map(|part| format!("/{}", show::line(part, 80))).unwrap_or_default();
        let verb = show::line(&self.verb, 80);
        let hint = format!(
            "a ClusterRole with `{{apiGroups: [''], resources: [{resource}{first}], verbs: [{verb}]}}`, bound cluster-wide, grants it"
        );
        (format!("{who} may not {verb} {resource}{first}"), (self.resource == "nodes").then_some(hint))
    }

    /// What to do when the API server's refusal was meant.
    pub(super) fn hint(&self) -> &'static str {
        match self.form {
            Form::Kubelet => {
                "the API server is https://kubernetes.default; if a kubelet's refusal is meant, write `by: kubelet`"
            }
            Form::Proxy if self.resource == "nodes" => {
                "the API server is https://kubernetes.default; if a kubelet's refusal is meant, write `by: kubelet`"
            }
            Form::Proxy => {
                "whoever answered is not the API server; if kube-rbac-proxy's refusal is meant, write `by: kube-rbac-proxy`"
            }
            Form::Filter => {
                "whoever answered is not the API server; if that is meant, write `by: endpoint` and what it says, e.g. \
                 `stdout: {startsWith: Authorization denied}`"
            }
        }
    }

    /// Whether it is by the server that is meant.
    pub(super) fn is_by(&self, by: DeniedBy) -> bool {
        match by {
            DeniedBy::Kubelet => self.resource == "nodes" && matches!(self.form, Form::Kubelet | Form::Proxy),
            DeniedBy::KubeRbacProxy => self.form == Form::Proxy,
            DeniedBy::Endpoint => self.form == Form::Filter,
            _ => false,
        }
    }
}
