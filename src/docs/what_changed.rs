//! `docs/what-changed.md`: what the tutorials say, then and now, as a run on several versions of Kubernetes has found it.

use crate::{event::Record, report::versions::markdown};

const INTRO: &str = "\
<!-- Generated from a run. To refresh it: KUBEWALK_BLESS=1 KUBEWALK_VERSIONS=all cargo test --test versions -->

# What has changed since the tutorials were written

Two scenarios ran on several versions of Kubernetes: one asks each version the same questions, the other is a tutorial of 2019 word for word.
`✓` a step held there, `-` it is not for that version. To do it again:

```console
kubewalk run --cluster builtin --kubernetes 1.20,1.34,1.37 scenarios/history scenarios/serviceaccount-2019
```
";

/// The page.
pub fn page(records: &[Record]) -> String {
    format!("{INTRO}{}", markdown(records).trim_end()) + "\n"
}
