//! The state of a class, and what each event makes of it.

mod commands;

use super::{command::Command, lesson::Lesson, picture::Picture, typed::typed};
use crate::event::{Event, LEFT_OUT, Outcome, Rewound, RewoundBy, StepFinished};

/// Where a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It has not been shown.
    Ready,
    /// What it is about, and what would be typed, is shown.
    Narrated,
    /// The class has said what it expects.
    Predicted,
    /// It is carried out.
    Running,
    /// Its answer is shown, and whether it is as expected.
    Judged,
    /// It was carried out, and that was undone.
    Rewound,
    /// It is left out.
    Skipped,
}

/// What a command asks of the code that has the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deed {
    /// Nothing: only what is shown changes.
    Nothing,
    /// The next step is carried out.
    Play,
    /// The next step is left out, for this reason.
    Skip(String),
    /// Everything becomes what it was before the step of this number.
    Back(usize),
    /// A shell is opened.
    Shell,
    /// This scenario ends, and the next begins.
    Finish,
    /// The class ends.
    Quit,
}

/// What is shown beside the step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// Who asks what, and what was made so far.
    Hint,
    /// Why the answer was what it was.
    Explain,
    /// Who may do what, in words.
    Who,
    /// How long all took.
    Time,
}

/// A step of the class.
#[derive(Debug, Clone)]
pub struct Seat {
    /// Where it is.
    pub state: State,
    /// What the class expects.
    pub guess: Option<String>,
    /// What came of it.
    pub finished: Option<StepFinished>,
    /// Why it is not for this cluster.
    pub left_out: Option<String>,
}

impl Seat {
    fn new() -> Self {
        Seat { state: State::Ready, guess: None, finished: None, left_out: None }
    }

    /// Whether nothing of it is to come.
    pub fn is_done(&self) -> bool {
        matches!(self.state, State::Judged | State::Skipped)
    }

    /// Whether it was carried out and is not as expected.
    pub fn is_bad(&self) -> bool {
        self.state == State::Judged && !matches!(self.finished.as_ref().map(|step| &step.outcome), Some(Outcome::Held))
    }
}

/// A class.
#[derive(Debug, Clone)]
pub struct Class {
    /// What is presented.
    pub lesson: Lesson,
    /// Each step.
    pub seats: Vec<Seat>,
    /// The step that is shown, 0 for the first.
    pub at: usize,
    /// Whether commands are taken: the cluster is ready, and nothing is left of an earlier scenario.
    pub is_open: bool,
    /// Whether the first step was shown.
    pub begun: bool,
    /// Whether the class is asked what it expects.
    pub asks: bool,
    /// Whether all is over.
    pub over: bool,
    /// What is shown beside the step.
    pub panel: Option<Panel>,
    /// What was just said to the person who leads.
    pub note: Option<String>,
    /// Whether the cluster becomes what it was.
    pub rewinds: bool,
    /// What could not be taken back, the last time.
    pub stays: Vec<String>,
    /// The kind of cluster and its version.
    pub place: String,
    /// Where the scenario happens.
    pub namespace: String,
    /// Whether a shell can be opened.
    pub can_open: bool,
    /// Whether an earlier run is shown, without a cluster.
    pub is_replay: bool,
    /// Whether another scenario follows.
    pub more: bool,
    /// Who may do what, as the steps so far have made and shown it; `None`: nothing of that kind.
    pub picture: Option<Picture>,
    clock: Clock,
    quits: bool,
    /// Where it goes on to by itself.
    goal: Option<usize>,
}

/// Milliseconds that count.
#[derive(Debug, Clone, Copy, Default)]
struct Clock {
    begun: Option<u64>,
    paused: Option<u64>,
    left_out: u64,
}

impl Class {
    /// Before its beginning.
    pub fn new(lesson: Lesson) -> Self {
        let seats = lesson.parts.iter().map(|_| Seat::new()).collect();
        Class {
            lesson,
            seats,
            at: 0,
            is_open: false,
            begun: false,
            asks: false,
            over: false,
            panel: None,
            note: None,
            rewinds: false,
            stays: vec![],
            place: String::new(),
            namespace: String::new(),
            can_open: false,
            is_replay: false,
            more: false,
            picture: None,
            clock: Clock::default(),
            quits: false,
            goal: None,
        }
    }

    /// From now on commands are taken.
    pub fn open(&mut self) {
        (self.is_open, self.note) = (true, None);
    }

    /// A command came that is not taken.
    pub fn turn_away(&mut self, command: &Command) {
        if *command == Command::Quit {
            let words = "q is taken when this is over; Ctrl-C where kubewalk was started ends the class at once";
            self.note = Some(words.to_owned());
        }
    }

    /// The step that is shown.
    pub fn seat(&self) -> Option<&Seat> {
        self.seats.get(self.at)
    }

    /// Whether something goes on that has to be waited for.
    pub fn is_busy(&self) -> bool {
        !self.is_open || self.rewinds || self.seat().is_some_and(|seat| seat.state == State::Running)
    }

    /// Whether the clock stands still.
    pub fn is_paused(&self) -> bool {
        self.clock.paused.is_some()
    }

    /// How long the class has been going on, in milliseconds.
    pub fn elapsed(&self, now: u64) -> u64 {
        let until = self.clock.paused.unwrap_or(now);
        until.saturating_sub(self.clock.begun.unwrap_or(until)).saturating_sub(self.clock.left_out)
    }

    /// The clock goes on from another class.
    pub fn continues(&mut self, other: &Class) {
        (self.clock, self.place) = (other.clock, other.place.clone());
        (self.can_open, self.is_replay) = (other.can_open, other.is_replay);
    }

