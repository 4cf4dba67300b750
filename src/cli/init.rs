//! `kubewalk init`: a first scenario for the manifests of a project.

use std::{
    fs,
    io::{self, Write as _},
    path::{Component, Path, PathBuf},
};

use anyhow::Context as _;
use clap::Args;
use serde_json::{Value, json};

use super::{new, rendering, talk::Talk};
use crate::{
    destination::Destination,
    exit_code::Exit,
    init::{self, Piece},
    manifests::{self, Chart, Failed, Origin, written::inline},
    output::{eprint_colored, print},
    plan::{self, Names, Trust},
    scenario::{
        Diagnostic, Source,
        diagnostic::{self, line_col},
        open,
    },
};

#[derive(Debug, Args)]
pub struct Options {
    /// The manifests: files, folders of files, folders with a kustomization, charts. What others wrote is rendered by kubectl and
    /// helm in a bounded process.
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    from: Vec<PathBuf>,
    /// Files with values for the charts; a later one is stronger.
    #[arg(long, num_args = 1.., value_name = "FILE")]
    values: Vec<PathBuf>,
    /// The release of the charts. Left out: the name of the chart's folder.
    #[arg(long, value_name = "NAME")]
    release: Option<String>,
    /// The namespace of what names none. Left out: the scenario's own.
    #[arg(long, value_name = "NAME")]
    namespace: Option<String>,
    /// What the scenario is called (`app` becomes scenarios/app.yaml), or a path that ends in .yaml. Left out: as the first of the
    /// manifests.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub fn main(options: &Options, talk: Talk) -> anyhow::Result<Exit> {
    let path = match options.path() {
        Ok(path) => path,
        Err(why) => return Ok(invalid(&why)),
    };
    if fs::symlink_metadata(&path).is_ok() {
        return Ok(there_already(&path));
    }
    rendering::install(true, None);
    let place = Place::find(&path)?;
    let mut pieces = Vec::new();
    for from in &options.from {
        match place.piece(options, from) {
            Ok(piece) => pieces.push(piece),
            Err(why) => {
                let Unread { complaint, exit } = *why;
                eprint_colored(&complaint.rendered(talk.stderr_colors()), talk.stderr_colors());
                return Ok(exit);
            }
        }
    }
    let shown = pieces.iter().map(|piece| piece.shown.clone()).collect::<Vec<_>>().join(", ");
    let body = match init::written(&shown, &pieces) {
        Ok(body) => body,
        Err(why) => return Ok(invalid(&format!("{shown}: {why}"))),
    };
    let first = new::first_line(&path, new::schema_for(&path));
    place.prepare(&path)?;
    let text = match sound(&path, first + &body) {
        Ok(text) => text,
        Err((source, found)) => {
            eprint_colored(&diagnostic::render(&found, &source, talk.stderr_colors()), talk.stderr_colors());
            eprint_line!("error: no scenario was written: what is above has to be mended first");
            return Ok(Exit::Invalid);
        }
    };
    let made = Destination::new_file(&path);
    match made.and_then(|mut file| file.write_all(text.as_bytes())) {
        Ok(()) => {
            new::copy_schema(&path)?;
            Ok(print(&format!("{}\n", path.display())))
        }
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Ok(there_already(&path)),
        Err(e) => Err(e).with_context(|| format!("cannot write {}", path.display())),
    }
}

fn invalid(why: &str) -> Exit {
    eprint_line!("error: {why}");
    Exit::Invalid
}

fn there_already(path: &Path) -> Exit {
    invalid(&format!("{} is there already; it is left as it is. Choose another name with --name", path.display()))
}

impl Options {
    /// Where the scenario goes.
    fn path(&self) -> Result<PathBuf, String> {
        let own = |path: &Path| {
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
            let stem = if real.is_dir() { real.file_name() } else { real.file_stem() };
            stem.map(|stem| stem.to_string_lossy().into_owned())
        };
        let name = self.name.clone().or_else(|| self.from.first().and_then(|path| own(path)));
        new::path_of(&name.unwrap_or_default())
    }
}

/// What is wrong when manifests cannot be read.
enum Complaint {
    Sentence(String),
    Found(Vec<Diagnostic>),
}

