//! What the process says when it ends. The numbers are fixed: CI relies on them.

/// How a run ended, the gravest last: [`Exit::worst`] keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// 0: all expectations held.
    Held,
    /// 6: only the clean-up failed; what is left is listed.
    CleanUp,
    /// 7: a report could not be written.
    Report,
    /// 5: all held, but something only when it was run again, and that was not to be.
    Flaky,
    /// 1: an expectation failed.
    Failed,
    /// 3: the environment: image, cluster, network, disk.
    Environment,
    /// 4: nothing was selected.
    Nothing,
    /// 2: usage or a scenario is invalid; nothing was started.
    Invalid,
    /// 124: the time that the run was given is spent; what had not ended says nothing.
    Budget,
    /// 70: a bug in kubewalk.
    Bug,
    /// 128 + n: ended by signal n.
    Signal(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Exit::Held => 0,
            Exit::Failed => 1,
            Exit::Invalid => 2,
            Exit::Environment => 3,
            Exit::Nothing => 4,
            Exit::Flaky => 5,
            Exit::CleanUp => 6,
            Exit::Report => 7,
            Exit::Bug => 70,
            Exit::Budget => 124,
            Exit::Signal(n) => 128_u8.saturating_add(n),
        }
    }

    /// The one of a number, as the end of an event stream has it; a number that is none of ours is a bug.
    pub fn from_code(code: u8) -> Self {
        let plain = [
            Exit::Held,
            Exit::Failed,
            Exit::Invalid,
            Exit::Environment,
            Exit::Nothing,
            Exit::Flaky,
            Exit::CleanUp,
            Exit::Report,
            Exit::Budget,
        ];
        let signal = code.checked_sub(128).filter(|n| (1..=64).contains(n)).map(Exit::Signal);
        plain.into_iter().find(|exit| exit.code() == code).or(signal).unwrap_or(Exit::Bug)
    }

    /// The graver of two.
    #[must_use]
    pub fn worst(self, other: Exit) -> Exit {
        self.max(other)
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_known_by_its_number() {
        let plain = [Exit::Held, Exit::CleanUp, Exit::Report, Exit::Flaky, Exit::Failed, Exit::Environment];
        let rest = [Exit::Nothing, Exit::Invalid, Exit::Budget, Exit::Bug, Exit::Signal(2), Exit::Signal(15)];
        for exit in plain.into_iter().chain(rest) {
            assert_eq!(Exit::from_code(exit.code()), exit);
        }
        assert_eq!(Exit::from_code(99), Exit::Bug);
    }

    #[test]
    fn the_verdict_outranks_leftovers_and_a_signal_outranks_all() {
        assert_eq!(Exit::Failed.worst(Exit::CleanUp).code(), 1);
        assert_eq!(Exit::Held.worst(Exit::CleanUp).code(), 6);
        assert_eq!(Exit::Environment.worst(Exit::Failed).code(), 3);
        assert_eq!(Exit::Failed.worst(Exit::Signal(2)).code(), 130);
        assert_eq!(Exit::Signal(15).code(), 143);
        assert_eq!(Exit::Flaky.worst(Exit::CleanUp).code(), 5);
        assert_eq!(Exit::Flaky.worst(Exit::Failed).code(), 1);
        assert_eq!(Exit::Environment.worst(Exit::Budget).code(), 124);
        assert_eq!(Exit::Budget.worst(Exit::Signal(2)).code(), 130);
    }
}