    /// What is to be done without a further command.
    pub fn due(&mut self) -> Option<Deed> {
        let goal = self.goal?;
        if self.seat()?.is_bad() {
            self.goal = None;
            return None;
        }
        if self.seat()?.is_done() && !self.advance() {
            self.goal = None;
            return None;
        }
        if self.at > goal || (self.at == goal && self.seat()?.state != State::Rewound) {
            self.goal = None;
            self.narrate();
            return None;
        }
        if self.at == goal {
            // To run it once more.
            self.goal = None;
        }
        Some(self.run())
    }

    /// Takes what happens.
    pub fn on(&mut self, event: &Event) {
        match event {
            Event::ClusterReady { kind, kubernetes, .. } => self.place = format!("{kind}, Kubernetes {kubernetes}"),
            Event::ScenarioStarted { namespace, .. } => self.namespace.clone_from(namespace),
            Event::StepFinished(step) => self.finished(step),
            Event::Rewound(rewound) => self.rewound(rewound),
            Event::Aborted { message, .. } => self.note = Some(message.clone()),
            _ => {}
        }
    }

    /// The lines of the next step are known better now.
    pub fn preview(&mut self, number: usize, lines: &str) {
        if let Some(part) = self.lesson.parts.get_mut(number.saturating_sub(1))
            && !part.types.contains("<<'EOF'")
        {
            part.preview(lines, &[]);
        }
    }

    fn finished(&mut self, step: &StepFinished) {
        let index = step.number.saturating_sub(1);
        let Some(seat) = self.seats.get_mut(index) else { return };
        match &step.outcome {
            Outcome::Skipped { reason } => {
                seat.state = State::Skipped;
                if !reason.starts_with(LEFT_OUT) {
                    seat.left_out = Some(reason.clone());
                }
            }
            _ => {
                seat.state = State::Judged;
                if let Some(part) = self.lesson.parts.get_mut(index) {
                    part.types = typed(&step.equivalent, &step.asked);
                }
            }
        }
        seat.finished = Some(step.clone());
        self.draw();
    }

    /// Draws anew who may do what. A step that was undone is no part of it.
    fn draw(&mut self) {
        let judged = self.seats.iter().filter(|seat| seat.state == State::Judged);
        self.picture = Picture::from_steps(judged.filter_map(|seat| seat.finished.as_ref()));
    }

    fn rewound(&mut self, rewound: &Rewound) {
        let to = rewound.to.saturating_sub(1);
        self.moves(&rewound.namespace);
        for (index, seat) in self.seats.iter_mut().enumerate().skip(to) {
            let guess = seat.guess.take().filter(|_| index == to);
            *seat = Seat { guess, ..Seat::new() };
        }
        if let Some(seat) = self.seats.get_mut(to) {
            seat.state = State::Rewound;
            // It is asked again.
            seat.guess = None;
        }
        (self.at, self.rewinds, self.over, self.asks) = (to, false, false, false);
        self.draw();
        self.stays.clone_from(&rewound.stays);
        let how = match rewound.by {
            _ if self.is_replay => "this is an earlier run: it is shown again from here",
            RewoundBy::Undo => "all is as it was before this step",
            RewoundBy::Replay => "all was removed and the steps before were run again",
        };
        self.note = Some(how.to_owned());
    }

    /// All that was shown goes on in another namespace, in which the steps so far were run again. Its name is in other names, too, and
    /// in no other word: its last letters are drawn by lot.
    fn moves(&mut self, namespace: &str) {
        let before = std::mem::replace(&mut self.namespace, namespace.to_owned());
        if before.is_empty() || before == namespace {
            return;
        }
        let renamed = |text: &mut String| *text = text.replace(&before, namespace);
        for part in &mut self.lesson.parts {
            renamed(&mut part.types);
            part.asks.iter_mut().for_each(renamed);
        }
        for step in self.seats.iter_mut().filter_map(|seat| seat.finished.as_mut()) {
            *step = renamed_step(step, &before, namespace);
        }
    }

    fn resume(&mut self, now: u64) {
        if let Some(paused) = self.clock.paused.take() {
            self.clock.left_out += now.saturating_sub(paused);
        }
    }

    fn narrate(&mut self) {
        let at = self.at;
        if let Some(seat) = self.seats.get_mut(at).filter(|seat| matches!(seat.state, State::Ready | State::Rewound)) {
            seat.state = State::Narrated;
        }
        (self.panel, self.begun) = (None, true);
    }

    /// Moves to the next step that is for this cluster, if there is one.
    fn advance(&mut self) -> bool {
        let next = (self.at + 1..self.seats.len()).find(|index| self.seats[*index].left_out.is_none());
        if let Some(next) = next {
            self.at = next;
            self.stays.clear();
        }
        next.is_some()
    }

    fn run(&mut self) -> Deed {
        let at = self.at;
        let Some(seat) = self.seats.get_mut(at) else { return Deed::Nothing };
        seat.state = State::Running;
        (self.panel, self.asks, self.begun) = (None, false, true);
        Deed::Play
    }

    /// The question of the step that is shown.
    pub fn predict(&self) -> Option<&str> {
        self.lesson.parts.get(self.at)?.predict.as_deref()
    }
}

/// A step with another name in all its texts. Neither name has a letter that JSON writes in another way.
fn renamed_step(step: &StepFinished, from: &str, to: &str) -> StepFinished {
    let text = serde_json::to_string(step).map(|text| text.replace(from, to));
    text.and_then(|text| serde_json::from_str(&text)).unwrap_or_else(|_| step.clone())
}

#[cfg(test)]
#[path = "class/tests.rs"]
mod tests;
