//! A sample app of slack-morphism, as its examples have it: its own listeners, for HTTP and for Socket
//! Mode. Only the address of the Web API is another.

use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use slack_morphism::prelude::*;
use tokio::net::TcpListener;

type Client = SlackHyperClient;
type SlackHyperClient = SlackClient<SlackClientHyperConnector<HttpConnector>>;
type Done<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What the handlers know beside what they are told.
#[derive(Clone)]
struct Token(SlackApiToken);

fn plain(text: &str) -> Value {
    json!({ "type": "plain_text", "text": text })
}

async fn token(state: SlackClientEventsUserState) -> SlackApiToken {
    state.read().await.get_user_state::<Token>().expect("set at the start").0.clone()
}

async fn command(
    event: SlackCommandEvent,
    client: Arc<Client>,
    state: SlackClientEventsUserState,
) -> Done<SlackCommandEventResponse> {
    let size = json!({ "type": "external_select", "action_id": "size", "min_query_length": 1 });
    let why = json!({ "type": "plain_text_input", "action_id": "why" });
    let view = json!({
        "type": "modal", "callback_id": "order", "title": plain("Order"), "submit": plain("Send"),
        "blocks": [
            { "type": "input", "block_id": "size", "label": plain("Size"), "element": size },
            { "type": "input", "block_id": "why", "label": plain("Why"), "element": why },
        ],
    });
    let open = SlackApiViewsOpenRequest::new(event.trigger_id, serde_json::from_value(view)?);
    client.open_session(&token(state).await).views_open(&open).await?;
    Ok(SlackCommandEventResponse::new(SlackMessageContent::new().with_text("One moment.".into())))
}

async fn interaction(
    event: SlackInteractionEvent,
    client: Arc<Client>,
    state: SlackClientEventsUserState,
) -> Done<SlackInteractionResponse> {
    let token = token(state).await;
    let session = client.open_session(&token);
    match event {
        SlackInteractionEvent::BlockSuggestion(asked) => {
            let sizes = ["small", "medium", "large"].iter().filter(|size| size.starts_with(&asked.value));
            let sizes = sizes.map(|size| SlackBlockChoiceItem::new((*size).into(), (*size).to_owned())).collect();
            Ok(SlackBlockSuggestionResponse::Options(SlackBlockSuggestionOptions::new(sizes)).into())
        }
        SlackInteractionEvent::ViewSubmission(submitted) => {
            let view = serde_json::to_value(&submitted.view)?;
            let why = view["state"]["values"]["why"]["why"]["value"].as_str().unwrap_or_default().to_owned();
            if why == "because" {
                let errors = [("why".to_owned(), "Say more.".to_owned())].into_iter().collect();
                return Ok(SlackViewSubmissionResponse::Errors(SlackViewSubmissionErrorsResponse::new(errors)).into());
            }
            let size = view["state"]["values"]["size"]["size"]["selected_option"]["value"].as_str().unwrap_or_default();
            let text = format!("{size}: {why}");
            let button = json!({ "type": "button", "action_id": "done", "text": plain("Done"), "value": "done" });
            let content = json!({ "channel": submitted.user.id, "text": text, "blocks": [
                { "type": "section", "text": { "type": "mrkdwn", "text": text } }, { "type": "actions", "elements": [button] }] });
            session.chat_post_message(&serde_json::from_value(content)?).await?;
            Ok(().into())
        }
        SlackInteractionEvent::BlockActions(pressed) => {
            let (channel, message) = (pressed.channel.ok_or("no channel")?, pressed.message.ok_or("no message")?);
            let text = format!("Done by <@{}>", pressed.user.ok_or("nobody")?.id);
            let update = json!({ "channel": channel.id, "ts": message.origin.ts, "text": text });
            session.chat_update(&serde_json::from_value(update)?).await?;
            let thanks = SlackApiPostWebhookMessageRequest::new(SlackMessageContent::new().with_text("Thank you.".into()));
            client.respond_to_event(&pressed.response_url.ok_or("no URL")?, &thanks).await?;
            Ok(().into())
        }
        other => Err(format!("not expected: {other:?}").into()),
    }
}

async fn home(body: SlackEventCallbackBody, client: Arc<Client>, state: SlackClientEventsUserState) -> Done<()> {
    let SlackEventCallbackBody::AppHomeOpened(opened) = body else { return Ok(()) };
    let view = json!({ "user_id": opened.user, "view": { "type": "home", "blocks": [{ "type": "section", "text": plain("Welcome") }] } });
    client.open_session(&token(state).await).views_publish(&serde_json::from_value(view)?).await?;
    Ok(())
}

async fn pushed(event: SlackPushEvent, client: Arc<Client>, state: SlackClientEventsUserState) -> Done<()> {
    match event {
        SlackPushEvent::EventCallback(event) => home(event.event, client, state).await,
        _ => Ok(()),
    }
}

async fn pushed_by_socket(event: SlackPushEventCallback, client: Arc<Client>, state: SlackClientEventsUserState) -> Done<()> {
    home(event.event, client, state).await
}

fn environment(api: &str, token: &str) -> Arc<SlackClientEventsListenerEnvironment<SlackClientHyperConnector<HttpConnector>>> {
    let connector = SlackClientHyperConnector::with_connector(HttpConnector::new()).with_slack_api_url(api);
    let token = Token(SlackApiToken::new(token.into()));
    Arc::new(SlackClientEventsListenerEnvironment::new(Arc::new(SlackClient::new(connector))).with_user_state(token))
}

/// Serves Slack's calls at `/command`, `/interaction` and `/push`.
pub async fn serve(listener: TcpListener, api: String, token: String, secret: String) {
    let events = Arc::new(SlackClientEventsHyperListener::new(environment(&api, &token)));
    let secret = || SlackSigningSecret::new(secret.clone());
    let commands = Arc::new(SlackCommandEventsListenerConfig::new(secret()));
    let interactions = Arc::new(SlackInteractionEventsListenerConfig::new(secret()));
    let pushes = Arc::new(SlackPushEventsListenerConfig::new(secret()));
    loop {
        let (stream, _) = listener.accept().await.expect("accepted");
        let nothing = |_: Request<Incoming>| async { Ok(Response::builder().status(404).body(Empty::new().boxed())?) };
        let routes = chain_service_routes_fn(
            events.command_events_service_fn(commands.clone(), command),
            chain_service_routes_fn(
                events.interaction_events_service_fn(interactions.clone(), interaction),
                chain_service_routes_fn(events.push_events_service_fn(pushes.clone(), pushed), nothing),
            ),
        );
        let service = hyper::service::service_fn(move |request| {
            let answer = routes(request);
            async move { Ok::<_, Infallible>(answer.await.expect("answered")) }
        });
        tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

/// Takes everything over sockets.
pub async fn listen(api: String, token: String, app_token: String) {
    let callbacks = SlackSocketModeListenerCallbacks::new()
        .with_command_events(command)
        .with_interaction_events(interaction)
        .with_push_events(pushed_by_socket);
    let config = SlackClientSocketModeConfig::new();
    let listener = SlackClientSocketModeListener::new(&config, environment(&api, &token), callbacks);
    listener.listen_for(&SlackApiToken::new(app_token.into())).await.expect("registered");
    listener.start().await;
    std::future::pending().await
}
