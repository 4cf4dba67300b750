//! `can`: the questions of a table, and the answer that each must have.

pub(in crate::plan) mod requests;
mod stars;
mod subjects;
mod verbs;

use std::collections::{HashMap, HashSet, hash_map::Entry};

use self::requests::What;
use crate::{
    plan::{
        Action, Request,
        can::{Can, Cell, MOST_CELLS, Who},
        context::{Context, Draft, below},
        kinds::nearest,
        resolve::story::Story,
    },
    scenario::can::{self as said, Allowed, Cells, Default},
};

/// Reads the questions.
pub(in crate::plan) fn read(
    cx: &mut Context<'_>,
    draft: &Draft<'_>,
    can: &said::Can,
    story: &Story<'_>,
) -> Option<Action> {
    let at = draft.at();
    let errors = cx.findings.errors();
    let who = subjects::read(cx, &below(&at, "who"), &can.who, story);
    let table = can.default.is_some() || can.denied.is_some() || !can.asked.is_empty();
    let mut cells = if table || matches!(can.allowed, Some(Allowed::These(_))) {
        self::table(cx, &at, can, &who, story)
    } else {
        single(cx, &at, can, &who, story)
    };
    let rows = |key, list: &[Cells]| {
        let whos = list.iter().enumerate().filter_map(|(index, cells)| Some((index, cells.who.as_ref()?)));
        whos.flat_map(|(index, who)| {
            let at = below(&below(&below(&at, key), index), "who");
            subjects::on_purpose(cx, &at, who)
        })
        .collect::<Vec<_>>()
    };
    let mut nobodys = subjects::on_purpose(cx, &below(&at, "who"), &can.who);
    nobodys.extend(rows("asked", &can.asked));
    nobodys.extend(rows("denied", can.denied.as_deref().unwrap_or_default()));
    for cell in &mut cells {
        cell.pointer = cell.pointer[draft.pointer.len()..].to_owned();
        cell.on_purpose |= nobodys.contains(&cell.who.user);
    }
    if cx.findings.errors() > errors {
        return None;
    }
    if cells.len() > MOST_CELLS {
        cx.findings
            .error(&at, format!("more than {MOST_CELLS} questions in one step"))
            .at_key()
            .hint("that is the most; make several steps of it");
        return None;
    }
    let provable = cells.iter().filter(|cell| cell.proof().is_some()).count();
    if can.sample > provable {
        cx.findings
            .error(&below(&at, "sample"), format!("{} of these questions can be confirmed by a request", count(provable)))
            .label("more than that")
            .hint("`get`, `update`, `patch` and `delete` need a `name`; `create` must have none; `exec`, `proxy` and the like are never tried");
        return None;
    }
    Some(Action::Can(Can { cells, sample: can.sample }))
}

fn count(number: usize) -> String {
    if number == 0 { "none".into() } else { format!("only {number}") }
}

/// The same answer for all combinations.
fn single(cx: &mut Context<'_>, at: &str, can: &said::Can, who: &[Who], story: &Story<'_>) -> Vec<Cell> {
    let allowed = match can.allowed {
        Some(Allowed::All(allowed)) => allowed,
        _ => {
            cx.findings.error(at, "`can` without an answer").at_key().hint(
                "add `allowed: true` or `allowed: false`; for a table, `default: denied`, `asked` and `allowed: […]`",
            );
            return Vec::new();
        }
    };
    let cells = Cells {
        who: None,
        verb: can.verb.clone(),
        resource: can.resource.clone(),
        subresource: can.subresource.clone(),
        name: can.name.clone(),
        namespace: can.namespace.clone(),
        url: can.url.clone(),
    };
    let mut all = Questions::default();
    let whats = requests::read(cx, at, &cells, story, allowed);
    if !allowed && whats.iter().any(|what| !what.on_purpose) {
        stars::check(cx, at, &cells);
    }
    all.add(who, &whats, &below(at, "allowed"), allowed);
    all.cells
}

