//! Answers to questions about rights, against those that are expected.

use super::{
    Class, Http, Meant, Mismatch,
    deny::{Verdict, classify},
    judge::judge as compare,
    show,
};
use crate::{plan::Request, scenario::expect::Expect};

/// The most questions that one mismatch lists.
const MOST: usize = 20;

/// A question and its answer.
#[derive(Debug, Clone)]
pub struct Reviewed {
    /// Where the expected answer stands, as a JSON pointer from the step: `/can/asked/0`.
    pub pointer: String,
    /// The question: `serviceaccount/reader: list pods in namespace a`.
    pub words: String,
    /// What was asked about.
    pub request: Request,
    /// The expected answer.
    pub expected: bool,
    /// The API server's answer.
    pub allowed: bool,
    /// Its words for it; RBAC has some only for a yes, and for what is broken.
    pub reason: String,
    /// A real request of the same meaning, if the answer is confirmed by one.
    pub real: Option<Real>,
}

/// A real request as the identity of the question.
#[derive(Debug, Clone)]
pub struct Real {
    /// e.g. `GET /api/v1/namespaces/a/pods`.
    pub request: String,
    /// The answer.
    pub http: Http,
    /// How RBAC would refuse it.
    pub meant: Meant,
}

/// Compares all answers; those whose expectation stands at one place come together.
pub fn judge(reviews: &[Reviewed]) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut done: Vec<(&str, bool)> = Vec::new();
    for first in reviews.iter().filter(|review| review.allowed != review.expected) {
        let key = (first.pointer.as_str(), first.expected);
        if done.contains(&key) {
            continue;
        }
        done.push(key);
        let at_place: Vec<_> = reviews.iter().filter(|other| (other.pointer.as_str(), other.expected) == key).collect();
        let wrong: Vec<_> = at_place.iter().copied().filter(|review| review.allowed != review.expected).collect();
        found.push(differs(&wrong, at_place.len()));
    }
    found.extend(reviews.iter().filter(|review| review.allowed == review.expected).filter_map(unproven));
    found
}

fn word(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

/// Answers that are all wrong in the same way.
fn differs(wrong: &[&Reviewed], of: usize) -> Mismatch {
    let first = wrong[0];
    let (expected, got) = (word(first.expected), word(first.allowed));
    let mut lines: Vec<String> = Vec::new();
    for review in wrong.iter().take(MOST) {
        let question = show::line(&review.words, show::VALUE);
        let reason = show::line(&review.reason, show::BODY);
        lines.push(if wrong.len() == 1 || reason.is_empty() { question } else { format!("{question} ({reason})") });
    }
    if wrong.len() > MOST {
        lines.push(format!("and {} more", wrong.len() - MOST));
    }
    let (message, got) = match (wrong.len(), of) {
        (1, 1) => (format!("expected {expected}, got {got}: {}", lines[0]), got.to_owned()),
        (1, _) => (format!("1 of {of} answers is not {expected}: {}", lines[0]), format!("{got}: {}", lines[0])),
        (many, _) => (format!("{many} of {of} answers are not {expected}"), format!("{got}:\n{}", lines.join("\n"))),
    };
    let words = show::block(&first.reason, show::BODY);
    Mismatch {
        pointer: first.pointer.clone(),
        message,
        expected: expected.to_owned(),
        got,
        server_words: Some(words).filter(|words| wrong.len() == 1 && !words.is_empty()),
        hint: (!first.allowed && first.reason.is_empty())
            .then(|| "no binding of this identity or its groups has a rule for it".to_owned()),
        class: if first.allowed { Class::Allowed } else { Class::Refused },
    }
}

/// A real request that came out otherwise than the review said.
fn unproven(review: &Reviewed) -> Option<Mismatch> {
    let real = review.real.as_ref()?;
    let http = &real.http;
    let mismatch = if review.expected {
        // Behind authorization come 400, 404, 409, 415 and 422: they say that the request was let through.
        match classify(http) {
            Verdict::Allowed => None,
            Verdict::NotKubernetes(_) | Verdict::Denied(_) => {
                compare(&Expect::default(), &super::Answer::Api(http.clone()), Some(&real.meant)).into_iter().next()
            }
            _ if (400..500).contains(&http.status) && !matches!(http.status, 401 | 403 | 429) => None,
            _ => compare(&Expect::default(), &super::Answer::Api(http.clone()), Some(&real.meant)).into_iter().next(),
        }
    } else {
        let denied = Expect { status: Some(403), ..Expect::default() };
        compare(&denied, &super::Answer::Api(http.clone()), Some(&real.meant)).into_iter().next()
    }?;
    let question = show::line(&review.words, show::VALUE);
    Some(Mismatch {
        pointer: review.pointer.clone(),
        message: format!("the real request disagrees with the review ({}): {question}", word(review.allowed)),
        hint: Some(format!("the request was {}, as {}", show::line(&real.request, show::VALUE), real.meant.user)),
        ..mismatch
    })
}

/// e.g. `12 answers: 3 allowed, 9 denied; 2 confirmed by requests`.
pub fn summary(reviews: &[Reviewed]) -> String {
    let allowed = reviews.iter().filter(|review| review.allowed).count();
    let real = reviews.iter().filter(|review| review.real.is_some()).count();
    let mut text = match reviews {
        [one] => word(one.allowed).to_owned(),
        all => format!("{} answers: {allowed} allowed, {} denied", all.len(), all.len() - allowed),
    };
    if real > 0 {
        text += &format!("; {real} confirmed by real requests");
    }
    text
}
