// The fields of forms and messages: text, lists, type-ahead, people, days and times. A field tells what was put into it
// and holds nothing else: what it shows is the state the stand-in has.
import { debounce, h, icon, id } from './dom.js';
import { confirmed } from './blocks.js';
import { act, doing, me, state } from './state.js';

const TEXTS = { plain_text_input: 'text', email_text_input: 'email', url_text_input: 'url', number_input: 'text', rich_text_input: 'text' };
const PICKERS = { datepicker: 'date', timepicker: 'time', datetimepicker: 'datetime-local' };
const LISTS = /^(multi_)?(static|external|users|channels|conversations)_select$/;
export const isField = (kind) => kind in TEXTS || kind in PICKERS || LISTS.test(kind) || kind === 'checkboxes' || kind === 'radio_buttons';

/// What was typed and not told yet, by field.
const waiting = new Map();
/// One after the other, so that no older letter overtakes a newer one.
let line = Promise.resolve();
/// Tells all that waits; for before anything is submitted.
export async function settle() {
  for (const send of waiting.values()) send();
  await line;
}

/// `told`: { label, hint, optional, error, bare }; a bare field stands among buttons and has its label for screen readers only.
export function field(block, element, here, told) {
  const key = `${block.block_id}/${element.action_id}`;
  const held = here.values[block.block_id]?.[element.action_id] ?? {};
  const names = { input: id('field'), label: id('label'), hint: id('hint'), error: id('error') };
  const where = { target: here.target, block_id: block.block_id, action_id: element.action_id };
  const put = async (value) => {
    if (element.confirm && !(await confirmed(element.confirm))) return;
    line = line.then(() => doing('select', { ...where, value }));
    await line;
  };
  const common = {
    id: names.input, 'data-focus': key, 'aria-invalid': told.error ? 'true' : undefined, 'aria-required': told.optional || told.bare ? undefined : 'true',
    'aria-describedby': [told.hint && names.hint, told.error && names.error].filter(Boolean).join(' ') || undefined,
  };
  const made = control(element, held, { put, where, common, names, told, key });
  if (told.bare) return h('span', { class: 'bare' }, h('label', { class: 'sr', id: names.label, for: names.input }, told.label), made);
  const group = element.type === 'checkboxes' || element.type === 'radio_buttons';
  const label = [told.label, told.optional ? h('span', { class: 'quiet' }, ' (optional)') : null];
  return [
    group ? h('div', { class: 'label', id: names.label }, label) : h('label', { class: 'label', id: names.label, for: names.input }, label),
    made,
    told.error ? h('p', { class: 'error', id: names.error }, told.error) : null,
    told.hint ? h('p', { class: 'hint', id: names.hint }, told.hint) : null,
  ];
}

function control(element, held, use) {
  const kind = element.type;
  if (kind in TEXTS) return typed(element, held.value ?? '', use);
  if (kind in PICKERS) return picked(element, held, use);
  if (kind === 'checkboxes' || kind === 'radio_buttons') return ticked(element, held, use);
  if (kind === 'static_select') return listed(element, held, use);
  return looked(element, held, use);
}

function typed(element, value, { put, where, common, key }) {
  const long = element.multiline || element.type === 'rich_text_input';
  const later = debounce(250, () => waiting.get(key)?.());
  const made = h(long ? 'textarea' : 'input', {
    ...common, type: long ? undefined : TEXTS[element.type], rows: long ? 4 : undefined, maxlength: element.max_length, placeholder: element.placeholder?.text,
    inputmode: element.type === 'number_input' ? 'decimal' : undefined, autocomplete: 'off', value,
    oninput: () => {
      waiting.set(key, () => { waiting.delete(key); put(made.value); });
      later();
    },
    onkeydown: async (event) => {
      if (event.key !== 'Enter' || long || !element.dispatch_action_config) return;
      event.preventDefault();
      await settle();
      await doing('enter', { view_id: where.target.view_id, block_id: where.block_id });
    },
  });
  return made;
}