/// A default, and what differs from it.
fn table(cx: &mut Context<'_>, at: &str, can: &said::Can, who: &[Who], story: &Story<'_>) -> Vec<Cell> {
    let outside = [
        ("verb", can.verb.is_some()),
        ("resource", can.resource.is_some()),
        ("subresource", can.subresource.is_some()),
        ("name", can.name.is_some()),
        ("namespace", can.namespace.is_some()),
        ("url", can.url.is_some()),
    ];
    if let Some((key, _)) = outside.iter().find(|(_, there)| *there) {
        cx.findings.error(&below(at, key), format!("`{key}` beside a table")).at_key().hint(format!(
            "in a table it stands in the elements of `asked` and `allowed`, e.g. `asked: [{{{key}: …}}]`"
        ));
    }
    let Some(default) = can.default else {
        cx.findings.error(at, "a table without a `default`").at_key().hint("add `default: denied`");
        return Vec::new();
    };
    let (key, list) = match (default, &can.allowed, &can.denied) {
        (_, Some(Allowed::All(_)), _) => {
            cx.findings
                .error(&below(at, "allowed"), "one answer for all, and a `default`")
                .second(&below(at, "default"), "the table's default")
                .hint("in a table, `allowed` lists what is allowed: `allowed: [{verb: list, resource: pods}]`");
            return Vec::new();
        }
        (Default::Denied, _, Some(_)) | (Default::Allowed, Some(_), _) => {
            let (same, other) = if default == Default::Denied { ("denied", "allowed") } else { ("allowed", "denied") };
            cx.findings
                .error(&below(at, same), format!("`{same}` is the default already"))
                .at_key()
                .second(&below(at, "default"), "here")
                .hint(format!("list what is not: `{other}: […]`"));
            return Vec::new();
        }
        (Default::Denied, Some(Allowed::These(list)), None) => ("allowed", list.as_slice()),
        (Default::Allowed, None, Some(list)) => ("denied", list.as_slice()),
        (Default::Denied, None, None) => ("allowed", &[][..]),
        (Default::Allowed, None, None) => ("denied", &[][..]),
    };
    let (mut all, mut asked) = (Questions::default(), Questions::default());
    for (index, cells) in list.iter().enumerate() {
        let at = below(&below(at, key), index);
        let who = some(cx, &at, cells, who, story);
        let whats = requests::read(cx, &at, cells, story, default == Default::Denied);
        if default == Default::Allowed && whats.iter().any(|what| !what.on_purpose) {
            stars::check(cx, &at, cells);
        }
        all.add(&who, &whats, &at, default == Default::Denied);
    }
    let excepted: HashSet<Request> = all.cells.iter().map(|cell| cell.request.clone()).collect();
    for (index, cells) in can.asked.iter().enumerate() {
        let at = below(&below(at, "asked"), index);
        let who = some(cx, &at, cells, who, story);
        let whats = requests::read(cx, &at, cells, story, default == Default::Allowed);
        // Where somebody is allowed all of it, that is what is asked.
        let is_granted = |what: &What| excepted.contains(&what.request);
        if default == Default::Denied && whats.iter().any(|what| !what.on_purpose && !is_granted(what)) {
            stars::check(cx, &at, cells);
        }
        asked.add(&who, &whats, &at, default == Default::Allowed);
    }
    slips(cx, &all, &asked, key);
    // What need not be there for the question need not be there for its exception.
    for cell in all.cells.iter_mut().filter(|cell| cell.allowed) {
        cell.on_purpose |= asked.get(cell).is_some_and(|other| other.on_purpose);
    }
    let fresh: Vec<Cell> = asked.cells.into_iter().filter(|cell| all.get(cell).is_none()).collect();
    all.cells.extend(fresh);
    if can.asked.is_empty() {
        cx.findings
            .error(at, "a table that asks for nothing beside its exceptions")
            .at_key()
            .hint("add `asked: [{verb: [get, list], resource: [pods, secrets]}]`: all of it has the default answer");
    }
    all.cells
}

