//! Which scenarios: files and folders to plans, with everything that is wrong said at once.

use std::{
    collections::{HashMap, HashSet},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use clap::Args;

use super::expression::{self, Expression};
use crate::{
    claims,
    cluster::Existing,
    event::Event,
    exit_code::Exit,
    plan::{self, Loaded, Names, Plan, Trust, needs},
    report::findings::Finding,
    scenario::{
        self,
        beside::Unread,
        diagnostic,
        diagnostic::{Diagnostic, Severity, Source, printable},
        files,
    },
    settings,
};

/// Which scenarios.
#[derive(Debug, Clone, Args)]
pub struct Selection {
    /// Scenario files, or folders that hold some.
    #[arg(value_name = "PATH", default_value = "scenarios")]
    pub paths: Vec<PathBuf>,
    /// Only scenarios whose path or title contains this text.
    #[arg(long, value_name = "TEXT", env = "KUBEWALK_FILTER")]
    pub filter: Option<String>,
    /// Only scenarios that this expression means: `tag(rbac) & !title(token)`. It knows path, title, tag, row, ref, verb, step and
    /// needs (alone, pods, slow), compares a part (`~`), the whole (`=`) or a pattern (`/…/`), and joins by `&`, `|`, `!`.
    #[arg(short = 'E', long = "expr", value_name = "EXPRESSION", env = "KUBEWALK_EXPR", value_parser = expression::read)]
    pub expression: Option<Expression>,
    /// Only scenarios with one of these tags; may be said more than once, or with commas. Those tagged `slow` run only so, and
    /// those tagged `exercise` only so or when the file itself is named.
    #[arg(long, value_name = "TAG", env = settings::TAG, value_delimiter = ',', value_parser = settings::tag)]
    pub tag: Vec<String>,
    /// A file of claims of your own: each of the scenarios' `refs` must be one of them. `kubewalk coverage` makes a page of it.
    #[arg(long, value_name = "FILE", env = "KUBEWALK_CLAIMS")]
    pub claims: Option<PathBuf>,
    /// The scenarios are not trusted: refuses all that could reach the cluster's node (privileged Pods, namespaces and folders of
    /// the host, kubectl with files), in the files and on the cluster.
    #[arg(long, env = "KUBEWALK_UNTRUSTED", value_parser = clap::builder::FalseyValueParser::new())]
    pub untrusted: bool,
}

/// The tag of scenarios that fail as they are given: learners repair them.
pub const EXERCISE: &str = "exercise";

/// What becomes of scenarios tagged `slow` or `exercise` when no tag is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slow {
    /// They are taken like all others, and so are exercises.
    Too,
    /// They are taken like all others; exercises only when their file is named.
    ButNoExercises,
    /// They are left out.
    LeftOut,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Selected {
    /// All files that were looked at, those that the filters left out and those that are invalid included.
    pub files: Vec<PathBuf>,
    /// The plans, in the order of their files.
    pub plans: Vec<Plan>,
    /// Rendered errors and warnings.
    pub said: String,
    /// How many files are invalid, paths that do not exist included, and those that cannot be rendered here.
    pub invalid: usize,
    /// How many of them may be right, because only the environment keeps something of them from being rendered.
    pub not_rendered: usize,
    /// How many valid files the filters left out.
    pub left_out: usize,
    /// What is wrong with the files, and what is only warned about, for reports.
    pub findings: Vec<Finding>,
    /// Why nothing is left, when more than filters have left something out.
    pub why: Option<String>,
    /// The claims of one's own, if they are asked for and good.
    pub claims: Option<claims::File>,
}

impl Selected {
    /// Every file that was read: the scenarios, and the manifests beside them.
    pub fn files_read(&self) -> Vec<PathBuf> {
        let steps = self.plans.iter().flat_map(|plan| &plan.steps);
        let beside = steps.flat_map(|step| needs::made(&step.action)).filter_map(|object| object.file.as_ref());
        self.files.iter().cloned().chain(beside.flat_map(|file| file.read.iter().cloned())).collect()
    }

    /// Whether a run can begin.
    pub fn verdict(&self) -> Exit {
        match (self.invalid, self.plans.len()) {
            (0, 0) => Exit::Nothing,
            (0, _) => Exit::Held,
            // Nothing is wrong with a chart that cannot be rendered here. A mistake in another file is one whatever this machine lacks.
            (invalid, _) if invalid == self.not_rendered => Exit::Environment,
            _ => Exit::Invalid,
        }
    }

    /// Counts a file as invalid.
    fn refuse(&mut self, found: &[Diagnostic], source: &Source, color: bool) {
        self.invalid += 1;
        let mut errors = found.iter().filter(|found| found.severity == Severity::Error);
        self.not_rendered += usize::from(errors.all(|found| found.environment));
        self.said.push_str(&diagnostic::render(found, source, color));
        self.findings.extend(found.iter().map(|found| Finding::from_diagnostic(found, source)));
    }

    /// Finds what a cluster that exists does not take: there kubectl runs on this machine. Scenarios that name no namespace are
    /// in the one that the person owns.
    pub fn meet_a_cluster_that_exists(&mut self, existing: &Existing, color: bool) {
        self.plans.retain_mut(|plan| {
            let there = plan.in_existing(existing.namespaces.first().map(String::as_str));
            let found = there.err().unwrap_or_else(|| needs::refused_there(plan, existing.all()));
            if found.is_empty() {
                return true;
            }
            let source = &plan.document.source;
            self.invalid += 1;
            self.said.push_str(&diagnostic::render(&found, source, color));
            self.findings.extend(found.iter().map(|found| Finding::from_diagnostic(found, source)));
            false
        });
    }

    /// What is wrong with the files, as the events of a run that does not begin.
    pub fn invalid_events(&self) -> impl Iterator<Item = Event> {
        self.findings.iter().filter(|found| found.severity == Severity::Error).map(|found| {
            let (line, col) = found.range.map_or((1, 1), |range| range.start);
            let (path, message, hint) = (found.path.clone(), found.message.clone(), found.hint.clone());
            Event::Invalid { path, line, col, message, hint }
        })
    }

    /// Why there is nothing to run.
    pub fn nothing(&self) -> String {
        if let Some(why) = &self.why {
            return why.clone();
        }
        format!("no scenario was selected ({} left out by --filter, --expr and --tag)", self.left_out)
    }

    /// All that is to be said on standard error before a run: what is wrong with the files, and why none begins.
    pub fn complaints(&self) -> String {
        let mut text = self.said.clone();
        match (self.verdict(), self.invalid - self.not_rendered) {
            (Exit::Nothing, _) => text.push_str(&format!("error: {}\n", self.nothing())),
            (Exit::Invalid, 1) => text.push_str("error: 1 scenario is invalid; nothing was started\n"),
            (Exit::Invalid, many) => {
                text.push_str(&format!("error: {many} scenarios are invalid; nothing was started\n"))
            }
            _ => {}
        }
        text
    }
}

/// Reads, plans and filters.
pub fn select(selection: &Selection, slow: Slow, color: bool) -> Selected {
    let mut selected = Selected::default();
    if let Some(path) = &selection.claims {
        match claims_in(path) {
            Ok(file) => selected.claims = Some(file),
            Err((source, found)) => selected.refuse(&found, &source, color),
        }
    }
    let mut files = Vec::new();
    for path in &selection.paths {
        match files::below(path) {
            Ok(found) => files.extend(found),
            Err(e) => {
                selected.invalid += 1;
                let named = printable(&path.to_string_lossy()).into_owned();
                selected.said.push_str(&format!("error: cannot read {named}: {e}\n"));
                selected.findings.push(Finding::unreadable(path.display().to_string(), &e));
            }
        }
    }
    // A file that is named twice, by its folder and alone, or by two ways to it, is one scenario.
    let (mut seen, mut folders) = (HashSet::new(), HashMap::new());
    files.retain(|file| {
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let real = folders.entry(folder).or_insert_with_key(|folder| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
        });
        seen.insert(real.join(file.file_name().unwrap_or_default()))
    });
    let mut titles = Titles::default();
    for (file, loaded) in files.iter().zip(load_all(&files, Trust::from_untrusted(selection.untrusted))) {
        match loaded {
            Ok(plan) if !chosen(&plan, file, selection, slow) => selected.left_out += 1,
            Ok(mut plan) => {
                let unknown = selected.claims.as_ref().map(|file| claims::unknown(file, &plan.document));
                if let Some(found) = unknown.filter(|found| !found.is_empty()) {
                    selected.refuse(&found, &plan.document.source, color);
                    continue;
                }
                plan.warnings.extend(titles.taken(&plan));
                let source = &plan.document.source;
                selected.said.push_str(&diagnostic::render(&plan.warnings, source, color));
                selected.findings.extend(plan.warnings.iter().map(|warning| Finding::from_diagnostic(warning, source)));
                selected.plans.push(plan);
            }
            Err((source, diagnostics)) => selected.refuse(&diagnostics, &source, color),
        }
    }
    selected.files = files;
    selected
}

