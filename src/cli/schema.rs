//! `kubewalk schema`.

use crate::{exit_code::Exit, scenario};

pub fn main() -> anyhow::Result<Exit> {
    Ok(super::print(&format!("{:#}\n", scenario::schema_json())))
}
