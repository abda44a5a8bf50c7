//! Calls: what is shown of the one that is under way, and what the page and its media tell.

use crate::act::Acted;
use crate::face::Face;
use crate::refusal::Refusal;
use client::calls::{CallState, CallView, Want};
use protocol::content::Description;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wire::id::CallId;
use wire::relay::RelayTerms;

/// What both shapes of a description have.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Remote<'a> {
    number: u32,
    has_video: bool,
    may_direct: bool,
    sdp: &'a str,
}

/// How a call is relayed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Relay<'a> {
    urls: &'a [String],
    username: &'a str,
    credential: &'a str,
}

impl<'a> Relay<'a> {
    /// None: not known yet.
    pub(crate) fn of(terms: Option<&'a Option<RelayTerms>>) -> Option<Self> {
        terms.map(|terms| match terms {
            Some(terms) => Self { urls: &terms.urls, username: &terms.username, credential: &terms.password },
            None => Self { urls: &[], username: "", credential: "" },
        })
    }
}

/// The call that is under way, as in `apps/web/src/platform/engine.ts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Shape<'a> {
    call: String,
    conversation: String,
    name: String,
    is_outgoing: bool,
    has_video: bool,
    state: &'static str,
    want: Option<&'static str>,
    remote: Option<Remote<'a>>,
    candidates: &'a [String],
    /// Null: not known yet; no URLs: the node relays nothing.
    relay: Option<Relay<'a>>,
    may_direct: bool,
    words: Option<&'a [&'static str]>,
    answered_ms: Option<u64>,
}

/// What the page describes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Described {
    call: String,
    is_offer: bool,
    has_video: bool,
    may_direct: bool,
    sdp: String,
}

fn state_name(state: CallState) -> &'static str {
    match state {
        CallState::Calling => "calling",
        CallState::RingingThere => "ringing-there",
        CallState::Ringing => "ringing",
        CallState::Answering => "answering",
        CallState::Connecting => "connecting",
        CallState::Talking => "talking",
    }
}

fn call_id(input: &Value) -> Result<CallId, Refusal> {
    input["call"].as_str().and_then(|text| CallId::from_hex(text).ok()).ok_or_else(Refusal::input)
}

impl Face {
    /// The call that is under way, as JSON; `null` where there is none.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn call_shape(&self) -> Result<Value, Refusal> {
        let Some(view) = self.engine.call() else { return Ok(Value::Null) };
        let timeline = self.engine.timeline();
        let name = match timeline.conversation(&view.conversation)?.and_then(|summary| summary.peer) {
            Some(peer) => timeline.display_name(&peer)?,
            None => String::new(),
        };
        let CallView { conversation, call_id, is_outgoing, has_video, state, want, remote, candidates, .. } = view;
        Ok(serde_json::to_value(Shape {
            call: call_id.to_hex(),
            conversation: conversation.to_hex(),
            name,
            is_outgoing,
            has_video,
            state: state_name(state),
            want: want.map(|want| match want {
                Want::Offer => "offer",
                Want::Answer => "answer",
            }),
            remote: remote.map(|(description, number)| Remote {
                number,
                has_video: description.has_video,
                may_direct: description.may_direct,
                sdp: &description.sdp,
            }),
            candidates,
            relay: Relay::of(view.relay.as_ref()),
            may_direct: view.may_direct,
            words: view.keys.map(|keys| keys.words.as_slice()),
            answered_ms: view.answered_ms,
        })?)
    }

    /// What concerns calls; none for other actions.
    pub(crate) fn act_on_calls(&mut self, now_ms: u64, action: &str, input: &Value) -> Result<Option<Acted>, Refusal> {
        let result = match action {
            "callStart" => {
                let conversation = crate::query::conversation_id(input["conversation"].as_str().unwrap_or_default())?;
                let has_video = input["hasVideo"].as_bool().unwrap_or(false);
                let (call, output) = self.engine.call_start(now_ms, conversation, has_video)?;
                self.take(output);
                return Ok(Some(Acted::Value(json!({ "call": call.to_hex() }))));
            }
            "callAccept" => self.engine.call_accept(now_ms, call_id(input)?),
            "callDecline" => {
                let text = input["text"].as_str().unwrap_or_default().trim().to_owned();
                match input["reason"].as_str() {
                    Some("unable") => self.engine.call_unable(now_ms, call_id(input)?),
                    _ => self.engine.call_decline(now_ms, call_id(input)?, text),
                }
            }
            "callHangUp" => self.engine.call_hang_up(now_ms, call_id(input)?),
            "callDescribe" => {
                let described: Described = serde_json::from_value(input.clone())?;
                let want = if described.is_offer { Want::Offer } else { Want::Answer };
                let Described { has_video, may_direct, sdp, call, .. } = described;
                let description = Description { has_video, may_direct, sdp };
                let call = CallId::from_hex(&call).map_err(|_| Refusal::input())?;
                self.engine.call_describe(now_ms, call, want, description)
            }
            "callCandidates" => {
                let candidates: Vec<String> = serde_json::from_value(input["candidates"].clone())?;
                let is_complete = input["isComplete"].as_bool().unwrap_or(false);
                self.engine.call_candidates(now_ms, call_id(input)?, candidates, is_complete)
            }
            "callMedia" => {
                let is_flowing = input["isFlowing"].as_bool().unwrap_or(false);
                self.engine.call_media(now_ms, call_id(input)?, is_flowing)
            }
            _ => return Ok(None),
        };
        self.settle(result)?;
        Ok(Some(Acted::Value(Value::Null)))
    }
}
