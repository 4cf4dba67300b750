//! What a call from inside a Pod has made in a cluster of others. The Pod says it, and can say what it likes. So only that is noted for
//! its removal which kubewalk itself has seen: an object of the name that was sent, which was not there before the call.

use std::collections::HashSet;

use http::header::{ACCEPT, HeaderMap, HeaderValue};
use serde_json::Value;

use super::{Context, Made, api};
use crate::{
    expect::Http,
    plan::{Curl, Request},
    scenario::verbs::Method,
};

/// A list that says of each object only who it is.
const ONLY_METADATA: &str = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json";

/// What a call may make, as the API server knows it before the call.
pub(super) struct Before {
    /// The path of the collection.
    collection: String,
    name: Name,
    /// The identities of what has such a name already.
    there: HashSet<String>,
}

/// The name that was sent.
enum Name {
    Whole(String),
    /// `generateName`.
    Begin(String),
}

impl Before {
    /// Looks at what the call is about to make. `None`: it makes nothing by a name, or that cannot be looked at.
    pub(super) async fn look(curl: &Curl, context: &Context) -> Option<Self> {
        let Some(Request::Resource { subresource: None, .. }) = &curl.request else { return None };
        if curl.method != Method::Post {
            return None;
        }
        let body: Value = serde_json::from_str(curl.body.as_deref()?).ok()?;
        let text = |key: &str| body["metadata"][key].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let name = text("name").map(Name::Whole).or_else(|| text("generateName").map(Name::Begin))?;
        let collection = curl.path().split('?').next()?.to_owned();
        let there = match &name {
            Name::Whole(name) => {
                let answer = api::get(&context.client, &member(&collection, name)).await.ok()?;
                match answer.status {
                    200 => HashSet::from([api::uid(answer.json.as_ref())?]),
                    404 => HashSet::new(),
                    _ => return None,
                }
            }
            Name::Begin(begin) => identities(&collection, begin, context).await?,
        };
        Some(Before { collection, name, there })
    }

    /// Notes what the Pod says that it has made, if it is so.
    pub(super) async fn remember(&self, said: Made, context: &Context) {
        let fits = match &self.name {
            Name::Whole(name) => said.name == *name,
            Name::Begin(begin) => said.name.starts_with(begin),
        };
        if !fits {
            return;
        }
        let Ok(answer) = api::get(&context.client, &member(&self.collection, &said.name)).await else { return };
        if self.confirms(&said, &answer) {
            context.remember(said);
        }
    }

    /// Whether the API server has the object with this identity, and had none such before.
    fn confirms(&self, said: &Made, answer: &Http) -> bool {
        let now = api::uid(answer.json.as_ref().filter(|_| answer.status == 200));
        now.is_some() && now == said.uid && now.is_some_and(|uid| !self.there.contains(&uid))
    }
}

fn member(collection: &str, name: &str) -> String {
    format!("{}/{}", collection.trim_end_matches('/'), api::escape(name))
}

/// Who is in a collection with a name that begins so.
async fn identities(collection: &str, begin: &str, context: &Context) -> Option<HashSet<String>> {
    let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(ONLY_METADATA))]);
    let list = api::send_with(&context.client, headers, http::Method::GET, collection, None, Vec::new()).await.ok()?;
    let items = list.json.as_ref().filter(|_| list.status == 200)?["items"].as_array()?.clone();
    let named = |item: &&Value| item["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(begin));
    Some(items.iter().filter(named).filter_map(|item| api::uid(Some(item))).collect())
}
