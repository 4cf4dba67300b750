//! Kubernetes' own kinds: group, version, plural and scope.
//!
//! Everything is read from k8s-openapi's `Resource` constants, so that no plural is typed by hand. What the API server
//! served once and no longer does is known too, so that an old manifest gets an answer that helps.

mod kind;
mod table;

pub use kind::Kind;
pub use table::OWN;
use table::{GONE, HISTORY};

pub use crate::k8s::nearest;
use crate::k8s::{Resource, Version, near::nearest_group, object::article, served::TABLE};

/// The kind of a namespace.
pub fn namespace() -> Kind {
    Kind::own::<k8s_openapi::api::core::v1::Namespace>()
}

/// The kind of a ServiceAccount.
pub fn service_account() -> Kind {
    Kind::own::<k8s_openapi::api::core::v1::ServiceAccount>()
}

/// A kind of which nothing is kept: it is only sent, to a part of another object.
///
/// Its plural is that object's, and the part: `pods/eviction`.
pub fn part(kind: &str, api_version: &str) -> Option<Kind> {
    let (_, plural) = PARTS.iter().find(|(known, _)| *known == kind)?;
    let (group, version) = api_version.split_once('/')?;
    let known = matches!((kind, group), ("Eviction", "policy") | ("TokenRequest", "authentication.k8s.io"));
    known.then(|| Kind {
        group: group.into(),
        version: version.into(),
        kind: kind.into(),
        plural: Some((*plural).into()),
        namespaced: true,
    })
}

/// Kinds that are only sent, and to what.
const PARTS: [(&str, &str); 2] = [("Eviction", "pods/eviction"), ("TokenRequest", "serviceaccounts/token")];

/// Why a kind was not found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Whether the apiVersion is wrong, not the kind.
    pub api_version: bool,
    /// One sentence in lower case without a period.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// The kind as it was asked for, if its plural is known all the same (it is of an old version).
    pub asked: Option<Box<Kind>>,
    /// The last version of Kubernetes that served it, if one did.
    pub last: Option<Version>,
}

/// Finds a kind by its name and, if given, its apiVersion.
///
/// A kind of a foreign group (`widgets.example.com/v1`) is taken as it is, with no plural.
///
/// # Errors
/// When Kubernetes has no such kind, or not in that version.
pub fn find(kind: &str, api_version: Option<&str>) -> Result<Kind, Unknown> {
    if let Some((_, part)) = PARTS.iter().find(|(known, _)| *known == kind)
        && api_version.is_none_or(|api_version| self::part(kind, api_version).is_some())
    {
        let article = article(kind);
        return Err(Unknown {
            api_version: false,
            message: format!("{article} `{kind}` is only sent, to `{part}`, and nothing keeps it"),
            hint: Some("send it by `create`".into()),
            asked: None,
            last: None,
        });
    }
    let Some(api_version) = api_version else {
        return OWN
            .iter()
            .find(|own| own.kind == kind)
            .cloned()
            .ok_or_else(|| unknown_kind(kind, OWN.iter(), "Kubernetes"));
    };
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    if let Some(own) = OWN.iter().find(|own| own.kind == kind && own.group == group && own.version == version) {
        return Ok(own.clone());
    }
    let same_group = || OWN.iter().filter(|own| own.group == group);
    if let Some((_, _, last, now)) =
        HISTORY.iter().find(|(gone, of, ..)| *gone == api_version && (of.is_empty() || *of == kind))
    {
        let gone = GONE.iter().find(|(gone, _)| *gone == kind).map(|(_, plural)| Kind {
            group: String::new(),
            version: String::new(),
            kind: kind.into(),
            plural: Some((*plural).into()),
            namespaced: false,
        });
        let asked = OWN.iter().find(|own| own.kind == kind).cloned().or(gone);
        return Err(Unknown {
            api_version: true,
            message: format!("`{api_version}` is served up to 1.{last} only; use {now}"),
            hint: None,
            asked: asked.map(|own| Box::new(Kind { group: group.into(), version: version.into(), ..own })),
            last: Some(Version::new(1, *last)),
        });
    }
    if let Some(own) = same_group().find(|own| own.kind == kind) {
        return Err(Unknown {
            api_version: true,
            message: format!("no `{kind}` in apiVersion `{api_version}`"),
            hint: Some(format!("write `{}`", own.api_version())),
            asked: Some(Box::new(Kind { version: version.into(), ..own.clone() })),
            last: None,
        });
    }
    if let Some(own) = OWN.iter().find(|own| own.kind == kind)
        && (!group.contains('.') || same_group().next().is_some() || near_group(group).is_some())
    {
        return Err(Unknown {
            api_version: true,
            message: format!("no `{kind}` in apiVersion `{api_version}`"),
            hint: Some(format!("a {kind} is of `{}`", own.api_version())),
            asked: None,
            last: None,
        });
    }
    if same_group().next().is_some() {
        return Err(unknown_kind(kind, same_group(), &format!("`{api_version}`")));
    }
    if group.contains('.') && near_group(group).is_none() {
        return Ok(Kind {
            group: group.into(),
            version: version.into(),
            kind: kind.into(),
            plural: None,
            namespaced: true,
        });
    }
    Err(Unknown {
        api_version: true,
        message: format!("unknown apiVersion `{api_version}`"),
        hint: near_group(group)
            .map(|near| format!("did you mean group `{near}`?"))
            .or_else(|| Some("a group of one's own has a domain, e.g. `example.com/v1`".into())),
        asked: None,
        last: None,
    })
}

