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

/// The room that the program has on its stack, in bytes, whatever the limit of the main thread's is (`ulimit -s`).
const STACK: usize = 8 << 20;

fn main() -> ExitCode {
    let run = || kubewalk::cli::main(CLOSED.load(Ordering::Relaxed));
    match std::thread::Builder::new().name("main".into()).stack_size(STACK).spawn(run) {
        Ok(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
        Err(_) => run(),
    }
}
