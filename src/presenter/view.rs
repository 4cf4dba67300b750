//! What the class sees of a class at a moment. Nothing of a step is in it before the class has come to it.

use serde::Serialize;

use super::{
    answer::{answer, came_true, reasons},
    class::{Class, Panel as Which, Seat, State},
    command::{Command, KEYS},
    picture::Picture,
};
use crate::{
    duration::took,
    event::{Outcome, StepFinished},
};

/// What is seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct View {
    /// The scenario's claim.
    pub title: String,
    /// Its file.
    pub path: String,
    /// Cluster and namespace.
    pub place: String,
    /// All steps, in order.
    pub steps: Vec<Row>,
    /// The step that is shown.
    pub card: Card,
    /// What is shown beside it.
    pub panel: Option<Panel>,
    /// Who may do what, as far as the class has seen.
    pub picture: Option<Picture>,
    /// What was just said to the person who leads.
    pub note: Option<String>,
    /// Whether the class is asked what it expects.
    pub asks: bool,
    /// Whether something goes on that has to be waited for, in words.
    pub busy: Option<&'static str>,
    /// Whether the clock stands still.
    pub paused: bool,
    /// What each key does; empty as long as none does anything.
    pub keys: Vec<(&'static str, &'static str)>,
}

/// A step in the list of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// 1 for the first.
    pub number: usize,
    /// Its claim, once the class has come to it.
    pub title: Option<String>,
    /// A sign for what came of it.
    pub sign: char,
    /// The same in a word.
    pub word: &'static str,
    /// Whether it is the one that is shown.
    pub current: bool,
}

/// The step that is shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// e.g. `Step 3 of 27`.
    pub heading: String,
    /// The claim.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// What a person would type.
    pub types: String,
    /// What the class is asked.
    pub predict: Option<String>,
    /// What the class expected.
    pub guess: Option<String>,
    /// What became of that, in words.
    pub guessed: Option<&'static str>,
    /// What came back.
    pub answer: Vec<String>,
    /// Whether it is as expected.
    pub verdict: Option<Verdict>,
    /// Why.
    pub why: Vec<String>,
    /// What the server warned of.
    pub warnings: Vec<String>,
    /// What could not be taken back.
    pub stays: Vec<String>,
}

/// Whether a step is as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// `✓`, `✗`, `!`, `–`.
    pub sign: char,
    /// The same in a word.
    pub word: &'static str,
    /// More of it.
    pub text: String,
}

/// What is shown beside a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Panel {
    /// What it is.
    pub title: &'static str,
    /// Its lines.
    pub lines: Vec<String>,
}

/// What stands in the place of a claim that would give the answer away.
const HIDDEN: &str = "What comes?";

impl View {
    /// At a moment, in milliseconds.
    pub fn new(class: &Class, now: u64) -> Self {
        let place = [class.place.as_str(), class.namespace.as_str()];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let running = class.seat().is_some_and(|seat| seat.state == State::Running);
        View {
            title: class.lesson.title.clone(),
            path: class.lesson.path.clone(),
            place: place.join(", namespace "),
            steps: rows(class),
            card: card(class),
            panel: class.panel.map(|which| panel(class, which, now)),
            picture: class.picture.clone(),
            note: class.note.clone(),
            asks: class.asks,
            busy: match (class.is_open, class.rewinds) {
                (false, _) => Some("getting ready"),
                (true, true) => Some("going back"),
                (true, false) => running.then_some("running"),
            },
            paused: class.is_paused(),
            keys: if class.is_open { keys(class.can_open) } else { vec![] },
        }
    }
}

/// All keys that do something, with the one that asks for a number in its place; `shell`: whether one can be opened.
fn keys(shell: bool) -> Vec<(&'static str, &'static str)> {
    let can = |command: &Command| shell || *command != Command::Shell;
    let mut keys: Vec<_> =
        KEYS.iter().filter(|(_, _, command)| can(command)).map(|(key, word, _)| (*key, *word)).collect();
    keys.insert(4, ("g", "step"));
    keys
}

fn rows(class: &Class) -> Vec<Row> {
    let parts = class.lesson.parts.iter().zip(&class.seats).enumerate();
    parts
        .map(|(index, (part, seat))| {
            let (sign, word) = mark(seat);
            let seen = seat.is_done() || seat.state != State::Ready && part.predict.is_none();
            Row {
                number: index + 1,
                title: seen.then(|| part.title.clone()),
                sign,
                word,
                current: class.begun && !class.over && index == class.at,
            }
        })
        .collect()
}

