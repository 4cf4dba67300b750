//! The terminal as it was, and whether there is one.

use std::time::Duration;

use crate::output::{leave_screen, stdout_is_a_terminal};
use crossterm::terminal;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Makes the terminal what it was.
pub fn give_back() {
    leave_screen();
    let _ = terminal::disable_raw_mode();
}

/// Whether a person sits at a terminal.
pub fn is_at_a_terminal() -> bool {
    rustix::termios::isatty(rustix::stdio::stdin()) && stdout_is_a_terminal()
}

/// Waits for what is typed, as long as this at most, and tells whether the terminal was closed.
pub fn hung_up(within: Duration) -> bool {
    let stdin = rustix::stdio::stdin();
    let mut looked = [PollFd::new(&stdin, PollFlags::IN)];
    let within = Timespec::try_from(within).unwrap_or_default();
    // An error is a signal's, which the next look is for.
    poll(&mut looked, Some(&within)).is_ok_and(|seen| seen > 0)
        && looked[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL)
}
