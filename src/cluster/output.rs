//! The end of a command, with all that it wrote.

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The most that a stream may carry, in bytes; more is an error and never cut silently.
pub(crate) const MOST_OUTPUT: usize = 16 << 20;

/// The end of a command.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its exit code.
    pub exit_code: i32,
    /// All of its standard output.
    pub stdout: Vec<u8>,
    /// All of its standard error.
    pub stderr: Vec<u8>,
}

/// All of a stream, if it is not too much.
///
/// # Errors
/// When it breaks off, or carries more than 16 MiB; it is never cut silently.
pub(crate) async fn all(stream: Option<impl AsyncRead + Unpin>) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        let mut limited = stream.take(MOST_OUTPUT as u64 + 1);
        limited.read_to_end(&mut bytes).await.map_err(|e| format!("its output broke off: {e}"))?;
    }
    if bytes.len() > MOST_OUTPUT {
        return Err(too_much());
    }
    Ok(bytes)
}

/// What is said of a command that wrote more than that.
pub(crate) fn too_much() -> String {
    format!("it wrote more than {} MiB", MOST_OUTPUT >> 20)
}
