//! Calls of many: what is shown of those under way and of the one that this device is in, and what the page tells.

use crate::act::Acted;
use crate::face::Face;
use crate::refusal::Refusal;
use client::calls::many::{GroupCallEnd, RoomRefusal, UnderWayView};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use wire::id::{CallId, DeviceId};
use wire::room::{ROOM_LABEL_BYTES_MAX, ROOM_PEOPLE_MAX, RoomPerson};

/// One device, as in `apps/web/src/platform/engine.ts`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    device: String,
    account: Option<String>,
    name: String,
    is_own: bool,
    is_self: bool,
    leaf: Option<u32>,
    number: Option<u32>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupCall {
    call: String,
    conversation: String,
    title: String,
    has_video: bool,
    since_ms: u64,
    opener: String,
    people: Vec<Participant>,
    is_ringing: bool,
    is_here: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupCallNow<'a> {
    #[serde(flatten)]
    call: GroupCall,
    state: &'static str,
    is_shown: bool,
    words: Option<&'a [&'static str]>,
    room: u32,
    relay: Option<crate::call::Relay<'a>>,
    answer: Option<Answer<'a>>,
    refusal: Option<&'static str>,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    offer: u32,
    own: u32,
    sdp: &'a str,
}

#[derive(Debug, Deserialize)]
struct Person {
    number: u32,
    label: String,
}

#[derive(Debug, Deserialize)]
struct Offer {
    call: String,
    room: u32,
    offer: u32,
    sdp: String,
}

fn call_id(input: &Value) -> Result<CallId, Refusal> {
    input["call"].as_str().and_then(|text| CallId::from_hex(text).ok()).ok_or_else(Refusal::input)
}

fn people_of(input: &Value) -> Result<Option<Vec<RoomPerson>>, Refusal> {
    let people: Option<Vec<Person>> = serde_json::from_value(input["people"].clone())?;
    let Some(people) = people else { return Ok(None) };
    if people.len() > ROOM_PEOPLE_MAX {
        return Err(Refusal::input());
    }
    let person = |Person { number, label }: Person| {
        let label = data_encoding::HEXLOWER_PERMISSIVE.decode(label.as_bytes()).map_err(|_| Refusal::input())?;
        if label.len() > ROOM_LABEL_BYTES_MAX {
            return Err(Refusal::input());
        }
        Ok(RoomPerson { number, label: label.into() })
    };
    people.into_iter().map(person).collect::<Result<_, _>>().map(Some)
}

impl Face {
    fn under_way(
        &self,
        call: UnderWayView,
        leaves: &BTreeMap<DeviceId, u32>,
        numbers: &BTreeMap<DeviceId, u32>,
    ) -> Result<GroupCall, Refusal> {
        let timeline = self.engine.timeline();
        let me = self.engine.device().identity();
        let mut people = Vec::with_capacity(call.line.len());
        for device in &call.line {
            let account = timeline.device_account(&call.conversation, device)?;
            people.push(Participant {
                device: device.to_hex(),
                name: account.map(|account| timeline.display_name(&account)).transpose()?.unwrap_or_default(),
                is_own: account == Some(me.account_id),
                is_self: *device == me.device_id,
                leaf: leaves.get(device).copied(),
                number: numbers.get(device).copied(),
                account: account.map(|account| account.to_hex()),
            });
        }
        let title = timeline.conversation(&call.conversation)?.map_or_else(String::new, |summary| summary.title);
        Ok(GroupCall {
            call: call.call_id.to_hex(),
            conversation: call.conversation.to_hex(),
            title,
            has_video: call.has_video,
            since_ms: call.since_ms,
            opener: call.opener.map(|account| timeline.display_name(&account)).transpose()?.unwrap_or_default(),
            people,
            is_ringing: call.is_ringing,
            is_here: call.is_here,
        })
    }

    /// The calls of many that are under way, as JSON.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn group_calls_shape(&self) -> Result<Value, Refusal> {
        let none = BTreeMap::new();
        let calls = self.engine.group_calls().into_iter().map(|call| self.under_way(call, &none, &none));
        let calls = calls.collect::<Result<Vec<_>, _>>()?;
        let ended = self.engine.group_call_end().map(|(call, reason)| {
            let reason = match reason {
                GroupCallEnd::Left => "left",
                GroupCallEnd::Removed => "removed",
                GroupCallEnd::NobodyThere => "nobody-there",
                GroupCallEnd::Lost => "lost",
            };
            json!({ "call": call.to_hex(), "reason": reason })
        });
        Ok(json!({ "calls": calls, "ended": ended }))
    }

    /// The call of many that this device is in, as JSON; `null` where there is none.
    ///
    /// # Errors
    /// What the database says.
    pub(crate) fn group_call_shape(&self) -> Result<Value, Refusal> {
        let Some(view) = self.engine.group_call() else { return Ok(Value::Null) };
        let leaves = view.keys.into_iter().flat_map(|keys| keys.leaves.iter());
        let leaves = leaves.map(|(leaf, identity)| (identity.device_id, *leaf)).collect();
        let call = self.under_way(view.under_way.clone(), &leaves, &view.numbers)?;
        let (answer, refusal) = match view.answer {
            Some(Ok(answer)) => (Some(Answer { offer: answer.offer, own: answer.own, sdp: &answer.sdp }), None),
            Some(Err(RoomRefusal::Full)) => (None, Some("full")),
            Some(Err(RoomRefusal::Denied)) => (None, Some("denied")),
            Some(Err(RoomRefusal::NoAnswer)) => (None, Some("no-answer")),
            None => (None, None),
        };
        Ok(serde_json::to_value(GroupCallNow {
            call,
            state: if view.is_in { "in" } else { "joining" },
            is_shown: view.has_video,
            words: view.keys.map(|keys| keys.words.as_slice()),
            room: view.room,
            relay: crate::call::Relay::of(view.relay.as_ref()),
            answer,
            refusal,
        })?)
    }

    /// What concerns calls of many; none for other actions.
    pub(crate) fn act_on_group_calls(
        &mut self,
        now_ms: u64,
        action: &str,
        input: &Value,
    ) -> Result<Option<Acted>, Refusal> {
        let result = match action {
            "groupCallJoin" => {
                let conversation = crate::query::conversation_id(input["conversation"].as_str().unwrap_or_default())?;
                let has_video = input["hasVideo"].as_bool().unwrap_or(false);
                let (call, output) = self.engine.group_call_join(now_ms, conversation, has_video)?;
                self.take(output);
                return Ok(Some(Acted::Value(json!({ "call": call.to_hex() }))));
            }
            "groupCallLeave" => self.engine.group_call_leave(now_ms, call_id(input)?),
            "groupCallSilence" => self.engine.group_call_silence(now_ms, call_id(input)?),
            "groupCallOffer" => {
                let Offer { call, room, offer, sdp } = serde_json::from_value(input.clone())?;
                let call = CallId::from_hex(&call).map_err(|_| Refusal::input())?;
                self.engine.group_call_offer(now_ms, call, room, offer, sdp)
            }
            "groupCallPeople" => {
                let room =
                    input["room"].as_u64().and_then(|room| u32::try_from(room).ok()).ok_or_else(Refusal::input)?;
                self.engine.group_call_people(now_ms, call_id(input)?, room, people_of(input)?)
            }
            "groupCallMedia" => {
                let is_flowing = input["isFlowing"].as_bool().unwrap_or(false);
                self.engine.group_call_media(now_ms, call_id(input)?, is_flowing)
            }
            _ => return Ok(None),
        };
        self.settle(result)?;
        Ok(Some(Acted::Value(Value::Null)))
    }
}
