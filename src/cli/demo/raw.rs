//! The terminal as it was, and whether there is one.

use crossterm::terminal;

use crate::cli::output::{leave_screen, stdout_is_a_terminal};

/// Makes the terminal what it was.
pub fn give_back() {
    leave_screen();
    let _ = terminal::disable_raw_mode();
}

/// Whether somebody sits at a terminal.
pub fn is_at_a_terminal() -> bool {
    rustix::termios::isatty(rustix::stdio::stdin()) && stdout_is_a_terminal()
}
