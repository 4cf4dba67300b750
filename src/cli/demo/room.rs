//! What the faces of a class and the code that carries it out share.

use std::{sync::Mutex, time::Instant};

use tokio::sync::{mpsc, watch};

use crate::{
    event::Event,
    presenter::{Class, Command, Deed, Lesson, View},
    sync::locked,
};

/// So many commands can wait.
const WAITING: usize = 64;

/// A class, and the ways in and out.
#[derive(Debug)]
pub struct Room {
    class: Mutex<Class>,
    lessons: Vec<Lesson>,
    views: watch::Sender<View>,
    say: mpsc::Sender<Command>,
    said: tokio::sync::Mutex<mpsc::Receiver<Command>>,
    begun: Instant,
}

impl Room {
    /// Before the first of these lessons; `can_open`: a shell can be opened.
    pub fn new(lessons: Vec<Lesson>, can_open: bool) -> Self {
        let mut class = Class::new(lessons.first().cloned().unwrap_or_default());
        class.can_open = can_open;
        class.more = lessons.len() > 1;
        let (views, _) = watch::channel(View::new(&class, 0));
        let (say, said) = mpsc::channel(WAITING);
        Room { class: Mutex::new(class), lessons, views, say, said: said.into(), begun: Instant::now() }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// What is seen, now and whenever it changes.
    pub fn views(&self) -> watch::Receiver<View> {
        self.views.subscribe()
    }

    /// Takes a command from a face. One too many is dropped, and so is what is said before a scenario is open, and while a step is
    /// carried out.
    pub fn say(&self, command: Command) {
        let is_busy = locked(&self.class).is_busy();
        if is_busy {
            self.with(|class, _| class.turn_away(&command));
        } else {
            let _ = self.say.try_send(command);
        }
    }

    /// From now on commands are taken, and only such as were said since.
    pub async fn open(&self) {
        self.forget().await;
        self.with(|class, _| class.open());
    }

    /// Forgets what was said and not listened to.
    pub async fn forget(&self) {
        let mut said = self.said.lock().await;
        while said.try_recv().is_ok() {}
    }

    /// Waits for a command, and gives what it asks for.
    pub async fn listen(&self) -> Deed {
        let command = self.said.lock().await.recv().await;
        command.map_or(Deed::Quit, |command| self.with(|class, now| class.command(&command, now)))
    }

    /// Changes the class, and shows it.
    pub fn with<T>(&self, change: impl FnOnce(&mut Class, u64) -> T) -> T {
        let now = self.now();
        let mut class = locked(&self.class);
        let changed = change(&mut class, now);
        self.views.send_replace(View::new(&class, now));
        changed
    }

    /// Takes what happens. A scenario that begins is another lesson.
    pub fn on(&self, event: &Event) {
        self.with(|class, _| {
            if let Event::ScenarioStarted { path, .. } = event
                && let Some(at) = self.lessons.iter().position(|lesson| lesson.path == *path)
            {
                let mut next = Class::new(self.lessons[at].clone());
                next.continues(class);
                next.more = at + 1 < self.lessons.len();
                *class = next;
            }
            class.on(event);
        });
    }
}
