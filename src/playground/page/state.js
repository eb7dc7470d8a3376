// What the page knows: the last answer of the control API, who the person at the screen is, and where they are.
// Nothing is decided here; all of it can be asked for again.

export const state = {
  seen: null, // GET /_control/seen
  beside: null, // GET /_control/beside
  me: 'U0ALICE',
  /// By person: the id of a channel, or `dm`, `home`.
  places: {},
  /// By person and place: the newest message they have looked at.
  read: {},
  /// How far the clock of the playground is ahead of this browser's.
  ahead: 0,
};

const KEPT = 'playground';
try { Object.assign(state, JSON.parse(sessionStorage.getItem(KEPT) ?? '{}')); } catch { /* kept nothing */ }
export function keep() {
  const { me, places, read, guide } = state;
  try { sessionStorage.setItem(KEPT, JSON.stringify({ me, places, read, guide })); } catch { /* then it is forgotten */ }
}

const listeners = new Set();
export const onchange = (run) => listeners.add(run);
export const changed = () => { keep(); for (const run of listeners) run(); };

export const now = () => Date.now() + state.ahead;

export const user = (id) => state.seen?.users.find((one) => one.id === id || one.name === id);
export const me = () => user(state.me);
export const channel = (id) => state.seen?.channels.find((one) => one.id === id || one.name === id);
export const isApp = (id) => id === state.seen?.bot_user;
export const firstName = (person) => (person?.real_name || person?.name || '').split(' ')[0];

/// Not every machine has one.
export const database = () => Boolean(state.beside?.targets.some((target) => target.table === 'pg_auth_members'));

export const dmOf = (person) => state.seen.channels.find((one) => one.dm === person);
export const place = () => state.places[state.me] ?? 'C0GENERAL';
/// The channel that is open; none before the app has ever written to this person.
export const open = () => (place() === 'dm' || place() === 'home' ? dmOf(state.me) : channel(place()));

export function messagesOf(channel, person) {
  return state.seen.messages.filter((one) => one.channel === channel?.id && (!one.only_for || one.only_for === person));
}
const placeOf = (channel) => (channel.dm ? 'dm' : channel.id);
export function unread(person, channel) {
  const read = state.read[`${person}/${placeOf(channel)}`] ?? '';
  return messagesOf(channel, person).filter((one) => one.ts > read && one.user !== person).length;
}
export function unreadOf(person) {
  return state.seen.channels.filter((one) => one.members.includes(person) && !one.is_archived).reduce((sum, one) => sum + unread(person, one), 0);
}
export function markRead() {
  const here = open();
  const last = here && messagesOf(here, state.me).at(-1);
  if (last) state.read[`${state.me}/${placeOf(here)}`] = last.ts;
}

export function go(person, where) {
  state.me = user(person).id;
  if (where) state.places[state.me] = where;
  changed();
}

/// Acts as somebody; a refusal is an error with its sentence.
export async function act(verb, body) {
  const answer = await fetch(`/_control/${verb}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

/// The same as the person at the screen; what goes wrong is told at the edge of the page.
export async function doing(verb, body) {
  try {
    const done = await act(verb, { user: state.me, ...body });
    const shown = done?.shown ?? done?.delivery?.shown;
    if (shown) toast(`The app did not take it: ${shown}`);
    return done;
  } catch (wrong) {
    toast(wrong.message);
  }
}

/// Asks for `what` again as soon as it is another, for as long as the page is open.
export async function follow(what, use) {
  let since = '';
  for (;;) {
    try {
      const answer = await fetch(`/_control/${what}?since=${since}`);
      const said = await answer.json();
      if (!answer.ok) throw new Error(said.error);
      document.body.classList.remove('lost');
      since = said.version;
      state.ahead = said.now - Date.now();
      if (!said.same) use(said);
    } catch {
      document.body.classList.add('lost');
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

export function toast(text) {
  const box = document.getElementById('toasts');
  const line = document.createElement('div');
  line.className = 'toast';
  line.textContent = text;
  box.append(line);
  setTimeout(() => line.remove(), 7000);
}
