// Draws Block Kit: started by tools/render. slack-blocks-to-jsx makes the blocks, Chromium the picture, and what the
// package leaves out is added here: people's names, menus in actions, the modal's frame, confirmation dialogs, cropping.
import { createRequire } from 'node:module';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from 'node:fs';
import * as zlib from 'node:zlib';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const [input, output, ...more] = process.argv.slice(2);
const dark = more.join(' ') === '--theme dark';
const modules = createRequire(join(process.env.P0_TOOLS_DIR, 'render', 'package.json'));
const React = modules('react');
const { renderToStaticMarkup } = modules('react-dom/server');
const { Message } = modules('slack-blocks-to-jsx');
const style = readFileSync(modules.resolve('slack-blocks-to-jsx').replace(/index\.m?js$/, 'style.css'), 'utf8');

const die = (words) => { console.error(`render: ${words}`); process.exit(1); };
let view;
try { view = JSON.parse(readFileSync(input, 'utf8')); } catch (wrong) { die(`${input} is not JSON: ${wrong.message}`); }
view = view.payload ?? view.body ?? view;
const groups = new Map(); // <!subteam^S1|@oncall> -> <!subteam^S1>, its name kept for the lookup
view = JSON.parse(JSON.stringify(view).replace(/<!subteam\^(\w+)\|@?([^>]*)>/g, (_, id, called) => { groups.set(id, called); return `<!subteam^${id}>`; }));
// `verbatim` only keeps Slack from finding links by itself; the package would show the marks as they are.
view = JSON.parse(JSON.stringify(view), (key, value) => (key === 'verbatim' ? undefined : value));
if (!Array.isArray(view.blocks)) die(`${input} has no blocks: give a message, a modal or a Home view`);
const surface = view.type === 'modal' || view.type === 'home' ? view.type : 'message';

const escape = (text) => String(text ?? '').replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
const h = React.createElement;

// U0ALICE -> alice: the pictures need names, and the ids of the demo carry them.
const name = (id) => id.replace(/^[UWSC]0?/, '').toLowerCase();
const ids = (text, letters) => [...new Set([...text.matchAll(new RegExp(`\\b[${letters}][A-Z0-9]+\\b`, 'g'))].map((m) => m[0]))];
const all = JSON.stringify(view.blocks);
const data = {
  users: ids(all, 'UW').map((id) => ({ id, name: name(id) })),
  channels: ids(all, 'C').map((id) => ({ id, name: name(id) })),
  user_groups: ids(all, 'S').map((id) => ({ id, name: groups.get(id) ?? name(id) })),
};

// Menus and pickers look alike: one box with what is chosen, or what it asks for.
const chosen = (e) => e.initial_option?.text?.text ?? e.initial_options?.map((o) => o.text.text).join(', ')
  ?? (e.initial_user ? '@' + name(e.initial_user) : undefined) ?? (e.initial_conversation ?? e.initial_channel ? '#' + name(e.initial_conversation ?? e.initial_channel) : undefined)
  ?? e.initial_date ?? e.initial_time;
const isMenu = (e) => /(_select|picker)$/.test(e?.type ?? '');
const menu = (e) => `<span class="menu${chosen(e) ? '' : ' asks'}">${escape(chosen(e) ?? e.placeholder?.text ?? 'Choose')}<svg width="10" height="6" viewBox="0 0 10 6"><path d="M1 1l4 4 4-4" fill="none" stroke="currentColor" stroke-width="1.6"/></svg></span>`;

// The package gets a plain button in the place of each menu and button, and ours takes its place afterwards.
const drawn = [];
const stand = (element) => {
  if (!element || typeof element !== 'object') return element;
  if (isMenu(element) || element.type === 'button') {
    drawn.push(isMenu(element) ? menu(element) : `<span class="b ${element.style === 'primary' ? 'p' : element.style === 'danger' ? 'danger' : ''}">${escape(element.text.text)}</span>`);
    return { type: 'button', action_id: `drawn${drawn.length - 1}`, text: { type: 'plain_text', text: `@@${drawn.length - 1}@@` } };
  }
  return element;
};
const confirms = [];
const blocks = view.blocks.map((block) => {
  for (const element of [...(block.elements ?? []), block.accessory, block.element]) if (element?.confirm) confirms.push([element, element.confirm]);
  if (block.type === 'actions') return { ...block, elements: block.elements.map(stand) };
  if (block.type === 'section' && block.accessory) return { ...block, accessory: stand(block.accessory) };
  if (block.type === 'input' && isMenu(block.element)) {
    drawn.push(menu(block.element).replace('class="menu', 'class="wide menu'));
    return { type: 'section', text: { type: 'mrkdwn', text: `@@input${drawn.length - 1}@@` }, input: block };
  }
  if (block.type === 'input' && /input$/.test(block.element.type)) {
    return { ...block, element: { ...block.element, placeholder: block.element.placeholder ?? { type: 'plain_text', text: '\u00a0' } } };
  }
  return block;
});

