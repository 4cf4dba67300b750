'use strict';
const at = id => document.getElementById(id);
const follows = document.body.dataset.follows === 'true';
const still = matchMedia('(prefers-reduced-motion: reduce)').matches;
const speed = still ? 0 : Number(document.body.dataset.speed);
const LONGEST = 3;
let view = null, shown = '', drawn = '', typing = null, asked = null;

// What stands between two ` is code.
function rich(element, text) {
  const parts = text.split('`');
  element.replaceChildren(...parts.length % 2 ? parts.map((part, index) => {
    if (index % 2 === 0) return part;
    const code = document.createElement('code');
    code.textContent = part;
    return code;
  }) : [text]);
}

function fill(element, texts, tag) {
  element.replaceChildren(...texts.map(text => {
    const item = document.createElement(tag);
    rich(item, text);
    return item;
  }));
}

function types(card) {
  const whole = card.types;
  const key = card.heading + (card.verdict ? '' : ' before');
  const begins = speed > 0 && key !== shown && !card.verdict && whole;
  shown = key;
  if (begins) {
    clearInterval(typing);
    let length = 0;
    const step = Math.max(speed, whole.length / LONGEST) / 25;
    typing = setInterval(() => {
      length += step;
      if (length >= whole.length) { clearInterval(typing); typing = null; }
      at('types').textContent = typing ? whole.slice(0, length) : whole;
    }, 40);
  } else if (!typing || card.verdict) {
    clearInterval(typing);
    typing = null;
    at('types').textContent = whole;
  }
}

function ask(question, act) {
  if (follows) return;
  const form = at('ask');
  asked = question ? act : null;
  // The same question keeps what is written so far; another one takes its place, with its words.
  if (form.hidden ? !question : question === at('question').textContent) return;
  form.hidden = !question;
  at('question').textContent = question || '';
  at('text').value = '';
  if (question) at('text').focus(); else at('text').blur();
}

// The picture is read as a document of its own, in which nothing runs, and only its drawing is taken.
function draws(picture) {
  at('diagram').hidden = !picture;
  if (drawn === (picture ? picture.svg : '')) return;
  drawn = picture ? picture.svg : '';
  const svg = new DOMParser().parseFromString(drawn, 'text/html').querySelector('svg');
  at('picture').replaceChildren(...svg ? [document.adoptNode(svg)] : []);
  fill(at('words'), picture ? picture.sentences : [], 'li');
}

function show(now) {
  const before = view;
  view = now;
  const card = view.card;
  document.title = view.title;
  rich(at('title'), view.title);
  at('place').textContent = view.place;
  at('steps').replaceChildren(...view.steps.map(row => {
    const item = document.createElement('li');
    item.textContent = `${row.number} ${row.sign}`;
    item.setAttribute('aria-label', `step ${row.number}: ${row.word}${row.title ? ', ' + row.title : ''}`);
    item.title = row.title || '';
    item.className = { held: 'good', failed: 'bad', 'could not be carried out': 'bad', 'left out': 'mind', undone: 'mind' }[row.word] || '';
    if (row.current) item.setAttribute('aria-current', 'step');
    return item;
  }));
  at('heading').textContent = card.heading;
  rich(at('claim'), card.title);
  fill(at('say'), card.say ? card.say.split('\n\n') : [], 'p');
  fill(at('stays'), card.stays.map(text => `not undone: ${text}`), 'li');
  types(card);
  at('predict').textContent = card.predict ? `? ${card.predict}` : '';
  at('guess').textContent = card.guess ? `You said: ${card.guess}${card.guessed ? ', ' + card.guessed : ''}` : '';
  const verdict = card.verdict;
  at('verdict').textContent = verdict ? `${verdict.sign} ${verdict.word} ${verdict.text}` : '';
  at('verdict').className = !verdict ? '' : verdict.word === 'held' ? 'good' : verdict.word === 'left out' ? 'mind' : 'bad';
  fill(at('why'), card.why.concat(card.warnings.map(text => `the server warns: ${text}`)), 'li');
  at('answer').textContent = card.answer.join('\n');
  draws(view.picture);
  at('panel').hidden = !view.panel;
  if (view.panel) {
    const title = document.createElement('h3');
    title.textContent = view.panel.title;
    fill(at('panel'), view.panel.lines, 'p');
    at('panel').prepend(title);
  }
  at('note').textContent = [view.busy ? `… ${view.busy}` : '', view.paused ? 'paused: p goes on' : '', view.note || ''].filter(Boolean).join(' · ');
  if (!follows) {
    at('keys').textContent = view.keys.map(([key, word]) => `${key} ${word}`).join(' · ');
    if (view.asks) ask('What comes?', text => say({ do: 'guess', text }));
    else if (before && before.asks) ask('', null);
  }
  if (before && before.card.heading !== card.heading) {
    scrollTo(0, 0);
    at('card').scrollTop = 0;
  } else if (before && !before.card.verdict && verdict) {
    at('verdict').scrollIntoView({ block: 'nearest' });
  }
}

// When kubewalk does not answer, the stream of views has ended, too, and says so.
function say(command) {
  fetch('say', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(command) }).catch(() => {});
}

const KEYS = {
  ' ': 'next', n: 'next', Enter: 'next', ArrowRight: 'next', PageDown: 'next', b: 'back', ArrowLeft: 'back', PageUp: 'back', Backspace: 'back',
  r: 'retry', s: 'skip', '!': 'shell', h: 'hint', e: 'explain', d: 'who', t: 'time', p: 'pause', q: 'quit',
};

addEventListener('keydown', event => {
  const down = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (down && event.target === document.body) at('card').scrollBy(0, down * 80);
});

if (!follows) {
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    // A button and what folds keep their own keys.
    const folds = event.target.matches('button, summary') && (event.key === ' ' || event.key === 'Enter');
    if (folds || event.target.matches('input')) {
      if (event.key === 'Escape') { const act = asked; ask('', null); if (act && view.asks) say({ do: 'guess', text: '' }); }
      return;
    }
    if (event.key === 'g') {
      event.preventDefault();
      ask('Which step?', text => say({ do: 'goto', to: /^\s*\d{1,6}\s*$/.test(text) ? Number(text) : 0 }));
      return;
    }
    const word = KEYS[event.key];
    if (!word || event.repeat) return;
    event.preventDefault();
    if (typing) { clearInterval(typing); typing = null; at('types').textContent = view.card.types; if (word === 'next') return; }
    say({ do: word });
  });
  at('ask').addEventListener('submit', event => {
    event.preventDefault();
    const act = asked, text = at('text').value;
    ask('', null);
    if (act) act(text);
  });
}

const views = new EventSource('events');
views.onmessage = message => show(JSON.parse(message.data));
// The browser asks again by itself: a laptop that slept goes on. Another kubewalk at this port has another key, and refuses.
views.onerror = () => {
  at('note').textContent = 'The class is over, or kubewalk does not answer.';
};
