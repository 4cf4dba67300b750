//! Each file below `scenarios/` is a test. All share one cluster, which goes when the test process ends.

#[rstest::rstest]
fn scenario(#[files("scenarios/**/*.yaml")] path: std::path::PathBuf) {
    kubewalk::testing::run(path);
}
