//! Small words of reports.

pub(super) use crate::text::defuse;
use crate::{
    event::{Excerpt, ResponseRecord},
    expect::Class,
    redact::show,
    text,
};

/// A few words for the caret: what came, or its beginning.
pub(super) fn label(got: &str) -> String {
    const MOST: usize = 60;
    let short = |text: &str| text.len() <= MOST && !text.contains('\n');
    let is_value = got.starts_with(['`', '"', '[', '{']);
    let start = got.split([':', ',']).next().unwrap_or_default();
    if short(got) {
        format!("got {got}")
    } else if !is_value && short(start) && start.len() < got.len() {
        format!("got {start}")
    } else {
        "this does not hold".into()
    }
}

/// Whose words they are.
pub(super) fn speaker(class: Class) -> &'static str {
    match class {
        Class::NotReached => "curl says",
        Class::ExitCode => "it says",
        Class::NotKubernetes => "the answer says",
        _ => "the server says",
    }
}

/// The options of a run for a shell, each with a blank before it.
pub(super) fn options_in_words(options: &[String]) -> String {
    options.iter().map(|word| format!(" {}", argument(word))).collect()
}

/// A path as a shell's argument.
pub(super) fn argument(path: &str) -> String {
    let path = show::line(path, show::BODY);
    let plain = path.chars().all(|c| c.is_alphanumeric() || "/._-+,@:=".contains(c));
    if plain || text::is_quoted(&path) { path } else { format!("'{}'", path.replace('\'', r"'\''")) }
}

/// What came back, line by line.
pub(super) fn answer(answer: &ResponseRecord) -> Vec<String> {
    let ended = answer.status.map(|status| status.to_string()).or(answer.exit_code.map(|code| format!("exit {code}")));
    let heads = ended.into_iter().chain(answer.headers.iter().cloned());
    let text = |excerpt: &Excerpt| excerpt.shown().lines().map(str::to_owned).collect::<Vec<_>>();
    let bodies = answer.body.iter().chain(&answer.stderr).flat_map(text);
    heads.chain(bodies).map(|line| format!("< {line}")).collect()
}
