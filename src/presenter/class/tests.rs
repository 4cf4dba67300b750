use serde_json::json;

use super::*;
use crate::{
    event::{ResponseRecord, rbac::Rbac},
    presenter::{command::Command, lesson::Part},
};

fn class(predict: &[usize]) -> Class {
    let part = |number: usize| Part {
        title: format!("step {number}"),
        predict: predict.contains(&number).then(|| "200 or 403?".to_owned()),
        ..Part::default()
    };
    let mut class = Class::new(Lesson { parts: (1..=4).map(part).collect(), ..Lesson::default() });
    class.open();
    class
}

fn finished(number: usize, outcome: Outcome) -> Event {
    Event::StepFinished(Box::new(StepFinished {
        path: "a.yaml".into(),
        number,
        title: format!("step {number}"),
        line: 1,
        col: 1,
        took_ms: 5,
        outcome,
        equivalent: "kubectl get pods".into(),
        summary: String::new(),
        warnings: vec![],
        yaml: String::new(),
        asked: vec![],
        answered: Some(ResponseRecord { status: Some(403), ..ResponseRecord::default() }),
        attempts: 1,
        why: vec![],
        rows: vec![],
        when: vec![],
        rbac: vec![],
    }))
}

fn rewound(to: usize) -> Event {
    let (path, namespace, stays) = (String::new(), "kw-b".to_owned(), vec!["a token".to_owned()]);
    Event::Rewound(Rewound { path, to, by: RewoundBy::Undo, namespace, took_ms: 1, stays })
}

/// Says commands one after the other, and carries out what they ask for as a cluster would on which all holds.
fn say(class: &mut Class, words: &str) -> Vec<Deed> {
    let mut deeds = Vec::new();
    for word in words.split(' ') {
        let command = match word {
            "next" => Command::Next,
            "back" => Command::Back,
            "retry" => Command::Retry,
            "skip" => Command::Skip,
            "quit" => Command::Quit,
            "explain" => Command::Explain,
            "hint" => Command::Hint,
            "shell" => Command::Shell,
            other => match other.strip_prefix("goto:") {
                Some(to) => Command::Goto { to: to.parse().expect("a number") },
                None => Command::Guess { text: other.into() },
            },
        };
        let mut deed = class.command(&command, 0);
        loop {
            match &deed {
                Deed::Play => class.on(&finished(class.at + 1, Outcome::Held)),
                Deed::Skip(reason) => class.on(&finished(class.at + 1, Outcome::Skipped { reason: reason.clone() })),
                Deed::Back(to) => class.on(&rewound(*to)),
                _ => {}
            }
            deeds.push(deed);
            match class.due() {
                Some(due) => deed = due,
                None => break,
            }
        }
    }
    deeds
}

fn states(class: &Class) -> Vec<State> {
    class.seats.iter().map(|seat| seat.state).collect()
}

#[test]
fn each_step_is_narrated_run_and_judged() {
    use State::{Judged, Narrated, Ready};
    let mut class = class(&[]);
    assert_eq!(say(&mut class, "next next next"), [Deed::Nothing, Deed::Play, Deed::Nothing]);
    assert_eq!(states(&class), [Judged, Narrated, Ready, Ready]);
    say(&mut class, "next next next next next next");
    assert!(class.over, "{:?}", states(&class));
    assert_eq!((say(&mut class, "next"), class.note.is_some()), (vec![Deed::Nothing], true));
    assert_eq!(say(&mut class, "quit"), [Deed::Quit]);
}

#[test]
fn a_question_comes_before_the_answer() {
    let mut class = class(&[1]);
    assert_eq!(say(&mut class, "next next"), [Deed::Nothing, Deed::Nothing]);
    assert!(class.asks && class.seats[0].state == State::Narrated);
    assert_eq!(say(&mut class, "200"), [Deed::Nothing]);
    assert_eq!(
        (class.asks, class.seats[0].state, class.seats[0].guess.as_deref()),
        (false, State::Predicted, Some("200"))
    );
    assert_eq!(say(&mut class, "next"), [Deed::Play]);
    assert_eq!(class.seats[0].state, State::Judged);
    // It is asked again when the class has gone back.
    say(&mut class, "back next next");
    assert!(class.asks && class.seats[0].guess.is_none());
    assert_eq!(say(&mut class, "next"), [Deed::Nothing], "it waits for a guess");
}