fn unknown_kind<'a>(kind: &str, among: impl Iterator<Item = &'a Kind>, place: &str) -> Unknown {
    if let Some(own) = TABLE.resources.iter().find(|own| own.sub.is_some() && own.kind == kind) {
        return of_a_subresource(own);
    }
    let near = nearest(kind, among.map(|own| own.kind.as_str()));
    let elsewhere = || {
        let near = nearest(kind, OWN.iter().map(|own| own.kind.as_str()))?;
        OWN.iter().find(|own| own.kind == near)
    };
    Unknown {
        api_version: false,
        message: format!("{place} has no kind `{kind}`"),
        hint: Some(match (near, elsewhere()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some(own)) => {
                format!("did you mean `{}` of `{}`?", own.kind, own.api_version())
            }
            (None, None) => "a kind that is not Kubernetes' own needs its `apiVersion`".into(),
        }),
        asked: None,
        last: None,
    }
}

/// A kind that is only sent to, or read from, a part of another object.
fn of_a_subresource(own: &Resource) -> Unknown {
    let sub = own.sub.as_deref().unwrap_or_default();
    let hint = match sub {
        "token" => "use `token: {serviceAccount: NAME}`".to_owned(),
        "scale" => "use `patch: {kind: Deployment, name: NAME, subresource: scale, body: {spec: {replicas: 2}}}`".to_owned(),
        "eviction" => "use `request: {path: '/api/v1/namespaces/{namespace}/pods/NAME/eviction', body: {apiVersion: policy/v1, kind: Eviction, metadata: {name: NAME}}}`".to_owned(),
        _ => format!("use `request` with the path of `{}/{sub}`", own.plural),
    };
    Unknown {
        api_version: false,
        message: format!("`{}` is the kind of `{}/{sub}`, and not of objects of their own", own.kind, own.plural),
        hint: Some(hint),
        asked: None,
        last: None,
    }
}

