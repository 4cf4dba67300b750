//! Answers to questions about rights, against those that are expected.

use super::{Class, Mismatch, RealRequest, Reviewed, Verdict, classify, http_answer};
use crate::{redact::show, scenario::expect::Expect};

/// The most questions that one mismatch lists.
const MOST: usize = 20;

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

fn allowed_word(allowed: bool) -> &'static str {
    if allowed { "allowed" } else { "denied" }
}

/// Answers that are all wrong in the same way.
fn differs(wrong: &[&Reviewed], of: usize) -> Mismatch {
    let first = wrong[0];
    let (expected, got) = (allowed_word(first.expected), allowed_word(first.allowed));
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
            Verdict::NotKubernetes(_) | Verdict::Denied(_) => first_mismatch(&Expect::default(), real),
            _ if (400..500).contains(&http.status) && !matches!(http.status, 401 | 403 | 429) => None,
            _ => first_mismatch(&Expect::default(), real),
        }
    } else {
        let denied = Expect { status: Some(403), ..Expect::default() };
        first_mismatch(&denied, real)
    }?;
    let question = show::line(&review.words, show::VALUE);
    Some(Mismatch {
        pointer: review.pointer.clone(),
        message: format!("the real request disagrees with the review ({}): {question}", allowed_word(review.allowed)),
        hint: Some(format!("the request was {}, as {}", show::line(&real.request, show::VALUE), real.meant.user)),
        ..mismatch
    })
}

fn first_mismatch(expect: &Expect, real: &RealRequest) -> Option<Mismatch> {
    http_answer::judge(expect, &real.http, Some(&real.meant)).into_iter().next()
}

/// e.g. `12 answers: 3 allowed, 9 denied; 2 confirmed by requests`.
pub fn summary(reviews: &[Reviewed]) -> String {
    let allowed = reviews.iter().filter(|review| review.allowed).count();
    let real = reviews.iter().filter(|review| review.real.is_some()).count();
    let mut text = match reviews {
        [one] => allowed_word(one.allowed).to_owned(),
        all => format!("{} answers: {allowed} allowed, {} denied", all.len(), all.len() - allowed),
    };
    if real > 0 {
        text += &format!("; {real} confirmed by real requests");
    }
    text
}