#[test]
fn back_undoes_the_step_that_is_shown_and_then_the_one_before() {
    let mut class = class(&[]);
    assert_eq!((say(&mut class, "back"), class.note.as_deref()), (vec![Deed::Nothing], Some("this is the beginning")));
    say(&mut class, "next next next next next");
    assert_eq!((class.at, class.seats[2].state), (2, State::Narrated));
    assert_eq!(say(&mut class, "back"), [Deed::Back(2)]);
    assert_eq!((class.at, class.seats[1].state), (1, State::Rewound));
    assert_eq!((class.stays.as_slice(), class.namespace.as_str()), (["a token".to_owned()].as_slice(), "kw-b"));
    assert_eq!(say(&mut class, "back back"), [Deed::Back(1), Deed::Nothing]);
    assert_eq!(states(&class), [State::Rewound, State::Ready, State::Ready, State::Ready]);
    assert_eq!(say(&mut class, "next next"), [Deed::Nothing, Deed::Play]);
}

#[test]
fn going_to_a_step_runs_those_between_and_goes_back_to_those_behind() {
    let mut class = class(&[2]);
    assert_eq!(say(&mut class, "goto:3"), [Deed::Nothing, Deed::Play, Deed::Play]);
    assert_eq!((class.at, class.seats[2].state), (2, State::Narrated));
    assert_eq!(say(&mut class, "goto:3"), [Deed::Nothing]);
    assert_eq!(say(&mut class, "goto:1"), [Deed::Back(1)]);
    assert_eq!(say(&mut class, "goto:5 goto:0"), [Deed::Nothing, Deed::Nothing]);
    assert_eq!(class.note.as_deref(), Some("there are 4 steps, and no step 0"));
}

#[test]
fn retry_undoes_and_runs_again() {
    let mut class = class(&[]);
    assert_eq!(say(&mut class, "retry"), [Deed::Nothing]);
    say(&mut class, "next next");
    assert_eq!(say(&mut class, "retry"), [Deed::Back(1), Deed::Play]);
    assert_eq!((class.at, class.seats[0].state), (0, State::Judged));
}

#[test]
fn what_is_left_out_is_no_pass_and_what_was_run_is_not_left_out() {
    let mut class = class(&[]);
    assert_eq!(say(&mut class, "skip"), [Deed::Nothing], "nothing is shown yet");
    say(&mut class, "next");
    let [Deed::Skip(reason)] = &say(&mut class, "skip")[..] else { panic!("it is left out") };
    assert!(reason.starts_with(LEFT_OUT));
    assert_eq!((class.seats[0].state, class.seats[0].left_out.is_none()), (State::Skipped, true));
    say(&mut class, "next next");
    assert_eq!((say(&mut class, "skip"), class.seats[1].state), (vec![Deed::Nothing], State::Judged));
    assert_eq!(say(&mut class, "back back"), [Deed::Back(2), Deed::Back(1)]);
}

#[test]
fn nothing_comes_after_a_step_that_did_not_hold() {
    let mut class = class(&[]);
    class.command(&Command::Next, 0);
    assert_eq!(class.command(&Command::Next, 0), Deed::Play);
    class.on(&finished(1, Outcome::Failed { failures: vec![] }));
    for command in [Command::Next, Command::Goto { to: 3 }, Command::Skip] {
        assert_eq!(class.command(&command, 0), Deed::Nothing);
        assert!(class.note.is_some() && class.due().is_none(), "{command:?}");
    }
    assert_eq!(say(&mut class, "retry"), [Deed::Back(1), Deed::Play]);
    assert_eq!(say(&mut class, "next"), [Deed::Nothing]);
    assert_eq!(class.at, 1);
}

#[test]
fn steps_that_are_not_for_this_cluster_are_passed_over() {
    let mut class = class(&[]);
    for number in [1, 3] {
        class.on(&finished(number, Outcome::Skipped { reason: "only on kind".into() }));
    }
    say(&mut class, "next");
    assert_eq!(class.at, 1);
    say(&mut class, "next next");
    assert_eq!((class.at, class.seats[3].state), (3, State::Narrated));
    assert_eq!(say(&mut class, "back"), [Deed::Back(2)]);
    assert_eq!(say(&mut class, "goto:1"), [Deed::Nothing]);
}