impl Complaint {
    fn rendered(&self, color: bool) -> String {
        match self {
            Complaint::Sentence(text) => format!("error: {text}\n"),
            Complaint::Found(found) => diagnostic::render(found, &Source { path: "-".into(), text: "".into() }, color),
        }
    }
}

struct Unread {
    complaint: Complaint,
    exit: Exit,
}

/// The folder of the scenario, as far as it is there.
struct Place {
    /// Without links; what is not there yet behind it.
    folder: PathBuf,
    /// A file in the part that is there.
    there: PathBuf,
    /// Where the project's mark goes, if there is none.
    mark: Option<PathBuf>,
}

impl Place {
    fn find(path: &Path) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let folder = std::path::absolute(folder)?;
        let there = folder.ancestors().find(|part| part.is_dir()).unwrap_or(Path::new("/"));
        let rest = folder.strip_prefix(there).unwrap_or(Path::new("")).to_owned();
        let real = fs::canonicalize(there)?;
        // Without a project the boundary would be the scenario's own folder, beside which the manifests are.
        let here = fs::canonicalize(".")?;
        let mark = (open::project(&real).is_none() && real.starts_with(&here)).then(|| here.join("kubewalk.toml"));
        let start = if mark.is_some() { here } else { real.clone() };
        Ok(Place { folder: real.join(rest), there: start.join("x.yaml"), mark })
    }

    /// Makes the folder, and marks the project.
    fn prepare(&self, path: &Path) -> anyhow::Result<()> {
        // What is on the way to a file is made with it.
        Destination::find(&self.folder.join("any"))
            .with_context(|| format!("cannot make the folder of {}", path.display()))?;
        if let Some(mark) = &self.mark {
            match Destination::new_file(mark) {
                Ok(mut file) => {
                    file.write_all(b"# The root of the project: scenarios may name the manifests in this folder.\n")?;
                    eprint_line!(
                        "kubewalk: kubewalk.toml marks this folder as the project, whose files scenarios may name"
                    );
                }
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(e).context("cannot write kubewalk.toml"),
            }
        }
        Ok(())
    }

    /// A path as it is named from a folder.
    fn name(from: &Path, path: &Path) -> Result<String, Box<Unread>> {
        let sentence = |text: String| Box::new(Unread { complaint: Complaint::Sentence(text), exit: Exit::Invalid });
        let real = fs::canonicalize(path).map_err(|e| {
            let reason = e.to_string();
            let reason = reason.split(" (os error").next().unwrap_or_default().to_lowercase();
            sentence(format!("cannot read {}: {reason}", path.display()))
        })?;
        let mut ours: Vec<Component<'_>> = from.components().collect();
        let mut theirs: Vec<Component<'_>> = real.components().collect();
        while !ours.is_empty() && ours.first() == theirs.first() {
            ours.remove(0);
            theirs.remove(0);
        }
        let words = ours.iter().map(|_| Some("..")).chain(theirs.iter().map(|part| part.as_os_str().to_str()));
        let words: Option<Vec<&str>> = words.collect();
        let words = words.ok_or_else(|| sentence(format!("{} is not UTF-8", path.display())))?;
        Ok(if words.is_empty() { ".".to_owned() } else { words.join("/") })
    }

    /// What is at a path, read as a scenario would.
    fn piece(&self, options: &Options, path: &Path) -> Result<Piece, Box<Unread>> {
        if path.extension().is_some_and(|end| end == "tgz") {
            let text = format!("{} is an archive\n  = help: unpack it, and name the chart's folder", path.display());
            return Err(Box::new(Unread { complaint: Complaint::Sentence(text), exit: Exit::Invalid }));
        }
        let has = |name: &str| path.join(name).exists();
        let kustomization = ["kustomization.yaml", "kustomization.yml", "Kustomization"];
        let origin = |from: &Path| -> Result<Origin, Box<Unread>> {
            let name = Self::name(from, path)?;
            Ok(if has("Chart.yaml") {
                let values = options.values.iter().map(|file| Self::name(from, file)).collect::<Result<_, _>>()?;
                let (release, namespace) = (options.release.clone(), options.namespace.clone());
                Origin::Helm(Chart { chart: name, values, release, namespace })
            } else if kustomization.iter().any(|name| has(name)) {
                Origin::Kustomize(name)
            } else if path.is_dir() {
                Origin::Dir(name)
            } else {
                Origin::File(name)
            })
        };
        let now = origin(self.there.parent().unwrap_or(Path::new("/")))?;
        let loaded =
            manifests::load(&self.there, &now, manifests::STAND_IN).map_err(|failed| Box::new(unread(failed)))?;
        let documents = loaded
            .parts
            .iter()
            .flat_map(|part| part.documents().iter().map(|node| init::at_home(node.to_json(), manifests::STAND_IN)));
        let objects = init::objects(documents.collect::<Vec<Value>>());
        let origin = written_origin(&origin(&self.folder)?, options.namespace.as_deref());
        let (shown, namespace) = (path.display().to_string(), options.namespace.clone());
        Ok(Piece { origin, shown, objects, namespace, hooks: loaded.hooks })
    }
}

