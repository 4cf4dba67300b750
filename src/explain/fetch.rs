//! RBAC's objects from a cluster, and the server's own opinion.

use k8s_openapi::api::authorization::v1::{SubjectAccessReview, SubjectAccessReviewSpec};
use kube::{
    Api, Client,
    api::{ListParams, PostParams},
};

use super::evaluate::{Policy, Question};

/// The server's answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// Whether the call is allowed.
    pub allowed: bool,
    /// What the authorizer says about it.
    pub reason: Option<String>,
    /// What went wrong on the way, e.g. a binding whose role does not exist.
    pub error: Option<String>,
}

impl Question {
    /// The same as a SubjectAccessReview asks it.
    pub fn review_spec(&self) -> SubjectAccessReviewSpec {
        let (key, attributes) = self.request.attributes();
        let spec = serde_json::json!({"user": self.caller.user, "groups": self.caller.groups, key: attributes});
        serde_json::from_value(spec).expect("a review's own keys")
    }
}

/// Reads all roles and bindings: four requests at once.
///
/// # Errors
/// When one of them fails.
pub async fn policy(client: &Client) -> Result<Policy, kube::Error> {
    let all = ListParams::default();
    let roles = Api::all(client.clone());
    let cluster_roles = Api::all(client.clone());
    let role_bindings = Api::all(client.clone());
    let cluster_role_bindings = Api::all(client.clone());
    let (roles, cluster_roles, role_bindings, cluster_role_bindings) = tokio::try_join!(
        roles.list(&all),
        cluster_roles.list(&all),
        role_bindings.list(&all),
        cluster_role_bindings.list(&all)
    )?;
    Ok(Policy {
        roles: roles.items,
        cluster_roles: cluster_roles.items,
        role_bindings: role_bindings.items,
        cluster_role_bindings: cluster_role_bindings.items,
    })
}

/// Asks the server by a SubjectAccessReview, with all groups of the caller.
///
/// # Errors
/// When there is no answer, or none that says yes or no.
pub async fn review(client: &Client, question: &Question) -> Result<Review, kube::Error> {
    let spec = question.review_spec();
    let review = SubjectAccessReview { spec, ..Default::default() };
    let status = Api::<SubjectAccessReview>::all(client.clone()).create(&PostParams::default(), &review).await?.status;
    let status = status.unwrap_or_default();
    Ok(Review {
        allowed: status.allowed,
        reason: status.reason.filter(|reason| !reason.is_empty()),
        error: status.evaluation_error,
    })
}
