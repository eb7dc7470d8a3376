// The hands and eyes of tools/browse.mjs: starts a playground, opens its page, and acts by what is on the screen: roles
// and names, as somebody sees or hears them. Nothing waits for a time, all for a sight.
import { createRequire } from 'node:module';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const modules = createRequire(join(process.env.P0_TOOLS_DIR, 'browse', 'package.json'));
const { chromium } = modules('playwright-core');
const axe = modules.resolve('axe-core/axe.min.js');
const [binary] = process.argv.slice(2);
export const shots = process.env.P0_SHOTS;

/// A playground that runs, and where; or the stand-in alone.
export async function start(words = ['playground'], env = {}) {
  const p0 = spawn(binary, [...words, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let said = '';
  const url = await new Promise((good, bad) => {
    const hear = (data) => { said += data; const found = /(?:is at |"api":")(http:\/\/[\d.:]+\/)/.exec(said); if (found) good(found[1]); };
    p0.stdout.on('data', hear);
    p0.stderr.on('data', hear);
    p0.on('exit', () => bad(new Error(`the playground ended: ${said}`)));
  });
  const ended = new Promise((done) => p0.on('exit', done));
  const stop = async () => {
    const open = browser.contexts().flatMap((context) => context.pages()).filter((page) => page.url().startsWith(url));
    for (const page of open) await page.goto('about:blank'); // else it rightly complains of a server that is gone
    p0.kill('SIGINT');
    return ended;
  };
  return { url, said: () => said, stop };
}

export const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu'] });

/// The page in a browser of its own. Anything the browser complains of fails the story.
export async function visit(place, options) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.wrong = [];
  page.on('console', (line) => { if (line.type() === 'error') page.wrong.push(line.text()); });
  page.on('pageerror', (error) => page.wrong.push(error.message));
  page.on('request', (request) => { if (!request.url().startsWith(place.url) && !request.url().startsWith('data:')) page.wrong.push(`asks ${request.url()}`); });
  await page.goto(place.url);
  await page.getByRole('button', { name: /^Alice/ }).waitFor();
  return page;
}

// ---- what people do and see

export const button = (page, name) => page.getByRole('button', { name, exact: true });
export const messages = (page) => page.getByRole('log');
export const line = (page) => page.locator('#line');
export const form = (page) => page.locator('dialog.modal');
export const rows = (page) => page.getByRole('region', { name: 'Rows of pg_auth_members' });
export const clubs = (page) => page.getByRole('region', { name: 'Rows of clubs' });
export const role = (page) => form(page).getByRole('combobox', { name: 'Role', exact: true });
export const option = (page, name) => form(page).locator('[role=listbox]').getByRole('option', { name, exact: true });
export const row = (page, who) => rows(page).locator('tr:not(.gone)').filter({ hasText: who });
export const session = (page) => page.getByRole('group', { name: 'Open sessions' });

export const be = (page, who) => page.locator('#people').getByRole('button', { name: new RegExp(`^${who}`) }).click();
export const go = (page, where) => page.locator('#side').getByRole('button', { name: new RegExp(`^(# ?|p0 ?)?${where}`) }).click();
export async function type(page, text) {
  await line(page).fill(text);
  await line(page).press('Enter');
}
export const ask = (page, reason) => type(page, `/p0 request postgres role analyst --reason "${reason}" --duration 1h`);
export const approve = async (page) => {
  await be(page, 'Bob');
  await go(page, 'access-requests');
  await messages(page).getByRole('button', { name: /^Approve/ }).last().click();
};
export const told = (page, text) => messages(page).getByText(text).last().waitFor();

export async function shoot(page, name) {
  if (shots) await page.screenshot({ path: join(shots, `${name}.png`), animations: 'disabled' });
}

export async function accessible(page, name) {
  await page.addScriptTag({ path: axe });
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ['violations'] }));
  const bad = found.violations.map((one) => `${one.impact}: ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html.slice(0, 120)).join(' | ')}`);
  assert.deepEqual(bad, [], name);
  await shoot(page, name);
}
