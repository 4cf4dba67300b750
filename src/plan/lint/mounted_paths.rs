//! Commands that look for the mounted token where nothing is mounted: that it is not there says nothing about the Pod.

use serde_json::Value;

use crate::{
    k8s::{nearest, well_known::MOUNT},
    plan::{
        Action, Step,
        context::{Context, Draft, below},
    },
};

/// What is mounted there.
const FILES: [&str; 3] = ["token", "ca.crt", "namespace"];

/// Looks at the words of all commands.
pub(in crate::plan) fn check(cx: &mut Context<'_>, drafts: &[Draft<'_>], steps: &[Step]) {
    for step in steps {
        let at = below(&step.pointer, step.verb);
        let (words, at, skipped) = match &step.action {
            Action::Exec(exec) => (&exec.command, below(&at, "command"), 0),
            Action::Kubectl(call) => (&call.args, below(&at, "args"), call.added),
            _ => continue,
        };
        for (index, word) in words.iter().enumerate().skip(skipped) {
            let is_path = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '-' | '_');
            for path in word.split(|c| !is_path(c)).filter(|path| path.starts_with('/')) {
                let Some(meant) = meant(path) else { continue };
                if drafts.iter().flat_map(|draft| &draft.objects).any(|placed| mounts(&placed.object.manifest, path)) {
                    continue;
                }
                cx.findings
                    .warn(&below(&at, index - skipped), format!("Kubernetes mounts nothing at `{path}`"))
                    .label("it is in no Pod, with or without a token")
                    .hint(format!("did you mean `{meant}`?"));
            }
        }
    }
}

/// The path that was probably meant, if this is none of the mounted ones.
fn meant(path: &str) -> Option<String> {
    let (path, alias) = match path.strip_prefix("/run/") {
        Some(rest) => (format!("/var/run/{rest}"), true),
        None => (path.to_owned(), false),
    };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    let own: Vec<&str> = MOUNT.trim_start_matches('/').split('/').collect();
    let near = |one: &str, other: &str| one == other || nearest(one, [other].into_iter()).is_some();
    let whole = parts.len() >= own.len() && own.iter().zip(&parts).all(|(own, part)| near(part, own));
    // One folder of them is left out.
    let lacks = (2..own.len() - 1).find(|left| {
        let rest: Vec<_> = own.iter().enumerate().filter(|(index, _)| index != left).map(|(_, own)| *own).collect();
        parts.starts_with(&rest)
    });
    let rest = match (whole, lacks) {
        (true, _) => &parts[own.len()..],
        (false, Some(_)) => &parts[own.len() - 1..],
        (false, None) => return None,
    };
    let file = |file: &&str| nearest(file, FILES.into_iter()).filter(|near| near != file);
    let files = match rest {
        [] => String::new(),
        [only] => format!("/{}", file(only).unwrap_or(only)),
        more => format!("/{}", more.join("/")),
    };
    let meant = format!("{MOUNT}{files}");
    (meant != path).then(|| if alias { meant.replacen("/var/run/", "/run/", 1) } else { meant })
}

/// Whether a manifest mounts something at the path, or around it.
fn mounts(manifest: &Value, path: &str) -> bool {
    match manifest {
        Value::Object(map) => map.iter().any(|(key, value)| match value.as_str() {
            Some(folder) => key == "mountPath" && path.starts_with(folder.trim_end_matches('/')),
            None => mounts(value, path),
        }),
        Value::Array(items) => items.iter().any(|item| mounts(item, path)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(
        "/var/run/secrets/kubernetes.io/servicaccount/token",
        Some("/var/run/secrets/kubernetes.io/serviceaccount/token")
    )]
    #[case("/var/run/secrets/kubernetes.io/serviceaccounts", Some(MOUNT))]
    #[case(
        "/var/run/secret/kubernetes.io/serviceaccount/token",
        Some("/var/run/secrets/kubernetes.io/serviceaccount/token")
    )]
    #[case("/run/secrets/kubernetes.io/serviceacount", Some("/run/secrets/kubernetes.io/serviceaccount"))]
    #[case("/var/run/secrets/serviceaccount/token", Some("/var/run/secrets/kubernetes.io/serviceaccount/token"))]
    #[case(
        "/var/run/secrets/kubernetes.io/serviceaccount/tokn",
        Some("/var/run/secrets/kubernetes.io/serviceaccount/token")
    )]
    #[case(MOUNT, None)]
    #[case("/run/secrets/kubernetes.io/serviceaccount/ca.crt", None)]
    #[case("/var/run/secrets/kubernetes.io/serviceaccount/", None)]
    #[case("/var/run/secrets/kubernetes.io/serviceaccount/..data/token", None)]
    #[case("/var/run/secrets/kubernetes.io", None)]
    #[case("/var/run/secrets/eks.amazonaws.com/serviceaccount/token", None)]
    #[case("/var/run/secrets/tokens/vault-token", None)]
    fn paths_near_the_mounted_one(#[case] path: &str, #[case] near: Option<&str>) {
        assert_eq!(meant(path).as_deref(), near);
    }
}
