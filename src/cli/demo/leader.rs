//! Carries out what the commands of a class ask for: tells the run what comes next, and opens shells.

use std::{
    path::PathBuf,
    process::Stdio,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::BoxFuture;

use super::{face::Face, room::Room};
use crate::{
    cli::{
        inside::{self, Inside},
        look::Pause,
    },
    presenter::Deed,
    run::guide::{Guide, Position, Turn},
    sync::locked,
};

/// Leads by what is said in a room.
#[derive(Debug)]
pub struct Leader {
    room: Arc<Room>,
    face: Arc<Face>,
    pause: Pause,
    touched: AtomicBool,
    /// Whether the class is over, whatever scenarios are left.
    over: AtomicBool,
    /// The scenario that was led last.
    begun: Mutex<Option<PathBuf>>,
}

impl Leader {
    /// In a room, with a terminal.
    pub fn new(room: Arc<Room>, face: Arc<Face>, pause: Pause) -> Self {
        Leader {
            room,
            face,
            pause,
            touched: AtomicBool::new(false),
            over: AtomicBool::new(false),
            begun: Mutex::new(None),
        }
    }

    async fn next(&self, at: Position<'_>) -> Turn {
        if self.over.load(Ordering::Relaxed) {
            return Turn::End;
        }
        if let Some(lines) = at.lines {
            self.room.with(|class, _| class.preview(at.at + 1, lines));
        }
        self.face.enter();
        let path = at.plan.document.source.path.clone();
        // What was said while the cluster was being started, or another scenario ended, was not said about this one.
        let is_new = locked(&self.begun).replace(path.clone()).is_none_or(|before| before != path);
        if is_new {
            self.room.open().await;
        }
        loop {
            let deed = match self.room.with(|class, _| class.due()) {
                Some(due) => due,
                None => self.room.listen().await,
            };
            if !matches!(deed, Deed::Nothing) {
                self.room.forget().await;
            }
            match deed {
                Deed::Nothing => {}
                Deed::Shell => {
                    self.shell(at).await;
                    self.room.forget().await;
                }
                Deed::Play => {
                    self.face.typed().await;
                    return Turn::Step;
                }
                Deed::Skip(reason) => return Turn::Skip(reason),
                Deed::Back(to) => return Turn::Back(to),
                Deed::Finish => return Turn::End,
                Deed::Quit => {
                    self.over.store(true, Ordering::Relaxed);
                    self.room.with(|class, _| class.note = Some("all that the class made is being removed".into()));
                    return Turn::End;
                }
            }
        }
    }

    /// A shell on the cluster, in the scenario's namespace.
    async fn shell(&self, at: Position<'_>) {
        self.touched.store(true, Ordering::Relaxed);
        let inside = Inside {
            files: vec![at.cluster.kubeconfig().to_owned()],
            context: None,
            namespace: at.plan.namespace.clone(),
        };
        let lent = self.face.lend();
        eprint_line!(
            "kubewalk: a shell of the cluster's administrator in namespace {}; `exit` goes on with the class",
            inside.namespace
        );
        let opened = inside::open(&inside, (&[], Stdio::inherit()), &self.pause.settings).await;
        drop(lent);
        self.room.with(|class, _| {
            class.note = Some(match opened {
                Ok(_) => "what was changed in the shell is undone when the class goes back".to_owned(),
                Err(error) => error.message,
            });
        });
    }
}

impl Guide for Leader {
    fn turn<'a>(&'a self, at: Position<'a>) -> BoxFuture<'a, Turn> {
        Box::pin(self.next(at))
    }

    fn touched(&self) -> bool {
        self.touched.swap(false, Ordering::Relaxed)
    }
}
