//! `absent` and `empty` of an expectation.

use super::{
    Class, Http, Mismatch,
    status::{Status, status_text},
};
use crate::{redact::show, scenario::expect::Expect};

/// `absent` and `empty`, when the status is as expected.
pub(super) fn judge(expect: &Expect, http: &Http, found: &mut Vec<Mismatch>) {
    if expect.absent == Some(true) {
        let status = Status::in_answer(http).filter(|status| status.failure);
        let about = status.is_some_and(|status| status.reason == "NotFound" && !status.detail("name").is_empty());
        if !about {
            let got = match status {
                Some(status) => format!("{}: {}", status_text(http.status), show::line(status.message, show::VALUE)),
                None => format!("{} without a Status", status_text(http.status)),
            };
            let mut mismatch = Mismatch::new("/expect/absent", Class::Absence, "404 NotFound about this object", got);
            mismatch.message = "404, but not about this object".into();
            mismatch.hint =
                Some("the server does not know the kind or the path, which says nothing about the object; to claim that it does not know the kind, say `status: 404`".into());
            found.push(mismatch);
        }
    }
    let Some(empty) = expect.empty else { return };
    match http.json.as_ref().and_then(|json| json["items"].as_array()) {
        None => {
            found.push(Mismatch::new("/expect/empty", Class::Absence, "a list", "no list (no `items`)"));
        }
        Some(items) if items.is_empty() != empty => {
            let names: Vec<&str> = items.iter().filter_map(|item| item["metadata"]["name"].as_str()).take(10).collect();
            let plural = if items.len() == 1 { "element" } else { "elements" };
            let got = match items.len() {
                0 => "an empty one".to_owned(),
                count => format!("{count} {plural}: {}", show::line(&names.join(", "), show::VALUE)),
            };
            let wanted = if empty { "an empty list" } else { "a list with elements" };
            found.push(Mismatch::new("/expect/empty", Class::Absence, wanted, got));
        }
        Some(_) => {}
    }
}
