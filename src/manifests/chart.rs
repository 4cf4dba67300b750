//! A chart: its files, and the words for `helm template`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    helm_ignore::Ignored,
    kustomize,
    render::{self, Rendering, Tool},
    schema,
    shared::{Chart, Failed, Gathered, named, text_of},
};
use crate::scenario::{
    beside::{self, Beside},
    open::{Root, Unopened},
};

const KEY: &str = "helm";

/// The file in the chart's folder that says what is not the chart's.
const IGNORE: &str = ".helmignore";

/// How deep the folders of a chart may be.
const DEPTH: usize = 16;

/// The most entries of one folder.
const MOST_ENTRIES: usize = 2000;

/// Finds all that a chart is made of, with the files of values.
///
/// # Errors
/// What of it is not there or leads out of the project.
pub fn gather(root: &Root, folder: &Path, wanted: &Chart, namespace: &str) -> Result<(Rendering, PathBuf), Failed> {
    let wrong = |message: String, hint: &str| Failed::Named(KEY, message, hint.to_owned());
    let name = wanted.chart.as_str();
    if name.contains("://") || name.ends_with(".tgz") {
        let hint =
            "nothing is fetched or unpacked: put the chart's folder into the project, e.g. by `helm pull --untar`";
        return Err(wrong(format!("`{name}` is no folder"), hint));
    }
    let found = beside::named(root, folder, name).map_err(|why| named(KEY, why))?;
    let chart = text_of(&found.inside).ok_or_else(|| wrong(format!("`{name}` is not UTF-8"), "rename it"))?;
    if !root.is_folder(&found.inside) {
        return Err(wrong(format!("`{name}` is no folder"), "name the folder with the chart's `Chart.yaml`"));
    }
    let mut all = Gathered::new(root, KEY);
    let ignored = ignored(&mut all, &chart)?;
    below(&mut all, &chart, (&found.shown, ""), &ignored)?;
    if !all.files.contains_key(&join(&chart, "Chart.yaml")) {
        return Err(wrong(format!("there is no `Chart.yaml` in `{name}`"), "name the folder of a chart"));
    }
    schema::check(&all.files, &chart, &found.shown)?;
    let release = match &wanted.release {
        Some(release) => release.clone(),
        // What helm would take for a flag, or for no name, is none.
        None => named_by(&found.inside).unwrap_or_else(|| "release-name".to_owned()),
    };
    let place = if chart.is_empty() { "./".to_owned() } else { format!("./{chart}") };
    let mut args = ["template", &release, &place, "--namespace", namespace].map(str::to_owned).to_vec();
    args.extend(["--include-crds", "--no-hooks", "--skip-tests"].map(str::to_owned));
    let shown_chart = kustomize::word(&found.shown.to_string_lossy());
    let mut shown = format!("helm template {} {shown_chart} --namespace {namespace}", kustomize::word(&release));
    shown.push_str(" --include-crds --no-hooks");
    // Else helm takes the version that it was built with, which is no cluster's.
    if let Some(kubernetes) = render::kubernetes() {
        shown.push_str(&format!(" --kube-version {kubernetes}"));
        args.extend(["--kube-version".to_owned(), kubernetes]);
    }
    for (index, values) in wanted.values.iter().enumerate() {
        if values.contains("://") {
            return Err(wrong(format!("`{values}` is not in the project"), "nothing is fetched: name a file"));
        }
        let file = beside::named(root, folder, values).map_err(|why| named(KEY, why))?;
        let path = text_of(&file.inside).ok_or_else(|| wrong(format!("`{values}` is not UTF-8"), "rename it"))?;
        all.add(&path, &file.inside)?;
        // Under a name of ours: helm takes what has a comma for several files, each anywhere.
        let mut ours = format!("values-{index}.yaml");
        while all.files.contains_key(&ours) {
            ours.insert(0, '_');
        }
        let bytes = all.files.get(&path).cloned().unwrap_or_default();
        all.files.insert(ours.clone(), bytes);
        args.extend(["--values".to_owned(), ours]);
        shown.push_str(&format!(" --values {}", kustomize::word(&file.shown.to_string_lossy())));
    }
    Ok((Rendering { tool: Tool::Helm, args, files: all.files, shown }, found.shown))
}

/// The name of a release by a chart's folder, where it may be one.
fn named_by(folder: &Path) -> Option<String> {
    let name = folder.file_name()?.to_str()?;
    let letter = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let sound = name.len() <= 53 && name.starts_with(letter) && name.ends_with(letter);
    (sound && name.chars().all(|c| letter(c) || c == '-' || c == '.')).then(|| name.to_owned())
}

fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}

/// What helm leaves out of the folder.
fn ignored(all: &mut Gathered<'_>, chart: &str) -> Result<Ignored, Failed> {
    let name = join(chart, IGNORE);
    let text = match all.root.at(&name) {
        Ok(real) if !all.root.is_folder(&real) => {
            all.add(&name, &real)?;
            String::from_utf8_lossy(all.files.get(&name).map_or(&[][..], Vec::as_slice)).into_owned()
        }
        _ => String::new(),
    };
    let refused = |(line, why): (String, &str)| {
        Failed::Named(KEY, format!("`{name}` has the line `{line}`: {why}"), "mend the line".into())
    };
    Ignored::read(&text).map_err(refused)
}

