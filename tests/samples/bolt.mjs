// A sample app of Bolt for JavaScript, as its guide teaches it. Only the address of the Web API is another.
import { createRequire } from 'node:module';

const { App, LogLevel } = createRequire(`${process.env.P0_TOOLS_DIR}/bolt_js/`)('@slack/bolt');
const { SLACK_APP_TOKEN: appToken, SLACK_SIGNING_SECRET: signingSecret } = process.env;
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  ...(appToken ? { appToken, socketMode: true } : { signingSecret }),
  logLevel: LogLevel.INFO,
  clientOptions: { slackApiUrl: `${process.env.SLACK_API_URL}/` },
});

const plain = (text) => ({ type: 'plain_text', text });

app.command('/sample', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({
    trigger_id: body.trigger_id,
    view: {
      type: 'modal', callback_id: 'order', title: plain('Order'), submit: plain('Send'),
      blocks: [
        { type: 'input', block_id: 'size', label: plain('Size'), element: { type: 'external_select', action_id: 'size', min_query_length: 1 } },
        { type: 'input', block_id: 'why', label: plain('Why'), element: { type: 'plain_text_input', action_id: 'why' } },
      ],
    },
  });
});

app.options('size', async ({ ack, options }) => {
  const sizes = ['small', 'medium', 'large'].filter((size) => size.startsWith(options.value));
  await ack({ options: sizes.map((size) => ({ text: plain(size), value: size })) });
});

app.view('order', async ({ ack, body, view, client }) => {
  const { size: { size }, why: { why } } = view.state.values;
  if (why.value === 'because') {
    await ack({ response_action: 'errors', errors: { why: 'Say more.' } });
    return;
  }
  await ack();
  const text = `${size.selected_option.value}: ${why.value}`;
  await client.chat.postMessage({
    channel: body.user.id, text,
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text } },
      { type: 'actions', elements: [{ type: 'button', action_id: 'done', text: plain('Done'), value: 'done' }] },
    ],
  });
});

app.action('done', async ({ ack, body, client, respond }) => {
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `Done by <@${body.user.id}>` });
  await respond({ text: 'Thank you.', response_type: 'ephemeral', replace_original: false });
});

app.event('app_home_opened', async ({ event, client }) => {
  await client.views.publish({ user_id: event.user, view: { type: 'home', blocks: [{ type: 'section', text: plain('Welcome') }] } });
});

await (appToken ? app.start() : app.start({ host: '127.0.0.1', port: Number(process.env.PORT) }));
