//! The terminal of a class: it draws what is seen, and what is typed goes into the room.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use crossterm::terminal;
use rustix::termios::QueueSelector;
use tokio::sync::watch;

use super::{
    keys,
    raw::{give_back, hung_up},
    room::Room,
};
use crate::{
    output::{draw, enter_screen},
    presenter::{
        View,
        screen::{Local, Screen},
    },
    stop::{Stopper, Why},
    sync::locked,
};

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Characters a second with which commands appear; `None`: all at once.
    pub speed: Option<u32>,
    /// Whether it is read from far away.
    pub projector: bool,
    /// Whether there are colours.
    pub colors: bool,
    /// Whether a browser shows it, so that the terminal does not.
    pub browser: bool,
}

/// How often a command that is typed grows.
const TICK: Duration = Duration::from_millis(25);

/// A command takes so long to appear at most.
const LONGEST: Duration = Duration::from_secs(3);

/// The number of the signal that tells of a terminal that was closed.
const HANG_UP: u8 = 1;

/// The terminal of a class.
#[derive(Debug)]
pub struct Face {
    room: Arc<Room>,
    look: Look,
    stopper: Stopper,
    /// What is only seen here.
    local: Mutex<Local>,
    /// The step whose command appeared last, and that command.
    seen: Mutex<Option<(String, String)>>,
    changed: watch::Sender<()>,
    shown: AtomicBool,
    /// Whether another program has the terminal.
    lent: AtomicBool,
    /// The thread that holds it reads the keys.
    keys: Mutex<()>,
}

/// The terminal, as long as another program has it.
pub struct Lent<'a> {
    face: &'a Face,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        self.face.lent.store(false, Ordering::SeqCst);
        if self.face.is_shown() {
            self.face.take();
        }
    }
}

impl Face {
    /// Not shown yet.
    pub fn new(room: Arc<Room>, look: Look, stopper: Stopper) -> Self {
        let (changed, _) = watch::channel(());
        Face {
            room,
            look,
            stopper,
            local: Mutex::default(),
            seen: Mutex::default(),
            changed,
            shown: AtomicBool::new(false),
            lent: AtomicBool::new(false),
            keys: Mutex::new(()),
        }
    }

    /// Whether it has the terminal.
    pub fn is_shown(&self) -> bool {
        self.shown.load(Ordering::SeqCst)
    }

    /// Takes the terminal, if it has not.
    pub fn enter(self: &Arc<Self>) {
        if self.look.browser || self.shown.swap(true, Ordering::SeqCst) {
            return;
        }
        self.take();
        tokio::spawn(Arc::clone(self).draws());
        let face = Arc::clone(self);
        // A thread of its own: nothing can break off its wait for a key.
        std::thread::spawn(move || face.reads());
    }

    fn take(&self) {
        let _ = terminal::enable_raw_mode();
        // What was typed while there was nothing to see was not meant for it.
        let _ = rustix::termios::tcflush(rustix::stdio::stdin(), QueueSelector::IFlush);
        enter_screen();
        self.changed.send_replace(());
    }

    /// Gives the terminal back for good.
    pub fn leave(&self) {
        if self.shown.swap(false, Ordering::SeqCst) {
            self.keys_rest();
            give_back();
        }
    }

    /// Gives the terminal to another program for a while.
    pub fn lend(&self) -> Lent<'_> {
        self.lent.store(true, Ordering::SeqCst);
        // A thread that waits for a key now has done so before; none begins to since then.
        self.keys_rest();
        if self.is_shown() {
            give_back();
        }
        Lent { face: self }
    }

    /// Waits until no key is read. A terminal that was closed may hold the thread that reads it.
    fn keys_rest(&self) {
        if !hung_up(Duration::ZERO) {
            drop(locked(&self.keys));
        }
    }

    /// Waits until the command that appears is there.
    pub async fn typed(&self) {
        let mut changed = self.changed.subscribe();
        while locked(&self.local).typed.is_some() && self.is_shown() {
            let _ = changed.changed().await;
        }
    }

    /// Draws what changes, until it is left.
    async fn draws(self: Arc<Self>) {
        let (mut views, mut changed) = (self.room.views(), self.changed.subscribe());
        let mut tick = tokio::time::interval(TICK);
        // What was there before the subscription is no change to the subscriber.
        views.mark_changed();
        while self.is_shown() {
            let typing = locked(&self.local).typed.is_some();
            tokio::select! {
                seen = views.changed() => if seen.is_err() { return },
                _ = changed.changed() => {}
                _ = tick.tick(), if typing => self.types_on(&views.borrow()),
            }
            let view = views.borrow_and_update().clone();
            self.begins_to_type(&view);
            keys::ask(view.asks, &mut locked(&self.local));
            self.draw(&view);
        }
    }

    fn draw(&self, view: &View) {
        if self.lent.load(Ordering::SeqCst) || !self.is_shown() {
            return;
        }
        let (width, height) = terminal::size().map_or((80, 24), |(width, height)| (width.into(), height.into()));
        let Look { colors, projector, .. } = self.look;
        let screen = Screen { width, height, colors, projector };
        let lines = screen.lines(view, &locked(&self.local));
        draw(&lines, colors);
    }

    /// A command that was not seen yet appears by and by, and what was scrolled away is seen again.
    fn begins_to_type(&self, view: &View) {
        let now = (view.card.heading.clone(), view.card.types.clone());
        let mut seen = locked(&self.seen);
        let is_new = seen.as_ref().is_none_or(|(heading, _)| *heading != now.0);
        if !is_new {
            return;
        }
        *seen = Some(now);
        let mut local = locked(&self.local);
        (local.scrolled, local.writing) = (0, None);
        let begins = self.look.speed.is_some() && view.card.verdict.is_none() && !view.card.types.is_empty();
        local.typed = begins.then_some(0);
    }

    fn types_on(&self, view: &View) {
        let Some(speed) = self.look.speed else { return };
        let length = view.card.types.chars().count();
        let ticks = |time: Duration| (time.as_millis() / TICK.as_millis()).max(1);
        let least = length / usize::try_from(ticks(LONGEST)).unwrap_or(1) + 1;
        let usual = usize::try_from(u128::from(speed) / ticks(Duration::from_secs(1))).unwrap_or(1);
        let mut local = locked(&self.local);
        local.typed = local.typed.map(|typed| typed + usual.max(least)).filter(|typed| *typed < length);
        drop(local);
        self.changed.send_replace(());
    }

    /// Reads keys until it is left.
    fn reads(&self) {
        while self.is_shown() {
            if self.lent.load(Ordering::SeqCst) {
                std::thread::sleep(TICK);
                continue;
            }
            let keys = locked(&self.keys);
            let is_ours = self.is_shown() && !self.lent.load(Ordering::SeqCst);
            let pressed = if is_ours { keys::pressed(TICK * 2) } else { Ok(None) };
            drop(keys);
            let Ok(pressed) = pressed else {
                self.stopper.stop(Why::Signal(HANG_UP));
                return;
            };
            if let Some(pressed) = pressed {
                let end = keys::act(pressed, &mut locked(&self.local), &self.room);
                if let Some(end) = end {
                    keys::end(end, &self.stopper);
                }
                self.changed.send_replace(());
            }
        }
    }
}
