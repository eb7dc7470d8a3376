// Slack's side of the page: people, places, messages with their threads, the Home tab, and the line to type in.
import { blocks } from './blocks.js';
import { h, icon, menu, reconcile } from './dom.js';
import { examples } from './guide.js';
import { clock, inZone, mrkdwn } from './mrkdwn.js';
import { act, changed, channel, doing, firstName, go, isApp, markRead, me, messagesOf, open, place, state, toast, unread, unreadOf, user } from './state.js';

const $ = (id) => document.getElementById(id);
const people = () => state.seen.users.filter((one) => !one.is_bot && !one.deleted);

export function avatar(person) {
  if (!person || isApp(person.id)) return h('span', { class: 'avatar app', 'aria-hidden': 'true' }, 'p0');
  const hue = state.seen.users.indexOf(person) % 5;
  return h('span', { class: `avatar hue-${hue}`, 'aria-hidden': 'true' }, (person.real_name || person.name).split(' ').map((word) => word[0]).join('').slice(0, 2));
}
const badge = (count) => (count ? h('span', { class: 'badge' }, String(count), h('span', { class: 'sr' }, ' unread')) : null);

export function showPeople() {
  reconcile($('people'), people().map((one) => {
    const mine = one.id === state.me, count = mine ? 0 : unreadOf(one.id);
    return { key: one.id, sig: `${mine} ${count} ${one.real_name}`, make: () => h('button', { type: 'button', class: 'person', 'aria-pressed': String(mine), 'data-focus': one.id, onclick: () => go(one.id) },
      avatar(one), h('span', { class: 'name' }, firstName(one)), badge(count)) };
  }));
}

export function showPlaces() {
  const mine = state.seen.channels.filter((one) => !one.dm && one.members.includes(state.me) && !one.is_archived);
  const entry = (key, count, draw) => {
    const here = place() === key || (key === 'dm' && place() === 'home');
    return { key, sig: `${state.me} ${here} ${count}`, make: () => h('button', { type: 'button', class: count ? 'place has' : 'place', 'aria-current': here ? 'true' : undefined, 'data-focus': key, onclick: () => go(state.me, key) }, draw(), badge(count)) };
  };
  reconcile($('places'), mine.map((one) => entry(one.id, unread(state.me, one), () => [h('span', { class: 'mark', 'aria-hidden': 'true' }, '#'), h('span', { class: 'name' }, one.name)])));
  const dm = state.seen.channels.find((one) => one.dm === state.me);
  reconcile($('apps'), [entry('dm', dm ? unread(state.me, dm) : 0, () => [avatar(), h('span', { class: 'name' }, 'p0')])]);
}

// ---- the open place

const hidden = new Set(); // ephemeral messages that were put away
const answering = new Map(); // threads that are open
let asked = ''; // whose Home tab is open, and the app knows

export function showPlace() {
  const where = place(), app = where === 'dm' || where === 'home', here = open();
  const home = state.seen.features.app_home.home_tab_enabled || Boolean(state.seen.homes[state.me]);
  $('title').replaceChildren(...(app ? [avatar(), 'p0'] : ['# ', here.name]));
  const tab = (key, text) => h('button', { type: 'button', class: 'tab', 'aria-current': where === key ? 'true' : undefined, onclick: () => go(state.me, key) }, text);
  $('tabs').replaceChildren(...(app && home ? [tab('home', 'Home'), tab('dm', 'Messages')] : []));
  $('about').textContent = app ? '' : `${here.members.filter((one) => !isApp(one)).length} people`;
  if (where === 'home') return showHome();
  asked = '';
  markRead();
  const list = $('messages'), box = $('scroll');
  const key = `${state.me}/${where}`;
  const moved = box.dataset.of !== key, atEnd = moved || box.scrollHeight - box.scrollTop - box.clientHeight < 80;
  const all = messagesOf(here, state.me).filter((one) => !hidden.has(one.ts));
  const top = all.filter((one) => !one.thread_ts || one.thread_ts === one.ts || one.subtype === 'thread_broadcast');
  reconcile(list, top.map((one) => {
    const replies = all.filter((other) => other.thread_ts === one.ts && other.ts !== one.ts);
    return { key: one.ts, sig: JSON.stringify([state.me, one, replies, answering.get(one.ts)]), make: (before) => {
      const made = message(one, here, replies);
      if (before) made.classList.add('flash');
      return made;
    } };
  }));
  $('empty').hidden = top.length > 0;
  $('empty').textContent = app ? `Messages from p0 to ${firstName(me())} appear here.` : `This is the beginning of #${here.name}.`;
  box.dataset.of = key;
  if (atEnd) box.scrollTop = box.scrollHeight;
  composer(app);
}