/// Times of the day are in the person's own zone.
function picked(element, held, { put, common }) {
  const kind = element.type, offset = (me()?.tz_offset ?? 0) * 1000;
  const value = kind === 'datepicker' ? held.selected_date : kind === 'timepicker' ? held.selected_time
    : held.selected_date_time ? new Date(held.selected_date_time * 1000 + offset).toISOString().slice(0, 16) : '';
  const made = h('input', { ...common, type: PICKERS[kind], value: value ?? '', onchange: () => {
    const chosen = made.value || null;
    put(chosen && kind === 'datetimepicker' ? Math.round((Date.parse(`${chosen}Z`) - offset) / 1000) : chosen);
  } });
  return made;
}

function ticked(element, held, { put, names, key }) {
  const many = element.type === 'checkboxes';
  const chosen = new Set((many ? held.selected_options ?? [] : [held.selected_option]).map((one) => one?.value));
  const all = element.options.map((option) => h('label', { class: 'tick' },
    h('input', { type: many ? 'checkbox' : 'radio', name: names.input, value: option.value, checked: chosen.has(option.value), 'data-focus': `${key}/${option.value}` }),
    h('span', {}, option.text.text, option.description ? h('small', {}, option.description.text) : null)));
  return h('div', { role: many ? 'group' : 'radiogroup', 'aria-labelledby': names.label, id: names.input, onchange: (event) => {
    const ticks = [...event.currentTarget.querySelectorAll('input:checked')].map((one) => one.value);
    put(many ? ticks : ticks[0] ?? null);
  } }, all);
}

const optionsOf = (element) => element.options ?? (element.option_groups ?? []).flatMap((group) => group.options);

function listed(element, held, { put, common, told }) {
  const option = (one) => h('option', { value: one.value }, one.text.text);
  const chosen = held.selected_option?.value ?? '';
  // Once something is chosen it can only be changed, not taken back, unless the field may be empty.
  const none = chosen && !told.optional ? [] : h('option', { value: '' }, element.placeholder?.text ?? 'Choose');
  const made = h('select', { ...common, onchange: () => put(made.value || null) }, none,
    element.option_groups ? element.option_groups.map((group) => h('optgroup', { label: group.label.text }, group.options.map(option))) : optionsOf(element).map(option));
  made.value = chosen;
  return h('span', { class: 'select' }, made);
}

// ---- lists to type in

const people = () => state.seen.users.filter((one) => !one.is_bot && !one.deleted).map((one) => ({ value: one.id, text: one.real_name, about: `@${one.name}` }));
const channels = () => state.seen.channels.filter((one) => !one.dm && !one.is_archived).map((one) => ({ value: one.id, text: `#${one.name}` }));
const plain = (option) => ({ value: option.value, text: option.text.text, about: option.description?.text });
const within = (all, query) => all.filter((one) => `${one.text} ${one.about ?? ''}`.toLowerCase().includes(query.trim().toLowerCase()));

function looked(element, held, use) {
  const [, multi, kind] = LISTS.exec(element.type);
  const source = { users: people, channels, conversations: channels, static: () => optionsOf(element).map(plain) }[kind];
  const least = element.min_query_length ?? 3;
  const search = source ? async (query) => ({ found: within(source(), query) }) : async (query) => {
    if (query.length < least) return { note: `Type at least ${least} characters` };
    const got = await act('type_ahead', { user: state.me, ...use.where, text: query });
    if (got.problem) return { note: `The app did not answer: ${got.problem}` };
    return { found: got.options.map(plain) };
  };
  const name = { users: 'user', channels: 'channel', conversations: 'conversation' }[kind] ?? 'option';
  const now = multi ? held[`selected_${name}s`] : [held[`selected_${name}`]];
  const chosen = (now ?? []).filter(Boolean).map((one) => (typeof one === 'string' ? source().find((known) => known.value === one) ?? { value: one, text: one } : plain(one)));
  return combobox({ ...use, search, chosen, multi: Boolean(multi), most: element.max_selected_items, placeholder: element.placeholder?.text });
}

