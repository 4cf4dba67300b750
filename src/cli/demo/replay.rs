//! `kubewalk demo --replay`: an earlier run is shown again, without a cluster.

use std::{path::Path, sync::Arc};

use super::{
    face::{Face, Look},
    raw::is_at_a_terminal,
    room::Room,
    serving::serve,
};
use crate::{
    cli::{
        report::{read_stream, unreadable},
        signals,
        talk::Talk,
    },
    event::{Event, Record, stream},
    exit_code::Exit,
    output::{eprint, eprint_colored, print_colored, width},
    presenter::{Deed, Tape},
    redact::show,
    report::terminal::Terminal,
    stop::{Stop, unless_stopped},
};

pub fn main(events: &Path, path: Option<&Path>, look: Look, talk: Talk) -> anyhow::Result<Exit> {
    let name = show::line(&events.to_string_lossy(), show::BODY);
    let (name, text) = match read_stream(events) {
        Ok(read) => read,
        Err(e) => {
            eprint(&format!("error: cannot read {name}: {e}\n"));
            return Ok(Exit::Invalid);
        }
    };
    let records = match stream::read(&text) {
        Ok(records) => records,
        Err(e) => {
            eprint_colored(&unreadable(&name, &text, &e, talk.stderr_colors()), talk.stderr_colors());
            return Ok(Exit::Invalid);
        }
    };
    // What another program has written has not been through the filter.
    let records: Vec<Record> = records.into_iter().map(|record| Record::new(record.at_ms, record.event)).collect();
    let paths = presented(&records);
    let wanted = path.map(|path| path.to_string_lossy().into_owned());
    let tapes: Vec<Tape> = (paths.iter().filter(|path| wanted.as_ref().is_none_or(|wanted| *wanted == **path)))
        .filter_map(|path| Tape::from_records(&records, Some(path)))
        .collect();
    if tapes.is_empty() {
        let there =
            if paths.is_empty() { "no scenario began".to_owned() } else { format!("it has {}", paths.join(", ")) };
        eprint_line!(
            "error: nothing in {} can be shown: {}",
            show::line(&name, show::BODY),
            show::line(&there, show::BODY)
        );
        return Ok(Exit::Invalid);
    }
    if !is_at_a_terminal() && !look.browser {
        eprint_line!(
            "kubewalk: standard input or output is no terminal, so nobody can lead: the run is shown straight through"
        );
        let mut terminal = Terminal::new(talk.stdout_colors(), talk.verbosity(), width());
        let shown: String = records.iter().map(|record| terminal.on(&record.event)).collect();
        return Ok(print_colored(&shown, talk.stdout_colors()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let (stopper, stop) = runtime.block_on(async { signals::listen("kubewalk sweep".into()) });
    let room = Arc::new(Room::new(tapes.iter().map(|tape| tape.lesson.clone()).collect(), false));
    let face = Arc::new(Face::new(Arc::clone(&room), look, stopper));
    let exit = runtime.block_on(async {
        let _server = match serve(&room, look).await {
            Ok(server) => server,
            Err(exit) => return exit,
        };
        room.with(|class, _| class.is_replay = true);
        face.enter();
        let exit = lead(tapes, &room, &face, &stop).await;
        face.leave();
        exit
    });
    runtime.shutdown_background();
    Ok(exit)
}

/// The files of the scenarios that began, each once, in their order.
fn presented(records: &[Record]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for record in records {
        if let Event::ScenarioStarted { path, .. } = &record.event
            && !paths.contains(path)
        {
            paths.push(path.clone());
        }
    }
    paths
}

/// Shows one after the other as the person who leads says.
async fn lead(tapes: Vec<Tape>, room: &Room, face: &Face, stop: &Stop) -> Exit {
    for mut tape in tapes {
        room.on(&tape.begun());
        room.with(|class, _| class.place.clone_from(&tape.place));
        room.open().await;
        loop {
            tape.left_out().iter().for_each(|event| room.on(event));
            let deed = match room.with(|class, _| class.due()) {
                Some(due) => due,
                None => match unless_stopped(stop, room.listen()).await {
                    Ok(deed) => deed,
                    Err(why) => return why.into(),
                },
            };
            if !matches!(deed, Deed::Nothing) {
                room.forget().await;
            }
            let events = match deed {
                Deed::Play => {
                    face.typed().await;
                    tape.step()
                }
                Deed::Skip(reason) => tape.skip(&reason),
                Deed::Back(to) => tape.back(to),
                Deed::Nothing | Deed::Shell => vec![],
                Deed::Finish => break,
                Deed::Quit => return Exit::Held,
            };
            events.iter().for_each(|event| room.on(event));
        }
    }
    Exit::Held
}
