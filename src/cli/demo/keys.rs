//! What each key of a terminal does.

use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use super::{
    raw::{give_back, hung_up},
    room::Room,
};
use crate::{
    exit_code::Exit,
    presenter::{Command, command::of_key, screen::Local},
    stop::{Stopper, Why},
};

/// The class is to be broken off, as by Ctrl-C.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End;

/// The number of the signal that Ctrl-C sends where it is one.
const INTERRUPT: u8 = 2;

/// Lines that a page scrolls.
const PAGE: usize = 10;

/// What the person at the terminal is asked for.
const GUESS: &str = "What comes? (Enter)";
const STEP: &str = "Which step? (Enter)";

/// A key, if one is pressed within this time, or a new size of the terminal; an error if the terminal is gone.
pub fn pressed(within: Duration) -> io::Result<Option<Event>> {
    // Looked at first: crossterm would read the end of a terminal that was closed again and again, without an end.
    if hung_up(within) {
        return Err(io::ErrorKind::BrokenPipe.into());
    }
    if event::poll(Duration::ZERO)? { event::read().map(Some) } else { Ok(None) }
}

/// Asks the class what it expects, or does not any more.
pub fn ask(asks: bool, local: &mut Local) {
    let guesses = local.writing.as_ref().is_some_and(|(question, _)| question == GUESS);
    if asks && !guesses {
        local.writing = Some((GUESS.into(), String::new()));
    } else if guesses && !asks {
        local.writing = None;
    }
}

/// Does what a key says.
pub fn act(pressed: Event, local: &mut Local, room: &Room) -> Option<End> {
    let Event::Key(KeyEvent { code, modifiers, kind, .. }) = pressed else { return None };
    if kind == KeyEventKind::Release {
        return None;
    }
    if modifiers.contains(KeyModifiers::CONTROL) {
        return (code == KeyCode::Char('c')).then_some(End);
    }
    let goes_on = matches!(code, KeyCode::Enter | KeyCode::Right | KeyCode::PageDown | KeyCode::Char(' ' | 'n'));
    if local.typed.take().is_some() && goes_on {
        // It only shows the rest.
        return None;
    }
    if let Some((question, text)) = local.writing.take() {
        local.writing = write(code, (question, text), room);
        return None;
    }
    match code {
        KeyCode::Enter | KeyCode::Right | KeyCode::PageDown => room.say(Command::Next),
        KeyCode::Left | KeyCode::PageUp | KeyCode::Backspace => room.say(Command::Back),
        KeyCode::Down => local.scrolled += PAGE / 5,
        KeyCode::Up => local.scrolled = local.scrolled.saturating_sub(PAGE / 5),
        KeyCode::End => local.scrolled += PAGE * 100,
        KeyCode::Home => local.scrolled = 0,
        KeyCode::Char('g') => local.writing = Some((STEP.into(), String::new())),
        KeyCode::Char(key) => {
            if let Some(command) = of_key(key) {
                room.say(command);
            }
        }
        _ => {}
    }
    None
}

/// Writes a key into what the person at the terminal is asked for; `None`: it is there.
fn write(code: KeyCode, (question, mut text): (String, String), room: &Room) -> Option<(String, String)> {
    match code {
        KeyCode::Enter if question == STEP => {
            // What is no number is no step.
            room.say(Command::Goto { to: text.trim().parse().unwrap_or(0) });
            return None;
        }
        KeyCode::Enter => {
            room.say(Command::Guess { text });
            return None;
        }
        KeyCode::Esc if question == STEP => return None,
        KeyCode::Esc => {
            room.say(Command::Guess { text: String::new() });
            return None;
        }
        KeyCode::Backspace => drop(text.pop()),
        KeyCode::Char(key) if text.len() < 200 => text.push(key),
        _ => {}
    }
    Some((question, text))
}

/// Breaks off as Ctrl-C does elsewhere: the first time with a clean-up, the second at once.
pub fn end(End: End, stopper: &Stopper) {
    static ASKED: AtomicBool = AtomicBool::new(false);
    if ASKED.swap(true, Ordering::SeqCst) {
        give_back();
        eprint_line!("kubewalk: ended at once, before the clean-up was over; to remove what is left: kubewalk sweep");
        std::process::exit(i32::from(Exit::Signal(INTERRUPT).code()));
    }
    stopper.stop(Why::Signal(INTERRUPT));
}
