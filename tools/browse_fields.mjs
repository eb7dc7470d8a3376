// Any app on the page, not p0 alone: an app of a few lines that sends every kind of block and field, behind the stand-in
// on its own. What was put into each field has to come out of the submission as Slack would have it.
import { createServer } from 'node:http';
import assert from 'node:assert/strict';
import { accessible, button, form, go, messages, start, type, visit } from './browse_page.mjs';

/// An app of nothing but fields, to which the stand-in alone is pointed.
async function anotherApp(tell) {
  const token = 'xoxb-of-another-app';
  let place, url, submitted, home = 0;
  const acted = [];
  const call = async (method, body) => {
    const answer = await fetch(`${place.url}api/${method}`, { method: 'POST', headers: { 'content-type': 'application/json; charset=utf-8', authorization: `Bearer ${token}` }, body: JSON.stringify(body) });
    const said = await answer.json();
    assert.ok(said.ok, `${method}: ${JSON.stringify(said)}`);
    return said;
  };
  const app = createServer((request, answer) => {
    let body = '';
    request.on('data', (data) => { body += data; });
    request.on('end', async () => {
      const json = (value) => answer.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
      const form = new URLSearchParams(body), payload = JSON.parse(form.get('payload') ?? 'null');
      if (request.url.endsWith('options')) return json({ options: ['One', 'Two'].map((name) => choice(`Found ${name}`)) });
      if (request.url.endsWith('events')) { home++; answer.end(); return call('views.publish', { user_id: JSON.parse(body).event.user, view: { type: 'home', blocks: [{ type: 'header', text: plain('Your accesses') }, { type: 'section', text: plain('None') }] } }); }
      if (payload?.type === 'view_submission') { submitted = payload.view.state.values; return answer.end(); }
      if (payload) acted.push(payload.actions?.[0] ?? payload);
      answer.end();
      if (request.url.endsWith('commands')) await call('views.open', { trigger_id: form.get('trigger_id'), view: everything });
    });
  });
  await new Promise((done) => app.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${app.address().port}`;
  place = await start(['slack-sim', '--app', url], { SLACK_BOT_TOKEN: token, SLACK_SIGNING_SECRET: 'a-secret' });
  try {
    return await tell({ place, call, acted, submitted: () => submitted, homes: () => home });
  } finally {
    app.close();
    await place.stop();
  }
}

const plain = (text) => ({ type: 'plain_text', text });
const choice = (name) => ({ text: plain(name), value: name.toLowerCase().replace(' ', '-') });
const input = (label, element, more) => ({ type: 'input', block_id: label, label: plain(label), element: { action_id: 'a', ...element }, ...more });
const options = ['One', 'Two', 'Three'].map(choice);
const everything = {
  type: 'modal', title: plain('Everything'), submit: plain('Send'), close: plain('Never mind'), blocks: [
    input('List', { type: 'static_select', option_groups: [{ label: plain('Group'), options }] }),
    input('Some', { type: 'multi_static_select', options, max_selected_items: 2 }),
    input('Search', { type: 'multi_external_select', min_query_length: 2 }),
    input('People', { type: 'multi_users_select' }),
    input('Place', { type: 'conversations_select' }, { optional: true }),
    input('Ticks', { type: 'checkboxes', options }),
    input('One', { type: 'radio_buttons', options }),
    input('Day', { type: 'datepicker' }),
    input('Hour', { type: 'timepicker' }),
    input('When', { type: 'datetimepicker' }),
    input('Number', { type: 'number_input', is_decimal_allowed: false, min_value: '1' }),
    input('Mail', { type: 'email_text_input' }),
    input('Address', { type: 'url_text_input' }),
    input('Words', { type: 'plain_text_input', multiline: true, max_length: 20 }, { hint: plain('At most twenty') }),
  ],
};
const loud = [
  { type: 'header', text: plain('All kinds') }, { type: 'divider' },
  { type: 'section', text: { type: 'mrkdwn', text: '*bold* _italic_ ~struck~ `code` <https://example.com|a link> <javascript:alert(1)|no link> :tada: <!date^1800000000^{date_short_pretty} at {time}|then>\n> quoted &lt;b&gt;\n```fenced *as is*```' },
    accessory: { type: 'overflow', action_id: 'more', options: options.slice(0, 2), confirm: { title: plain('Sure?'), text: plain('Really.'), confirm: plain('Yes'), deny: plain('No') } } },
  { type: 'rich_text', elements: [{ type: 'rich_text_list', style: 'bullet', elements: [{ type: 'rich_text_section', elements: [{ type: 'text', text: 'first' }] }] }] },
  { type: 'actions', elements: [
    { type: 'static_select', action_id: 'pick', placeholder: plain('Pick'), options }, { type: 'datepicker', action_id: 'day', placeholder: plain('Some day') },
    { type: 'button', action_id: 'go', text: plain('Go'), value: 'v', style: 'primary' }] },
];

export const anyApp = () => anotherApp(async ({ place, call, acted, submitted, homes }) => {
  const features = { slash_commands: [{ command: '/anything', description: 'Opens everything' }],
    shortcuts: [{ name: 'Look at this', type: 'message', callback_id: 'look', description: 'Takes the message along' }], app_home: { home_tab_enabled: true } };
  const set = await fetch(`${place.url}_control/settings`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ features }) });
  assert.equal(set.status, 200);
  const page = await visit(place, { bypassCSP: true });
  await type(page, '/unheard-of');
  await page.getByText('/unheard-of is not a valid command').waitFor();
  assert.equal(await page.getByLabel('Clock and targets', { exact: true }).isVisible(), false, 'a stand-in alone has no clock to move');
  await type(page, '/anything');
  const fill = (label, value) => form(page).getByLabel(label, { exact: true }).fill(value);
  await form(page).getByRole('button', { name: 'Send' }).click();
  await form(page).getByText('Please complete this required field.').first().waitFor();
  assert.equal(await form(page).getByText('Please complete this required field.').count(), 13);
  await accessible(page, 'everything');
  await form(page).getByLabel('List').selectOption({ label: 'Two' });
  for (const [field, query, names] of [['Some', 't', ['Two', 'Three']], ['Search', 'fo', ['Found One']], ['People', 'b', ['Bob']]]) {
    for (const name of names) {
      await form(page).getByRole('combobox', { name: field, exact: true }).fill(query);
      await form(page).locator('[role=listbox] [role=option]').filter({ hasText: name }).click();
      await form(page).getByRole('button', { name: new RegExp(`^Remove ${name}`) }).waitFor();
    }
  }
  await form(page).getByRole('checkbox', { name: 'One' }).check();
  await form(page).getByRole('checkbox', { name: 'Three' }).check();
  await form(page).getByRole('radio', { name: 'Two' }).check();
  await fill('Day', '2027-02-03');
  await fill('Hour', '13:45');
  await fill('When', '2027-02-03T13:45');
  await fill('Number', '7');
  await fill('Mail', 'not a mail');
  await fill('Address', 'https://example.com/');
  await fill('Words', 'twenty characters at most and no more');
  await form(page).getByRole('button', { name: 'Send' }).click();
  await form(page).getByText('Please enter a valid email address.').waitFor();
  await fill('Mail', 'a@b.example');
  await form(page).getByRole('button', { name: 'Send' }).click();
  await form(page).waitFor({ state: 'detached' });
  const values = Object.fromEntries(Object.entries(submitted()).map(([block, { a }]) => [block, Object.values(a)[1]]));
  const found = values.Search.map((one) => one.value);
  assert.deepEqual([values.List.value, values.Some.map((one) => one.value), found, values.People], ['two', ['two', 'three'], ['found-one'], ['U0BOB']]);
  assert.deepEqual([values.Ticks.map((one) => one.value), values.One.value, values.Day, values.Hour], [['one', 'three'], 'two', '2027-02-03', '13:45']);
  assert.equal(values.When, Date.parse('2027-02-03T12:45Z') / 1000, 'alice is in Berlin');
  assert.deepEqual([values.Number, values.Mail, values.Address, values.Words, values.Place], ['7', 'a@b.example', 'https://example.com/', 'twenty characters at', null]);

  const posted = await call('chat.postMessage', { channel: 'C0REQUESTS', text: 'All kinds', blocks: loud });
  await call('chat.postMessage', { channel: 'C0REQUESTS', text: 'in a thread', thread_ts: posted.ts });
  await go(page, 'access-requests');
  await messages(page).getByText('1 reply').waitFor();
  for (const [tag, text] of [['b', 'bold'], ['i', 'italic'], ['s', 'struck'], ['code', 'code'], ['blockquote', 'quoted <b>'], ['pre', 'fenced *as is*'], ['a', 'a link'], ['li', 'first']]) {
    assert.equal(await messages(page).locator(tag).getByText(text, { exact: true }).or(messages(page).locator(tag, { hasText: text })).first().textContent(), text, tag);
  }
  assert.equal(await messages(page).locator('a').count(), 1, 'javascript: is no link');
  await messages(page).getByText('15 Jan 2027 at 09:00').waitFor();
  await accessible(page, 'loud');
  await messages(page).getByRole('button', { name: 'More actions' }).click();
  await page.getByRole('menuitem', { name: 'Two' }).click();
  await page.getByRole('dialog', { name: 'Sure?' }).getByRole('button', { name: 'Yes' }).click();
  await messages(page).getByLabel('Pick').selectOption({ label: 'Three' });
  await messages(page).getByRole('button', { name: 'Go' }).click();
  await page.waitForFunction(() => !document.querySelector('.busy'));
  assert.deepEqual(acted.map((one) => [one.action_id, one.selected_option?.value ?? one.value]), [['more', 'two'], ['pick', 'three'], ['go', 'v']]);

  await messages(page).getByRole('button', { name: /^More for the message of p0/ }).last().click();
  await page.getByRole('menuitem', { name: /^Look at this/ }).click();
  await page.waitForFunction(() => !document.querySelector('.menu:not([hidden])'));
  await go(page, 'p0');
  await button(page, 'Home').click();
  await page.getByRole('heading', { name: 'Your accesses' }).waitFor();
  assert.equal(homes(), 1);
  const looked = acted.at(-1);
  assert.deepEqual([looked.type, looked.callback_id, looked.message.text], ['message_action', 'look', 'All kinds']);
  await accessible(page, 'home');
});
