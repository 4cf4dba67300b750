//! Every shipped scenario on a real cluster, one test each.

use std::path::PathBuf;

use rstest::rstest;

#[rstest]
fn scenario(#[files("scenarios/**/*.yaml")] path: PathBuf) {
    kubewalk::testing::run(path);
}
