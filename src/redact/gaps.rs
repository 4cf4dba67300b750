//! Known credentials that are cut into pieces with something between: numbers of lines, quotes, colours.

use std::{collections::HashMap, ops::Range};

use super::view::View;

/// The shortest piece that a credential is known by. Its neighbours are looked for from there.
const SEED: usize = 8;

/// The shortest neighbour.
const NEXT: usize = 4;

/// So much may stand between two pieces.
const GAP: usize = 24;

/// So many bytes of all pieces together are a credential.
const LEAST: usize = 16;

/// So many places are known; of more credentials only unbroken pieces are found.
const MOST: usize = 1 << 20;

/// The bits of the filter, as a power of two.
const BITS: u32 = 22;

/// Credentials, with each of their places.
#[derive(Debug, Default)]
pub struct Gaps {
    forms: Vec<String>,
    seeds: HashMap<[u8; SEED], (u32, u32)>,
    /// What may be a seed: so many are looked up that this has to come first.
    filter: Vec<u64>,
}

impl Gaps {
    /// Learns a form of a credential.
    pub fn add(&mut self, form: &str) {
        let Ok(index) = u32::try_from(self.forms.len()) else { return };
        if form.len() < LEAST || self.seeds.len() + form.len() > MOST {
            return;
        }
        self.filter.resize((1 << BITS) / 64, 0);
        for (at, seed) in (0_u32..).zip(form.as_bytes().windows(SEED)) {
            let Ok(seed) = <[u8; SEED]>::try_from(seed) else { continue };
            let (word, bit) = place(seed);
            self.filter[word] |= bit;
            // Of credentials that begin alike each has places of its own behind that.
            self.seeds.entry(seed).or_insert((index, at));
        }
        self.forms.push(form.to_owned());
    }

    /// Where in a text pieces of one credential stand near to each other, in its order.
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        let (text, mut found, mut done) = (text.as_bytes(), Vec::new(), 0);
        if self.forms.is_empty() {
            return found;
        }
        let mut at = 0;
        while let Some(seed) = text.get(at..at + SEED).and_then(|seed| <[u8; SEED]>::try_from(seed).ok()) {
            let (word, bit) = place(seed);
            at += 1;
            if self.filter[word] & bit == 0 {
                continue;
            }
            let Some((form, from)) = self.seeds.get(&seed) else { continue };
            let (form, from) = (self.forms[*form as usize].as_bytes(), *from as usize);
            let (start, before) = backward(&text[done..at - 1], &form[..from]);
            let (end, after) = forward(&text[at - 1..], &form[from..]);
            if before + after >= LEAST {
                found.push(done + start..at - 1 + end);
                at = at - 1 + end;
                done = at;
            }
        }
        found
    }
}

fn place(seed: [u8; SEED]) -> (usize, u64) {
    let hash = u64::from_le_bytes(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - BITS);
    (usize::try_from(hash / 64).unwrap_or(0), 1 << (hash % 64))
}

/// How far a text begins with pieces of a form, and how much of it is the form's.
fn forward(text: &[u8], form: &[u8]) -> (usize, usize) {
    let (mut at, mut of) = (0, 0);
    loop {
        let more = text[at..].iter().zip(&form[of..]).take_while(|(a, b)| a == b).count();
        (at, of) = (at + more, of + more);
        let Some(next) = form.get(of..of + NEXT) else { return (at, of) };
        let window = &text[at..text.len().min(at + GAP + NEXT)];
        match window.windows(NEXT).position(|piece| piece == next) {
            Some(gap) => at += gap,
            None => return (at, of),
        }
    }
}

/// Where the pieces begin that a text ends with, and how much of it is the form's.
fn backward(text: &[u8], form: &[u8]) -> (usize, usize) {
    let (mut at, mut of) = (text.len(), form.len());
    loop {
        let more = text[..at].iter().rev().zip(form[..of].iter().rev()).take_while(|(a, b)| a == b).count();
        (at, of) = (at - more, of - more);
        if of < NEXT {
            return (at, form.len() - of);
        }
        let window = &text[at.saturating_sub(GAP + NEXT)..at];
        match window.windows(NEXT).rposition(|piece| piece == &form[of - NEXT..of]) {
            Some(start) => at = at - window.len() + start + NEXT,
            None => return (at, form.len() - of),
        }
    }
}

/// The longest sign between letters that are written one by one.
const BETWEEN: usize = 5;

/// The fewest letters that are taken for a text written so.
const SPELLED: usize = 8;

/// Texts whose letters stand one by one with the same sign between: `a,b`, `a | b`, `'a', 'b'`. A view for each length.
pub fn spelled(text: &str) -> Vec<View> {
    let bytes = text.as_bytes();
    let mut views: [View; BETWEEN] = Default::default();
    // Up to where each length is read.
    let mut done = [0; BETWEEN];
    for at in 0..bytes.len().saturating_sub(2) {
        // Most letters have another letter behind them.
        if bytes[at + 1].is_ascii_alphanumeric() || !bytes[at].is_ascii_graphic() {
            continue;
        }
        for (length, (view, done)) in (1..).zip(views.iter_mut().zip(&mut done)) {
            if *done <= at
                && let Some(end) = spelled_from(bytes, at, length, view)
            {
                *done = end;
            }
        }
    }
    views.into_iter().filter(|view| view.len() > 0).collect()
}

/// Adds the letters that stand one by one from here on with a sign of this length between; says where they end.
fn spelled_from(bytes: &[u8], at: usize, length: usize, view: &mut View) -> Option<usize> {
    let sign = |at: usize| bytes.get(at + 1..at + 1 + length);
    let between = sign(at)?;
    let step = length + 1;
    let letter = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_graphic);
    if between.iter().any(u8::is_ascii_alphanumeric) || between[0] == bytes[at] {
        return None;
    }
    let more = (1..).take_while(|more| sign(at + more * step) == Some(between) && letter(at + more * step)).count();
    // The last letter has no sign behind it.
    let letters = more + 1 + usize::from(letter(at + (more + 1) * step));
    if letters < SPELLED {
        return None;
    }
    (0..letters).map(|number| at + number * step).for_each(|at| view.push(bytes[at], at..at + 1));
    let end = at + letters * step - length;
    view.push(b'\n', end..end);
    Some(end)
}
