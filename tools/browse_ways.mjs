// Ways beside the command on a whole playground: the Home tab, an error that somebody said, an integration that p0 knows
// from a manifest alone.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { accessible, approve, ask, be, button, clubs, form, go, line, messages, role, row, session, shoot, start, told, type, visit } from './browse_page.mjs';

const submit = async (page, reason) => {
  if (reason) await form(page).getByLabel('Reason').fill(reason);
  await form(page).getByRole('button', { name: 'Request', exact: true }).click();
  await form(page).waitFor({ state: 'detached' });
};
const home = async (page, who) => {
  await be(page, who);
  await go(page, 'p0');
  await button(page, 'Home').click();
};

/// From the ask to the end, all in Home tabs.
export async function homeTabs(place) {
  const page = await visit(place, { bypassCSP: true });
  await home(page, 'Carol');
  await messages(page).getByText('nothing waits for you').waitFor();
  await be(page, 'Alice');
  await type(page, '/p0 request postgres role app_rw --reason INC-59');
  await told(page, 'Asked for');
  await be(page, 'Carol'); // whoever comes back to it opens it anew
  await messages(page).getByRole('button', { name: /^Deny/ }).click();
  await form(page).getByLabel('Reason').fill('Use the replica');
  await form(page).getByRole('button', { name: 'Deny', exact: true }).click();
  await form(page).waitFor({ state: 'detached' });
  await messages(page).getByText('nothing waits for you').waitFor();
  await home(page, 'Bob');
  await messages(page).getByText('nothing waits for you').waitFor();
  await home(page, 'Alice');
  await messages(page).getByRole('button', { name: 'Request access' }).click();
  await form(page).getByLabel('Integration').selectOption({ label: 'PostgreSQL' });
  await role(page).fill('analyst');
  await form(page).locator('[role=listbox]').getByRole('option', { name: 'analyst', exact: true }).click();
  await submit(page, 'INC-60');
  await messages(page).getByRole('heading', { name: 'What you asked for' }).waitFor();
  await home(page, 'Bob');
  await messages(page).getByRole('heading', { name: 'Waiting for your decision' }).waitFor();
  await accessible(page, 'home-bob');
  await messages(page).getByRole('button', { name: /^Approve/ }).click();
  await row(page, 'alice').waitFor();
  await messages(page).getByText('nothing waits for you').waitFor();
  await home(page, 'Alice');
  await messages(page).getByText(/(60|59) minutes left, until|1 hour left, until/).waitFor();
  await accessible(page, 'home-alice');
  await messages(page).getByRole('button', { name: /^Relinquish/ }).click();
  await row(page, 'alice').waitFor({ state: 'detached' });
  const again = messages(page).getByRole('button', { name: /^Ask again: role analyst/ });
  await again.waitFor();
  await shoot(page, 'home-again');
  await again.click();
  await form(page).waitFor();
  assert.equal(await role(page).inputValue(), 'analyst');
  await submit(page, 'INC-61');
  await approve(page);
  await told(page, 'being set up'); // not before the first is settled: a lost call of it may still land
  await button(page, '+10 min forward').click();
  await row(page, 'alice').waitFor();
}

/// The error is enough: said to others, or pasted behind the command.
export async function fromAnError(place) {
  const page = await visit(place, { bypassCSP: true });
  const error = 'ERROR:  permission denied for table orders';
  await be(page, 'Dave');
  await type(page, 'lunch?');
  await type(page, `psql tells me ${error}`);
  const more = messages(page).getByRole('button', { name: /^More for the message of Dave/ });
  await told(page, 'permission denied');
  await more.last().click();
  await page.getByRole('menuitem', { name: /^Request this access/ }).waitFor();
  await accessible(page, 'message-menu');
  await page.getByRole('menuitem', { name: /^Request this access/ }).click();
  await form(page).getByLabel('Integration').waitFor();
  assert.equal(await role(page).inputValue(), 'analyst', 'the role that reads orders and can do least else');
  assert.match(await form(page).getByLabel('Reason').inputValue(), /permission denied for table orders/);
  await accessible(page, 'from-an-error');
  await submit(page);
  await approve(page);
  await row(page, 'dave').waitFor();

  await be(page, 'Dave'); // in a message without an error there is nothing to ask for
  await go(page, 'general');
  await more.first().click();
  await page.getByRole('menuitem', { name: /^Request this access/ }).click();
  await form(page).waitFor();
  assert.equal(await role(page).count(), 0);
  await shoot(page, 'from-no-error');
  await form(page).getByRole('button', { name: 'Cancel' }).click();
  await form(page).waitFor({ state: 'detached' });

  await be(page, 'Alice');
  await go(page, 'general');
  await type(page, `/p0 request ${error}`);
  await form(page).waitFor();
  assert.equal(await role(page).inputValue(), 'analyst');
  await submit(page);
  await approve(page);
  await row(page, 'alice').waitFor();
}

