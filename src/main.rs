//! The command line program: everything is in the library.

use std::{
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Whether the program was started without a standard output (`>&-`).
static CLOSED: AtomicBool = AtomicBool::new(false);

/// Runs before `main`, and before Rust's runtime opens `/dev/null` in the place of a standard output that is closed: from then
/// on nothing tells it from one that was sent there on purpose, and results would be lost with exit code 0.
fn look_at_standard_output() {
    CLOSED.store(kubewalk::output::stdout_is_closed(), Ordering::Relaxed);
}

ctor::declarative::ctor! {
    #[ctor(unsafe)]
    fn first() {
        look_at_standard_output();
    }
}

fn main() -> ExitCode {
    kubewalk::cli::main(CLOSED.load(Ordering::Relaxed))
}
