//! An earlier run that is shown again: its events in the place of a cluster.

use std::collections::BTreeMap;

use super::lesson::Lesson;
use crate::event::{ENDED, Event, LEFT_OUT, Outcome, Record, Rewound, RewoundBy, StepFinished};

/// The reason of a step to which the run did not come.
const NOT_REACHED: &str = "left out in class: the run that is shown again did not come to it";

/// Whether a step was left out because it was not for the cluster, or not for that run: not because the run ended before it.
fn is_left_out(reason: &str) -> bool {
    let ended = reason.starts_with("step ") && reason.ends_with(" did not hold") || reason == ENDED;
    !ended && !reason.starts_with(LEFT_OUT)
}

/// What came of each step the last time.
#[derive(Debug, Clone)]
pub struct Tape {
    /// What is presented.
    pub lesson: Lesson,
    /// `builtin, Kubernetes v1.37.2`; empty when no cluster was ready.
    pub place: String,
    /// Where it happened.
    pub namespace: String,
    finished: BTreeMap<usize, StepFinished>,
    /// How many steps are behind.
    at: usize,
}

impl Tape {
    /// Of the first scenario of a stream, or that of a path; `None`: there is none.
    pub fn from_records(records: &[Record], path: Option<&str>) -> Option<Self> {
        let lesson = Lesson::of_records(records, path)?;
        let (mut place, mut namespace, mut finished) = (String::new(), String::new(), BTreeMap::new());
        // The cluster that was ready last: that of what begins after it.
        let mut ready = String::new();
        for record in records {
            match &record.event {
                Event::ClusterReady { kind, kubernetes, .. } => ready = format!("{kind}, Kubernetes {kubernetes}"),
                // On several versions of Kubernetes it began on each: the last is shown, with nothing of those before.
                Event::ScenarioStarted { path, namespace: of, .. } if *path == lesson.path => {
                    namespace.clone_from(of);
                    place.clone_from(&ready);
                    finished.clear();
                }
                Event::StepFinished(step) if step.path == lesson.path => {
                    // What the class left out was perhaps run before, and what the run did not come to has no answer.
                    let is_of_here = matches!(&step.outcome, Outcome::Skipped { reason } if is_left_out(reason));
                    if is_of_here || !matches!(step.outcome, Outcome::Skipped { .. }) {
                        finished.insert(step.number, (**step).clone());
                    }
                }
                _ => {}
            }
        }
        Some(Tape { lesson, place, namespace, finished, at: 0 })
    }

    /// The event by which it begins.
    pub fn begun(&self) -> Event {
        let Lesson { path, title, say, parts } = self.lesson.clone();
        let (namespace, steps, sum) = (self.namespace.clone(), parts.len(), String::new());
        Event::ScenarioStarted { path, title, say, line: 1, namespace, steps, sum }
    }

    /// The events of the next step. One to which the run did not come is left out.
    pub fn step(&mut self) -> Vec<Event> {
        if !self.finished.contains_key(&(self.at + 1)) {
            return self.skip(NOT_REACHED);
        }
        self.at += 1;
        let Some(finished) = self.finished.get(&self.at) else { return vec![] };
        let part = self.lesson.parts.get(self.at - 1).cloned().unwrap_or_default();
        let started = Event::StepStarted {
            path: self.lesson.path.clone(),
            number: self.at,
            title: finished.title.clone(),
            say: part.say,
            predict: part.predict,
        };
        let finished = Event::StepFinished(Box::new(finished.clone()));
        match &finished {
            Event::StepFinished(step) if matches!(step.outcome, Outcome::Skipped { .. }) => vec![finished],
            _ => vec![started, finished],
        }
    }

    /// The event of a step that is left out.
    pub fn skip(&mut self, reason: &str) -> Vec<Event> {
        self.at += 1;
        let part = self.lesson.parts.get(self.at - 1).cloned().unwrap_or_default();
        let known = self.finished.get(&self.at);
        let finished = StepFinished {
            path: self.lesson.path.clone(),
            number: self.at,
            title: part.title,
            line: known.map_or(1, |step| step.line),
            col: known.map_or(1, |step| step.col),
            took_ms: 0,
            outcome: Outcome::Skipped { reason: reason.to_owned() },
            equivalent: known.map(|step| step.equivalent.clone()).unwrap_or_default(),
            summary: String::new(),
            warnings: vec![],
            rows: vec![],
            when: vec![],
            yaml: known.map(|step| step.yaml.clone()).unwrap_or_default(),
            asked: vec![],
            answered: None,
            attempts: 0,
            rbac: vec![],
            why: vec![],
        };
        vec![Event::StepFinished(Box::new(finished))]
    }