/// Reads all files below a folder of the chart, but for those that helm leaves out. `shown` is what the folder is called, and its path from
/// the chart's.
fn below(all: &mut Gathered<'_>, folder: &str, shown: (&Path, &str), ignored: &Ignored) -> Result<(), Failed> {
    let (shown, within) = shown;
    if within.split('/').count() > DEPTH {
        let message = format!("`{}` is more than {DEPTH} folders deep", shown.display());
        return Err(Failed::Named(KEY, message, "a chart is not so deep; is it the right folder?".into()));
    }
    let unread = |shown: &Path, why: &Unopened| named(KEY, beside::unread(&shown.to_string_lossy(), why));
    let entries = match all.root.at(folder).and_then(|real| all.root.list(&real, MOST_ENTRIES)) {
        Ok(entries) => entries,
        Err(Unopened::TooBig(most)) => {
            let message = format!("`{}` has more than {most} entries", shown.display());
            return Err(Failed::Named(KEY, message, "is it the right folder?".into()));
        }
        Err(why) => return Err(unread(shown, &why)),
    };
    for (name, is_folder) in entries {
        let within = join(within, &name);
        if name == ".git" || ignored.leaves_out(&within, is_folder) {
            continue;
        }
        let (path, shown) = (join(folder, &name), shown.join(&name));
        if is_folder {
            below(all, &path, (&shown, &within), ignored)?;
            continue;
        }
        let real = all.root.at(&path).map_err(|why| unread(&shown, &why))?;
        if all.root.is_folder(&real) {
            if ignored.leaves_out(&within, true) {
                continue;
            }
            let message = format!("`{}` is a link to a folder", shown.display());
            return Err(Failed::Named(KEY, message, "put the folder itself into the chart".into()));
        }
        all.add(&path, &real)?;
    }
    Ok(())
}

/// The templates that have hooks.
pub(super) fn hooks(files: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains("helm.sh/hook");
    let is_template = |name: &str| name.starts_with("templates/") || name.contains("/templates/");
    files.iter().filter(|(name, bytes)| is_template(name) && has(bytes)).map(|(name, _)| name.clone()).collect()
}

/// The documents of what helm wrote, by the template that each is from.
///
/// # Errors
/// When what a template renders is no YAML, or all of them render nothing.
pub fn parts(text: &str, path: &Path) -> Result<Vec<Arc<Beside>>, Failed> {
    let mut parts: Vec<(PathBuf, String)> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let next = lines.peek().and_then(|next| next.strip_prefix("# Source: "));
        if let (true, Some(source)) = (line.trim_end() == "---", next) {
            // The first part is the chart's name.
            let within = source.split_once('/').map_or(source, |(_, within)| within);
            let from = path.join(within);
            lines.next();
            match parts.last_mut() {
                Some((last, all)) if *last == from => all.push_str("---\n"),
                _ => parts.push((from, String::new())),
            }
            continue;
        }
        match parts.last_mut() {
            Some((_, all)) => all.push_str(&format!("{line}\n")),
            None if line.trim().is_empty() => {}
            None => parts.push((path.to_owned(), format!("{line}\n"))),
        }
    }
    let mut all = Vec::new();
    for (from, text) in parts {
        let part = kustomize::part(KEY, &from, &text)?;
        if !part.documents().is_empty() {
            all.push(part);
        }
    }
    if all.is_empty() {
        let message = format!("`{}` renders nothing with these values", path.display());
        return Err(Failed::Named(KEY, message, "look at what its templates depend on".into()));
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_with_hooks_are_known() {
        let files = [
            ("a/templates/job.yaml", "x\n  \"helm.sh/hook\": pre-install\n"),
            ("a/templates/b.yaml", "x"),
            ("a/README.md", "helm.sh/hook"),
        ];
        let files = files.map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()));
        assert_eq!(hooks(&files.into_iter().collect()), ["a/templates/job.yaml"]);
    }

    #[test]
    fn each_document_has_its_template() {
        let text = "---\n# Source: app/templates/role.yaml\nkind: Role\n---\n# Source: app/templates/role.yaml\nkind: Two\n\
                    ---\n# Source: app/charts/sub/templates/x.yaml\n# nothing\n---\n# Source: app/charts/sub/templates/y.yaml\n\
                    kind: Three\n---\nkind: Four\n";
        let parts = parts(text, Path::new("charts/app")).expect("parts");
        let shown: Vec<_> =
            parts.iter().map(|part| (part.source.path.display().to_string(), part.documents().len())).collect();
        let expected = [
            ("charts/app/templates/role.yaml (rendered)".to_owned(), 2),
            ("charts/app/charts/sub/templates/y.yaml (rendered)".to_owned(), 2),
        ];
        assert_eq!(shown, expected);
    }
}
