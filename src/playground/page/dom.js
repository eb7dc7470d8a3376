// Elements without markup: text only ever becomes text. Never set innerHTML here or anywhere in this folder.

let ids = 0;
export const id = (prefix) => `${prefix}-${++ids}`;

export function h(tag, props, ...children) {
  const node = document.createElement(tag);
  const { value, ...rest } = props ?? {};
  for (const [name, given] of Object.entries(rest)) {
    if (given === undefined || given === null || given === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), given);
    else if (name === 'class') node.className = given;
    else node.setAttribute(name, given === true ? '' : String(given));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== undefined && child !== null && child !== false));
  if (value !== undefined && value !== null) node.value = value;
  return node;
}

/// Icons are drawn, so that they need no font: 20 by 20, in the colour of the text.
const DRAWN = {
  send: 'M3 3l14 7-14 7 3-7zM6 10h11',
  bolt: 'M11 2L4 11h5l-1 7 7-9h-5z',
  more: 'M4 10h.01M10 10h.01M16 10h.01',
  close: 'M5 5l10 10M15 5L5 15',
  back: 'M12 4l-6 6 6 6',
  reply: 'M4 5h12v8h-7l-4 3v-3H4z',
  eye: 'M2 10c3-5 13-5 16 0-3 5-13 5-16 0zM10 8a2 2 0 100 4 2 2 0 000-4',
  jump: 'M3 5l6 5-6 5zM11 5l6 5-6 5z',
  check: 'M4 10l4 4 8-9',
};
export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  for (const [key, value] of Object.entries({ viewBox: '0 0 20 20', width: 18, height: 18, 'aria-hidden': 'true', class: `icon ${name}` })) svg.setAttribute(key, value);
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', DRAWN[name]);
  svg.append(path);
  return svg;
}

/// Makes the children of `parent` those of `items` ({ key, sig, make }), and touches only what has another `sig`.
export function reconcile(parent, items) {
  const old = new Map([...parent.children].map((node) => [node.dataset.key, node]));
  const wanted = new Set(items.map((item) => item.key));
  for (const [key, node] of old) if (!wanted.has(key)) node.remove();
  let at = parent.firstElementChild;
  for (const item of items) {
    const before = old.get(item.key);
    let node = before;
    if (!before || before.sig !== item.sig) {
      node = item.make(before);
      node.dataset.key = item.key;
      node.sig = item.sig;
      if (before) {
        keepingFocus(before, () => before.replaceWith(node), node);
        if (at === before) at = node;
      }
    }
    if (node !== at) parent.insertBefore(node, at);
    else at = at.nextElementSibling;
  }
}

/// Runs `change`, which puts `after` in the place of `before`; whoever was in a field there is in it again.
export function keepingFocus(before, change, after) {
  const active = document.activeElement;
  const inside = before.contains(active) ? active : null;
  const key = inside?.dataset.focus;
  const [start, end] = inside && 'selectionStart' in inside ? [inside.selectionStart, inside.selectionEnd] : [null, null];
  change();
  if (!inside) return;
  const again = key && after.querySelector(`[data-focus="${CSS.escape(key)}"]`);
  if (again) {
    again.focus({ preventScroll: true });
    if (start !== null && again.setSelectionRange) try { again.setSelectionRange(start, end); } catch { /* not a text field */ }
  } else {
    after.tabIndex = -1;
    after.focus({ preventScroll: true });
  }
}

export const debounce = (ms, run) => {
  let timer;
  return (...args) => { clearTimeout(timer); timer = setTimeout(() => run(...args), ms); };
};

/// A menu under a button. `entries()`: [{ text, about, run }].
export function menu(button, entries) {
  const list = h('div', { class: 'menu', role: 'menu', hidden: true });
  const box = h('span', { class: 'menu-box' }, button, list);
  const close = (focus) => {
    list.hidden = true;
    button.setAttribute('aria-expanded', 'false');
    if (focus) button.focus();
  };
  const open = () => {
    list.replaceChildren(...entries().map((entry) => h('button', {
      type: 'button', role: 'menuitem', tabindex: -1, class: entry.danger ? 'danger-text' : '',
      onclick: () => { close(true); entry.run(); },
    }, h('b', {}, entry.text), entry.about ? h('small', {}, entry.about) : null)));
    list.classList.remove('up');
    list.hidden = false;
    const room = list.closest('#scroll')?.getBoundingClientRect();
    list.classList.toggle('up', Boolean(room) && list.getBoundingClientRect().bottom > room.bottom);
    button.setAttribute('aria-expanded', 'true');
    list.firstElementChild?.focus();
  };
  button.setAttribute('aria-haspopup', 'menu');
  button.setAttribute('aria-expanded', 'false');
  button.addEventListener('click', () => (list.hidden ? open() : close(true)));
  box.addEventListener('keydown', (event) => {
    if (list.hidden) return;
    const all = [...list.children], now = all.indexOf(document.activeElement);
    const to = { ArrowDown: now + 1, ArrowUp: now - 1, Home: 0, End: all.length - 1 }[event.key];
    if (to !== undefined) { event.preventDefault(); all[(to + all.length) % all.length]?.focus(); }
    if (event.key === 'Escape') { event.preventDefault(); event.stopPropagation(); close(true); }
  });
  box.addEventListener('focusout', (event) => { if (!box.contains(event.relatedTarget)) close(false); });
  return box;
}