    /// The event of the way back to a step.
    pub fn back(&mut self, to: usize) -> Vec<Event> {
        self.at = to - 1;
        vec![Event::Rewound(Rewound {
            path: self.lesson.path.clone(),
            to,
            by: RewoundBy::Undo,
            namespace: self.namespace.clone(),
            took_ms: 0,
            stays: vec![],
        })]
    }

    /// What the cluster of that run left out before the next step that it came to.
    pub fn left_out(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(step) = self.finished.get(&(self.at + 1))
            && matches!(step.outcome, Outcome::Skipped { .. })
        {
            events.extend(self.step());
        }
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> Vec<Record> {
        let mut step = crate::presenter::answer::tests::step(403);
        let started = |number: usize| Event::StepStarted {
            path: "a.yaml".into(),
            number,
            title: format!("step {number}"),
            say: Some("look".into()),
            predict: (number == 1).then(|| "200 or 403?".to_owned()),
        };
        let mut events = vec![
            Event::ScenarioStarted {
                path: "a.yaml".into(),
                title: "A claim".into(),
                say: None,
                line: 1,
                namespace: "kw-a".into(),
                steps: 4,
                sum: String::new(),
            },
            started(1),
            Event::StepFinished(Box::new(step.clone())),
        ];
        for (number, reason) in [(2, "only on kind"), (4, ENDED)] {
            (step.number, step.outcome) = (number, Outcome::Skipped { reason: reason.into() });
            events.push(Event::StepFinished(Box::new(step.clone())));
        }
        (step.number, step.outcome) = (3, Outcome::Held);
        events.push(started(3));
        events.push(Event::StepFinished(Box::new(step)));
        events.into_iter().map(|event| Record { at_ms: 0, event }).collect()
    }

    #[test]
    fn of_a_run_on_several_versions_the_last_is_shown() {
        let ready = |kubernetes: &str| Record {
            at_ms: 0,
            event: Event::ClusterReady {
                kind: "builtin".into(),
                kubernetes: kubernetes.into(),
                elapsed_ms: 1,
                shape: String::new(),
            },
        };
        let first = records()
            .into_iter()
            .filter(|record| !matches!(&record.event, Event::StepFinished(step) if step.number > 1));
        let begun = records().into_iter().take(1);
        let all: Vec<_> = [ready("v1.20.15")].into_iter().chain(first).chain([ready("v1.37.2")]).chain(begun).collect();
        let tape = Tape::from_records(&all, None).expect("a scenario");
        assert_eq!(tape.place, "builtin, Kubernetes v1.37.2");
        assert!(tape.finished.is_empty(), "an answer of the other version is shown");
    }

    fn described(events: &[Event]) -> Vec<String> {
        let one = |event: &Event| match event {
            Event::StepStarted { number, .. } => format!("started {number}"),
            Event::StepFinished(step) => match &step.outcome {
                Outcome::Skipped { reason } => format!("{} is left out: {reason}", step.number),
                _ => format!("finished {}", step.number),
            },
            Event::Rewound(rewound) => format!("back to {}", rewound.to),
            _ => "another".to_owned(),
        };
        events.iter().map(one).collect()
    }

    #[test]
    fn a_run_is_shown_again_there_and_back() {
        let records = records();
        let mut tape = Tape::from_records(&records, None).expect("a scenario");
        assert_eq!((tape.lesson.parts.len(), tape.lesson.parts[0].predict.as_deref()), (4, Some("200 or 403?")));
        assert!(tape.left_out().is_empty());
        assert_eq!(described(&tape.step()), ["started 1", "finished 1"]);
        assert_eq!(described(&tape.left_out()), ["2 is left out: only on kind"]);
        assert_eq!(described(&tape.step()), ["started 3", "finished 3"]);
        assert!(tape.left_out().is_empty(), "the run ended before it");
        assert_eq!(described(&tape.step()), [format!("4 is left out: {NOT_REACHED}")]);
        assert_eq!(described(&tape.back(1)), ["back to 1"]);
        assert_eq!(described(&tape.skip("no")), ["1 is left out: no"]);
        assert!(Tape::from_records(&records, Some("b.yaml")).is_none());
    }
}
