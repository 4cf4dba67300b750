//! The text of a first scenario.

use serde_json::{Map, Value, json};

use super::{
    HOME, Piece, Unwritten,
    policy::{self, Found, Subject},
    rows::{self, Right, Row},
};
use crate::{
    manifests::{select, written::inline},
    plan::can::MOST_CELLS,
};

/// So many rows stand in one table.
const MOST_ROWS: usize = 60;

/// So many questions are asked by one table.
const MOST_QUESTIONS: usize = MOST_CELLS / 2;

/// The scenario for these manifests; `name` is what people call them.
///
/// # Errors
/// When nothing in them is RBAC's, or an object cannot be read.
pub fn written(name: &str, pieces: &[Piece]) -> Result<String, Unwritten> {
    let found = policy::read(pieces)?;
    let title = format!("What the manifests of {name} allow");
    let mut text = format!("title: {}\n", inline(&json!(title)));
    text.push_str(
        "say: >-\n  Written by `kubewalk init`: each right of each account is a row, with one thing next to it that is denied. Change the\n  \
         rows to what you mean; a right that the manifests give and no row has is then one that nobody meant.\ntags: [rbac]\nsteps:\n",
    );
    prepared(&mut text, &found);
    for piece in pieces {
        applied(&mut text, piece);
    }
    for subject in &found.subjects {
        tables(&mut text, subject, &found);
    }
    for role in rows::idle(&found.all, &found.own) {
        text.push_str(&format!("  # {role} is bound by nothing here, so no row has its rights.\n"));
    }
    Ok(text.trim_end().to_owned() + "\n")
}

