//! One layer, from the registry into a file: its sum and its size are taken on the way.

use std::{fs::File, io::Write as _};

use http::{HeaderMap, HeaderValue, StatusCode, header};
use ring::digest::{Context, SHA256};

use super::{
    fault::Fault,
    get::{Answer, Source},
    manifest::Descriptor,
    reference::hex,
    transport::TRIES,
};

/// Writes a layer into a file. Where it breaks off, the rest is asked for, as long as something comes.
pub(super) async fn download(
    source: &mut Source<'_>,
    layer: &Descriptor,
    (mut file, place): (File, &str),
    tell: &mut (dyn FnMut(u64) + Send),
) -> Result<(), Fault> {
    let what = format!("the layer sha256:{}", layer.sum());
    let mut part = Part { sum: Context::new(&SHA256), have: 0, no_ranges: false };
    let mut tries: u32 = 0;
    loop {
        tries += 1;
        let before = part.have;
        let fault = match part.go_on(source, layer, &what, (&mut file, place), tell).await {
            Ok(()) => break,
            Err(fault) => fault,
        };
        // A registry that cannot give the rest gives all of it.
        let no_rest = part.have > 0 && matches!(fault, Fault::Answer { status: 416, .. });
        if !fault.passes() && (!no_rest || part.no_ranges) {
            return Err(fault);
        }
        part.no_ranges |= no_rest;
        // What has brought something deserves all its tries again: the deadline ends it.
        if part.have > before {
            tries = 1;
        }
        if tries >= TRIES {
            return Err(fault);
        }
        source.transport.patience.pause_after(tries).await?;
    }
    let found = hex(part.sum.finish());
    if found != layer.sum() {
        return Err(Fault::Digest { what, found });
    }
    Ok(())
}

/// What has come.
struct Part {
    sum: Context,
    have: u64,
    /// The registry was asked for the rest and had none.
    no_ranges: bool,
}

impl Part {
    /// Asks for what is not here yet, and takes it as long as it comes.
    async fn go_on(
        &mut self,
        source: &mut Source<'_>,
        layer: &Descriptor,
        what: &str,
        (file, place): (&mut File, &str),
        tell: &mut (dyn FnMut(u64) + Send),
    ) -> Result<(), Fault> {
        let mut headers = HeaderMap::new();
        if self.have > 0 && !self.no_ranges {
            // With its end: some registries know no other.
            let rest = HeaderValue::from_str(&format!("bytes={}-{}", self.have, layer.size - 1));
            headers.extend(rest.ok().map(|rest| (header::RANGE, rest)));
        }
        let Answer { host, mut response } =
            source.get(what, &format!("blobs/sha256:{}", layer.sum()), &headers).await?;
        let size = |found| Fault::Size { what: what.to_owned(), expected: layer.size, found };
        // A server that cannot give the rest gives all of it: what is here already is passed over.
        let mut skip = if response.status() == StatusCode::PARTIAL_CONTENT { 0 } else { self.have };
        let promised =
            response.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        let whole = promised.map(|promised| promised.saturating_add(self.have - skip));
        if let Some(found) = whole.filter(|found| *found != layer.size) {
            return Err(size(found));
        }
        while self.have < layer.size {
            let cut = |have: u64, why: String| Fault::Cut { what: what.to_owned(), have, of: layer.size, why };
            let piece = match source.transport.next(&host, response.body_mut()).await? {
                None => return Err(cut(self.have, "it ended".into())),
                Some(Err(why)) => return Err(cut(self.have, why)),
                Some(Ok(piece)) => piece,
            };
            let old = usize::try_from(skip).unwrap_or(usize::MAX).min(piece.len());
            skip -= old as u64;
            let piece = &piece[old..];
            if self.have + piece.len() as u64 > layer.size {
                return Err(size(self.have + piece.len() as u64));
            }
            file.write_all(piece).map_err(|error| Fault::Disk { place: place.to_owned(), error })?;
            self.sum.update(piece);
            self.have += piece.len() as u64;
            tell(piece.len() as u64);
        }
        Ok(())
    }
}