/// Those of the table's `who` that an element is about.
fn some(cx: &mut Context<'_>, at: &str, cells: &Cells, all: &[Who], story: &Story<'_>) -> Vec<Who> {
    let Some(said) = &cells.who else { return all.to_vec() };
    let at = below(at, "who");
    let errors = cx.findings.errors();
    let some = subjects::read(cx, &at, said, story);
    let strange = some.iter().position(|who| !all.contains(who));
    if let (Some(index), true) = (strange, cx.findings.errors() == errors && !all.is_empty()) {
        let place = if matches!(said, said::Subjects::Many(_)) { below(&at, index) } else { at };
        let known: Vec<_> = all.iter().map(|who| format!("`{}`", who.words)).collect();
        cx.findings
            .error(&place, format!("the table is not about {}", some[index].words))
            .hint(format!("its `who` has {}", known.join(", ")));
    }
    some
}

/// Warns of an exception that no question asks, beside a question that differs from it by a letter or two: one of them is a
/// slip, and what was meant by the question has the default answer because it is nowhere.
fn slips(cx: &mut Context<'_>, exceptions: &Questions, asked: &Questions, key: &str) {
    let mut told: Vec<&str> = Vec::new();
    for cell in exceptions.cells.iter().filter(|cell| asked.get(cell).is_none()) {
        let at = cell.pointer.as_str();
        if told.contains(&at) {
            continue;
        }
        let mut others = asked.cells.iter().filter(|other| other.who == cell.who && exceptions.get(other).is_none());
        let Some((word, other)) = others.find_map(|other| slip(&cell.request, &other.request)) else { continue };
        told.push(at);
        cx.findings
            .warn(at, format!("the table asks about `{other}`, and not about `{word}`"))
            .label(format!("{key}, but `asked` has no such question"))
            .hint(format!("write one of the two in both places; if both are meant, add `{word}` to `asked`"));
    }
}

/// The words of two questions that differ in one of them only, and there by a slip.
fn slip(one: &Request, other: &Request) -> Option<(String, String)> {
    let words = |request: &Request| match request {
        Request::Resource { verb, group, resource, subresource, namespace, name } => Some((
            [verb.clone(), group.clone(), name.clone().unwrap_or_default()],
            [resource.clone(), subresource.clone().unwrap_or_default(), namespace.clone().unwrap_or_default()],
        )),
        Request::Path { .. } => None,
    };
    let ((same, one), (same_other, other)) = (words(one)?, words(other)?);
    let mut differing = one.into_iter().zip(other).filter(|(one, other)| one != other);
    let found = differing.next().filter(|_| same == same_other && differing.next().is_none());
    found.filter(|(one, other)| nearest(one, std::iter::once(other.as_str())).is_some())
}

/// Questions, none twice.
#[derive(Default)]
struct Questions {
    cells: Vec<Cell>,
    /// Of each, by whom and what, where it is among them: a table may have thousands.
    places: HashMap<(Who, Request), usize>,
}

impl Questions {
    /// The one of the same subject about the same.
    fn get(&self, cell: &Cell) -> Option<&Cell> {
        self.places.get(&(cell.who.clone(), cell.request.clone())).map(|at| &self.cells[*at])
    }

    /// Adds what is not there yet.
    fn add(&mut self, who: &[Who], whats: &[What], at: &str, allowed: bool) {
        for who in who {
            for What { request, api, on_purpose } in whats {
                if self.cells.len() > MOST_CELLS {
                    return;
                }
                let Entry::Vacant(place) = self.places.entry((who.clone(), request.clone())) else { continue };
                place.insert(self.cells.len());
                let (pointer, who, request) = (at.to_owned(), who.clone(), request.clone());
                self.cells.push(Cell { pointer, who, request, allowed, api: api.clone(), on_purpose: *on_purpose });
            }
        }
    }
}