fn mark(seat: &Seat) -> (char, &'static str) {
    match (seat.state, seat.finished.as_ref().map(|step| &step.outcome)) {
        (State::Judged, Some(Outcome::Held)) => ('✓', "held"),
        (State::Judged, Some(Outcome::Failed { .. })) => ('✗', "failed"),
        (State::Judged, _) => ('!', "could not be carried out"),
        (State::Skipped, _) => ('–', "left out"),
        (State::Running, _) => ('…', "running"),
        (State::Rewound, _) => ('↶', "undone"),
        (State::Ready | State::Narrated | State::Predicted, _) => ('·', "not run"),
    }
}

fn card(class: &Class) -> Card {
    let all = class.lesson.parts.len();
    if !class.begun {
        let heading = format!("{all} steps");
        let title = class.lesson.title.clone();
        return Card { heading, title, say: class.lesson.say.clone(), ..Card::default() };
    }
    if class.over {
        return over(class);
    }
    let (Some(part), Some(seat)) = (class.lesson.parts.get(class.at), class.seat()) else { return Card::default() };
    let heading = format!("Step {} of {all}", class.at + 1);
    let hidden = part.predict.is_some() && !seat.is_done();
    let title = if hidden { HIDDEN.to_owned() } else { part.title.clone() };
    let mut card = Card {
        heading,
        title,
        say: part.say.as_deref().map(|say| if hidden { first(say) } else { say }.to_owned()),
        types: part.types.clone(),
        predict: part.predict.clone().filter(|_| hidden || seat.guess.is_some()),
        guess: seat.guess.clone(),
        stays: if seat.state == State::Rewound || seat.state == State::Narrated { class.stays.clone() } else { vec![] },
        ..Card::default()
    };
    if let Some(step) = seat.finished.as_ref().filter(|_| seat.is_done()) {
        card.answer = step.answered.as_ref().map(answer).unwrap_or_default();
        card.verdict = Some(verdict(seat, step));
        let reasons = reasons(step);
        card.why = if matches!(step.outcome, Outcome::Held) {
            // The first sentence; the whole is what `explain` shows.
            let first = reasons.first().and_then(|reason| reason.lines().next());
            first.map(|line| format!("because {line}")).into_iter().collect()
        } else {
            reasons.iter().flat_map(|reason| reason.lines()).map(str::to_owned).collect()
        };
        card.warnings.clone_from(&step.warnings);
        card.guessed = seat.guess.as_ref().and_then(|guess| came_true(guess, step)).map(|right| match right {
            true => "and so it is",
            false => "but something else came",
        });
    }
    card
}

/// What is said before the answer: the first paragraph. In a folded text of YAML paragraphs are lines.
fn first(say: &str) -> &str {
    let (first, _) = say.split_once("\n\n").or_else(|| say.split_once('\n')).unwrap_or((say, ""));
    first
}

fn over(class: &Class) -> Card {
    let count = |word: &str| class.seats.iter().filter(|seat| mark(seat).1 == word).count();
    let (held, failed, out) = (count("held"), count("failed"), count("left out"));
    let mut text = format!("{held} of {} steps held", class.seats.len());
    if failed > 0 {
        text += &format!(", {failed} failed");
    }
    if out > 0 {
        text += &format!(", {out} left out, which proves nothing of them");
    }
    text += if class.more { ". The next scenario follows." } else { "." };
    Card { heading: "The end".into(), title: class.lesson.title.clone(), say: Some(text), ..Card::default() }
}

fn verdict(seat: &Seat, step: &StepFinished) -> Verdict {
    let (sign, word) = mark(seat);
    let text = match &step.outcome {
        Outcome::Skipped { reason } => reason.clone(),
        Outcome::Broken { class, .. } => class.word().to_owned(),
        Outcome::Held | Outcome::Failed { .. } => step.summary.clone(),
    };
    Verdict { sign, word, text }
}

fn panel(class: &Class, which: Which, now: u64) -> Panel {
    match which {
        Which::Hint => Panel { title: "Hint", lines: hint(class) },
        Which::Explain => {
            let finished = class.seat().and_then(|seat| seat.finished.as_ref());
            let mut lines: Vec<String> = finished.map(reasons).unwrap_or_default();
            if lines.is_empty() {
                lines.push("RBAC was not asked about it, or the answer needs no other reason than what it says".into());
            }
            Panel { title: "Why", lines: lines.iter().flat_map(|line| line.lines()).map(str::to_owned).collect() }
        }
        Which::Who => {
            let known = class.picture.as_ref().map(|picture| picture.sentences.clone());
            let nothing = || vec!["No account, role or binding was made, and nobody was asked for, so far".to_owned()];
            Panel { title: "Who may do what", lines: known.unwrap_or_else(nothing) }
        }
        Which::Time => {
            let mut lines = vec![format!("{} since the beginning", minutes(class.elapsed(now)))];
            for (index, seat) in class.seats.iter().enumerate() {
                let step = seat.finished.as_ref().filter(|_| seat.state == State::Judged);
                lines.extend(step.map(|step| format!("step {}: {}", index + 1, took(step.took_ms))));
            }
            Panel { title: "Time", lines }
        }
    }
}