fn near_group(group: &str) -> Option<&'static str> {
    nearest_group(group, OWN.iter().map(|own| own.group.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("Pod", None, "v1", "pods", true)]
    #[case("Event", None, "v1", "events", true)]
    #[case("Event", Some("events.k8s.io/v1"), "events.k8s.io/v1", "events", true)]
    #[case("HorizontalPodAutoscaler", None, "autoscaling/v2", "horizontalpodautoscalers", true)]
    #[case("ClusterRole", None, "rbac.authorization.k8s.io/v1", "clusterroles", false)]
    #[case("Endpoints", Some("v1"), "v1", "endpoints", true)]
    #[case("NetworkPolicy", None, "networking.k8s.io/v1", "networkpolicies", true)]
    #[case("Namespace", None, "v1", "namespaces", false)]
    fn finds_kubernetes_own_kinds(
        #[case] kind: &str,
        #[case] asked: Option<&str>,
        #[case] api_version: &str,
        #[case] plural: &str,
        #[case] namespaced: bool,
    ) {
        let found = find(kind, asked).unwrap();
        assert_eq!(found.api_version(), api_version);
        assert_eq!(found.plural.as_deref(), Some(plural));
        assert_eq!(found.namespaced, namespaced);
    }

    #[rstest]
    #[case("Rolebinding", None, false, "Kubernetes has no kind `Rolebinding`", "did you mean `RoleBinding`?")]
    #[case("Pods", Some("v1"), false, "`v1` has no kind `Pods`", "did you mean `Pod`?")]
    #[case("Pod", Some("v2"), true, "no `Pod` in apiVersion `v2`", "write `v1`")]
    #[case("Role", Some("v1"), true, "no `Role` in apiVersion `v1`", "a Role is of `rbac.authorization.k8s.io/v1`")]
    #[case(
        "Role",
        Some("rbac.authorisation.k8s.io/v1"),
        true,
        "no `Role` in apiVersion `rbac.authorisation.k8s.io/v1`",
        "a Role is of `rbac.authorization.k8s.io/v1`"
    )]
    #[case(
        "Thing",
        Some("things/v1"),
        true,
        "unknown apiVersion `things/v1`",
        "a group of one's own has a domain, e.g. `example.com/v1`"
    )]
    fn says_what_was_meant(
        #[case] kind: &str,
        #[case] asked: Option<&str>,
        #[case] api_version: bool,
        #[case] message: &str,
        #[case] hint: &str,
    ) {
        let unknown = find(kind, asked).unwrap_err();
        assert_eq!(unknown.message, message);
        assert_eq!(unknown.hint.as_deref(), Some(hint));
        assert_eq!(unknown.api_version, api_version);
    }

    #[test]
    fn what_is_only_sent_has_a_part_to_go_to() {
        let eviction = part("Eviction", "policy/v1").expect("it is known");
        assert_eq!((eviction.api_version().as_str(), eviction.plural.as_deref()), ("policy/v1", Some("pods/eviction")));
        assert!(part("TokenRequest", "authentication.k8s.io/v1").is_some());
        assert_eq!((part("Eviction", "v1"), part("Pod", "v1")), (None, None));
        for asked in [None, Some("policy/v1")] {
            let unknown = find("Eviction", asked).unwrap_err();
            assert_eq!(unknown.message, "an `Eviction` is only sent, to `pods/eviction`, and nothing keeps it");
        }
        assert!(find("Eviction", Some("polic/v1")).unwrap_err().api_version);
    }

    #[test]
    fn an_old_version_is_told_from_a_wrong_one() {
        let unknown = find("Role", Some("rbac.authorization.k8s.io/v1beta1")).unwrap_err();
        assert_eq!(unknown.message, "`rbac.authorization.k8s.io/v1beta1` is served up to 1.21 only; use v1");
        assert_eq!(unknown.asked.unwrap().plural.as_deref(), Some("roles"));
    }

    #[test]
    fn a_foreign_kind_is_taken_as_it_is() {
        let kind = find("Widget", Some("lab.example/v1")).unwrap();
        assert_eq!((kind.plural, kind.namespaced), (None, true));
        assert!(find("Gateway", Some("gateway.networking.k8s.io/v1")).is_ok());
    }
}