/// The claims in a file.
fn claims_in(path: &Path) -> Result<claims::File, claims::Wrong> {
    match scenario::open::read(path, claims::MOST) {
        Ok(bytes) => claims::read(path, &bytes),
        Err(why) => {
            let name = path.to_string_lossy();
            let (message, hint) = match scenario::beside::unread(&name, &why) {
                Unread::Name(message, hint) => (message, hint),
                Unread::Text(_) => ("it cannot be read".into(), ""),
            };
            let source = Source { path: path.to_owned(), text: "".into() };
            Err((source, vec![crate::project_file::found(&message, None, None, Some(hint))]))
        }
    }
}

/// The titles of scenarios, each with where it is said first.
#[derive(Default)]
struct Titles(HashMap<String, String>);

impl Titles {
    /// A warning if another file has this one's title.
    fn taken(&mut self, plan: &Plan) -> Option<Diagnostic> {
        let (source, span) = (&plan.document.source, plan.document.span("/title"));
        let Some(first) = self.0.get(plan.title.trim()) else {
            let (line, col) = diagnostic::line_col(source, span.start);
            let place = format!("{}:{line}:{col}", printable(&source.path.to_string_lossy()));
            self.0.insert(plan.title.trim().to_owned(), place);
            return None;
        };
        let found = Diagnostic {
            severity: Severity::Warning,
            message: "another scenario has this title, too".into(),
            file: None,
            span: Some(span),
            label: Some(format!("the first time: {first}")),
            second: None,
            hint: Some(
                "say what this one claims: `--filter` by the title chooses both, and people tell them apart by it"
                    .into(),
            ),
            fix: vec![],
            environment: false,
        };
        (!plan::is_meant(source, &found)).then_some(found)
    }
}

