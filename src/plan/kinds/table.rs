//! The table of Kubernetes' own kinds, and of the versions that are gone.

use std::sync::LazyLock;

use k8s_openapi::{
    api::{
        admissionregistration, apps, authentication, authorization, autoscaling, batch, certificates, coordination,
        core, discovery, events, flowcontrol, networking, node, policy, rbac, resource, scheduling, storage,
    },
    apiextensions_apiserver::pkg::apis::apiextensions,
    kube_aggregator::pkg::apis::apiregistration,
};

use super::kind::Kind;

macro_rules! table {
    ($($kind:path),* $(,)?) => { vec![$(Kind::own::<$kind>()),*] };
}

/// Kubernetes' own kinds; of several with one name, the one that is meant without an apiVersion comes first.
pub static OWN: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    table![
        core::v1::Binding,
        core::v1::ComponentStatus,
        core::v1::ConfigMap,
        core::v1::Endpoints,
        core::v1::Event,
        core::v1::LimitRange,
        core::v1::Namespace,
        core::v1::Node,
        core::v1::PersistentVolume,
        core::v1::PersistentVolumeClaim,
        core::v1::Pod,
        core::v1::PodTemplate,
        core::v1::ReplicationController,
        core::v1::ResourceQuota,
        core::v1::Secret,
        core::v1::Service,
        core::v1::ServiceAccount,
        rbac::v1::ClusterRole,
        rbac::v1::ClusterRoleBinding,
        rbac::v1::Role,
        rbac::v1::RoleBinding,
        apps::v1::ControllerRevision,
        apps::v1::DaemonSet,
        apps::v1::Deployment,
        apps::v1::ReplicaSet,
        apps::v1::StatefulSet,
        admissionregistration::v1::MutatingAdmissionPolicy,
        admissionregistration::v1::MutatingAdmissionPolicyBinding,
        admissionregistration::v1::MutatingWebhookConfiguration,
        admissionregistration::v1::ValidatingAdmissionPolicy,
        admissionregistration::v1::ValidatingAdmissionPolicyBinding,
        admissionregistration::v1::ValidatingWebhookConfiguration,
        admissionregistration::v1beta1::MutatingAdmissionPolicy,
        admissionregistration::v1beta1::MutatingAdmissionPolicyBinding,
        authentication::v1::SelfSubjectReview,
        authentication::v1::TokenReview,
        authorization::v1::LocalSubjectAccessReview,
        authorization::v1::SelfSubjectAccessReview,
        authorization::v1::SelfSubjectRulesReview,
        authorization::v1::SubjectAccessReview,
        autoscaling::v2::HorizontalPodAutoscaler,
        autoscaling::v1::HorizontalPodAutoscaler,
        batch::v1::CronJob,
        batch::v1::Job,
        certificates::v1::CertificateSigningRequest,
        certificates::v1::ClusterTrustBundle,
        certificates::v1::PodCertificateRequest,
        certificates::v1beta1::ClusterTrustBundle,
        certificates::v1beta1::PodCertificateRequest,
        coordination::v1::Lease,
        coordination::v1beta1::LeaseCandidate,
        discovery::v1::EndpointSlice,
        events::v1::Event,
        flowcontrol::v1::FlowSchema,
        flowcontrol::v1::PriorityLevelConfiguration,
        networking::v1::IPAddress,
        networking::v1::Ingress,
        networking::v1::IngressClass,
        networking::v1::NetworkPolicy,
        networking::v1::ServiceCIDR,
        node::v1::RuntimeClass,
        policy::v1::PodDisruptionBudget,
        resource::v1::DeviceClass,
        resource::v1::DeviceTaintRule,
        resource::v1::ResourceClaim,
        resource::v1::ResourceClaimTemplate,
        resource::v1::ResourceSlice,
        resource::v1beta2::DeviceClass,
        resource::v1beta2::ResourceClaim,
        resource::v1beta2::ResourceClaimTemplate,
        resource::v1beta2::ResourceSlice,
        resource::v1beta1::DeviceClass,
        resource::v1beta1::ResourceClaim,
        resource::v1beta1::ResourceClaimTemplate,
        resource::v1beta1::ResourceSlice,
        scheduling::v1::PriorityClass,
        storage::v1::CSIDriver,
        storage::v1::CSINode,
        storage::v1::CSIStorageCapacity,
        storage::v1::StorageClass,
        storage::v1::VolumeAttachment,
        storage::v1::VolumeAttributesClass,
        apiextensions::v1::CustomResourceDefinition,
        apiregistration::v1::APIService,
    ]
});

/// The kind that is gone with all its versions.
const PSP: &str = "PodSecurityPolicy";
/// What took its place.
const ENFORCE: &str = "the label `pod-security.kubernetes.io/enforce` of a Namespace";

/// The plurals of kinds that no version has any more, none of them in namespaces.
pub(super) const GONE: &[(&str, &str)] = &[(PSP, "podsecuritypolicies")];

/// Versions that are gone: apiVersion, kind (`""`: any), the last minor version of Kubernetes 1 that served it, and what
/// took its place.
pub(super) const HISTORY: &[(&str, &str, u32, &str)] = &[
    ("rbac.authorization.k8s.io/v1beta1", "", 21, "v1"),
    ("extensions/v1beta1", "Ingress", 21, "networking.k8s.io/v1"),
    ("extensions/v1beta1", "NetworkPolicy", 15, "networking.k8s.io/v1"),
    ("extensions/v1beta1", PSP, 15, "policy/v1beta1 up to 1.24"),
    ("extensions/v1beta1", "", 15, "apps/v1"),
    ("apps/v1beta1", "", 15, "v1"),
    ("apps/v1beta2", "", 15, "v1"),
    ("networking.k8s.io/v1beta1", "Ingress", 21, "v1"),
    ("networking.k8s.io/v1beta1", "IngressClass", 21, "v1"),
    ("batch/v1beta1", "CronJob", 24, "v1"),
    ("policy/v1beta1", "PodDisruptionBudget", 24, "v1"),
    ("policy/v1beta1", PSP, 24, ENFORCE),
    ("autoscaling/v2beta1", "", 24, "v2"),
    ("autoscaling/v2beta2", "", 25, "v2"),
    ("apiextensions.k8s.io/v1beta1", "", 21, "v1"),
    ("admissionregistration.k8s.io/v1beta1", "MutatingWebhookConfiguration", 21, "v1"),
    ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", 21, "v1"),
    ("apiregistration.k8s.io/v1beta1", "", 21, "v1"),
    ("authentication.k8s.io/v1beta1", "TokenReview", 21, "v1"),
    ("authorization.k8s.io/v1beta1", "", 21, "v1"),
    ("certificates.k8s.io/v1beta1", "CertificateSigningRequest", 21, "v1"),
    ("coordination.k8s.io/v1beta1", "Lease", 21, "v1"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass", 21, "v1"),
    ("discovery.k8s.io/v1beta1", "", 24, "v1"),
    ("events.k8s.io/v1beta1", "", 24, "v1"),
    ("node.k8s.io/v1beta1", "", 24, "v1"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity", 26, "v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta1", "", 25, "v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta2", "", 28, "v1"),
    ("flowcontrol.apiserver.k8s.io/v1beta3", "", 31, "v1"),
];
