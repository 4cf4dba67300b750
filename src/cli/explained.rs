//! What `kubewalk explain` finds, as a document for programs.

use serde_json::{Value, json};

use crate::explain::{Id, Question, Verdict, fetch::Review};

/// The question in the words of a SubjectAccessReview, the server's answer, and what RBAC has to do with it: `granted` or
/// `nearest` and `patch`. A key whose value is unknown is left out.
pub fn document(verdict: &Verdict, question: &Question, review: &Result<Review, kube::Error>) -> Value {
    let mut document = json!({"spec": question.review_spec(), "status": status(review)});
    match verdict {
        Verdict::Granted(grant) => {
            document["granted"] = json!({
                "binding": object(&grant.binding), "subject": grant.subject, "role": object(&grant.role),
                "rule": {"index": grant.index, "rule": grant.rule},
                "sentence": verdict.lines(question).join("\n"),
            });
        }
        Verdict::Denied { misses, patch } => {
            let near = misses.iter().map(|miss| {
                let mut near = json!({"role": object(&miss.role), "lacks": miss.lacks, "sentence": miss.sentence});
                if let Some(binding) = &miss.binding {
                    near["binding"] = object(binding);
                }
                if let Some(rule) = miss.rule {
                    near["rule"] = json!({"index": rule});
                }
                near
            });
            document["nearest"] = near.collect();
            document["patch"] = json!({"title": patch.title, "yaml": patch.yaml});
            if let Some(role) = &patch.adds_to {
                document["patch"]["role"] = object(role);
            }
        }
    }
    document
}

/// As the status of a SubjectAccessReview; `evaluationError` also when the server could not be asked, and then RBAC's objects decide
/// alone, without `allowed`.
fn status(review: &Result<Review, kube::Error>) -> Value {
    match review {
        Ok(review) => {
            let mut status = json!({"allowed": review.allowed});
            for (key, text) in [("reason", &review.reason), ("evaluationError", &review.error)] {
                if let Some(text) = text {
                    status[key] = json!(text);
                }
            }
            status
        }
        Err(e) => json!({"evaluationError": e.to_string()}),
    }
}

fn object(id: &Id) -> Value {
    let mut object = json!({"kind": id.kind, "name": id.name});
    if let Some(namespace) = &id.namespace {
        object["namespace"] = json!(namespace);
    }
    object
}