/// Who asks what, and what was made so far.
fn hint(class: &Class) -> Vec<String> {
    let asks = class.lesson.parts.get(class.at).map(|part| part.asks.clone()).unwrap_or_default();
    let made =
        class.lesson.parts.iter().zip(&class.seats).filter(|(part, seat)| part.makes && seat.state == State::Judged);
    let made: Vec<String> = made.flat_map(|(part, _)| part.asks.clone()).map(|asks| format!("  {asks}")).collect();
    let mut lines: Vec<String> =
        std::iter::once("It asks:".to_owned()).chain(asks.into_iter().map(|asks| format!("  {asks}"))).collect();
    lines.push(if made.is_empty() { "Nothing was made so far.".into() } else { "What was done so far:".into() });
    lines.extend(made);
    lines
}

fn minutes(ms: u64) -> String {
    let seconds = ms / 1000;
    format!("{}:{:02} minutes", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        event::Event,
        presenter::lesson::{Lesson, Part},
    };

    fn class() -> Class {
        let part = |title: &str, predict: Option<&str>| Part {
            title: title.into(),
            predict: predict.map(str::to_owned),
            say: predict.map(|_| "Look at it.\nNobody may do it.".to_owned()),
            types: "kubectl get pods".into(),
            asks: vec!["list pods as a".into()],
            ..Part::default()
        };
        let parts = vec![part("It is refused", Some("200 or 403?")), part("It is allowed", None)];
        Class::new(Lesson { title: "A claim".into(), parts, ..Lesson::default() })
    }

    fn judged(class: &mut Class, outcome: Outcome) {
        let mut step = crate::presenter::answer::tests::step(403);
        (step.outcome, step.number, step.why) =
            (outcome, class.at + 1, vec!["no binding\nof it".into(), "more".into()]);
        class.on(&Event::StepFinished(Box::new(step)));
    }

    #[test]
    fn nothing_is_given_away() {
        let mut class = class();
        let seen = |class: &Class| serde_json::to_string(&View::new(class, 0)).expect("JSON");
        assert!(!seen(&class).contains("It is"), "{}", seen(&class));
        class.command(&Command::Next, 0);
        class.command(&Command::Next, 0);
        assert!(!seen(&class).contains("It is refused") && seen(&class).contains("200 or 403?"), "{}", seen(&class));
        class.command(&Command::Guess { text: "200".into() }, 0);
        class.command(&Command::Next, 0);
        assert!(!seen(&class).contains("It is refused"), "{}", seen(&class));
        assert_eq!(View::new(&class, 0).card.say.as_deref(), Some("Look at it."));
        judged(&mut class, Outcome::Held);
        let view = View::new(&class, 0);
        assert_eq!((view.card.title.as_str(), view.card.guessed), ("It is refused", Some("but something else came")));
        assert_eq!(view.card.say.as_deref(), Some("Look at it.\nNobody may do it."));
        assert_eq!(
            (view.card.why.as_slice(), view.steps[0].word),
            (["because no binding".to_owned()].as_slice(), "held")
        );
        assert!(!seen(&class).contains("It is allowed"));
    }

    #[test]
    fn the_end_says_what_was_left_out() {
        let mut class = class();
        class.command(&Command::Next, 0);
        let crate::presenter::Deed::Skip(reason) = class.command(&Command::Skip, 0) else { panic!("left out") };
        judged(&mut class, Outcome::Skipped { reason });
        class.command(&Command::Next, 0);
        class.command(&Command::Next, 0);
        judged(&mut class, Outcome::Held);
        class.command(&Command::Next, 0);
        let card = View::new(&class, 0).card;
        assert_eq!(card.say.as_deref(), Some("1 of 2 steps held, 1 left out, which proves nothing of them."));
    }

    #[test]
    fn panels_show_what_is_known() {
        let mut class = class();
        class.command(&Command::Next, 0);
        class.command(&Command::Hint, 0);
        let lines = View::new(&class, 0).panel.expect("a hint").lines;
        assert_eq!(lines, ["It asks:", "  list pods as a", "Nothing was made so far."]);
        class.command(&Command::Time, 0);
        assert_eq!(View::new(&class, 65_000).panel.expect("times").lines, ["1:05 minutes since the beginning"]);
        class.seats[0].state = State::Running;
        judged(&mut class, Outcome::Held);
        class.command(&Command::Explain, 0);
        assert_eq!(View::new(&class, 0).panel.expect("reasons").lines, ["no binding", "of it", "more"]);
    }
}
