//! The lines that do the same as a step, as they are told when it has ended: they must come to the same end.

use super::attempt::Judged;
use crate::{
    expect::Answer,
    plan::{Action, Credential, Step, equivalent},
    redact::show,
};

/// The most bytes of what does the same as a step: a body of megabytes is nothing that a reader pastes.
const MOST: usize = 64 << 10;

/// The lines as they are told: what is secret in them is blacked out, which is said, since no shell knows it. Cut ones would leave a
/// shell in the middle of a quoted text, so of longer ones their first words are told, in a comment.
pub(super) fn shown(lines: &str) -> String {
    let bytes = lines.len();
    if bytes > MOST {
        let begins = show::clean(lines.lines().next().unwrap_or_default(), 80);
        return format!(
            "# {bytes} bytes, which is more than is kept; what is sent stands in the step. It begins: {begins}"
        );
    }
    let clean = show::clean(lines, MOST);
    let note = "# what is blacked out here must be put back before a shell is given it\n";
    if clean.contains("«redacted") { format!("{note}{clean}") } else { clean }
}

/// A line for each value that an earlier step saved and that stands in the lines of a step, as the scenario writes it: a
/// reader who gives them to a shell elsewhere must put the value there. Tokens are no part of lines.
pub(super) fn saved(written: &Step) -> String {
    let lines = equivalent::equivalent(written);
    let mut names: Vec<&str> =
        lines.split("{saved.").skip(1).filter_map(|rest| Some(rest.split_once('}')?.0)).collect();
    names.sort_unstable();
    names.dedup();
    let note =
        |name: &str| format!("# {{saved.{name}}} is written as it was in this run; on another cluster it is another\n");
    names.into_iter().map(note).collect()
}

/// The lines. Of questions of which some were answered otherwise than expected, only these; the alias `curl` is the image that it
/// stands for on this cluster.
pub(super) fn lines(step: &Step, asked: Option<&Judged>, curl_image: &str) -> String {
    let failed = asked.and_then(|asked| failed_questions(step, asked));
    let as_sent = asked.filter(|asked| kubectl_would_differ(step, asked)).and_then(|_| equivalent::as_sent(step));
    let lines = as_sent.unwrap_or_else(|| equivalent::equivalent(failed.as_ref().unwrap_or(step)));
    match &step.action {
        Action::Apply(_) | Action::Create(_) | Action::Pod(_) => {
            lines.replace("\"image\":\"curl\"", &format!("\"image\":\"{curl_image}\""))
        }
        Action::Curl(call) if call.place.added => lines.replace("--image=curl ", &format!("--image={curl_image} ")),
        _ => lines,
    }
}

/// The end of a message about fields that a kind lacks.
const STRICTLY: &str = "strict decoding error";

/// Whether kubectl's own command would come to another end. `kubectl patch` only warns of a field that the kind lacks; and it reads the
/// object first, for which a caller who may change it may have no right.
fn kubectl_would_differ(step: &Step, asked: &Judged) -> bool {
    let Answer::Api(http) = &asked.got.answer else { return false };
    let message = http.json.as_ref().and_then(|json| json["message"].as_str()).unwrap_or_default();
    let by_somebody = !matches!(step.caller.credential, Credential::Administrator);
    let let_pass = by_somebody && !asked.mismatches.is_empty() && !matches!(http.status, 401 | 403);
    message.contains(STRICTLY) || let_pass
}

/// The step with those of its questions that failed.
fn failed_questions(step: &Step, asked: &Judged) -> Option<Step> {
    let Answer::Reviews(reviews) = &asked.got.answer else { return None };
    let mut step = step.clone();
    let Action::Can(can) = &mut step.action else { return None };
    // The answers are in the order of the questions.
    let failed = |index: usize| reviews.get(index).is_some_and(|review| review.allowed != review.expected);
    let cells: Vec<_> =
        can.cells.iter().enumerate().filter(|(index, _)| failed(*index)).map(|(_, cell)| cell.clone()).collect();
    if cells.is_empty() {
        return None;
    }
    can.cells = cells;
    Some(step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_no_half_command() {
        let short = "kubectl proxy &\ncurl -sS http://127.0.0.1:8001/; kill $!";
        assert_eq!(shown(short), short);
        let long = format!("kubectl proxy &\nprintf %s '{}' | curl -sS --data-binary @-", "x".repeat(120_000));
        let told = shown(&long);
        assert_eq!(told.lines().count(), 1);
        assert!(
            told.starts_with(&format!("# {} bytes", long.len())) && told.ends_with("It begins: kubectl proxy &"),
            "{told}"
        );
    }
}