#[test]
fn a_class_ends_when_it_is_said_twice() {
    let mut class = class(&[]);
    assert_eq!(say(&mut class, "quit hint quit quit"), [Deed::Nothing, Deed::Nothing, Deed::Nothing, Deed::Quit]);
}

#[test]
fn what_is_not_there_is_refused() {
    let mut class = class(&[]);
    say(&mut class, "next explain");
    assert_eq!((class.panel, class.note.is_some()), (None, true));
    say(&mut class, "next explain");
    assert_eq!(class.panel, Some(Panel::Explain));
    assert_eq!(say(&mut class, "shell"), [Deed::Nothing]);
    class.can_open = true;
    assert_eq!(say(&mut class, "shell"), [Deed::Shell]);
}

#[test]
fn a_pause_does_not_count() {
    let mut class = class(&[]);
    class.command(&Command::Next, 1_000);
    class.command(&Command::Pause, 3_000);
    assert_eq!((class.elapsed(9_000), class.is_paused()), (2_000, true));
    class.command(&Command::Hint, 10_000);
    assert_eq!((class.elapsed(11_000), class.is_paused()), (3_000, false));
}

#[test]
fn the_picture_grows_with_the_steps_and_shrinks_on_the_way_back() {
    let makes = |number: usize, name: &str| {
        let Event::StepFinished(mut step) = finished(number, Outcome::Held) else { panic!("a step") };
        let object = json!({"kind": "ServiceAccount", "metadata": {"name": name, "namespace": "a"}});
        step.rbac = vec![Rbac::Made { object, whole: true }];
        Event::StepFinished(step)
    };
    let said = |class: &Class| class.picture.as_ref().map(|picture| picture.sentences.join("; ")).unwrap_or_default();
    let mut class = class(&[]);
    assert_eq!(said(&class), "");
    class.on(&makes(1, "one"));
    class.on(&makes(2, "two"));
    assert_eq!(
        said(&class),
        "ServiceAccount one in a is a subject of no binding; ServiceAccount two in a is a subject of no binding"
    );
    class.on(&rewound(2));
    assert_eq!(said(&class), "ServiceAccount one in a is a subject of no binding");
    class.on(&rewound(1));
    assert!(class.picture.is_none());
}

#[test]
fn before_it_is_open_it_is_busy_and_says_how_to_end_it() {
    let mut class = Class::new(Lesson::default());
    assert!(class.is_busy());
    class.turn_away(&Command::Next);
    assert_eq!(class.note, None);
    class.turn_away(&Command::Quit);
    assert!(class.note.as_ref().is_some_and(|note| note.contains("Ctrl-C")), "{:?}", class.note);
    class.open();
    assert!(!class.is_busy() && class.note.is_none());
}

#[test]
fn what_was_begun_anew_goes_on_in_its_new_namespace() {
    let mut class = class(&[]);
    class.namespace = "kw-a".into();
    say(&mut class, "next next next next");
    for part in &mut class.lesson.parts {
        (part.types, part.makes) = ("kubectl get pods -n kw-a".into(), true);
        part.asks = vec!["list pods as system:serviceaccount:kw-a:reader".into()];
    }
    let Event::StepFinished(mut step) = finished(1, Outcome::Held) else { panic!("a step") };
    step.equivalent = "kubectl get pods -n kw-a".into();
    step.why = vec!["RoleBinding kw-a/reads".into()];
    class.on(&Event::StepFinished(step));
    class.on(&rewound(2));
    class.command(&Command::Next, 0);
    class.command(&Command::Hint, 0);
    let seen = serde_json::to_string(&crate::presenter::View::new(&class, 0)).expect("JSON");
    assert!(seen.contains("kubectl get pods -n kw-b") && seen.contains("system:serviceaccount:kw-b:reader"), "{seen}");
    assert!(!seen.contains("kw-a"), "{seen}");
    let first = class.seats[0].finished.as_ref().expect("a step");
    assert_eq!((first.why.as_slice(), first.took_ms), (["RoleBinding kw-b/reads".to_owned()].as_slice(), 5));
}
