# A sample app of Bolt for Python, as its guide teaches it. Only the address of the Web API is another.
import os
from wsgiref.simple_server import make_server

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient

client = WebClient(token=os.environ["SLACK_BOT_TOKEN"], base_url=os.environ["SLACK_API_URL"] + "/")
app = App(client=client, signing_secret=os.environ.get("SLACK_SIGNING_SECRET"))


def plain(text):
    return {"type": "plain_text", "text": text}


@app.command("/sample")
def order(ack, body, client):
    ack()
    size = {"type": "external_select", "action_id": "size", "min_query_length": 1}
    why = {"type": "plain_text_input", "action_id": "why"}
    client.views_open(
        trigger_id=body["trigger_id"],
        view={
            "type": "modal", "callback_id": "order", "title": plain("Order"), "submit": plain("Send"),
            "blocks": [
                {"type": "input", "block_id": "size", "label": plain("Size"), "element": size},
                {"type": "input", "block_id": "why", "label": plain("Why"), "element": why},
            ],
        },
    )


@app.options("size")
def sizes(ack, payload):
    found = [size for size in ("small", "medium", "large") if size.startswith(payload["value"])]
    ack(options=[{"text": plain(size), "value": size} for size in found])


@app.view("order")
def ordered(ack, body, view, client):
    values = view["state"]["values"]
    why = values["why"]["why"]["value"]
    if why == "because":
        ack(response_action="errors", errors={"why": "Say more."})
        return
    ack()
    text = f'{values["size"]["size"]["selected_option"]["value"]}: {why}'
    button = {"type": "button", "action_id": "done", "text": plain("Done"), "value": "done"}
    client.chat_postMessage(
        channel=body["user"]["id"], text=text,
        blocks=[{"type": "section", "text": {"type": "mrkdwn", "text": text}}, {"type": "actions", "elements": [button]}],
    )


@app.action("done")
def done(ack, body, client, respond):
    ack()
    client.chat_update(channel=body["channel"]["id"], ts=body["message"]["ts"], text=f'Done by <@{body["user"]["id"]}>')
    respond(text="Thank you.", response_type="ephemeral", replace_original=False)


@app.event("app_home_opened")
def home(event, client):
    view = {"type": "home", "blocks": [{"type": "section", "text": plain("Welcome")}]}
    client.views_publish(user_id=event["user"], view=view)


if "SLACK_APP_TOKEN" in os.environ:
    SocketModeHandler(app, os.environ["SLACK_APP_TOKEN"]).start()
else:
    make_server("127.0.0.1", int(os.environ["PORT"]), SlackRequestHandler(app)).serve_forever()
