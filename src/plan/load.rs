//! From a file to its plan, or to all that is wrong with it: with its shape and with what it says, in one go.

use std::{path::Path, sync::Arc};

use super::{Names, Plan, Trust, plan_for};
use crate::scenario::{
    Diagnostic, Document, Source,
    partly::{self, Wrong},
};

/// As many errors of one file are told beside those of its shape.
const MOST: usize = 20;

/// What comes of a file: its plan, or its text and all that is wrong with it.
pub type Loaded = Result<Plan, (Source, Vec<Diagnostic>)>;

/// Reads and plans a file.
///
/// # Errors
/// The file's text and all that is wrong with it.
pub fn load(path: &Path, names: &Names, trust: Trust) -> Loaded {
    planned(partly::read_file(path), names, trust)
}

/// Reads and plans the bytes of a file.
///
/// # Errors
/// The file's text and all that is wrong with it.
pub fn load_bytes(path: &Path, bytes: &[u8], names: &Names, trust: Trust) -> Loaded {
    planned(partly::read(path, bytes), names, trust)
}

fn planned(read: Result<Arc<Document>, Box<Wrong>>, names: &Names, trust: Trust) -> Loaded {
    match read {
        Ok(document) => {
            let source = document.source.clone();
            plan_for(document, names, trust).map_err(|found| (source, found))
        }
        Err(wrong) => {
            let Wrong { source, mut found, rest } = *wrong;
            if let Some(rest) = rest {
                let more = plan_for(Arc::clone(&rest.document), names, trust).err().unwrap_or_default();
                let more = rest.told(more, &found);
                found.extend(more.into_iter().take(MOST));
                found.sort_by_key(|found| (found.file.is_some(), found.span.unwrap_or_default()));
            }
            Err((source, found))
        }
    }
}
