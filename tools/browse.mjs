// The playground's page as people use it: started by tools/browse. Each story is told on a fresh playground of its own.
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { anyApp } from './browse_fields.mjs';
import { aClub, fromAnError, homeTabs, withoutADatabase } from './browse_ways.mjs';
import { accessible, approve, ask, be, browser, button, form, go, line, messages, option, role, row, session, shoot, shots, start, told, type, visit } from './browse_page.mjs';

const stories = {
  async 'a newcomer sees an access come and go in the first minute'(place) {
    const began = Date.now(), page = await visit(place, { bypassCSP: true });
    await session(page).getByText('permission denied').waitFor();
    await accessible(page, 'first');
    await button(page, 'Type it for me').click();
    await line(page).press('Enter');
    await told(page, 'Only visible to you');
    await button(page, 'Be Bob').click();
    await messages(page).getByRole('button', { name: /^Approve/ }).waitFor();
    await accessible(page, 'asked');
    await messages(page).getByRole('button', { name: /^Approve/ }).click();
    await row(page, 'alice').waitFor();
    await session(page).getByText('3', { exact: true }).waitFor();
    await told(page, 'in use');
    await accessible(page, 'granted');
    await page.locator('#guide').getByRole('button', { name: 'Jump to the end' }).click();
    await row(page, 'alice').waitFor({ state: 'detached' });
    await told(page, 'access ended');
    await page.getByText('read back that it is gone').waitFor();
    assert.equal(await session(page).getByText('3', { exact: true }).count(), 0);
    await accessible(page, 'gone');
    const took = Math.round((Date.now() - began) / 1000);
    assert.ok(took < 60, `${took} seconds`);
    return `${took} s, with four looks of axe`;
  },

  async 'the form is filled in, refused where it must be, and sent'(place) {
    const page = await visit(place, { bypassCSP: true });
    await type(page, '/p0 request');
    await form(page).getByLabel('Integration').selectOption({ label: 'PostgreSQL' });
    await form(page).getByLabel('Reason').fill('INC-43: <!channel> *bold* & <b>');
    await form(page).getByRole('button', { name: 'Request', exact: true }).click();
    await form(page).getByText('Please complete this required field.').waitFor();
    assert.equal(await role(page).getAttribute('aria-invalid'), 'true');
    await accessible(page, 'form');
    await role(page).fill('app');
    await option(page, 'app_rw').click();
    await form(page).getByLabel('Duration').selectOption({ label: '4 hours' });
    await form(page).getByRole('button', { name: 'Request', exact: true }).click();
    await form(page).waitFor({ state: 'detached' });
    await be(page, 'Carol');
    await go(page, 'access-requests');
    await told(page, 'INC-43: <!channel> bold & <b>'); // as it was written, and nobody is called
    assert.equal(await messages(page).locator('.mention', { hasText: 'channel' }).count(), 0);
  },

  async 'an approver denies with a reason, and the requestor reads it'(place) {
    const page = await visit(place);
    await ask(page, 'INC-44');
    await told(page, 'Asked for');
    await be(page, 'Bob');
    await go(page, 'access-requests');
    await messages(page).getByRole('button', { name: /^Deny/ }).click();
    await form(page).getByLabel('Reason').fill('Use the replica');
    await form(page).getByRole('button', { name: 'Deny', exact: true }).click();
    await form(page).waitFor({ state: 'detached' });
    await told(page, 'Use the replica');
    assert.equal(await messages(page).getByRole('button', { name: /^Approve/ }).count(), 0);
    await be(page, 'Alice');
    await go(page, 'p0');
    await told(page, 'Use the replica');
    assert.equal(await row(page, 'alice').count(), 0);
  },

  async 'somebody who is no approver is told so'(place) {
    const page = await visit(place);
    await ask(page, 'INC-45');
    await be(page, 'Dave');
    await go(page, 'access-requests');
    await messages(page).getByRole('button', { name: /^Approve/ }).click();
    await told(page, 'Only approvers can do this');
    await be(page, 'Carol'); // what only Dave sees, she does not
    await go(page, 'access-requests');
    await messages(page).getByRole('button', { name: /^Approve/ }).waitFor();
    assert.equal(await messages(page).getByText('Only approvers can do this').count(), 0);
  },

  async 'the requestor gives it back early; a revocation is asked about once more'(place) {
    const page = await visit(place);
    await ask(page, 'INC-46');
    await approve(page);
    await row(page, 'alice').waitFor();
    await messages(page).getByRole('button', { name: /^Revoke/ }).click();
    const asked = page.getByRole('dialog', { name: 'Revoke this access?' });
    await asked.waitFor();
    await shoot(page, 'confirm');
    await page.keyboard.press('Escape');
    await asked.waitFor({ state: 'detached' });
    await be(page, 'Alice');
    await go(page, 'p0');
    await messages(page).getByRole('button', { name: /^Relinquish/ }).click();
    await row(page, 'alice').waitFor({ state: 'detached' });
    await told(page, 'access ended');
  },

  async 'the shortcut opens the form; the clock goes forward by the hour'(place) {
    const page = await visit(place);
    await button(page, 'Shortcuts').click();
    await page.getByRole('menuitem', { name: /^Request access/ }).click();
    await form(page).getByLabel('Integration').waitFor();
    await form(page).getByRole('button', { name: 'Cancel' }).click();
    await form(page).waitFor({ state: 'detached' });
    await ask(page, 'INC-47');
    await approve(page);
    await row(page, 'alice').waitFor();
    await page.getByText(/ends in (1:00:00|59:\d\d)/).waitFor();
    await button(page, '+10 min forward').click();
    await page.getByText(/ends in (50:00|49:\d\d)/).waitFor();
    await button(page, '+1 h forward').click();
    await row(page, 'alice').waitFor({ state: 'detached' });
  },

  async 'a role among a hundred is found by typing, and its row is seen though no guide knows it'(place) {
    const page = await visit(place, { bypassCSP: true });
    await type(page, '/p0 request postgres role');
    await role(page).click();
    await option(page, 'analyst').waitFor();
    await role(page).fill('no such thing');
    await form(page).getByText('Nothing fits').waitFor();
    await role(page).fill('tax_');
    await option(page, 'tax_read').waitFor();
    await option(page, 'analyst').waitFor({ state: 'detached' });
    await accessible(page, 'type-ahead');
    await role(page).press('ArrowDown');
    await role(page).press('ArrowUp');
    await option(page, 'tax_read').click();
    await form(page).getByLabel('Reason').fill('INC-50');
    await form(page).getByRole('button', { name: 'Request', exact: true }).click();
    await form(page).waitFor({ state: 'detached' });
    await approve(page);
    await row(page, 'tax_read').waitFor();
  },

  async 'people are found by typing, for whom access is asked'(place) {
    const page = await visit(place, { bypassCSP: true });
    await type(page, '/p0 grant');
    const to = form(page).getByRole('combobox').first();
    await to.fill('dav');
    const found = form(page).locator('[role=listbox] [role=option]');
    await found.filter({ hasText: 'Dave' }).waitFor();
    assert.deepEqual(await found.locator('span').allTextContents(), ['Dave Diaz']);
    await accessible(page, 'people');
    await to.press('Enter');
    await page.waitForFunction(() => document.querySelector('dialog.modal [role=combobox]').value === 'Dave Diaz');
  },

  async 'all of it by the keyboard'(place) {
    const page = await visit(place);
    const reach = async (name, most = 60) => { // with Tab alone
      for (let step = 0; step < most; step++) {
        const here = await page.evaluate(() => { const at = document.activeElement; return at.getAttribute('aria-label') || at.labels?.[0]?.textContent || at.textContent || at.placeholder; });
        if (new RegExp(name).test(here)) return;
        await page.keyboard.press('Tab');
      }
      assert.fail(`Tab does not reach ${name}`);
    };
    await reach('^Message #general');
    await page.keyboard.type('/p0 request postgres role');
    await page.keyboard.press('Enter');
    await form(page).waitFor();
    await role(page).waitFor();
    await reach('^Role');
    await page.keyboard.type('analyst');
    await option(page, 'analyst').waitFor();
    await page.keyboard.press('Enter');
    await reach('^Reason');
    await page.keyboard.type('INC-48');
    await reach('^Request$');
    await page.keyboard.press('Enter');
    await form(page).waitFor({ state: 'detached' });
    await reach('^BBBob');
    await page.keyboard.press('Enter');
    await reach('access-requests');
    await page.keyboard.press('Enter');
    await messages(page).getByRole('button', { name: /^Approve/ }).waitFor();
    await reach('^Approve');
    await page.keyboard.press('Enter');
    await row(page, 'alice').waitFor();
    await messages(page).getByRole('button', { name: /^Revoke/ }).waitFor();
    await reach('^Revoke');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Revoke this access?' }).waitFor();
    await reach('^Revoke$', 4); // the dialog keeps the focus inside
    await page.keyboard.press('Enter');
    await row(page, 'alice').waitFor({ state: 'detached' });
  },

  async 'a screen of 400 pixels has room for it, in the dark too'(place) {
    const page = await visit(place, { viewport: { width: 400, height: 800 }, hasTouch: true, colorScheme: 'dark', bypassCSP: true });
    const fits = async (name) => {
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 400, `${name} is wider than the screen`);
      await accessible(page, name);
    };
    await ask(page, 'INC-49');
    await told(page, 'Asked for');
    await fits('narrow');
    await go(page, 'p0');
    await button(page, 'Home').click();
    await messages(page).getByRole('heading', { name: 'What you asked for' }).waitFor();
    await fits('narrow-home');
    await go(page, 'general');
    await type(page, '/p0 request postgres role');
    await role(page).fill('sales');
    await option(page, 'sales_read').waitFor();
    await fits('narrow-form');
    await page.keyboard.press('Escape'); // closes the list, not the form
    await page.keyboard.press('Escape');
    await form(page).waitFor({ state: 'detached' });
    await approve(page);
    await button(page, 'See it').click();
    await row(page, 'alice').waitFor();
    await fits('narrow-target');
    await button(page, 'Jump to the end').last().click();
    await row(page, 'alice').waitFor({ state: 'detached' });
  },

  async 'people talk, in threads too, and nothing they write becomes anything else'(place) {
    const page = await visit(place, { bypassCSP: true });
    const hostile = '<img src=x onerror=alert(1)> <!channel> <https://evil.example|p0> @bob';
    await type(page, hostile);
    await messages(page).getByText('<img src=x onerror=alert(1)> <!channel> <https://evil.example|p0>').waitFor();
    assert.equal(await messages(page).locator('img, a').count(), 0);
    assert.equal(await messages(page).locator('.mention').allTextContents().then(String), '@Bob Baker');
    await messages(page).getByRole('button', { name: /^More for the message of Alice/ }).click();
    await page.getByRole('menuitem', { name: 'Reply in thread' }).click();
    await page.keyboard.type('in here');
    await page.keyboard.press('Enter');
    await messages(page).getByText('1 reply').waitFor();
    await accessible(page, 'thread');
  },

  'an access is asked for, approved, given back and asked for again in Home tabs': homeTabs,
  'an error that somebody said or pasted opens the form for what cures it': fromAnError,
  'somebody is in a club for an hour, as the members page has it': aClub,
  'without a PostgreSQL the first minute is one of clubs': withoutADatabase,
  'any app has every kind of field, a Home tab, menus and threads': anyApp,
};

let failed = 0;
for (const [name, tell] of Object.entries(stories)) {
  const place = await start();
  let note = '', pages = [];
  try {
    note = (await tell(place)) ?? '';
    pages = browser.contexts().flatMap((context) => context.pages());
    assert.deepEqual(pages.flatMap((page) => page.wrong), [], 'the browser complains');
    console.log(`ok      ${name}${note && ` (${note})`}`);
  } catch (wrong) {
    failed++;
    pages = browser.contexts().flatMap((context) => context.pages());
    if (shots) await pages[0]?.screenshot({ path: join(shots, 'failed.png') });
    console.log(`FAILED  ${name}\n${wrong.message}`);
  }
  for (const context of browser.contexts()) await context.close();
  assert.equal(await place.stop(), 0, place.said());
  assert.match(place.said(), /Everything that was started here is stopped and removed/);
}
await browser.close();
if (failed) process.exit(1);
