// What stands beside Slack: the clock, and what the targets hold. Both are shown as they are, and nothing is guessed.
import { h, reconcile } from './dom.js';
import { inZone } from './mrkdwn.js';
import { database, doing, me, now, state } from './state.js';

const $ = (id) => document.getElementById(id);

const left = (ms) => {
  const s = Math.max(0, Math.ceil(ms / 1000)), pad = (n) => String(n).padStart(2, '0');
  return s >= 3600 ? `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}` : `${Math.floor(s / 60)}:${pad(s % 60)}`;
};

export function tick() {
  if (!state.seen) return;
  const at = now();
  $('now').textContent = inZone(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' });
  $('zone').textContent = `${inZone(at, { weekday: 'short', day: 'numeric', month: 'short' })} · ${me()?.tz.split('/').pop().replace('_', ' ')}`;
  const end = state.beside?.next_end;
  $('end').hidden = !end;
  $('jump').disabled = !end;
  if (!end) return;
  $('left').textContent = left(end - at);
  $('end').classList.toggle('soon', end - at < 10_500);
}

export function startClock() {
  for (const button of document.querySelectorAll('[data-forward]')) button.addEventListener('click', () => doing('forward', { span: button.dataset.forward }));
  $('jump').addEventListener('click', () => doing('jump', {}));
  setInterval(tick, 250);
}

// Rows that went stay for a moment, struck through.
const gone = new Map();
const before = new Map();
/// Whose query was answered once: theirs stays, to be seen refused.
const worked = new Set();

export function showTargets() {
  const targets = state.beside?.targets;
  document.body.classList.toggle('alone', !state.seen.beside);
  if (!targets) return;
  reconcile($('targets'), targets.map((target, index) => {
    const key = `${index}/${target.title}`;
    const rows = target.rows.map((row) => JSON.stringify(row));
    for (const row of before.get(key) ?? []) if (!rows.includes(row)) {
      gone.set(`${key}${row}`, { key, row });
      setTimeout(() => { gone.delete(`${key}${row}`); showTargets(); }, 3500);
    }
    const fresh = new Set(before.has(key) ? rows.filter((row) => !before.get(key).includes(row)) : []);
    if (!target.problem) before.set(key, rows);
    const ghosts = [...gone.values()].filter((one) => one.key === key && !rows.includes(one.row)).map((one) => one.row);
    return { key, sig: JSON.stringify([target, ghosts, state.me]), make: () => card(target, fresh, ghosts) };
  }));
  $('no-database').hidden = database();
}

function card(target, fresh, ghosts) {
  const row = (cells, look) => h('tr', { class: look }, cells.map((cell) => h('td', { class: cell.length > 20 ? 'long' : '' }, cell)));
  for (const one of target.tries) if (one.works) worked.add(one.who);
  const mine = target.tries.filter((one) => worked.has(one.who) || one.who === me().name);
  return h('section', { class: 'card target', 'aria-label': target.title },
    h('h2', {}, target.title), h('p', { class: 'quiet' }, target.about, target.link ? [' · ', h('a', { href: target.link, target: '_blank', rel: 'noopener' }, 'open its page')] : null),
    target.problem ? h('p', { class: 'error' }, target.problem) : null,
    h('div', { class: 'table', tabindex: 0, role: 'region', 'aria-label': `Rows of ${target.table}` }, h('table', {},
      h('caption', {}, target.table),
      h('thead', {}, h('tr', {}, target.columns.map((name) => h('th', { scope: 'col' }, name)))),
      h('tbody', {}, target.rows.map((one) => row(one.cells, fresh.has(JSON.stringify(one)) ? 'fresh' : one.given ? 'held' : 'own')), ghosts.map((one) => row(JSON.parse(one).cells, 'gone'))))),
    mine.length ? h('div', { class: 'shell', role: 'group', 'aria-label': 'Open sessions' }, mine.map((one) => h('div', {}, h('span', { class: 'prompt' }, `${one.who}=> `), one.asks, h('br'), h('span', { class: one.works ? 'works' : 'fails' }, one.gets)))) : null);
}
