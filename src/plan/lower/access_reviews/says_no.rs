//! Whether an expectation says no. It may do so in many words, so it is not read: it is held against a yes and against a no,
//! as the run will hold it against the answer.

use serde_json::{Value, json};

use crate::{
    expect::{Answer, Http, judge},
    scenario::expect::{Expect, Text, TextRule},
};

/// Whether `kubectl auth can-i` is expected to say no.
pub(super) fn by_can_i(expect: &Expect) -> bool {
    let printed = |text: &str, exit_code| Answer::Exec { exit_code, stdout: text.into(), stderr: vec![] };
    contradicts(expect, &printed("yes\n", 0), &printed("no\n", 1)) || expect.stdout.as_ref().is_some_and(begins_with_no)
}

/// kubectl may say why, behind the word.
fn begins_with_no(text: &Text) -> bool {
    let (Text::Is(text) | Text::Rule(TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text))) =
        text
    else {
        return false;
    };
    text.split_whitespace().next().is_some_and(|word| word.eq_ignore_ascii_case("no"))
}

/// Whether the answer to a review is expected to be no, which comes as the body of an HTTP answer.
pub(super) fn by_answer(expect: &Expect, review: &Value) -> bool {
    let about = output(expect);
    let body = |text: String, object: Value| {
        Answer::Api(Http { body: text.into_bytes(), ..Http::with_object(201, Some(object)) })
    };
    forms(review).into_iter().any(|form| {
        let [yes, no] = [true, false].map(|allowed| body(form(allowed), answered(review, allowed)));
        contradicts(&about, &yes, &no)
    })
}

/// The same, of what a program prints.
pub(super) fn by_output(expect: &Expect, review: &Value) -> bool {
    let about = output(expect);
    let printed = |text: String| Answer::Exec { exit_code: 0, stdout: text.into_bytes(), stderr: vec![] };
    let bare: Form<'_> = Box::new(|allowed| format!("{allowed}\n"));
    let field: Form<'_> = Box::new(|allowed| format!("status:\n  allowed: {allowed}\n"));
    forms(review).into_iter().chain([bare, field]).any(|form| {
        let [yes, no] = [true, false].map(|allowed| printed(form(allowed)));
        contradicts(&about, &yes, &no)
    })
}

/// What an answer is written as, of a yes or a no.
type Form<'a> = Box<dyn Fn(bool) -> String + 'a>;

/// The whole answer on one line, as servers write it, and on several, as kubectl does.
fn forms(review: &Value) -> [Form<'_>; 2] {
    [
        Box::new(|allowed| answered(review, allowed).to_string()),
        Box::new(|allowed| format!("{:#}", answered(review, allowed))),
    ]
}

/// The review with its answer.
fn answered(review: &Value, allowed: bool) -> Value {
    let mut all = review.clone();
    all["status"] = json!({"allowed": allowed});
    all
}

/// What is expected of the answer itself, and not of how the call went.
fn output(expect: &Expect) -> Expect {
    Expect {
        json: expect.json.clone(),
        object: expect.object.clone(),
        path: expect.path.clone(),
        stdout: expect.stdout.clone(),
        ..Expect::default()
    }
}

/// Whether something is expected that a yes does not have and a no does.
fn contradicts(expect: &Expect, yes: &Answer, no: &Answer) -> bool {
    let wrong = judge(expect, no, None);
    judge(expect, yes, None).iter().any(|found| !wrong.iter().any(|other| other.pointer == found.pointer))
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn expect(yaml: &str) -> Expect {
        serde_saphyr::from_str(yaml).expect("an expectation")
    }

    fn review() -> Value {
        let asked = json!({"verb": "list", "resource": "pods", "namespace": "a"});
        json!({"kind": "SelfSubjectAccessReview", "apiVersion": "authorization.k8s.io/v1", "spec": {"resourceAttributes": asked}})
    }

    #[rstest]
    #[case("{json: {status: {allowed: false}}}", true)]
    #[case("{object: {status: {allowed: false}}}", true)]
    #[case("{path: [{at: $.status.allowed, equals: false}]}", true)]
    #[case("{path: [{at: \"$['status']['allowed']\", equals: false}]}", true)]
    #[case("{path: [{at: $.status, equals: {allowed: false}}]}", true)]
    #[case("{path: [{at: '$..allowed', contains: false}]}", true)]
    #[case("{path: [{at: '$.status[?@==true]', absent: true}]}", true)]
    #[case("{path: [{at: '$.status[?@==false]', count: 1}]}", true)]
    #[case("{status: 201, stdout: {matches: '\"allowed\": ?false'}}", true)]
    #[case("{stdout: {contains: '\"allowed\":false'}}", true)]
    #[case("{stdout: {lacks: '\"allowed\":true'}}", true)]
    #[case("{json: {status: {allowed: true}}}", false)]
    #[case("{path: [{at: $.status.allowed, equals: true}]}", false)]
    #[case("{json: {status: {allowed: true, reason: x}}}", false)]
    #[case("{path: [{at: $.status.reason, absent: true}]}", false)]
    #[case("{path: [{at: $.status.reason, matches: '^RBAC'}]}", false)]
    #[case("{stdout: {contains: '\"allowed\":true'}}", false)]
    #[case("{status: 403}", false)]
    #[case("{status: 201}", false)]
    #[case("{}", false)]
    fn an_answer(#[case] yaml: &str, #[case] no: bool) {
        assert_eq!(by_answer(&expect(yaml), &review()), no);
        assert!(!no || yaml.contains("object") || by_output(&expect(yaml), &review()), "{yaml}");
    }

    #[rstest]
    #[case("{stdout: 'false'}", true)]
    #[case("{stdout: {startsWith: 'false'}}", true)]
    #[case("{stdout: {lacks: 'true'}}", true)]
    #[case("{stdout: {contains: 'allowed: false'}}", true)]
    #[case("{exitCode: 0, stdout: {matches: '^f'}}", true)]
    #[case("{stdout: 'true'}", false)]
    #[case("{stdout: {contains: SelfSubjectAccessReview}}", false)]
    #[case("{exitCode: 0}", false)]
    #[case("{exitCode: 1}", false)]
    fn what_is_printed(#[case] yaml: &str, #[case] no: bool) {
        assert_eq!(by_output(&expect(yaml), &review()), no);
    }

    #[rstest]
    #[case("{exitCode: 1}", true)]
    #[case("{exitCode: 1, stdout: 'no'}", true)]
    #[case("{stdout: {matches: '^n'}}", true)]
    #[case("{stdout: {lacks: 'yes'}}", true)]
    #[case("{stdout: {startsWith: no - because}}", true)]
    #[case("{exitCode: 0}", false)]
    #[case("{stdout: 'yes'}", false)]
    #[case("{stdout: {lacks: 'no'}}", false)]
    #[case("{}", false)]
    fn what_can_i_says(#[case] yaml: &str, #[case] no: bool) {
        assert_eq!(by_can_i(&expect(yaml)), no);
    }
}