function combobox({ search, chosen, multi, most, placeholder, put, common, names, told }) {
  const list = h('ul', { class: 'options', role: 'listbox', id: id('options'), 'aria-labelledby': names.label, hidden: true });
  const note = h('div', { class: 'note', role: 'status' });
  const single = () => (multi ? '' : chosen[0]?.text ?? '');
  let found = [], active = -1, asked = 0;

  const input = h('input', {
    ...common, type: 'text', role: 'combobox', autocomplete: 'off', spellcheck: 'false', 'aria-autocomplete': 'list', 'aria-expanded': 'false', 'aria-controls': list.id,
    placeholder: multi && chosen.length ? '' : placeholder ?? 'Type to search', value: single(),
  });
  const box = h('span', { class: 'combo' }, multi ? chosen.map(chip) : null, input, list, note);

  function chip(one) {
    return h('span', { class: 'chip' }, one.text, h('button', { type: 'button', 'aria-label': `Remove ${one.text}`, onclick: () => choose(one) }, icon('close')));
  }
  function hide() {
    list.hidden = true;
    active = -1;
    note.textContent = '';
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
  }
  function mark(index) {
    active = index;
    [...list.children].forEach((row, at) => row.classList.toggle('active', at === index));
    const row = list.children[index];
    if (row) { input.setAttribute('aria-activedescendant', row.id); row.scrollIntoView({ block: 'nearest' }); } else input.removeAttribute('aria-activedescendant');
  }
  async function look(query) {
    const mine = ++asked;
    let got;
    try { got = await search(query); } catch (wrong) { got = { note: wrong.message }; }
    if (mine !== asked || document.activeElement !== input) return; // a later letter was faster
    found = (got.found ?? []).slice(0, 100);
    list.replaceChildren(...found.map((one) => h('li', {
      role: 'option', id: id('option'), 'aria-selected': chosen.some((other) => other.value === one.value) ? 'true' : 'false',
      onmousedown: (event) => { event.preventDefault(); choose(one); },
    }, h('span', {}, one.text), one.about ? h('small', {}, one.about) : null)));
    note.textContent = got.note ?? (found.length ? '' : 'Nothing fits');
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(Boolean(found.length)));
    mark(found.length && query ? 0 : -1);
  }
  const soon = debounce(120, () => look(input.value));
  function choose(one) {
    if (!multi) chosen = [one];
    else if (chosen.some((other) => other.value === one.value)) chosen = chosen.filter((other) => other.value !== one.value);
    else if (!most || chosen.length < most) chosen = [...chosen, one];
    if (multi) {
      box.querySelectorAll('.chip').forEach((old) => old.remove());
      box.prepend(...chosen.map(chip));
      input.focus();
    }
    input.value = single();
    hide();
    put(multi ? chosen.map((other) => other.value) : one.value);
  }
  input.addEventListener('focus', () => input.select());
  input.addEventListener('click', () => { if (list.hidden) look(''); });
  input.addEventListener('input', soon);
  input.addEventListener('blur', () => {
    hide();
    if (!multi && told.optional && chosen.length && !input.value.trim()) { chosen = []; put(null); }
    input.value = single();
  });
  input.addEventListener('keydown', (event) => {
    const open = !list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (!open) look(input.value === single() ? '' : input.value);
      else mark((active + (event.key === 'ArrowDown' ? 1 : -1) + found.length) % found.length);
    } else if (event.key === 'Enter' && open && active >= 0) {
      event.preventDefault();
      choose(found[active]);
    } else if (event.key === 'Escape' && open) {
      event.preventDefault();
      event.stopPropagation();
      input.value = single();
      hide();
    } else if (event.key === 'Backspace' && multi && !input.value && chosen.length) {
      choose(chosen.at(-1));
    }
  });
  return box;
}