function showHome() {
  const view = state.seen.homes[state.me];
  if (asked !== state.me) { asked = state.me; doing('open_home', {}); }
  const list = $('messages');
  reconcile(list, view ? [{ key: 'home', sig: JSON.stringify([state.me, view.hash, view.state]), make: () => h('div', { class: 'home' }, blocks(view.blocks, { view_id: view.id }, view.state.values)) }] : []);
  $('empty').hidden = Boolean(view);
  $('empty').textContent = 'The app has not published a Home tab.';
  $('scroll').dataset.of = 'home';
  $('composer').hidden = true;
}

function message(one, here, replies, inThread) {
  const author = user(one.user), app = isApp(one.user), at = Number(one.ts) * 1000;
  const target = { channel: here.id, ts: one.ts };
  const name = app ? 'p0' : author?.real_name ?? one.user;
  const body = one.blocks?.length ? blocks(one.blocks, target, one.state.values) : mrkdwn(one.text);
  const entries = () => [
    ...(inThread || one.only_for ? [] : [{ text: 'Reply in thread', run: () => { answering.set(one.ts, true); changed(); document.querySelector(`[data-key="${one.ts}"] .answer input`)?.focus(); } }]),
    ...(one.only_for ? [] : state.seen.features.shortcuts.filter((shortcut) => shortcut.type === 'message').map((shortcut) => ({
      text: shortcut.name, about: shortcut.description, run: () => doing('message_shortcut', { target, callback_id: shortcut.callback_id }),
    }))),
    ...(one.only_for ? [{ text: 'Dismiss message', run: () => { hidden.add(one.ts); changed(); } }] : []),
  ];
  const tools = entries().length ? menu(h('button', { type: 'button', class: 'plain', 'aria-label': `More for the message of ${name}, ${clock(at)}` }, icon('more')), entries) : null;
  return h('article', { class: `message${one.only_for ? ' only' : ''}${app ? ' by-app' : ''}`, 'aria-label': `${name}, ${clock(at)}` },
    avatar(author),
    h('div', { class: 'content' },
      one.only_for ? h('p', { class: 'only-you' }, icon('eye'), 'Only visible to you') : null,
      h('p', { class: 'by' }, h('b', {}, name), app ? h('span', { class: 'app-mark' }, 'APP') : null, h('time', { datetime: new Date(at).toISOString(), title: inZone(at, { dateStyle: 'full', timeStyle: 'long' }) }, clock(at)), one.edited ? h('span', { class: 'quiet' }, '(edited)') : null),
      body,
      inThread ? null : thread(one, here, replies)),
    tools ? h('div', { class: 'tools' }, tools) : null);
}

function thread(one, here, replies) {
  const opened = answering.get(one.ts) ?? replies.length > 0;
  if (!opened) return null;
  const input = h('input', { type: 'text', 'aria-label': 'Reply in thread', placeholder: 'Reply…', autocomplete: 'off', 'data-focus': `answer/${one.ts}` });
  return h('details', { class: 'thread', open: true },
    h('summary', {}, icon('reply'), replies.length === 1 ? '1 reply' : `${replies.length} replies`),
    replies.map((reply) => message(reply, here, [], true)),
    h('form', { class: 'answer', onsubmit: async (event) => {
      event.preventDefault();
      if (input.value.trim()) await doing('say', { channel: here.id, text: written(input.value), thread_ts: one.ts });
      input.value = '';
    } }, input, h('button', { type: 'submit', class: 'button square', 'aria-label': 'Send reply' }, icon('send'))));
}

