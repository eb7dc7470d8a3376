// The first minute, in four steps that tick themselves off by what is really there.
import { h } from './dom.js';
import { write } from './chat.js';
import { changed, database, doing, go, isApp, messagesOf, channel, state } from './state.js';

const ROLE = '/p0 request postgres role analyst --reason "INC-42: orders look wrong" --duration 1h';
const CLUB = '/p0 request members club chess --reason "Tournament on Friday" --duration 1h';
const first = () => (database() ? ROLE : CLUB);

export const examples = () => [
  ...(database() ? [
    { text: ROLE, about: 'Everything said: asked at once' },
    { text: '/p0 request postgres role', about: 'Something missing: opens the form' },
    { text: '/p0 request ERROR: permission denied for table orders', about: 'An error: the form for what cures it' },
  ] : []),
  { text: CLUB, about: 'A club of the members page' },
  { text: '/p0 request', about: 'Opens the form' },
  { text: `/p0 ls ${database() ? 'postgres role' : 'members club'}`, about: 'What there is to ask for' },
  { text: '/p0 help', about: 'All there is to type' },
];

const ALICE = 'U0ALICE', BOB = 'U0BOB';
const approvals = () => channel('access-requests');

/// How long a request that nobody can decide any more may take to be there; then it was denied, and it begins anew.
const PATIENCE = 6000;
let undecided = 0;

function progress() {
  const guide = state.guide ??= {};
  const waits = messagesOf(approvals(), BOB).some((one) => isApp(one.user) && JSON.stringify(one.blocks ?? []).includes('"approve"'));
  const works = state.beside?.targets.some((target) => target.tries.some((one) => one.works) || target.rows.some((row) => row.cells.includes('alice')));
  if (waits) { guide.asked = true; undecided = Date.now(); }
  if (works) guide.asked = guide.works = true;
  if (guide.works && !works && state.beside) guide.gone = true;
  if (guide.asked && !guide.works && Date.now() - undecided > PATIENCE) guide.asked = false;
  return guide.gone ? 4 : guide.works ? 3 : guide.asked ? 1 : 0;
}

export function showGuide() {
  const box = document.getElementById('guide');
  const done = progress();
  box.hidden = Boolean(state.guide.closed) || !state.beside?.targets.length;
  const answered = state.beside?.targets.some((target) => target.tries.some((one) => one.works));
  const sig = `${done} ${state.me} ${state.places[BOB]} ${database()} ${answered}`;
  if (box.hidden || box.sig === sig) return;
  box.sig = sig;
  const step = (index, text) => h('li', { class: index < done ? 'done' : index === done ? 'now' : '', 'aria-current': index === done ? 'step' : undefined }, h('span', { class: 'number', 'aria-hidden': 'true' }, index < done ? '✓' : String(index + 1)), text, index < done ? h('span', { class: 'sr' }, ' (done)') : null);
  const button = (text, run) => h('button', { type: 'button', class: 'button primary', onclick: run }, text);
  const says = {
    0: [database() ? 'You are Alice, and cannot read the orders. Ask for it.' : 'You are Alice, and in no club. Ask for one.', button('Type it for me', () => { go(ALICE, 'C0GENERAL'); write(first()); }), ' then press Enter.'],
    1: state.me === BOB && [approvals().id, 'home'].includes(state.places[BOB]) ? ['You are Bob, who may approve. Press Approve below.'] : ['Bob may say yes.', button('Be Bob', () => go(BOB, approvals().id))],
    3: [`Alice is in: her row is there${answered ? ' and her query is answered' : ''}. Nobody has to remember to take it back.`, h('button', { type: 'button', class: 'button narrow', onclick: () => document.querySelector('[data-side=beside]').click() }, 'See it'), button('Jump to the end', () => doing('jump', {}))],
    4: ['Gone on time, and read back that it is gone. Next: a club, the Home tab of p0, a message with an error.', button('Open the form', () => { go(ALICE, 'C0GENERAL'); doing('command', { channel: 'C0GENERAL', command: '/p0', text: 'request' }); })],
  }[done];
  box.replaceChildren(
    h('ol', {}, step(0, 'Ask'), step(1, 'Approve'), step(2, 'See it'), step(3, 'Jump to the end')),
    h('p', { role: 'status' }, says),
    h('button', { type: 'button', class: 'plain close', 'aria-label': 'Close the guide', onclick: () => { state.guide.closed = true; changed(); } }, '×'));
}