/// Reads and plans files on all processors, and gives what comes of each in the order of the files.
fn load_all(files: &[PathBuf], trust: Trust) -> Vec<Loaded> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mine =
            std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < files.len()));
        mine.map(|index| (index, load(&files[index], trust))).collect::<Vec<_>>()
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
    let mut loaded: Vec<(usize, Loaded)> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).filter_map(|_| scenario::spawn_roomy(scope, work).ok()).collect();
        // Without a single thread more, this one does it all.
        let mut loaded = if workers.is_empty() { work() } else { vec![] };
        for worker in workers {
            loaded.extend(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        loaded
    });
    loaded.sort_by_key(|(index, _)| *index);
    loaded.into_iter().map(|(_, loaded)| loaded).collect()
}

/// Reads and plans one file.
///
/// # Errors
/// The file's text and all that is wrong with it.
pub fn load(file: &Path, trust: Trust) -> Loaded {
    let loaded = plan::load(file, &Names::random(), trust);
    // Before a line of it is shown.
    let source = loaded.as_ref().map_or_else(|(source, _)| source, |plan| &plan.document.source);
    crate::redact::secrets::learn(source.text.as_bytes());
    loaded
}

fn chosen(plan: &Plan, file: &Path, selection: &Selection, slow: Slow) -> bool {
    let named = selection
        .filter
        .as_ref()
        .is_none_or(|text| plan.title.contains(text.as_str()) || file.to_string_lossy().contains(text.as_str()));
    let meant = selection.expression.as_ref().is_none_or(|expression| expression.accepts(plan));
    let is = |word: &str| plan.tags.iter().any(|tag| tag == word);
    // A file that the command line names is meant.
    let said = selection.paths.iter().any(|path| path == file);
    let tagged = if selection.tag.is_empty() {
        match slow {
            Slow::Too => true,
            Slow::ButNoExercises => said || !is(EXERCISE),
            Slow::LeftOut => !is("slow") && (said || !is(EXERCISE)),
        }
    } else {
        plan.tags.iter().any(|tag| selection.tag.contains(tag))
    };
    named && meant && tagged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cluster_that_exists_does_not_take_is_in_every_report() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a.yaml");
        let text = "title: t\nsteps:\n  - title: s\n    kubectl: {args: [label, node, a, b=c]}\n";
        std::fs::write(&file, text).expect("written");
        let document = scenario::read(&file, text.as_bytes()).expect("a scenario");
        let plan = plan::plan(document, &Names::random()).expect("a plan");
        let mut selected = Selected { files: vec![file], plans: vec![plan], ..Selected::default() };
        selected.meet_a_cluster_that_exists(&Existing::default(), false);
        assert_eq!((selected.invalid, selected.plans.len()), (1, 0), "{}", selected.said);
        assert_eq!(selected.findings.len(), 1, "for `check --report`: {}", selected.said);
        let events: Vec<_> = selected.invalid_events().collect();
        assert!(matches!(&events[..], [Event::Invalid { line: 4, .. }]), "for `run --report`: {events:?}");
    }

    #[test]
    fn a_mistake_is_one_whatever_the_machine_lacks_for_another_file() {
        let source = Source { path: "a.yaml".into(), text: "title: t\n".into() };
        let wrong = crate::project_file::found("wrong", None, None, None);
        let lacks = Diagnostic { environment: true, ..wrong.clone() };
        let warned = Diagnostic { severity: Severity::Warning, ..wrong.clone() };
        let verdict = |files: &[&[&Diagnostic]]| {
            let mut selected = Selected::default();
            for found in files {
                let found: Vec<_> = found.iter().map(|&found| found.clone()).collect();
                selected.refuse(&found, &source, false);
            }
            (selected.verdict(), selected.complaints().contains("error: 1 scenario is invalid; nothing was started"))
        };
        assert_eq!(verdict(&[&[&lacks]]), (Exit::Environment, false));
        assert_eq!(verdict(&[&[&lacks, &warned]]), (Exit::Environment, false));
        assert_eq!(verdict(&[&[&lacks], &[&wrong]]), (Exit::Invalid, true));
        assert_eq!(verdict(&[&[&wrong], &[&lacks]]), (Exit::Invalid, true));
        assert_eq!(verdict(&[&[&lacks, &wrong]]), (Exit::Invalid, true), "both in one file");
    }

    #[test]
    fn two_files_of_one_title_are_told_unless_it_is_meant() {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, title) in [("a", "One"), ("b", "'One'"), ("c", "One # on purpose"), ("d", "Other")] {
            let text = format!("title: {title}\nsteps: [{{title: s, get: {{kind: Pod}}}}]\n");
            std::fs::write(folder.path().join(format!("{name}.yaml")), text).expect("written");
        }
        let selection = |filter: Option<&str>| Selection {
            paths: vec![folder.path().to_owned()],
            filter: filter.map(str::to_owned),
            expression: None,
            tag: vec![],
            claims: None,
            untrusted: false,
        };
        let selected = select(&selection(None), Slow::Too, false);
        assert_eq!((selected.findings.len(), selected.verdict()), (1, Exit::Held), "{}", selected.said);
        let first = folder.path().join("a.yaml");
        assert!(selected.said.contains("b.yaml:1:8"), "{}", selected.said);
        assert!(selected.said.contains(&format!("the first time: {}:1:8", first.display())), "{}", selected.said);
        // Only what is chosen can be confused.
        assert_eq!(select(&selection(Some("b.yaml")), Slow::Too, false).said, "");
    }

    #[test]
    fn a_warning_is_a_finding_and_no_event() {
        let mut selected = Selected::default();
        selected.findings.push(Finding::unreadable("a.yaml".into(), &std::io::Error::other("no")));
        selected.findings.push(Finding { severity: Severity::Warning, ..selected.findings[0].clone() });
        let events: Vec<_> = selected.invalid_events().collect();
        assert!(matches!(&events[..], [Event::Invalid { line: 1, col: 1, .. }]), "{events:?}");
    }
}
