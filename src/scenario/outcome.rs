//! What an expectation asks for: the one place that says whether it means success, a denial, or another failure.
//!
//! The judge, the waiting for a denial to be steady, the warnings of `check`, the rights that a runner needs, and the
//! reasons of a failure all ask here.

use serde_json::Value;

use super::expect::{DeniedBy, Expect, Text, TextRule};

/// What an expectation asks of the status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// Any 2xx.
    Success,
    /// Just this one, which is no denial.
    Exactly(u16),
    /// A refusal by this denier.
    Denial(DeniedBy, Option<u16>),
    /// Any failure that is a `Status`; its `reason` or `message` says which.
    Failure,
}

impl DeniedBy {
    /// Whether it is not the API server.
    pub fn is_elsewhere(self) -> bool {
        matches!(self, Self::Kubelet | Self::KubeRbacProxy | Self::Endpoint)
    }
}

impl Expect {
    /// What is asked of an HTTP answer, said or not. `reason: Forbidden` alone means `status: 403`.
    pub fn wanted(&self) -> Wanted {
        match (self.by, self.status, self.reason.as_deref()) {
            (Some(by), status, _) => Wanted::Denial(by, status),
            (None, Some(403), _) | (None, None, Some("Forbidden")) => Wanted::Denial(DeniedBy::Rbac, Some(403)),
            (None, Some(status), _) => Wanted::Exactly(status),
            (None, None, None) if self.absent == Some(true) => Wanted::Exactly(404),
            (None, None, None) if self.message.is_none() => Wanted::Success,
            (None, None, _) => Wanted::Failure,
        }
    }

    /// Whether RBAC must have refused the call.
    pub fn is_rbac_denial(&self) -> bool {
        !self.is_unanswered() && matches!(self.wanted(), Wanted::Denial(DeniedBy::Rbac, None | Some(403)))
    }

    /// Whether the call must have been refused, by any denier.
    pub fn is_denial(&self) -> bool {
        !self.is_unanswered() && matches!(self.wanted(), Wanted::Denial(..))
    }

    /// Whether a server that is not the API server must have refused the call.
    pub fn is_denial_elsewhere(&self) -> bool {
        !self.is_unanswered() && self.by.is_some_and(DeniedBy::is_elsewhere)
    }

    /// Whether curl must fail, so that there is no answer.
    fn is_unanswered(&self) -> bool {
        self.exit_code.is_some_and(|code| code != 0)
    }

    /// The key that claims the status: `status`, `by`, `reason` or `message`.
    pub fn claim(&self) -> &'static str {
        match () {
            () if self.status.is_some() => "status",
            () if self.by.is_some() => "by",
            () if self.reason.is_some() => "reason",
            () => "message",
        }
    }

    /// Whether the call must not have succeeded.
    pub fn is_failure(&self) -> bool {
        match self.wanted() {
            Wanted::Success => false,
            Wanted::Exactly(status) => status >= 400,
            Wanted::Denial(..) | Wanted::Failure => true,
        }
    }

    /// Whether the call, or the command, must fail: as [`Self::is_failure`], or by its exit code.
    pub fn must_fail(&self) -> bool {
        self.is_failure() || self.is_unanswered()
    }

    /// Whether anything is expected of a `Status`, or of an HTTP status.
    pub fn is_about_status(&self) -> bool {
        self.status.is_some() || self.by.is_some() || self.reason.is_some() || self.message.is_some()
    }

    /// Whether a 404 is what must come.
    pub fn is_not_found(&self) -> bool {
        self.wanted() == Wanted::Exactly(404) || self.reason.as_deref() == Some("NotFound")
    }

    /// The key by which a command must have been refused by RBAC: that of the status, or what tells of it in what is printed.
    pub fn claim_of_command(&self) -> Option<&'static str> {
        let printed = || self.printed_denial().filter(|_| !self.is_about_status());
        self.is_rbac_denial().then(|| self.claim()).or_else(printed)
    }

    /// Whether what a command prints must tell of a denial: a `Status` with 403 in its JSON, or the words that curl and
    /// kubectl print about one.
    pub fn tells_of_denial(&self) -> bool {
        self.is_denial() || self.printed_denial().is_some()
    }

    /// The key of what is printed that must tell of a denial.
    fn printed_denial(&self) -> Option<&'static str> {
        let is_code = |value: &Value| *value == 403 || *value == "Forbidden" || *value == "403";
        let in_json = self.json.as_ref().is_some_and(|json| is_code(&json["code"]) || is_code(&json["reason"]));
        let at_path = self.path.iter().any(|path| {
            let place = path.at.trim_start_matches('$').trim_matches(['.', '[', ']', '\'', '"']);
            let matches =
                path.matches.as_deref().is_some_and(|pattern| is_denial_wording(pattern) || pattern.contains("Forb"));
            matches!(place, "code" | "reason") && (path.equals.iter().chain(&path.contains).any(is_code) || matches)
                || place == "message" && path.texts().any(is_denial_wording)
        });
        let in_words = |text: &Text| match text {
            Text::Is(text) => is_denial_wording(text),
            Text::Rule(TextRule::Equals(text) | TextRule::StartsWith(text) | TextRule::Contains(text)) => {
                is_denial_wording(text)
            }
            Text::Rule(TextRule::Matches(text)) => is_denial_wording(text),
            Text::Rule(TextRule::Lacks(_)) => false,
        };
        let told = |key: &'static str, text: &Option<Text>| text.as_ref().is_some_and(in_words).then_some(key);
        let printed = || told("stderr", &self.stderr).or_else(|| told("stdout", &self.stdout));
        in_json.then_some("json").or(at_path.then_some("path")).or_else(printed)
    }
}