const member = (page, who) => clubs(page).locator('tr:not(.gone)').filter({ hasText: who });

/// The members page shows by itself what p0 did there.
export async function aClub(place) {
  const page = await visit(place, { bypassCSP: true });
  await member(page, 'carol').getByText('since 2019').waitFor();
  await type(page, '/p0 request members club');
  await form(page).getByLabel('Club').selectOption({ label: 'Chess club' });
  await submit(page, 'Tournament on Friday');
  await approve(page);
  await member(page, 'alice').getByText('Chess club').waitFor();
  await told(page, 'in use');
  await accessible(page, 'club');
  if (process.env.P0_PICTURE) await picture(page);
  await theirPage(page, async (members) => {
    await members.getByRole('cell', { name: 'Alice Ahn' }).waitFor();
    await shoot(members, 'members-page');
  });
  await button(page, 'Jump to the end').last().click();
  await member(page, 'alice').waitFor({ state: 'detached' });
  await told(page, 'access ended');
  await page.getByText('read back that it is gone').waitFor();
  await theirPage(page, async (members) => {
    await members.getByRole('cell', { name: 'Carol Cruz' }).waitFor();
    assert.equal(await members.getByRole('cell', { name: 'Alice Ahn' }).count(), 0);
  });
}

/// For the README: both targets, and Alice in both.
async function picture(page) {
  await be(page, 'Alice');
  await go(page, 'general');
  await ask(page, 'INC-42: orders look wrong');
  await approve(page);
  await row(page, 'alice').waitFor();
  await session(page).getByText('3', { exact: true }).waitFor();
  await told(page, 'role analyst');
  await page.setViewportSize({ width: 1280, height: 856 });
  await page.waitForFunction(() => document.getAnimations().every((one) => one.playState === 'finished'));
  await page.screenshot({ path: process.env.P0_PICTURE, animations: 'disabled' });
}

/// Follows the link to the members page, which opens beside the playground.
async function theirPage(page, look) {
  const opening = page.context().waitForEvent('page');
  await page.getByRole('link', { name: 'open its page' }).click();
  const members = await opening;
  members.wrong = [];
  await look(members);
  await members.close();
}

/// On a machine without PostgreSQL the first minute is one of clubs.
export async function withoutADatabase() {
  const none = mkdtempSync(join(tmpdir(), 'p0-browse-'));
  const place = await start(['playground'], { P0_TOOLS_DIR: none });
  try {
    const page = await visit(place, { bypassCSP: true });
    await page.getByText('There is no PostgreSQL here').waitFor();
    await accessible(page, 'no-database');
    await button(page, 'Type it for me').click();
    await line(page).press('Enter');
    await told(page, 'Only visible to you');
    await button(page, 'Be Bob').click();
    await messages(page).getByRole('button', { name: /^Approve/ }).click();
    await member(page, 'alice').waitFor();
    await page.locator('#guide').getByRole('button', { name: 'Jump to the end' }).click();
    await member(page, 'alice').waitFor({ state: 'detached' });
    await page.getByText('read back that it is gone').waitFor();
    await be(page, 'Alice');
    await go(page, 'general');
    await line(page).fill('/');
    await page.getByRole('group', { name: 'Commands' }).getByText('/p0 ls members club').waitFor();
    assert.equal(await page.getByRole('group', { name: 'Commands' }).getByText('postgres').count(), 0);
  } finally {
    assert.equal(await place.stop(), 0, place.said());
    rmSync(none, { recursive: true });
  }
}
