//! The ways out to standard output and standard error. What is printed passes [`outlet`] here; tests and the holders of clusters, which print by
//! other ways, pass it themselves.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is the file that prints")]

use std::{
    io::{self, Write as _},
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{color::colors_by_environment, exit_code::Exit, redact::outlet, text::unseen};

/// Whether the program was started without a standard output.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Whether it was said already that standard output takes nothing.
static SAID: AtomicBool = AtomicBool::new(false);

/// Whether the last line on standard error is one that the next takes the place of.
static IN_PLACE: AtomicBool = AtomicBool::new(false);

/// Whether there is no standard output. Only what runs before `main` can ask: then Rust's runtime opens `/dev/null` in its place.
pub fn stdout_is_closed() -> bool {
    rustix::io::fcntl_getfd(rustix::stdio::stdout()).is_err()
}

/// A program that takes the place of this one has no standard output either: the one in its place is closed then.
pub fn stays_closed() {
    let _ = rustix::io::fcntl_setfd(rustix::stdio::stdout(), rustix::io::FdFlags::CLOEXEC);
}

/// Notes whether the program was started without a standard output.
pub fn note_closed(closed: bool) {
    CLOSED.store(closed, Ordering::Relaxed);
}

/// Whether standard error is a terminal.
pub fn stderr_is_a_terminal() -> bool {
    rustix::termios::isatty(rustix::stdio::stderr())
}

/// Whether standard output is a terminal.
pub fn stdout_is_a_terminal() -> bool {
    rustix::termios::isatty(rustix::stdio::stdout())
}

/// The columns of the terminal, or a width that reads well in a log.
pub fn width() -> usize {
    rustix::termios::tcgetwinsize(rustix::stdio::stdout()).map_or(110, |size| usize::from(size.ws_col))
}

/// Says something on standard error. A terminal that has gone is no reason to panic.
pub fn eprint(text: &str) {
    eprint_colored(text, false);
}

/// The same of a text that kubewalk itself has coloured, if it has.
pub fn eprint_colored(text: &str, colored: bool) {
    let clear = if !text.is_empty() && IN_PLACE.swap(false, Ordering::Relaxed) { CLEAR } else { "" };
    let text = if colored { outlet::colored(text) } else { outlet::plain(text) };
    let _ = io::stderr().lock().write_all((clear.to_owned() + &text).as_bytes());
}

/// Goes to the beginning of a terminal's line and clears it.
const CLEAR: &str = "\r\x1b[2K";

/// Takes a terminal for pictures, which leave no trace in what was there before.
pub fn enter_screen() {
    clear_in_place();
    raw("\x1b[?1049h\x1b[?25l\x1b[2J");
}

/// Gives the terminal back.
pub fn leave_screen() {
    raw("\x1b[?25h\x1b[?1049l");
}

/// Shows a picture: as many lines as the terminal has.
pub fn draw(lines: &[String], colored: bool) {
    let filter = |line: &String| if colored { outlet::colored(line) } else { outlet::plain(line) };
    // One line stays one line, whatever is in it.
    let lines = lines.iter().map(|line| filter(line).replace(['\n', '\t'], " ") + "\x1b[K");
    raw(&format!("\x1b[H{}\x1b[J", lines.collect::<Vec<_>>().join("\r\n")));
}

/// Writes what drives a terminal.
fn raw(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Says on a terminal what the next thing that is said takes the place of.
pub fn eprint_in_place(text: &str) {
    IN_PLACE.store(true, Ordering::Relaxed);
    let _ = io::stderr().lock().write_all((CLEAR.to_owned() + &outlet::plain(text)).as_bytes());
}

/// Takes away what was said in place.
pub fn clear_in_place() {
    if IN_PLACE.swap(false, Ordering::Relaxed) {
        let _ = io::stderr().lock().write_all(CLEAR.as_bytes());
    }
}

/// Prints data. When standard output does not take it, that is said on standard error, and a run that held ends with exit
/// code 7.
pub fn print(text: &str) -> Exit {
    written(&outlet::plain(text))
}

/// The same of a text that kubewalk itself has coloured, if it has.
pub fn print_colored(text: &str, colored: bool) -> Exit {
    written(&if colored { outlet::colored(text) } else { outlet::plain(text) })
}

/// Prints workflow commands of our own.
pub fn print_commands(text: &str) -> Exit {
    written(&outlet::commands(text))
}

fn written(text: &str) -> Exit {
    if text.is_empty() {
        return Exit::Held;
    }
    clear_in_place();
    let done = if CLOSED.load(Ordering::Relaxed) {
        Err(io::Error::other("it was closed before the start"))
    } else {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    };
    let Err(error) = done else { return Exit::Held };
    if !SAID.swap(true, Ordering::Relaxed) {
        let why = match error.kind() {
            io::ErrorKind::BrokenPipe => "standard output was closed".to_owned(),
            _ => format!("standard output does not take it: {error}"),
        };
        eprint(&format!("error[report]: not all could be shown, because {why}\n"));
    }
    Exit::Report
}

/// Says what is wrong with the command line, or prints the help that it asks for.
pub fn usage(error: &clap::Error) -> Exit {
    let text = error.render();
    let plain = text.to_string();
    // A word of the command line or of a variable that could drive the terminal is shown without any colours.
    let ours = !plain.contains(|c| unseen(c) && c != '\n') && colors_by_environment();
    // Help and version are answers, not errors.
    if error.use_stderr() {
        let colored = ours && stderr_is_a_terminal();
        eprint_colored(&if colored { text.ansi().to_string() } else { plain }, colored);
        Exit::Invalid
    } else {
        let colored = ours && stdout_is_a_terminal();
        print_colored(&if colored { text.ansi().to_string() } else { plain }, colored)
    }
}
