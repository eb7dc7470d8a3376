// The peer: Bolt for JavaScript as its own guide has it, acknowledging first, then opening a modal.
import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';

const { App, LogLevel } = createRequire(process.env.PEER_MODULES + '/')('@slack/bolt');
const view = JSON.parse(readFileSync(process.env.MODAL, 'utf8'));
const app = new App({
  token: process.env.SLACK_BOT_TOKEN,
  signingSecret: process.env.SLACK_SIGNING_SECRET,
  endpoints: '/slack/commands',
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: process.env.SLACK_API_URL + '/' },
});

app.command('/p0', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view });
});

await app.start({ host: '127.0.0.1', port: Number(process.env.PORT) });
