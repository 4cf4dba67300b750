//! The texts of what a step is made of. Each type is taken apart whole, so that a new text cannot be forgotten.

use serde_json::Value;

use crate::plan::{Curl, FromFile, Identity, Kind, Object, Of, Place, Request, Target};

/// What changes texts.
pub trait Filler {
    /// A text.
    fn fill_text(&mut self, text: &mut String);

    /// A text that may become another value.
    fn whole(&mut self, value: &mut Value);

    /// Every text in a value.
    fn value(&mut self, value: &mut Value) {
        match value {
            Value::String(_) => self.whole(value),
            Value::Array(list) => list.iter_mut().for_each(|value| self.value(value)),
            Value::Object(map) => map.values_mut().for_each(|value| self.value(value)),
            _ => {}
        }
    }

    /// A body: JSON, so that quotes in a value stay in it, or a text.
    fn body(&mut self, body: &mut String) {
        match serde_json::from_str::<Value>(body) {
            Ok(mut value) if !value.is_string() => {
                self.value(&mut value);
                *body = value.to_string();
            }
            _ => self.fill_text(body),
        }
    }
}

pub(in crate::plan) fn all<'t>(texts: impl IntoIterator<Item = &'t mut String>, filler: &mut dyn Filler) {
    texts.into_iter().for_each(|text| filler.fill_text(text));
}

pub(in crate::plan) fn identity(identity: &mut Identity, filler: &mut dyn Filler) {
    match identity {
        Identity::Anonymous => {}
        Identity::ServiceAccount { namespace, name } => all([namespace, name], filler),
        Identity::User { name, groups } => all([name].into_iter().chain(groups), filler),
    }
}

/// A manifest of a file is sent as it is written, unless the step asks for more.
pub(in crate::plan) fn object(object: &mut Object, filler: &mut dyn Filler) {
    let Object { kind, namespace, name, manifest, file } = object;
    if file.as_ref().is_some_and(|FromFile { path: _, fill, namespace: _, by: _, some: _, read: _ }| !fill) {
        return;
    }
    self::kind(kind, filler);
    filler.fill_text(name);
    all(namespace, filler);
    filler.value(manifest);
}

fn kind(kind: &mut Kind, filler: &mut dyn Filler) {
    let Kind { group, version, kind, plural, namespaced: _ } = kind;
    all([group, version, kind].into_iter().chain(plural), filler);
}

pub(in crate::plan) fn target(target: &mut Target, filler: &mut dyn Filler) {
    let Target { kind, namespace, name, label_selector, field_selector } = target;
    self::kind(kind, filler);
    all([namespace, name, label_selector, field_selector].into_iter().flatten(), filler);
}

pub(in crate::plan) fn place(place: &mut Place, filler: &mut dyn Filler) {
    let Place { namespace, pod, container, of, has_curl: _, added: _, told: _ } = place;
    all([namespace, pod].into_iter().chain(container), filler);
    match of {
        None | Some(Of::Name) => {}
        Some(Of::Owner(_, name)) => filler.fill_text(name),
        Some(Of::Labels(labels)) => {
            let mut filled = std::collections::BTreeMap::new();
            for (mut key, mut value) in std::mem::take(labels) {
                all([&mut key, &mut value], filler);
                filled.insert(key, value);
            }
            *labels = filled;
        }
    }
}

pub(in crate::plan) fn curl(call: &mut Curl, filler: &mut dyn Filler) {
    let Curl {
        place,
        url,
        method: _,
        mounted_token: _,
        insecure: _,
        cacert: _,
        headers,
        body,
        identity,
        request,
        late: _,
        // The name under which it was saved.
        saved_token: _,
    } = call;
    self::place(place, filler);
    all([url].into_iter().chain(headers.values_mut()), filler);
    if let Some(body) = body {
        filler.body(body);
    }
    self::identity(identity, filler);
    if let Some(request) = request {
        self::request(request, filler);
    }
}

pub(in crate::plan) fn request(request: &mut Request, filler: &mut dyn Filler) {
    match request {
        Request::Path { verb, path } => all([verb, path], filler),
        Request::Resource { verb, group, resource, subresource, namespace, name } => {
            let optional = [subresource, namespace, name].into_iter().flatten();
            all([verb, group, resource].into_iter().chain(optional), filler);
        }
    }
}
