//! Each file below `scenarios/` is a test. All share one cluster, which goes when the test process ends.

fn main() -> std::process::ExitCode {
    kubewalk::testing::main("scenarios")
}
