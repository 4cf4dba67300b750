//! The page of a class, if one is asked for.

use std::sync::Arc;

use super::{face::Look, room::Room, server::Server};
use crate::{exit_code::Exit, output::print};

/// Serves a room, if that is asked for, and says where.
pub async fn serve(room: &Arc<Room>, look: Look) -> Result<Option<Server>, Exit> {
    if !look.browser {
        return Ok(None);
    }
    match Server::start(Arc::clone(room), look.speed).await {
        Ok(server) => {
            let said = format!("to lead the class:   {}\nonly to follow it:   {}\n", server.leads, server.follows);
            print(&said);
            Ok(Some(server))
        }
        Err(e) => {
            eprint_line!("error: the page of the class cannot be served: {e}");
            Err(Exit::Environment)
        }
    }
}