/// What a person types, as Slack stores it: people and channels by id, nothing else with a meaning.
function written(text) {
  const escaped = text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
  return escaped.replace(/(^|\s)@(\w+)/g, (whole, before, name) => (user(name) ? `${before}<@${user(name).id}>` : whole))
    .replace(/(^|\s)#([\w-]+)/g, (whole, before, name) => (channel(name) ? `${before}<#${channel(name).id}|${name}>` : whole));
}

// ---- the line to type in

const drafts = new Map();
const past = [];
const draftKey = () => `${state.me}/${place()}`;
let drawn = '';

export function write(text) {
  const line = $('line');
  line.value = text;
  line.dispatchEvent(new Event('input'));
  line.focus();
}

function composer(app) {
  const readOnly = app && state.seen.features.app_home.messages_tab_read_only_enabled;
  $('composer').hidden = readOnly;
  $('help').hidden = !state.seen.features.slash_commands.length;
  if (drawn === draftKey()) return;
  drawn = draftKey();
  $('line').value = drafts.get(drawn) ?? '';
  const where = app ? 'p0' : `#${open().name}`;
  $('line').placeholder = `Message ${where} as ${firstName(me())}, or type /`;
  $('line').setAttribute('aria-label', `Message ${where} as ${firstName(me())}`);
  hints();
}

/// What can be typed after a slash, as the app's manifest has it, and some lines to try.
function hints() {
  const text = $('line').value, box = $('hints');
  const commands = state.seen.features.slash_commands;
  const typed = commands.flatMap((one) => [{ text: `${one.command} `, shown: `${one.command} …`, about: one.description }, ...examples().map((example) => ({ text: example.text, shown: example.text, about: example.about }))]);
  const fits = text.startsWith('/') && !text.includes('\n') ? typed.filter((one) => one.text.startsWith(text) && one.text !== text) : [];
  box.hidden = !fits.length;
  box.replaceChildren(...fits.map((one) => h('button', { type: 'button', onclick: () => write(one.text) }, h('code', {}, one.shown), h('small', {}, one.about))));
}

async function send() {
  const line = $('line'), text = line.value.trim(), here = place();
  if (!text) return;
  line.value = '';
  drafts.delete(draftKey());
  hints();
  past.push(text);
  const command = /^\/\S+/.exec(text)?.[0];
  const known = state.seen.features.slash_commands.some((one) => one.command === command);
  if (command && !known && state.seen.features.slash_commands.length) {
    toast(`${command} is not a valid command`);
    return write(text);
  }
  try {
    if (!command) return void (await act('say', { user: state.me, channel: here, text: written(text) }));
    const done = await act('command', { user: state.me, channel: here, command, text: text.slice(command.length).trim() });
    if (done.shown) toast(`${command} failed: ${done.shown}`);
  } catch (wrong) {
    toast(wrong.message);
    write(text);
  }
}

export function startComposer() {
  const line = $('line');
  line.addEventListener('input', () => { drafts.set(draftKey(), line.value); hints(); });
  line.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    if (event.key === 'ArrowUp' && !line.value && past.length) { event.preventDefault(); write(past.at(-1)); }
    if (event.key === 'ArrowUp' && !$('hints').hidden) { event.preventDefault(); $('hints').lastElementChild.focus(); }
    if (event.key === 'Escape' && !$('hints').hidden) $('hints').hidden = true;
  });
  $('hints').addEventListener('keydown', (event) => {
    const all = [...$('hints').children], now = all.indexOf(document.activeElement);
    if (event.key === 'ArrowUp') { event.preventDefault(); all[Math.max(0, now - 1)].focus(); }
    if (event.key === 'ArrowDown') { event.preventDefault(); (all[now + 1] ?? line).focus(); }
    if (event.key === 'Escape') { $('hints').hidden = true; line.focus(); }
  });
  $('composer').addEventListener('submit', (event) => { event.preventDefault(); send(); });
  const bolt = h('button', { type: 'button', class: 'button square', 'aria-label': 'Shortcuts' }, icon('bolt'));
  $('shortcuts').append(menu(bolt, () => {
    const all = state.seen.features.shortcuts.filter((one) => one.type === 'global');
    return all.map((one) => ({ text: one.name, about: one.description, run: () => doing('shortcut', { callback_id: one.callback_id }) }));
  }));
  $('help').addEventListener('click', () => {
    doing('command', { channel: place(), command: state.seen.features.slash_commands[0].command, text: 'help' });
  });
}
