//! What the API server serves while a scenario runs: its own, and what the scenario's CustomResourceDefinitions add.

use serde_json::Value;

use crate::{
    k8s::{Apis, definition},
    plan::context::Draft,
};

/// All that the steps add, early or late: whether it is there in time shows when they run.
pub(in crate::plan) fn served_with(drafts: &[Draft<'_>]) -> Apis {
    let made = || drafts.iter().filter(|draft| !draft.refused).flat_map(|draft| &draft.objects);
    let of_kind = |kind: &'static str| {
        made().filter(move |placed| placed.object.kind.kind == kind).map(|placed| &placed.object.manifest)
    };
    let resources = of_kind("CustomResourceDefinition").flat_map(definition::resources).collect();
    // An aggregated API is whatever another server says.
    let others = of_kind("APIService").filter_map(|service| text_at(service, "/spec/group")).collect();
    Apis::of_scenario(resources, others)
}

fn text_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().map(str::to_owned)
}
