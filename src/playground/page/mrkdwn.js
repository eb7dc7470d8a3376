// mrkdwn to elements. What people and the app wrote only ever becomes text nodes, and links lead to http(s) and mailto only.
import { h } from './dom.js';
import { channel, go, me, now, state, user } from './state.js';

const EMOJI = { white_check_mark: '✅', heavy_check_mark: '✔️', x: '❌', warning: '⚠️', lock: '🔒', unlock: '🔓', key: '🔑', hourglass: '⌛', hourglass_flowing_sand: '⏳', alarm_clock: '⏰', wave: '👋', tada: '🎉', rotating_light: '🚨', no_entry: '⛔', eyes: '👀', thumbsup: '👍', '+1': '👍' };

const entities = (text) => text.replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

/// Blocks of text: code, quotations, paragraphs.
export function mrkdwn(text) {
  const out = [];
  for (const [index, piece] of String(text ?? '').split('```').entries()) {
    // A fence that is not closed is no fence.
    if (index % 2 === 1 && String(text).split('```').length > index + 1) {
      out.push(h('pre', { tabindex: 0 }, entities(piece.replace(/^\n|\n$/g, '').replace(/<(?:[^<>|]*\|)?([^<>]*)>/g, '$1'))));
      continue;
    }
    let quoted = [];
    const flush = () => { if (quoted.length) out.push(h('blockquote', {}, lines(quoted))); quoted = []; };
    let plain = [];
    const flushPlain = () => { if (plain.some((line) => line.trim())) out.push(h('div', { class: 'p' }, lines(plain))); plain = []; };
    for (const line of piece.split('\n')) {
      const quote = /^(?:>|&gt;) ?(.*)$/.exec(line);
      if (quote) { flushPlain(); quoted.push(quote[1]); } else { flush(); plain.push(line); }
    }
    flush();
    flushPlain();
  }
  return out;
}

const lines = (all) => all.flatMap((line, index) => (index ? [h('br'), ...inline(line)] : inline(line)));

const PIECE = /<([^<>]+)>|`([^`]+)`|(?<![\w*])\*(\S(?:[^*\n]*\S)?)\*(?![\w*])|(?<![\w_])_(\S(?:[^_\n]*\S)?)_(?![\w_])|(?<![\w~])~(\S(?:[^~\n]*\S)?)~(?![\w~])|:([a-z0-9_+-]+):/;

function inline(text) {
  const out = [];
  for (let rest = text; rest;) {
    const found = PIECE.exec(rest);
    if (!found) { out.push(entities(rest)); break; }
    if (found.index) out.push(entities(rest.slice(0, found.index)));
    const [whole, special, code, bold, italic, struck, emoji] = found;
    if (special !== undefined) out.push(marked(special));
    else if (code !== undefined) out.push(h('code', {}, entities(code)));
    else if (bold !== undefined) out.push(h('b', {}, inline(bold)));
    else if (italic !== undefined) out.push(h('i', {}, inline(italic)));
    else if (struck !== undefined) out.push(h('s', {}, inline(struck)));
    else out.push(EMOJI[emoji] ?? whole);
    rest = rest.slice(found.index + whole.length);
  }
  return out;
}

const mention = (text, mine) => h('span', { class: mine ? 'mention mine' : 'mention' }, text);

function marked(inside) {
  const bar = inside.indexOf('|');
  const [what, label] = bar < 0 ? [inside, undefined] : [inside.slice(0, bar), inside.slice(bar + 1)];
  if (what.startsWith('@')) return mention(`@${user(what.slice(1))?.real_name ?? label ?? what.slice(1)}`, what.slice(1) === state.me);
  if (what.startsWith('#')) return mention(`#${channel(what.slice(1))?.name ?? label ?? what.slice(1)}`);
  if (what.startsWith('!subteam^')) {
    const group = state.seen.groups.find((one) => one.id === what.slice(9));
    return mention(`@${group?.handle ?? label ?? what.slice(9)}`, group?.users.includes(state.me));
  }
  if (what.startsWith('!date^')) return date(what, label);
  if (what.startsWith('!')) return mention(`@${label ?? what.slice(1)}`, true);
  return link(what, label);
}

function link(url, label) {
  const text = entities(label ?? url);
  const archive = /^https:\/\/[^/]+\.slack\.com\/archives\/([A-Z0-9]+)(?:\/p(\d{10})(\d{6}))?/.exec(url);
  if (archive && channel(archive[1])) {
    const there = channel(archive[1]);
    return h('button', { type: 'button', class: 'link', onclick: () => {
      go(state.me, there.dm ? 'dm' : there.id);
      const message = document.querySelector(`[data-key="${archive[2]}.${archive[3]}"]`);
      message?.scrollIntoView({ block: 'center' });
      message?.classList.add('flash');
    } }, text);
  }
  if (!/^(https?:|mailto:)/i.test(url)) return text;
  return h('a', { href: entities(url), target: '_blank', rel: 'noopener noreferrer' }, text);
}

// ---- times, in the zone of the person at the screen

export const inZone = (at, options) => new Intl.DateTimeFormat('en-GB', { timeZone: me()?.tz ?? 'UTC', ...options }).format(at);
export const clock = (at) => inZone(at, { hour: '2-digit', minute: '2-digit' });
const day = (at) => inZone(at, { year: 'numeric', month: '2-digit', day: '2-digit' });

function pretty(at, otherwise) {
  const DAY = 86_400_000;
  const names = [[0, 'today'], [-DAY, 'yesterday'], [DAY, 'tomorrow']];
  return names.find(([by]) => day(at) === day(now() + by))?.[1] ?? otherwise;
}

function date(what, fallback) {
  const [, seconds, format, url] = what.split('^');
  const at = Number(seconds) * 1000;
  if (!Number.isFinite(at) || !format) return fallback ?? '';
  const forms = {
    date_num: () => inZone(at, { year: 'numeric', month: '2-digit', day: '2-digit' }).split('/').reverse().join('-'),
    date: () => inZone(at, { day: 'numeric', month: 'long', year: 'numeric' }),
    date_short: () => inZone(at, { day: 'numeric', month: 'short', year: 'numeric' }),
    date_long: () => inZone(at, { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' }),
    time: () => clock(at),
    time_secs: () => inZone(at, { hour: '2-digit', minute: '2-digit', second: '2-digit' }),
  };
  let shown;
  try {
    shown = format.replace(/\{(\w+?)(_pretty)?\}/g, (whole, name, prettily) => {
      const form = forms[name];
      return form ? (prettily ? pretty(at, form()) : form()) : whole;
    });
  } catch { return fallback ?? ''; }
  const time = h('time', { datetime: new Date(at).toISOString(), title: `${inZone(at, { dateStyle: 'full', timeStyle: 'long' })}` }, shown);
  return url ? link(url, shown) : time;
}

/// A text object of Block Kit.
export function text(object) {
  if (!object) return [];
  return object.type === 'mrkdwn' ? mrkdwn(object.text) : [object.text];
}
