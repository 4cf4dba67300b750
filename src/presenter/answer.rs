//! What came back, for those who look on.

use crate::event::{Excerpt, Failure, Outcome, ResponseRecord, StepFinished};

/// The most lines of a body that are shown.
const MOST: usize = 60;

/// What a class means by such a number is a status of HTTP, and no exit code.
const STATUSES: std::ops::Range<u64> = 200..600;

/// What came back, line by line.
pub(super) fn answer(answer: &ResponseRecord) -> Vec<String> {
    let ended = match (answer.status, answer.exit_code) {
        (Some(status), _) => Some(format!("HTTP {status}")),
        (None, Some(code)) => Some(format!("exit code {code}")),
        (None, None) => None,
    };
    let text = |excerpt: &Excerpt| excerpt.shown().lines().map(str::to_owned).collect::<Vec<_>>();
    let bodies = answer.body.iter().chain(&answer.stderr).flat_map(text);
    let mut lines: Vec<String> = ended.into_iter().chain(answer.headers.iter().cloned()).chain(bodies).collect();
    if lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("… {more} more lines"));
    }
    lines
}

/// Why a step ended so, in sentences.
pub(super) fn reasons(step: &StepFinished) -> Vec<String> {
    match &step.outcome {
        Outcome::Failed { failures } => failures.iter().flat_map(of_failure).collect(),
        Outcome::Broken { message, remedy, .. } => {
            let beside = "it could not be carried out, which says nothing about its claim".to_owned();
            let remedy = remedy.as_ref().map(|remedy| format!("remedy: {remedy}"));
            [message.clone(), beside].into_iter().chain(remedy).collect()
        }
        Outcome::Held | Outcome::Skipped { .. } => step.why.clone(),
    }
}

fn of_failure(Failure { mismatch, why, .. }: &Failure) -> Vec<String> {
    let mut lines = vec![mismatch.message.clone(), format!("expected {}, got {}", mismatch.expected, mismatch.got)];
    lines.extend(mismatch.server_words.iter().map(|words| format!("the answer says: {words}")));
    lines.extend(mismatch.hint.iter().map(|hint| format!("hint: {hint}")));
    lines.extend(why.iter().cloned());
    lines
}

/// Whether a guess came true; `None`: it names nothing that can be compared.
pub(super) fn came_true(guess: &str, step: &StepFinished) -> Option<bool> {
    let answered = step.answered.as_ref()?;
    if let Some(came) = allowed(answered) {
        return said(guess).map(|yes| yes == came);
    }
    let numbers: Vec<&str> = guess.split(|c: char| !c.is_ascii_digit()).filter(|word| !word.is_empty()).collect();
    // A class that says both has not guessed.
    let [number] = numbers.as_slice() else { return None };
    let number: u64 = number.parse().ok()?;
    match (answered.status, answered.exit_code) {
        (Some(status), _) => Some(number == u64::from(status)),
        // A status is no exit code: what a command says of its own end does not tell which one it got.
        (None, Some(code)) if !STATUSES.contains(&number) => Some(i64::try_from(number) == Ok(i64::from(code))),
        (None, _) => None,
    }
}

/// What questions about rights were answered, when all had the same answer.
fn allowed(answered: &ResponseRecord) -> Option<bool> {
    if answered.status.is_some() || answered.exit_code.is_some() {
        return None;
    }
    let lines: Vec<&str> = answered.body.as_ref()?.text.lines().collect();
    let all = |word: &str| !lines.is_empty() && lines.iter().all(|line| line.starts_with(word));
    if all("yes: ") { Some(true) } else { all("no: ").then_some(false) }
}

/// Yes or no; a class that says both, or neither, has not guessed.
fn said(guess: &str) -> Option<bool> {
    let guess = guess.to_lowercase();
    let has = |word: &str| guess.split(|c: char| !c.is_alphabetic()).any(|part| part == word);
    (has("yes") != has("no")).then(|| has("yes"))
}

#[cfg(test)]
pub(in crate::presenter) mod tests {
    use super::*;

    pub(in crate::presenter) fn step(status: u16) -> StepFinished {
        StepFinished {
            path: "a.yaml".into(),
            number: 1,
            title: "t".into(),
            line: 1,
            col: 1,
            took_ms: 5,
            outcome: Outcome::Held,
            equivalent: "kubectl get pods".into(),
            summary: format!("{status}"),
            warnings: vec![],
            yaml: String::new(),
            asked: vec![],
            answered: Some(ResponseRecord { status: Some(status), ..ResponseRecord::default() }),
            attempts: 1,
            why: vec![],
            rows: vec![],
            when: vec![],
            rbac: vec![],
        }
    }

    #[test]
    fn a_guess_is_right_wrong_or_none() {
        for (guess, right) in
            [("403", Some(true)), ("200!", Some(false)), ("200 or 403", None), ("no idea", None), ("", None)]
        {
            assert_eq!(came_true(guess, &step(403)), right, "{guess}");
        }
    }

    #[test]
    fn a_status_is_not_compared_with_an_exit_code() {
        let answered = Some(ResponseRecord { exit_code: Some(1), ..ResponseRecord::default() });
        let step = StepFinished { answered, ..step(0) };
        for (guess, right) in [("403", None), ("200", None), ("1", Some(true)), ("exit code 0", Some(false))] {
            assert_eq!(came_true(guess, &step), right, "{guess}");
        }
    }

    #[test]
    fn a_guess_about_a_right_is_a_word() {
        let answered = |text: &str| {
            let body = Some(Excerpt { text: text.into(), bytes: text.len(), cut: false });
            let answered = Some(ResponseRecord { body, ..ResponseRecord::default() });
            StepFinished { answered, ..step(0) }
        };
        for (guess, came, right) in [
            ("Yes", "yes: get pods", Some(true)),
            ("no!", "yes: get pods", Some(false)),
            ("no", "no: get pods\nno: list pods", Some(true)),
            ("yes or no", "no: get pods", None),
            ("nobody knows", "no: get pods", None),
            ("yes", "yes: get pods\nno: list pods", None),
        ] {
            assert_eq!(came_true(guess, &answered(came)), right, "{guess}");
        }
    }

    #[test]
    fn a_long_answer_is_cut_and_says_so() {
        let text = (0..100).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
        let body = Some(Excerpt { bytes: text.len(), text, cut: false });
        let lines = answer(&ResponseRecord { status: Some(200), body, ..ResponseRecord::default() });
        assert_eq!((lines[0].as_str(), lines.len(), lines[60].as_str()), ("HTTP 200", 61, "… 41 more lines"));
    }
}
