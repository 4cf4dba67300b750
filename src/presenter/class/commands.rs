//! What each command makes of a class.

use super::{Class, Deed, Panel, Seat, State};
use crate::{event::LEFT_OUT, presenter::command::Command};

impl Class {
    /// Takes a command, at a moment in milliseconds.
    pub fn command(&mut self, command: &Command, now: u64) -> Deed {
        self.clock.begun.get_or_insert(now);
        self.note = None;
        let quits = std::mem::take(&mut self.quits);
        if !matches!(command, Command::Pause | Command::Quit) {
            self.resume(now);
        }
        match command {
            Command::Next => self.next(),
            Command::Guess { text } => self.guess(text),
            Command::Back => self.back(),
            Command::Goto { to } => self.goto(*to),
            Command::Retry => self.retry(),
            Command::Skip => self.skip(),
            Command::Pause => {
                if self.is_paused() {
                    self.resume(now);
                } else {
                    self.clock.paused = Some(now);
                }
                Deed::Nothing
            }
            Command::Shell if self.can_open => Deed::Shell,
            Command::Shell if self.is_replay => self.refuse("there is no cluster: this is an earlier run"),
            Command::Shell => {
                self.refuse("a shell opens in the terminal that kubewalk was started in, and there is none")
            }
            Command::Hint => self.toggle(Panel::Hint),
            Command::Explain => match self.seat() {
                Some(seat) if seat.state == State::Judged => self.toggle(Panel::Explain),
                _ => self.refuse("there is no answer yet; h gives a hint"),
            },
            Command::Who => self.toggle(Panel::Who),
            Command::Time => self.toggle(Panel::Time),
            Command::Quit if quits || self.over => Deed::Quit,
            Command::Quit => {
                self.quits = true;
                self.refuse("q again ends the class and removes all that it made")
            }
        }
    }

    fn refuse(&mut self, why: &str) -> Deed {
        self.note = Some(why.to_owned());
        Deed::Nothing
    }

    fn toggle(&mut self, panel: Panel) -> Deed {
        self.panel = if self.panel == Some(panel) { None } else { Some(panel) };
        Deed::Nothing
    }

    fn next(&mut self) -> Deed {
        if self.over && self.more {
            return Deed::Finish;
        }
        if self.over {
            return self.refuse("this was all; b goes back, q ends the class");
        }
        if !self.begun {
            let first = self.seats.iter().position(|seat| seat.left_out.is_none());
            let Some(first) = first else { return self.refuse("none of its steps is for this cluster") };
            self.at = first;
            self.narrate();
            return Deed::Nothing;
        }
        let Some(seat) = self.seat() else { return Deed::Nothing };
        match seat.state {
            State::Ready | State::Rewound => {
                self.narrate();
                Deed::Nothing
            }
            State::Narrated if self.predict().is_some() => {
                (self.asks, self.panel) = (true, None);
                Deed::Nothing
            }
            State::Narrated | State::Predicted => self.run(),
            State::Running => Deed::Nothing,
            State::Judged if seat.is_bad() => {
                self.refuse("what comes next needs this step to hold: r runs it again, b goes back")
            }
            State::Judged | State::Skipped => {
                self.panel = None;
                if self.advance() {
                    self.narrate();
                } else {
                    self.over = true;
                }
                Deed::Nothing
            }
        }
    }

    fn guess(&mut self, text: &str) -> Deed {
        let (at, asks) = (self.at, self.asks);
        let Some(seat) = self.seats.get_mut(at).filter(|_| asks) else { return self.refuse("nothing is asked now") };
        let text: String = text.trim().chars().take(200).collect();
        seat.guess = Some(text).filter(|text| !text.is_empty());
        seat.state = State::Predicted;
        self.asks = false;
        Deed::Nothing
    }

    fn back(&mut self) -> Deed {
        let shown = self.seat().filter(|seat| seat.is_done() && seat.left_out.is_none()).map(|_| self.at);
        let before = || (0..self.at).rev().find(|index| self.seats[*index].left_out.is_none());
        match shown.or_else(before).filter(|_| self.begun) {
            Some(index) => self.to(index),
            None => self.refuse("this is the beginning"),
        }
    }

    fn to(&mut self, index: usize) -> Deed {
        (self.rewinds, self.panel, self.asks) = (true, None, false);
        self.goal = None;
        Deed::Back(index + 1)
    }

    fn goto(&mut self, number: usize) -> Deed {
        let Some(index) = number.checked_sub(1).filter(|index| *index < self.seats.len()) else {
            return self.refuse(&format!("there are {} steps, and no step {number}", self.seats.len()));
        };
        if let Some(why) = self.seats[index].left_out.clone() {
            return self.refuse(&format!("step {number} is left out here: {why}"));
        }
        let done = self.seats[index].is_done();
        if done {
            return self.to(index);
        }
        if index == self.at && self.begun {
            return self.refuse("this is that step");
        }
        if self.seat().is_some_and(Seat::is_bad) {
            return self.refuse("what comes next needs this step to hold: r runs it again, b goes back");
        }
        (self.goal, self.begun) = (Some(index), true);
        Deed::Nothing
    }

    fn retry(&mut self) -> Deed {
        match self.seat() {
            Some(seat) if seat.state == State::Judged => {
                let deed = self.to(self.at);
                self.goal = Some(self.at);
                deed
            }
            _ => self.refuse("it was not run yet"),
        }
    }

    fn skip(&mut self) -> Deed {
        let Some(seat) = self.seat().filter(|_| self.begun) else { return self.refuse("no step is shown yet") };
        match seat.state {
            State::Judged => self.refuse("it was run already; b takes that back"),
            State::Skipped => self.refuse("it is left out already"),
            _ => {
                self.asks = false;
                Deed::Skip(format!("{LEFT_OUT}: nothing is known about its claim"))
            }
        }
    }
}
