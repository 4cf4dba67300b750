//! What a person would type to do the same as a step.

use serde_json::Value;

use crate::event::RequestRecord;

/// By this the lines begin that pipe manifests into kubectl.
const PIPED: &str = "printf '%s\\n' ";

/// What ends a here-document.
const END: &str = "EOF";

/// The lines that do the same. Manifests in one line of JSON are written as a person would: as YAML in a here-document.
pub(super) fn typed(lines: &str, asked: &[RequestRecord]) -> String {
    written(lines, asked).unwrap_or_else(|| lines.to_owned())
}

fn written(lines: &str, asked: &[RequestRecord]) -> Option<String> {
    let (_, tail) = lines.strip_prefix(PIPED)?.rsplit_once(" | kubectl ")?;
    let (command, rest) = tail.split_once('\n').unwrap_or((tail, ""));
    let mut documents = Vec::new();
    for request in asked {
        let body = request.body.as_ref().filter(|body| !body.cut)?;
        let manifest: Value = serde_json::from_str(&body.text).ok()?;
        documents.push(serde_saphyr::to_string(&manifest).ok()?);
    }
    let manifests = documents.join("---\n");
    if documents.is_empty() || manifests.lines().any(|line| line == END) {
        return None;
    }
    let rest = if rest.is_empty() { String::new() } else { format!("\n{rest}") };
    Some(format!("kubectl {command} <<'{END}'\n{}\n{END}{rest}", manifests.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Excerpt;

    fn asked(body: &str, cut: bool) -> Vec<RequestRecord> {
        let body = Some(Excerpt { text: body.into(), bytes: body.len(), cut });
        vec![RequestRecord { what: "apply Role r".into(), body, ..RequestRecord::default() }]
    }

    #[test]
    fn manifests_are_shown_as_yaml() {
        let lines = "printf '%s\\n' '{\"kind\":\"Role\"}' | kubectl apply --server-side -f -\nkubectl wait x";
        let body = "{\"kind\": \"Role\", \"rules\": [{\"verbs\": [\"get\"]}]}";
        let shown = typed(lines, &asked(body, false));
        assert!(shown.starts_with("kubectl apply --server-side -f - <<'EOF'\nkind: Role\nrules:\n"), "{shown}");
        assert!(shown.ends_with("\nEOF\nkubectl wait x"), "{shown}");
        assert_eq!(typed(lines, &asked(body, true)), lines, "what is not whole is not shown as if it were");
        assert_eq!(typed(lines, &asked("{\"a\": \"x\\nEOF\\ny\"}", false)).matches("<<").count(), 1);
        assert_eq!(typed("kubectl get pods", &[]), "kubectl get pods");
    }
}
