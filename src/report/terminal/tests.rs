use super::*;

fn started(path: &str) -> Event {
    let say = Some("Here is\u{1b} a story of some words that goes on for longer than a narrow line.".into());
    Event::ScenarioStarted {
        path: path.into(),
        title: "A claim".into(),
        say,
        line: 1,
        namespace: "ns".into(),
        steps: 1,
        sum: String::new(),
    }
}

fn step(path: &str, outcome: Outcome) -> Event {
    Event::StepFinished(Box::new(StepFinished {
        path: path.into(),
        number: 3,
        title: "Without credentials the call is refused".into(),
        line: 4,
        col: 5,
        took_ms: 41,
        outcome,
        equivalent: "kubectl get pods".into(),
        summary: "403 Forbidden as system:anonymous".into(),
        warnings: vec![],
        rows: vec![],
        when: vec![],
        yaml: String::new(),
        asked: vec![],
        answered: None,
        attempts: 1,
        rbac: vec![],
        why: vec![],
    }))
}

fn finished(path: &str) -> Event {
    let (path, title) = (path.into(), "A claim".into());
    Event::ScenarioFinished { path, title, held: 1, failed: 0, broken: 0, skipped: 0, took_ms: 50 }
}

#[test]
fn a_scenario_of_which_nothing_was_run_says_so() {
    let skipped = || step("a.yaml", Outcome::Skipped { reason: "needs Kubernetes <1.24, this is 1.37".into() });
    let end = |skipped| Event::ScenarioFinished {
        path: "a.yaml".into(),
        title: "A claim".into(),
        held: 0,
        failed: 0,
        broken: 0,
        skipped,
        took_ms: 1,
    };
    let words = "every step was skipped: on this cluster the scenario says nothing";
    for (verbosity, steps, said) in
        [(Verbosity::Normal, 1, true), (Verbosity::Quiet, 1, true), (Verbosity::Normal, 2, false)]
    {
        let mut terminal = Terminal::new(false, verbosity, 100);
        let text: String = [started("a.yaml"), skipped(), end(steps)].iter().map(|event| terminal.on(event)).collect();
        assert_eq!(text.contains(words), said, "{text}");
        assert!(text.contains("A claim") || !said, "{text}");
    }
}

fn broken() -> Outcome {
    Outcome::Broken { class: Fault::Node, message: "no \x1b[31m".into(), remedy: Some("wait".into()) }
}

const END: Event = Event::RunFinished { held: 12, failed: 1, broken: 0, skipped: 0, took_ms: 3210, exit_code: 1 };

#[test]
fn one_line_a_step() {
    let mut terminal = Terminal::new(false, Verbosity::Normal, 40);
    assert_eq!(
        terminal.on(&started("a.yaml")),
        "\nA claim\n  a.yaml, namespace ns\n\n  Here is\\u{1b} a story of some words\n  that goes on for longer than a narrow\n  line.\n\n"
    );
    assert_eq!(
        terminal.on(&step("a.yaml", Outcome::Held)),
        "  ✓ 3 Without credentials the call is refused  403 Forbidden as system:anonymous  41 ms\n"
    );
    let skipped = terminal.on(&step("a.yaml", Outcome::Skipped { reason: "step 2 failed".into() }));
    assert_eq!(skipped, "  - 3 not run: Without credentials the call is refused  step 2 failed\n");
    assert_eq!(terminal.on(&END), "\n12 steps held, 1 failed, 0 not run in 3.2 s\n");
}

#[test]
fn lines_are_as_wide_as_the_terminal_shows_them() {
    let terminal = Terminal::new(false, Verbosity::Normal, 40);
    let text = terminal.wrapped(&"日本語の話 ".repeat(6));
    let widths: Vec<usize> = text.lines().map(|line| line.width()).collect();
    assert_eq!(widths, [0, 34, 34, 0], "{text}");
}

#[test]
fn verbose_shows_the_commands_and_color_is_color() {
    let text = Terminal::new(true, Verbosity::Verbose, 80).on(&step("a.yaml", Outcome::Held));
    assert!(text.contains("kubectl get pods") && text.contains("\x1b[32m✓\x1b[0m"), "{text}");
}

#[test]
fn quiet_shows_failures_only() {
    let mut terminal = Terminal::new(false, Verbosity::Quiet, 80);
    assert_eq!(terminal.on(&started("a.yaml")) + &terminal.on(&step("a.yaml", Outcome::Held)), "");
    let text = terminal.on(&step("a.yaml", broken()));
    assert!(text.starts_with("\nA claim\n") && text.contains("! 3 BROKEN Without"), "{text}");
    assert!(text.contains("error[node]: no \\u{1b}[31m\n  --> a.yaml:4:5\n"), "{text}");
}

#[test]
fn scenarios_side_by_side_are_not_mixed() {
    let mut terminal = Terminal::new(false, Verbosity::Quiet, 80);
    let mut said = Vec::new();
    for event in [
        started("a"),
        started("b"),
        started("c"),
        step("b", broken()),
        step("c", broken()),
        step("a", broken()),
        finished("b"),
        finished("a"),
        step("c", broken()),
        finished("c"),
        END,
    ] {
        said.push(terminal.on(&event).matches("BROKEN").count());
    }
    assert_eq!(said, [0, 0, 0, 0, 0, 1, 0, 2, 1, 0, 0]);
}

#[test]
fn arguments_are_a_shells() {
    assert_eq!([argument("a/b.yaml"), argument("a b's")], ["a/b.yaml", r"'a b'\''s'"]);
}

#[test]
fn what_follows_a_failure_is_counted_only() {
    let mut terminal = Terminal::new(false, Verbosity::Normal, 80);
    let skipped = || step("a.yaml", Outcome::Skipped { reason: "step 2 did not hold".into() });
    terminal.on(&started("a.yaml"));
    assert!(terminal.on(&skipped()).contains("not run"), "one that `when` skips is told");
    terminal.on(&step("a.yaml", broken()));
    assert_eq!(terminal.on(&skipped()), "");
}

#[test]
fn no_output_is_a_command_to_a_ci_server() {
    use crate::report::words::defuse;
    for harmless in ["a :: b\n", "# ## [x]\n", "### heading\n", "a::b", "  $ x\n"] {
        assert_eq!(defuse(harmless), harmless);
    }
    assert_eq!(defuse("a\n  ::error::x\n::set-env y"), "a\n  \\u{3a}:error::x\n\\u{3a}:set-env y");
    assert_eq!(defuse("x ##[error]y ###vso[a]"), "x \\u{23}#[error]y #\\u{23}#vso[a]");
    let abort = Event::Aborted {
        path: None,
        class: Fault::Cluster,
        message: "a\n::error::x".into(),
        remedy: None,
        log: vec![],
    };
    let text = Terminal::new(false, Verbosity::Normal, 80).on(&abort);
    assert!(!text.lines().any(|line| line.trim().starts_with("::")), "{text}");
}
