//! Where a scenario asks for what its API server did not start with.

use super::{Plan, context::below};
use crate::scenario::{Span, diagnostic};

impl Plan {
    /// The place of the name in `cluster:` that these last words of the server are about: a plugin, a feature, a version of the API.
    /// That of `cluster:` when they name none of them.
    pub fn refused_at(&self, last_words: &str) -> Span {
        let names = self.document.scenario.cluster.iter().flat_map(|server| {
            let of = |at: &str, names: Vec<&String>| -> Vec<(String, String)> {
                names.into_iter().map(|name| (name.clone(), below(at, name))).collect()
            };
            let listed = |at: &str, names: &[String]| -> Vec<(String, String)> {
                names.iter().enumerate().map(|(index, name)| (name.clone(), below(at, index))).collect()
            };
            let mut names = of("/cluster/featureGates", server.feature_gates.keys().collect());
            if let Some(told) = &server.api_server {
                names.extend(of("/cluster/apiServer/runtimeConfig", told.runtime_config.keys().collect()));
            }
            if let Some(admission) = &server.admission {
                names.extend(of("/cluster/admission/config", admission.config.keys().collect()));
                names.extend(listed("/cluster/admission/enable", &admission.enable));
                names.extend(listed("/cluster/admission/disable", &admission.disable));
            }
            names
        });
        let named = names.filter(|(name, _)| is_named(last_words, name)).map(|(_, pointer)| pointer).next();
        self.document.key_span(&named.unwrap_or_else(|| "/cluster".into()))
    }

    /// The same as FILE:LINE:COLUMN.
    pub fn refused_place(&self, last_words: &str) -> String {
        let source = &self.document.source;
        let (line, column) = diagnostic::line_col(source, self.refused_at(last_words).start);
        format!("{}:{line}:{column}", source.path.display())
    }
}

/// Whether words have a name that is not a part of a longer one.
fn is_named(words: &str, name: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '/' | '-');
    // A dot may end the sentence, or go on within the name.
    let begins = |before: &str| !before.ends_with(|c| part(c) || c == '.');
    let ends =
        |after: &str| !after.starts_with(part) && !after.strip_prefix('.').is_some_and(|rest| rest.starts_with(part));
    words.match_indices(name).any(|(at, _)| begins(&words[..at]) && ends(&words[at + name.len()..]))
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use rstest::rstest;

    use crate::{plan::Names, scenario};

    #[rstest]
    #[case("Error: group version resource.k8s.io/v9 that has not been registered", "resource.k8s.io/v9: true")]
    #[case("Error: unknown api groups wurst/v1", "wurst/v1: true")]
    #[case("Error: invalid argument: unrecognized feature gate: HPAScaleToZero", "HPAScaleToZero")]
    #[case("Error: couldn't init admission plugin \"PodSecurity\": it must be one of privileged", "PodSecurity: {")]
    #[case("Error: unknown plugins: AlwaysPullImages.", "AlwaysPullImages")]
    #[case("Error: my.resource.k8s.io/v9 and AlwaysPullImagesNot and wurst/v1beta1", "cluster:")]
    #[case("panic: out of memory", "cluster:")]
    fn the_name_that_was_refused_is_pointed_at(#[case] words: &str, #[case] at: &str) {
        // Versions that no server knows are found by `check` in the newest; this is as it stands in a file.
        let text = "title: t\ncluster:\n  admission:\n    enable: [AlwaysPullImages]\n    config:\n      PodSecurity: {defaults: \
                    {enforce: x}}\n  featureGates: {HPAScaleToZero: false}\n  apiServer:\n    runtimeConfig: {wurst/v1: true, \
                    resource.k8s.io/v9: true}\nsteps:\n  - title: s\n    serviceAccount: a\n";
        let document: Arc<_> = scenario::read(Path::new("a.yaml"), text.as_bytes()).expect("valid");
        let plan = crate::plan::make::examine(document, &Names::random(), crate::plan::Trust::Full, None).0;
        let start = plan.refused_at(words).start;
        assert!(text[start..].starts_with(at), "{}", &text[start..]);
    }
}