const draw = (some, bare) => renderToStaticMarkup(h(Message, {
  blocks: some, name: 'p0', time: new Date(2026, 0, 12, 9, 41), theme: dark ? 'dark' : 'light', withoutWrapper: bare, data,
  logo: 'data:image/svg+xml,' + encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="36" height="36"><rect width="36" height="36" rx="7" fill="#1d3557"/><text x="18" y="24" font-size="17" font-weight="700" fill="#fff" text-anchor="middle" font-family="Lato,sans-serif">p0</text></svg>'),
}));
const label = (block) => `<div class="field"><label>${escape(block.label.text)}${block.optional ? ' <i>(optional)</i>' : ''}</label>`;
let html;
try { html = draw(blocks, surface !== 'message'); } catch (wrong) { die(`${input} cannot be drawn: ${wrong.message}`); }
// A word of the package's own, which Slack does not say.
html = html.replace(/<(\w+)[^<>]*>(?:(?!<\1\b).)*?Please &#x27;enter&#x27; to submit<\/\1>/gs, '');
html = html.replace(/<button[^>]*>(?:(?!<\/button>).)*?@@(\d+)@@.*?<\/button>/gs, (_, n) => drawn[n]);
blocks.forEach((block) => {
  if (!block.input) return;
  const n = /@@input(\d+)@@/.exec(block.text.text)[1];
  const made = `${label(block.input)}${drawn[n]}${block.input.hint ? `<small>${escape(block.input.hint.text)}</small>` : ''}</div>`;
  html = html.replace(new RegExp(`<[^<>]*>@@input${n}@@`), (tag) => tag.replace(`@@input${n}@@`, made)).replace(`@@input${n}@@`, made);
});

const asked = confirms.map(([element, c]) => `<div class="confirm"><b>${escape(c.title.text)}</b><p>${escape(c.text.text)}</p><div><span class="b">${escape(c.deny.text)}</span><span class="b ${element.style === 'danger' || c.style === 'danger' ? 'danger' : 'p'}">${escape(c.confirm.text)}</span></div></div>`).join('');
const width = surface === 'modal' ? 520 : 680;
const ink = dark ? '#d1d2d3' : '#1d1c1d', paper = dark ? '#1a1d21' : '#fff', line = dark ? '#565856' : '#8d8d8e';
const page = `<!doctype html><html lang="en" data-theme="${dark ? 'dark' : 'light'}"><meta charset="utf-8"><style>${style}
html,body{margin:0;background:#ff00ff}
body,body *{font-family:Lato,"Noto Sans","Noto Color Emoji",sans-serif}
code,code *,pre,pre *{font-family:"DejaVu Sans Mono",monospace!important}
#all{width:${width}px;background:${paper};color:${ink};font-size:15px;line-height:1.46}
#in{padding:${surface === 'modal' ? '0' : '18px 20px'}}
#all .menu{display:inline-flex;align-items:center;justify-content:space-between;gap:22px;min-width:96px;height:36px;box-sizing:border-box;padding:0 12px;border:1px solid ${line};border-radius:8px;font-size:15px;background:${paper};color:${ink};vertical-align:top;white-space:nowrap}
#all .menu.asks{color:${dark ? '#9a9b9d' : '#616061'}}#all .menu.wide{display:flex}
#all strong,#all b,#all [class*="font-medium"],#all [class*="font-bold"],#all [class*="__header"],#all [class*="__header"] *{font-weight:900}
p:has(.field),span:has(>.field),div:has(>p .field){display:block;width:100%}.field{width:100%;margin:6px 0 14px}.field label{display:block;font-weight:700;margin-bottom:6px}.field label i{font-weight:400;font-style:normal;color:#616061}.field small{display:block;color:#616061;font-size:13px;margin-top:4px}
header.m{display:flex;justify-content:space-between;align-items:center;padding:20px 24px 12px;font-weight:900;font-size:22px}
main.m{padding:0 24px}footer.m{display:flex;justify-content:flex-end;gap:12px;padding:18px 24px 22px}
#all .b{display:inline-flex;align-items:center;height:36px;box-sizing:border-box;border:1px solid ${line};border-radius:8px;padding:0 14px;font-weight:700;font-size:15px;white-space:nowrap}#all .b.p{background:#007a5a;border-color:#007a5a;color:#fff}#all .b.danger{background:#e01e5a;border-color:#e01e5a;color:#fff}
.x{font-weight:400;color:#616061;font-size:24px}
#all .confirm{margin:14px 0 0 44px;width:380px;border:1px solid ${line};border-radius:10px;padding:14px 16px;box-sizing:border-box}.confirm b{font-size:17px}.confirm p{margin:6px 0 12px}.confirm div{display:flex;justify-content:flex-end;gap:10px}
</style><div id="all"><div id="in">${surface === 'modal'
  ? `<header class="m"><span>${escape(view.title?.text)}</span><span class="x">×</span></header><main class="m">${html}</main><footer class="m">${view.close ? `<span class="b">${escape(view.close.text)}</span>` : ''}${view.submit ? `<span class="b p">${escape(view.submit.text)}</span>` : ''}</footer>`
  : html + asked}</div></div></html>`;

// Chromium takes a tall picture of a page whose empty part is magenta; the magenta is cut off.
const folder = mkdtempSync(join(tmpdir(), 'p0-render.'));
try {
  const shot = join(folder, 'shot.png');
  writeFileSync(join(folder, 'page.html'), page);
  const told = spawnSync('chromium', ['--headless=new', '--no-sandbox', '--disable-gpu', '--hide-scrollbars', '--force-device-scale-factor=2',
    `--user-data-dir=${folder}/profile`, `--window-size=${width},2400`, `--screenshot=${shot}`, `file://${folder}/page.html`], { timeout: 60000 });
  if (!existsSync(shot)) die(`chromium made no picture: ${String(told.stderr ?? told.error).slice(-300)}`);
  writeFileSync(resolve(output), crop(readFileSync(shot)));
  if (process.env.P0_RENDER_HTML) writeFileSync(process.env.P0_RENDER_HTML, page);
} finally { rmSync(folder, { recursive: true, force: true }); }

// A PNG (8 bits, RGB or RGBA, not interlaced, as Chromium writes it) without the rows at its end that are magenta.
function crop(png) {
  const at = (offset) => png.readUInt32BE(offset);
  let offset = 8, head, packed = [];
  while (offset < png.length) {
    const size = at(offset), kind = png.toString('latin1', offset + 4, offset + 8), body = png.subarray(offset + 8, offset + 8 + size);
    if (kind === 'IHDR') head = Buffer.from(body);
    if (kind === 'IDAT') packed.push(body);
    offset += size + 12;
  }
  const columns = head.readUInt32BE(0), rows = head.readUInt32BE(4), bytes = head[9] === 6 ? 4 : 3, stride = columns * bytes;
  const raw = zlib.inflateSync(Buffer.concat(packed));
  let before = Buffer.alloc(stride), last = 0;
  for (let y = 0; y < rows; y++) {
    const filter = raw[y * (stride + 1)], row = Buffer.from(raw.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1)));
    for (let x = 0; x < stride; x++) {
      const a = x >= bytes ? row[x - bytes] : 0, b = before[x], c = x >= bytes ? before[x - bytes] : 0;
      const p = a + b - c, pa = Math.abs(p - a), pb = Math.abs(p - b), pc = Math.abs(p - c);
      row[x] = (row[x] + [0, a, b, (a + b) >> 1, pa <= pb && pa <= pc ? a : pb <= pc ? b : c][filter]) & 255;
    }
    if (!(row[0] === 255 && row[1] === 0 && row[2] === 255)) last = y + 1;
    before = row;
  }
  const chunk = (kind, body) => {
    const all = Buffer.concat([Buffer.alloc(4), Buffer.from(kind, 'latin1'), body, Buffer.alloc(4)]);
    all.writeUInt32BE(body.length, 0);
    all.writeUInt32BE(crc(all.subarray(4, 8 + body.length)), 8 + body.length);
    return all;
  };
  head.writeUInt32BE(last, 4);
  return Buffer.concat([png.subarray(0, 8), chunk('IHDR', head), chunk('IDAT', zlib.deflateSync(raw.subarray(0, last * (stride + 1)), { level: 9 })), chunk('IEND', Buffer.alloc(0))]);
}
function crc(bytes) {
  if (zlib.crc32) return zlib.crc32(bytes); // Node 22 has it
  let value = 0xffffffff;
  for (const byte of bytes) { value ^= byte; for (let k = 0; k < 8; k++) value = value & 1 ? (value >>> 1) ^ 0xedb88320 : value >>> 1; }
  return (value ^ 0xffffffff) >>> 0;
}
