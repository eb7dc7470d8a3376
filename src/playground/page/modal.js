// The modal on top of a person's stack. The dialog element keeps the focus inside; Esc is Cancel.
import { blocks } from './blocks.js';
import { h, icon, keepingFocus } from './dom.js';
import { settle } from './fields.js';
import { act, doing, state, toast } from './state.js';

let shown = null; // { box, id, sig }
let told = { id: '', errors: {}, trouble: '' }; // what the last submission came to

export function showModal() {
  const stack = state.seen.screens[state.me] ?? [];
  const view = stack.at(-1);
  if (!view) return hide();
  if (told.id !== view.id) told = { id: view.id, errors: {}, trouble: '' };
  const errors = { ...told.errors, ...view.errors };
  const sig = JSON.stringify([state.me, view.id, view.hash, errors, told.trouble]);
  if (shown?.sig === sig) return;
  const content = frame(view, stack.length > 1, errors);
  if (shown?.id === view.id) {
    const scrolled = shown.box.querySelector('.body').scrollTop;
    keepingFocus(shown.box.firstElementChild, () => shown.box.replaceChildren(content), content);
    shown.box.querySelector('.body').scrollTop = scrolled;
  } else {
    hide();
    const box = h('dialog', { class: 'modal', 'aria-labelledby': 'modal-title', oncancel: (event) => { event.preventDefault(); close(false); } }, content);
    document.body.append(box);
    box.showModal();
    shown = { box };
    focusFirst();
  }
  shown.id = view.id;
  shown.sig = sig;
}

function hide() {
  shown?.box.close();
  shown?.box.remove();
  shown = null;
}

function focusFirst() {
  const first = shown.box.querySelector('.input [data-focus]:not([role=combobox])') ?? shown.box.querySelector('.input [data-focus]') ?? shown.box.querySelector('.modal-buttons button');
  first?.focus();
}

function frame(view, pushed, errors) {
  const submit = view.submit?.text;
  return h('form', { novalidate: true, onsubmit: send },
    h('header', {},
      pushed ? h('button', { type: 'button', class: 'plain', 'aria-label': 'Back', onclick: () => close(false) }, icon('back')) : null,
      h('h2', { id: 'modal-title' }, view.title.text),
      h('button', { type: 'button', class: 'plain', 'aria-label': 'Close', onclick: () => close(true) }, icon('close'))),
    h('div', { class: 'body', tabindex: -1 },
      told.trouble ? h('p', { class: 'trouble', role: 'alert' }, told.trouble) : null,
      blocks(view.blocks, { view_id: view.id }, view.state.values, { errors })),
    h('div', { class: 'modal-buttons' },
      h('button', { type: 'button', class: 'button', onclick: () => close(false) }, view.close?.text ?? 'Cancel'),
      submit ? h('button', { type: 'submit', class: 'button primary', 'data-focus': 'submit' }, submit) : null));

  async function send(event) {
    event.preventDefault();
    const button = event.currentTarget.querySelector('[type=submit]');
    if (!button || button.disabled) return;
    button.disabled = true;
    button.classList.add('busy');
    try {
      await settle();
      const done = await act('submit', { user: state.me, view_id: view.id });
      told = { id: view.id, errors: done.outcome === 'refused' ? done.errors : {}, trouble: done.outcome === 'failed' ? `We had some trouble connecting. Try again? (${done.problem})` : '' };
    } catch (wrong) {
      toast(wrong.message);
    }
    button.disabled = false;
    button.classList.remove('busy');
    showModal();
    shown?.box.querySelector('[aria-invalid=true]')?.focus();
  }
  async function close(cleared) {
    await settle();
    await doing('close', { view_id: view.id, cleared });
  }
}

async function close(cleared) {
  if (shown) await doing('close', { view_id: shown.id, cleared });
}