/// Words that only a denial is told in: RBAC's, those of every refusal, and its code as a number of its own.
fn is_denial_wording(text: &str) -> bool {
    let lower = text.to_lowercase();
    let code = lower.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| word == "403");
    code || lower.contains("forbidden") || text.trim() == "no" || is_rbacs(&lower)
}

/// Whether it is a part of RBAC's sentence: `cannot list resource "pods"`, `cannot get path "/metrics"`.
fn is_rbacs(lower: &str) -> bool {
    lower.match_indices("cannot ").any(|(at, word)| {
        let mut rest = lower[at + word.len()..].split_whitespace();
        rest.next().is_some() && rest.next().is_some_and(|what| matches!(what, "resource" | "path"))
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn expect(yaml: &str) -> Expect {
        serde_saphyr::from_str(yaml).expect("an expectation")
    }

    #[rstest]
    #[case("{status: 403}", true, true)]
    #[case("{reason: Forbidden}", true, true)]
    #[case("{reason: Forbidden, within: 2s}", true, true)]
    #[case("{status: 403, by: rbac}", true, true)]
    #[case("{status: 403, by: quota}", false, true)]
    #[case("{by: escalation}", false, true)]
    #[case("{status: 422, by: policy}", false, true)]
    #[case("{reason: NotFound}", false, false)]
    #[case("{status: 404, reason: Forbidden}", false, false)]
    #[case("{message: x}", false, false)]
    #[case("{}", false, false)]
    #[case("{status: 403, exitCode: 6}", false, false)]
    #[case("{json: {code: 403}}", false, false)]
    fn one_answer(#[case] yaml: &str, #[case] by_rbac: bool, #[case] denial: bool) {
        let expect = expect(yaml);
        assert_eq!((expect.is_rbac_denial(), expect.is_denial()), (by_rbac, denial));
        assert!(!denial || expect.is_failure());
    }

    #[rstest]
    #[case("{status: 403}", Some("status"))]
    #[case("{reason: Forbidden}", Some("reason"))]
    #[case("{exitCode: 1, stderr: {contains: forbidden}}", Some("stderr"))]
    #[case("{stderr: {contains: 'cannot get path'}}", Some("stderr"))]
    #[case("{stdout: {contains: '403'}}", Some("stdout"))]
    #[case("{json: {code: 403}}", Some("json"))]
    #[case("{exitCode: 1}", None)]
    #[case("{status: 403, by: quota, stderr: {contains: forbidden}}", None)]
    #[case("{stderr: {lacks: forbidden}}", None)]
    fn by_what_a_command_is_refused(#[case] yaml: &str, #[case] key: Option<&str>) {
        assert_eq!(expect(yaml).claim_of_command(), key);
    }

    #[rstest]
    #[case("{json: {kind: Status, code: 403}}", true)]
    #[case("{json: {reason: Forbidden}}", true)]
    #[case("{path: [{at: $.code, equals: 403}]}", true)]
    #[case("{path: [{at: '$.reason', equals: Forbidden}]}", true)]
    #[case("{stderr: {contains: is forbidden}}", true)]
    #[case("{stderr: {matches: '\\(Forbidden\\)'}}", true)]
    #[case("{stdout: 'no'}", true)]
    #[case("{stdout: '403'}", true)]
    #[case("{stderr: {lacks: forbidden}}", false)]
    #[case("{json: {code: 404}}", false)]
    #[case("{path: [{at: $.items, count: 403}]}", false)]
    #[case("{stdout: notes}", false)]
    fn what_a_command_prints(#[case] yaml: &str, #[case] denial: bool) {
        assert_eq!(expect(yaml).tells_of_denial(), denial);
    }

    #[rstest]
    #[case("{stdout: '403'}", true)]
    #[case("{stdout: http=403}", true)]
    #[case(r#"{stdout: {contains: '"code": 403'}}"#, true)]
    #[case("{stdout: {contains: cannot list resource}}", true)]
    #[case(r#"{stderr: {matches: 'cannot get path "/m'}}"#, true)]
    #[case("{path: [{at: $.reason, matches: ^Forb}]}", true)]
    #[case("{path: [{at: \"$['code']\", equals: 403}]}", true)]
    #[case("{path: [{at: $.message, contains: cannot list resource}]}", true)]
    #[case("{stdout: {lacks: '403'}}", false)]
    #[case("{stdout: '14032'}", false)]
    #[case("{stdout: this cannot be}", false)]
    #[case("{path: [{at: $.reason, matches: ^Not}]}", false)]
    #[case("{path: [{at: $.data.code, matches: ^Forb}]}", false)]
    fn what_tells_of_a_denial(#[case] yaml: &str, #[case] tells: bool) {
        assert_eq!(expect(yaml).tells_of_denial(), tells);
    }
}