/// What the scenario says of an origin.
fn written_origin(origin: &Origin, namespace: Option<&str>) -> String {
    let mut text = match origin {
        Origin::File(name) => format!("file: {}", inline(&json!(name))),
        Origin::Dir(name) => format!("dir: {}", inline(&json!(name))),
        Origin::Kustomize(name) => format!("kustomize: {}", inline(&json!(name))),
        Origin::Helm(Chart { chart, values, release, namespace }) => {
            let mut helm = vec![format!("chart: {}", inline(&json!(chart)))];
            if !values.is_empty() {
                helm.push(format!("values: {}", inline(&json!(values))));
            }
            helm.extend(release.as_ref().map(|name| format!("release: {}", inline(&json!(name)))));
            helm.extend(namespace.as_ref().map(|name| format!("namespace: {}", inline(&json!(name)))));
            return format!("helm: {{{}}}", helm.join(", "));
        }
    };
    if let Some(namespace) = namespace {
        text.push_str(&format!(", namespace: {}", inline(&json!(namespace))));
    }
    text
}

fn unread(failed: Failed) -> Unread {
    let with = |message: String, hint: String| {
        Complaint::Sentence(if hint.is_empty() { message } else { format!("{message}\n  = help: {hint}") })
    };
    let exit = if matches!(failed, Failed::Environment(..)) { Exit::Environment } else { Exit::Invalid };
    let complaint = match failed {
        Failed::Named(_, message, hint) => with(message, hint),
        Failed::Text(_, found) => Complaint::Found(found),
        Failed::Refused(_, message, shown) => with(message, format!("the same by hand: `{shown}`")),
        Failed::NotRendered(key, why, remedy) | Failed::Environment(key, why, remedy) => {
            with(format!("`{key}` cannot be rendered: {why}"), remedy)
        }
    };
    Unread { complaint, exit }
}

/// The text as `check` takes it: a row about what is not there in a new cluster, or that no request asks for, is what the manifests
/// say, so it is said to be on purpose.
fn sound(path: &Path, mut text: String) -> Result<String, (Source, Vec<Diagnostic>)> {
    for _ in 0..4 {
        let found = match plan::load_bytes(path, text.as_bytes(), &Names::random(), Trust::Full) {
            Ok(plan) => plan.warnings,
            Err((source, found)) => {
                let rows = rows(&source, &found);
                if rows.is_empty() {
                    return Err((source, found));
                }
                found
            }
        };
        let source = Source { path: path.to_owned(), text: text.as_str().into() };
        let rows = rows(&source, &found);
        if rows.is_empty() {
            return Ok(text);
        }
        let lines = text.lines().enumerate().map(|(index, line)| {
            let said = line.ends_with(ON_PURPOSE);
            if rows.contains(&(index + 1)) && !said { format!("{line}{ON_PURPOSE}\n") } else { format!("{line}\n") }
        });
        text = lines.collect();
    }
    Ok(text)
}

const ON_PURPOSE: &str = " # on purpose";

/// The lines of rows that something is said about.
fn rows(source: &Source, found: &[Diagnostic]) -> Vec<usize> {
    let lines: Vec<&str> = source.text.lines().collect();
    let own = found.iter().filter(|found| found.file.is_none()).filter_map(|found| found.span);
    let numbers = own.map(|span| line_col(source, span.start).0);
    let is_row = |number: &usize| {
        lines.get(number - 1).is_some_and(|line| line.starts_with("        - {") && !line.ends_with(ON_PURPOSE))
    };
    numbers.filter(is_row).collect()
}
