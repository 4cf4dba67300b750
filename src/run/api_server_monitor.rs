//! Whether the API server was there all the time: a watch that is open as long as the scenario runs ends when it goes away.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use k8s_openapi::api::authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};

use crate::{clock::poll, cluster::ready, steps::api};

/// How long after it went away it is looked for again.
const AGAIN: Duration = Duration::from_millis(100);

/// How long the watch is to last. The API server ends it sooner only when it ends itself.
const LONG: u32 = 7200;

/// Counts how many times the API server went away. Ends when it is dropped.
#[derive(Debug)]
pub struct ApiServerMonitor {
    outages: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl ApiServerMonitor {
    /// Starts, with a watch of an object that every namespace has. A caller who may not watch it counts none.
    pub fn start(client: kube::Client, namespace: &str) -> Self {
        let outages = Arc::new(AtomicUsize::new(0));
        let path = format!(
            "/api/v1/namespaces/{}/configmaps?watch=true&fieldSelector=metadata.name%3Dkube-root-ca.crt&timeoutSeconds={LONG}",
            api::escape(namespace)
        );
        let count = Arc::clone(&outages);
        let task = tokio::spawn(async move {
            // The answer of a watch is whole when it ends.
            while !matches!(api::get(&client, &path).await, Ok(http) if http.status != 200) {
                // Something on the way may have cut it. A server that was away is not ready again at once.
                if !ready::now(&client).await {
                    count.fetch_add(1, Ordering::SeqCst);
                    poll(AGAIN, || async { ready::now(&client).await.then_some(()) }).await;
                }
                tokio::time::sleep(AGAIN).await;
            }
        });
        ApiServerMonitor { outages, task }
    }

    /// How many times it went away so far.
    pub fn outages(&self) -> usize {
        self.outages.load(Ordering::SeqCst)
    }
}

impl Drop for ApiServerMonitor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Whether the API server is ready, and its authorizer has read the roles and bindings: before that it refuses what is
/// granted.
pub async fn settled(client: &kube::Client) -> bool {
    ready::now(client).await && knows_the_roles(client).await
}

/// Every cluster grants this to each user who logs in. A caller who may not ask has only the server's word that it is ready.
async fn knows_the_roles(client: &kube::Client) -> bool {
    let review = SubjectAccessReview {
        spec: SubjectAccessReviewSpec {
            user: Some("kubewalk".into()),
            groups: Some(vec!["system:authenticated".into()]),
            non_resource_attributes: Some(NonResourceAttributes {
                verb: Some("get".into()),
                path: Some("/version".into()),
            }),
            ..SubjectAccessReviewSpec::default()
        },
        ..SubjectAccessReview::default()
    };
    let path = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    let Ok(body) = serde_json::to_vec(&review) else { return false };
    match api::send(client, http::Method::POST, path, Some("application/json"), body).await {
        Ok(http) if http.status == 201 => http.json.is_some_and(|json| json["status"]["allowed"] == true),
        Ok(http) => http.status == 403,
        Err(_) => false,
    }
}
