// Block Kit to elements: what stands in messages, modals and Home tabs. Knows nothing of what the app means by it.
import { h, icon, menu } from './dom.js';
import { field, isField } from './fields.js';
import { mrkdwn, text } from './mrkdwn.js';
import { doing } from './state.js';

/// `target`: where these blocks are, as the control API has it ({ channel, ts } or { view_id }); `values`: `state.values`;
/// `errors`: by block id; `put(block, element, value)`: takes what was put into a field, where not the app at once.
export function blocks(all, target, values, more = {}) {
  const here = { target, values: values ?? {}, errors: {}, ...more };
  return (all ?? []).map((block) => draw(block, here)).filter(Boolean);
}

function draw(block, here) {
  switch (block.type) {
    case 'header': return h('h3', { class: 'header' }, block.text.text);
    case 'divider': return h('hr');
    case 'section': return section(block, here);
    case 'context': return h('div', { class: 'context' }, block.elements.map((element) => (element.type === 'image' ? image(element, 'tiny') : h('span', {}, text(element)))));
    case 'actions':
    case 'context_actions': return h('div', { class: 'actions' }, block.elements.map((element) => interactive(block, element, here)));
    case 'input': return input(block, here);
    case 'image': return h('figure', {}, block.title ? h('figcaption', {}, block.title.text) : null, image(block));
    case 'rich_text': return h('div', { class: 'section' }, block.elements.map(rich));
    case 'markdown': return h('div', { class: 'section' }, mrkdwn(block.text));
    default: return h('p', { class: 'quiet' }, `(a block of type ${block.type})`);
  }
}

// Pictures from elsewhere are not loaded: what they show is said.
const image = (element, size) => h('span', { class: `image ${size ?? ''}`, role: 'img', 'aria-label': element.alt_text }, element.alt_text);

function section(block, here) {
  const fields = block.fields?.length ? h('div', { class: 'fields' }, block.fields.map((one) => h('div', {}, text(one)))) : null;
  const accessory = block.accessory ? (block.accessory.type === 'image' ? image(block.accessory) : interactive(block, block.accessory, here)) : null;
  return h('div', { class: accessory ? 'section with' : 'section' }, h('div', {}, text(block.text), fields), accessory);
}

function input(block, here) {
  const element = block.element, error = here.errors[block.block_id];
  const made = field(block, element, here, { label: block.label.text, hint: block.hint?.text, optional: block.optional, error });
  return h('div', { class: error ? 'input wrong' : 'input', 'data-block': block.block_id }, made);
}

function rich(element) {
  const leaf = (one) => {
    if (one.type === 'link') return mrkdwn(`<${one.url}${one.text ? `|${one.text}` : ''}>`);
    if (one.type === 'user') return mrkdwn(`<@${one.user_id}>`);
    const plain = one.text ?? one.name ?? '';
    return one.style?.code ? h('code', {}, plain) : one.style?.bold ? h('b', {}, plain) : one.style?.italic ? h('i', {}, plain) : plain;
  };
  const inside = (element.elements ?? []).map((one) => (one.elements ? rich(one) : leaf(one)));
  if (element.type === 'rich_text_preformatted') return h('pre', { tabindex: 0 }, inside);
  if (element.type === 'rich_text_quote') return h('blockquote', {}, inside);
  if (element.type === 'rich_text_list') return h(element.style === 'ordered' ? 'ol' : 'ul', {}, inside.map((one) => h('li', {}, one)));
  return h('div', { class: 'p' }, inside);
}

function interactive(block, element, here) {
  if (element.type === 'button') return button(block, element, here);
  if (element.type === 'overflow') return overflow(block, element, here);
  if (isField(element.type)) return field(block, element, here, { label: element.placeholder?.text ?? element.accessibility_label ?? 'Choose', bare: true });
  return h('span', { class: 'quiet' }, `(${element.type})`);
}

const at = (block, element, here) => ({ target: here.target, block_id: block.block_id, action_id: element.action_id });

function button(block, element, here) {
  const look = { primary: 'primary', danger: 'danger' }[element.style] ?? '';
  const made = h('button', {
    type: 'button', class: `button ${look}`, 'aria-label': element.accessibility_label, 'data-focus': `${block.block_id}/${element.action_id}`,
    onclick: async () => {
      if (!(await confirmed(element.confirm, look))) return;
      made.disabled = true;
      made.classList.add('busy');
      if (element.url && /^https?:/.test(element.url)) window.open(element.url, '_blank', 'noopener,noreferrer');
      await doing('press', { ...at(block, element, here), value_is: element.value });
      made.disabled = false;
      made.classList.remove('busy');
    },
  }, element.text.text);
  return made;
}

function overflow(block, element, here) {
  const made = h('button', { type: 'button', class: 'button square', 'aria-label': 'More actions' }, icon('more'));
  return menu(made, () => element.options.map((option) => ({
    text: option.text.text,
    about: option.description?.text,
    run: async () => { if (await confirmed(element.confirm)) await doing('select', { ...at(block, element, here), value: option.value }); },
  })));
}

/// Asks once more where the app wants that.
export function confirmed(confirm, look) {
  if (!confirm) return Promise.resolve(true);
  return new Promise((answer) => {
    const danger = confirm.style === 'danger' || (!confirm.style && look === 'danger');
    const done = (yes) => { box.close(); box.remove(); answer(yes); };
    const box = h('dialog', { class: 'ask', 'aria-labelledby': 'ask-title', 'aria-describedby': 'ask-text', oncancel: (event) => { event.preventDefault(); done(false); } },
      h('h2', { id: 'ask-title' }, confirm.title.text),
      h('div', { id: 'ask-text' }, text(confirm.text)),
      h('div', { class: 'buttons' },
        h('button', { type: 'button', class: 'button', autofocus: true, onclick: () => done(false) }, confirm.deny.text),
        h('button', { type: 'button', class: `button ${danger ? 'danger' : 'primary'}`, onclick: () => done(true) }, confirm.confirm.text)));
    document.body.append(box);
    box.showModal();
  });
}
