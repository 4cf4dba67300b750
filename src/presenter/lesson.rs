//! What is known of a class before it begins.

use std::collections::BTreeMap;

use super::typed::typed;
use crate::{
    event::{Event, Record, StepFinished, exchange},
    plan::{Plan, Step, equivalent},
    redact::{redact, show},
};

/// A scenario that is to be presented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lesson {
    /// The file.
    pub path: String,
    /// Its claim.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// Its steps.
    pub parts: Vec<Part>,
}

/// A step that is to be presented.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Part {
    /// Its claim.
    pub title: String,
    /// Narration.
    pub say: Option<String>,
    /// What the class is asked before it sees the answer.
    pub predict: Option<String>,
    /// What a person would type.
    pub types: String,
    /// Who asks what, each in a line.
    pub asks: Vec<String>,
    /// Whether it makes or changes something.
    pub makes: bool,
}

impl Lesson {
    /// Of a scenario that is to run.
    pub fn of_plan(plan: &Plan) -> Self {
        let path = plan.document.source.path.to_string_lossy();
        Lesson {
            path: show::line(&path, show::BODY),
            title: narration_text(&plan.title),
            say: plan.say.as_deref().map(narration_text),
            parts: plan.steps.iter().map(Part::of_step).collect(),
        }
    }

    /// Of a scenario that was run: the first of a stream, or the one of this path.
    pub fn of_records(records: &[Record], path: Option<&str>) -> Option<Self> {
        let mut events = records.iter().map(|record| &record.event);
        let (path, title, say, steps) = events.find_map(|event| match event {
            Event::ScenarioStarted { path: of, title, say, steps, .. } if path.is_none_or(|path| path == of) => {
                Some((of, title, say, *steps))
            }
            _ => None,
        })?;
        let mut parts: BTreeMap<usize, Part> = BTreeMap::new();
        for record in records {
            match &record.event {
                Event::StepStarted { path: of, number, title, say, predict } if of == path => {
                    let part = parts.entry(*number).or_default();
                    (part.title, part.say, part.predict) = (title.clone(), say.clone(), predict.clone());
                }
                Event::StepFinished(step) if step.path == *path => parts.entry(step.number).or_default().finished(step),
                _ => {}
            }
        }
        let parts = (1..=steps).map(|number| parts.remove(&number).unwrap_or_default()).collect();
        Some(Lesson { path: path.clone(), title: title.clone(), say: say.clone(), parts })
    }
}

impl Part {
    fn of_step(step: &Step) -> Self {
        let asked = exchange::requests(step);
        let lines = show::clean(&equivalent::equivalent(step), show::BODY * 16);
        Part {
            title: narration_text(&step.title),
            say: step.say.as_deref().map(narration_text),
            predict: step.predict.as_deref().map(narration_text),
            types: typed(&lines, &asked),
            asks: asked.iter().map(asks).collect(),
            makes: step.action.changes(),
        }
    }

    fn finished(&mut self, step: &StepFinished) {
        self.title.clone_from(&step.title);
        self.types = typed(&step.equivalent, &step.asked);
        self.asks = step.asked.iter().map(asks).collect();
        self.makes = step
            .asked
            .iter()
            .any(|asked| ["apply ", "create ", "patch ", "delete "].iter().any(|word| asked.what.starts_with(word)));
    }

    /// The lines are known better now.
    pub fn preview(&mut self, lines: &str, asked: &[exchange::RequestRecord]) {
        self.types = typed(lines, asked);
    }
}

fn narration_text(text: &str) -> String {
    redact(text).into_owned()
}

fn asks(asked: &exchange::RequestRecord) -> String {
    let by = asked.by.as_ref().map(|by| format!(" as {by}")).unwrap_or_default();
    let place = asked.place.as_ref().map(|place| format!(", from the Pod {place}")).unwrap_or_default();
    format!("{}{by}{place}", asked.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_a_lesson() {
        let text = "title: A claim\nsay: Look\nsteps:\n  - {title: an account, serviceAccount: a}\n  - title: it may not\n    \
                    predict: 200 or 403?\n    as: serviceaccount/a\n    get: {kind: Pod}\n    expect: {status: 403}\n";
        let document = crate::scenario::read(std::path::Path::new("a.yaml"), text.as_bytes()).expect("a scenario");
        let plan = crate::plan::plan(document, &crate::plan::Names { suffix: "x".into() }).expect("a plan");
        let lesson = Lesson::of_plan(&plan);
        assert_eq!((lesson.title.as_str(), lesson.say.as_deref(), lesson.parts.len()), ("A claim", Some("Look"), 2));
        assert!(
            lesson.parts[0].types.contains("<<'EOF'\napiVersion: v1\nkind: ServiceAccount\n"),
            "{}",
            lesson.parts[0].types
        );
        assert!(lesson.parts[0].makes && !lesson.parts[1].makes);
        assert_eq!(lesson.parts[1].predict.as_deref(), Some("200 or 403?"));
        let asks = &lesson.parts[1].asks[0];
        assert!(asks.starts_with("get Pod in namespace kw-a-x as system:serviceaccount:kw-a-x:a"), "{asks}");
    }
}