/// The namespaces and accounts that the manifests need and do not make.
fn prepared(text: &mut String, found: &Found) {
    if !found.namespaces.is_empty() {
        let many = if found.namespaces.len() == 1 { "The namespace" } else { "The namespaces" };
        text.push_str(&format!("  - title: {many} of the manifests\n    apply:\n"));
        for name in &found.namespaces {
            let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
            text.push_str(&format!("      - {}\n", inline(&object)));
        }
        text.push('\n');
    }
    let missing = found.subjects.iter().filter(|subject| !found.made.contains(subject));
    let missing: Vec<Value> = missing
        .filter_map(|subject| match subject {
            // Each namespace has one of this name.
            Subject::Account(_, name) if name == "default" => None,
            Subject::Account(namespace, name) => {
                let mut about: Map<String, Value> = [("name".to_owned(), json!(name))].into_iter().collect();
                if namespace != HOME {
                    about.insert("namespace".into(), json!(namespace));
                }
                Some(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": about}))
            }
            _ => None,
        })
        .collect();
    if !missing.is_empty() {
        text.push_str("  - title: Accounts that the manifests bind and do not make\n    apply:\n");
        missing.iter().for_each(|object| text.push_str(&format!("      - {}\n", inline(object))));
        text.push('\n');
    }
}

fn applied(text: &mut String, piece: &Piece) {
    if !piece.hooks.is_empty() {
        text.push_str(&format!(
            "  # Hooks are left out, tests among them, with the accounts and roles that they make ({}): helm makes them beside the\n  \
             # release, at times of their own.\n",
            piece.hooks.join(", ")
        ));
    }
    let rbac = piece.objects.iter().filter(|object| select::is_rbac(object)).count();
    if rbac == 0 {
        return;
    }
    let generated = piece.objects.iter().filter(|object| select::is_rbac(object)).any(|object| {
        let about = object.get("metadata");
        about.is_some_and(|about| about.get("name").is_none() && about.get("generateName").is_some())
    });
    // What is generated anew each time cannot be applied.
    let verb = if generated { "create" } else { "apply" };
    let only = if rbac < piece.objects.len() { ", only: rbac" } else { "" };
    let title = format!("The manifests of {}, unchanged", piece.shown);
    text.push_str(&format!("  - title: {}\n    {verb}: {{{}{only}}}\n\n", inline(&json!(title)), piece.origin));
}

/// Rights by tables, none of which has too many rows or asks too many questions. A row that asks too many by itself is several.
fn in_tables(rights: Vec<Right>) -> Vec<Vec<Right>> {
    let mut tables: Vec<Vec<Right>> = Vec::new();
    let mut asked = 0;
    for Right { row, mut denied } in rights {
        for row in row.parts(MOST_QUESTIONS / 2) {
            let right = Right { row, denied: denied.take() };
            let more = right.row.questions() + right.denied.as_ref().map_or(0, Row::questions);
            asked += more;
            match tables.last_mut().filter(|table| table.len() < MOST_ROWS && asked <= MOST_QUESTIONS) {
                Some(table) => table.push(right),
                None => {
                    tables.push(vec![right]);
                    asked = more;
                }
            }
        }
    }
    tables
}

/// The tables about a subject.
fn tables(text: &mut String, subject: &Subject, found: &Found) {
    let rights = rows::rights_of(subject, &found.all, &found.own);
    for remark in &rights.remarks {
        text.push_str(&format!("  # {}\n", remark.replace(HOME, "the scenario's namespace")));
    }
    let words = subject.describe();
    if rights.rights.is_empty() {
        let asked = rows::nothing(subject, &found.all);
        let title = format!("{words} may neither read nor create Pods and Secrets");
        return table(text, &title, subject, (&asked, &[]), false);
    }
    let chunks = in_tables(rights.rights);
    for (index, chunk) in chunks.iter().enumerate() {
        let part = if chunks.len() > 1 { format!(", part {}", index + 1) } else { String::new() };
        let allowed: Vec<Row> = chunk.iter().map(|right| right.row.clone()).collect();
        let mut denied: Vec<Row> = Vec::new();
        for row in chunk.iter().filter_map(|right| right.denied.as_ref()) {
            if !denied.contains(row) {
                denied.push(row.clone());
            }
        }
        let title = match denied.is_empty() {
            true => format!("{words} may do everything that is near its rights{part}"),
            false => format!("{words} may do this, and not what is next to it{part}"),
        };
        table(text, &title, subject, (&denied, &allowed), rights.late);
    }
}

fn table(text: &mut String, title: &str, subject: &Subject, (denied, allowed): (&[Row], &[Row]), late: bool) {
    let who = inline(&subject.who());
    text.push_str(&format!("  - title: {}\n    can:\n      who: {who}\n", inline(&json!(title))));
    if denied.is_empty() {
        // A table needs something beside its exceptions.
        text.push_str("      default: allowed\n      asked:\n");
        allowed.iter().for_each(|one| text.push_str(&line(one)));
    } else {
        text.push_str("      default: denied\n      asked:\n");
        // The manifests may not bring the kind along, or not with their RBAC.
        let denied_line = |one: &Row| match one.is_of_own_kind() || one.is_of_nothing() {
            true => line(one).replace('\n', " # on purpose\n"),
            false => line(one),
        };
        denied.iter().for_each(|one| text.push_str(&denied_line(one)));
        if !allowed.is_empty() {
            text.push_str("      allowed:\n");
            allowed.iter().for_each(|one| text.push_str(&line(one)));
        }
    }
    text.push_str(if late { "    expect: {within: 10s}\n\n" } else { "\n" });
}

/// What a line of a table begins with.
pub const LINE: &str = "        - {";

fn line(row: &Row) -> String {
    let words = |list: &[String]| match list {
        [one] => inline(&json!(one)),
        list => inline(&json!(list)),
    };
    let mut keys = vec![format!("verb: {}", words(&row.verbs))];
    if !row.resources.is_empty() {
        keys.push(format!("resource: {}", words(&row.resources)));
    }
    if !row.urls.is_empty() {
        keys.push(format!("url: {}", words(&row.urls)));
    }
    keys.extend(row.subresource.as_ref().map(|sub| format!("subresource: {}", inline(&json!(sub)))));
    if !row.names.is_empty() {
        keys.push(format!("name: {}", words(&row.names)));
    }
    keys.extend(row.namespace.as_ref().map(|namespace| format!("namespace: {}", inline(&json!(namespace)))));
    format!("{LINE}{}}}\n", keys.join(", "))
}
