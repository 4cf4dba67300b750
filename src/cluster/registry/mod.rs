//! An image registry: pulls an image by the digest of its manifest, so that what comes can be nothing else, from any server.
//!
//! All that a registry says is the word of others until a sum that is already known proves it: the reference names the sum
//! of the manifest, the manifest those of the layers. A layer is written to a file and summed up on the way, and read only
//! when the sum is right. Then it is unpacked below an open folder, in which no link is followed.

pub mod fault;
mod get;
mod layer;
mod manifest;
mod pull;
pub mod reference;
mod transport;
mod unpack;

pub use fault::Fault;
pub use pull::{Pull, pull};
pub use reference::Reference;
