//! What the user does, from JSON: one arm an action.

use crate::face::Face;
use crate::query::conversation_id;
use crate::refusal::Refusal;
use client::db::DatabaseError;
use client::engine::{Act, ActId, SendResult};
use client::timeline::{Changes, EntryId, Mark, Timeline};
use data_encoding::BASE64;
use protocol::content::Kind;
use protocol::event::{Answer, ConversationId, Intent, IntentError, IntentId, Outcome};
use protocol::identity::SafetyNumber;
use protocol::identity::safety_number::{check_qr, qr_bytes};
use serde_json::{Value, json};
use wire::id::{AccountId, Hash, MsgId};

/// An invite link works for a week where nobody says how long.
const VALID_S_DEFAULT: u64 = 7 * 86_400;
/// Hits of a search where nobody says how many.
const HITS_DEFAULT: usize = 50;
/// Bytes of a picture that a page may set; the protocol takes twice that.
const PICTURE_BYTES_MAX: usize = 16 << 10;

/// How an action stands.
#[derive(Debug, PartialEq)]
pub enum Acted {
    /// Done; the answer.
    Value(Value),
    /// The answer is the outcome of an intent, which may be known already.
    Intent(IntentId, Option<Result<Outcome, IntentError>>),
}

/// An action's input.
struct In(Value);

impl In {
    fn text(&self, name: &str) -> Result<&str, Refusal> {
        self.0[name].as_str().ok_or_else(Refusal::input)
    }

    fn text_or_empty(&self, name: &str) -> &str {
        self.0[name].as_str().unwrap_or("")
    }

    fn flag(&self, name: &str) -> bool {
        self.0[name].as_bool().unwrap_or(false)
    }

    fn number(&self, name: &str) -> Result<u64, Refusal> {
        let number = &self.0[name];
        // JavaScript's numbers may come as 1e3.
        number.as_u64().or_else(|| number.as_f64().map(|number| number as u64)).ok_or_else(Refusal::input)
    }

    fn entry(&self, name: &str) -> Result<EntryId, Refusal> {
        self.0[name].as_i64().map(EntryId).ok_or_else(Refusal::input)
    }

    fn conversation(&self) -> Result<ConversationId, Refusal> {
        conversation_id(self.text("conversation")?)
    }

    fn conversation_if_any(&self) -> Result<Option<ConversationId>, Refusal> {
        self.0["conversation"].as_str().map(conversation_id).transpose()
    }

    fn message(&self, name: &str) -> Result<MsgId, Refusal> {
        MsgId::from_hex(self.text(name)?).map_err(|_| Refusal::input())
    }

    fn account(&self) -> Result<AccountId, Refusal> {
        AccountId::from_hex(self.text("account")?).map_err(|_| Refusal::input())
    }

    fn accounts(&self, name: &str) -> Result<Vec<AccountId>, Refusal> {
        let list = self.0[name].as_array().ok_or_else(Refusal::input)?;
        list.iter()
            .map(|item| item.as_str().and_then(|text| AccountId::from_hex(text).ok()).ok_or_else(Refusal::input))
            .collect()
    }

    fn hash(&self, name: &str) -> Result<Hash, Refusal> {
        Hash::from_hex(self.text(name)?).map_err(|_| Refusal::input())
    }

    fn bytes(&self, name: &str) -> Result<Vec<u8>, Refusal> {
        BASE64.decode(self.text(name)?.as_bytes()).map_err(|_| Refusal::input())
    }
}

fn parse_act(text: &str) -> Result<ActId, Refusal> {
    Ok(ActId(MsgId::from_hex(text).map_err(|_| Refusal::input())?.0))
}

impl Face {
    /// Does what the user wants; `act` is 16 random bytes in hexadecimal, the same when it is asked for again.
    ///
    /// # Errors
    /// A refusal with its code; then nothing was done.
    pub fn act(&mut self, now_ms: u64, act: &str, action: &str, input: &str) -> Result<Acted, Refusal> {
        let act = parse_act(act)?;
        let input = In(serde_json::from_str(input)?);
        if let Some(value) = self.act_on_files(now_ms, action, &input.0)? {
            return Ok(Acted::Value(value));
        }
        if let Some(acted) = self.act_on_group_calls(now_ms, action, &input.0)? {
            return Ok(acted);
        }
        if let Some(acted) = self.act_on_calls(now_ms, action, &input.0)? {
            return Ok(acted);
        }
        match action {
            "sendText" | "editText" | "react" | "deleteForEveryone" | "setTimer" => {
                self.say(now_ms, act, action, &input)
            }
            "search" | "safetyNumber" | "verifyQr" | "messageInfo" | "exportEvidence" | "recoveryWords" => {
                self.ask(now_ms, action, &input).map(Acted::Value)
            }
            _ => match intent(action, &input)? {
                Some(intent) => self.intend_once(now_ms, act, intent),
                None => self.set(now_ms, action, &input).map(|()| Acted::Value(Value::Null)),
            },
        }
    }

    /// What is said to the members.
    fn say(&mut self, now_ms: u64, act: ActId, action: &str, input: &In) -> Result<Acted, Refusal> {
        let (conversation, kind) = saying(action, input)?;
        let answer = self.send_all_once(now_ms, vec![(act, conversation, kind)])?.pop();
        answer.unwrap_or_else(|| Err(Refusal::input())).map(Acted::Value)
    }

    /// Does several wishes to say something in one transaction; `wishes` is JSON: an array of an act's name, its action
    /// and its input. Each has an answer of its own, in order.
    ///
    /// # Errors
    /// `internal` for what is no such list, and what the database says; then nothing was done.
    pub fn say_all(&mut self, now_ms: u64, wishes: &str) -> Result<Vec<Result<Value, Refusal>>, Refusal> {
        let wishes: Vec<(String, String, Value)> = serde_json::from_str(wishes)?;
        let read = |(act, action, input): (String, String, Value)| {
            let act = parse_act(&act)?;
            saying(&action, &In(input)).map(|(conversation, kind)| (act, conversation, kind))
        };
        let mut said = Vec::new();
        let mut answers: Vec<Option<Refusal>> = Vec::new();
        for wish in wishes.into_iter().map(read) {
            answers.push(match wish {
                Ok(wish) => {
                    said.push(wish);
                    None
                }
                Err(refusal) => Some(refusal),
            });
        }
        let mut sent = self.send_all_once(now_ms, said)?.into_iter();
        let answer = |refusal: Option<Refusal>| match refusal {
            Some(refusal) => Err(refusal),
            None => sent.next().unwrap_or_else(|| Err(Refusal::input())),
        };
        Ok(answers.into_iter().map(answer).collect())
    }

    fn send_all_once(
        &mut self,
        now_ms: u64,
        said: Vec<(ActId, ConversationId, Kind)>,
    ) -> Result<Vec<Result<Value, Refusal>>, Refusal> {
        let are_texts: Vec<bool> = said.iter().map(|(.., kind)| matches!(kind, Kind::Text { .. })).collect();
        match self.engine.send_all_once(now_ms, said) {
            Ok((output, results)) => {
                self.take(output);
                let value = |(result, is_text): (SendResult, bool)| {
                    let (msg_id, entry) = result?;
                    Ok(if is_text {
                        json!({ "message": msg_id.to_hex(), "entry": entry.map_or(0, |entry| entry.0) })
                    } else {
                        Value::Null
                    })
                };
                Ok(results.into_iter().zip(are_texts).map(value).collect())
            }
            Err(error) => {
                self.settle(Err(error))?;
                Err(Refusal::input())
            }
        }
    }

    fn intend_once(&mut self, now_ms: u64, act: ActId, intent: Intent) -> Result<Acted, Refusal> {
        if let Some(Act::Intended(id, outcome)) = self.engine.act(&act)? {
            return Ok(Acted::Intent(id, outcome));
        }
        match self.engine.intend_once(now_ms, act, intent) {
            Ok((id, output)) => {
                self.take(output);
                Ok(Acted::Intent(id, None))
            }
            Err(error) => {
                self.settle(Err(error))?;
                Err(Refusal::input())
            }
        }
    }

    /// What is set on this device, and what is done once more by being asked for again without harm.
    fn set(&mut self, now_ms: u64, action: &str, input: &In) -> Result<(), Refusal> {
        match action {
            "deleteHere" => {
                let entries = input.0["entries"].as_array().ok_or_else(Refusal::input)?;
                let ids: Vec<EntryId> = entries
                    .iter()
                    .map(|id| id.as_i64().map(EntryId).ok_or_else(Refusal::input))
                    .collect::<Result<_, _>>()?;
                self.edit(now_ms, |timeline, changes| ids.iter().try_for_each(|id| timeline.delete_here(*id, changes)))
            }
            "retry" => {
                let entry = input.entry("entry")?;
                let result = self.engine.retry(now_ms, entry);
                self.settle(result)
            }
            "typing" => {
                if !self.engine.timeline().sends_typing()? {
                    return Ok(());
                }
                let result = self.engine.whisper_typing(now_ms, input.conversation()?, input.flag("isActive"));
                self.settle(result)
            }
            "markRead" => {
                let up_to = if input.0["upTo"].is_null() { None } else { Some(input.entry("upTo")?) };
                let result = self.engine.mark_read(now_ms, input.conversation()?, up_to);
                self.settle(result)
            }
            "saveDraft" => {
                let (id, text) = (input.conversation()?, input.text("text")?.to_owned());
                self.edit(now_ms, |timeline, changes| {
                    timeline.save_draft(&id, &text, None, now_ms)?;
                    changes.insert(client::timeline::Change::Conversation(id));
                    Ok(())
                })
            }
            "pin" => self.mark(now_ms, input, Mark::Pinned(input.flag("isPinned"))),
            "archive" => self.mark(now_ms, input, Mark::Archived(input.flag("isArchived"))),
            "markUnread" => self.mark(now_ms, input, Mark::Unread(input.flag("isUnread"))),
            "mute" => {
                let until_ms = if input.0["untilMs"].is_null() { None } else { Some(input.number("untilMs")?) };
                self.mark(now_ms, input, Mark::MutedUntil(until_ms))
            }
            "setPetname" => {
                let (account, name) = (input.account()?, input.text("name")?.trim().to_owned());
                protocol::content::check_name(&name)?;
                self.edit(now_ms, |timeline, changes| {
                    timeline.set_petname(&account, Some(name.as_str()).filter(|name| !name.is_empty()))?;
                    changes.insert(client::timeline::Change::Person);
                    Ok(())
                })
            }
            "setPicture" => {
                let picture = if input.0["picture"].is_null() { None } else { Some(input.bytes("picture")?) };
                if picture.as_ref().is_some_and(|picture| picture.len() > PICTURE_BYTES_MAX) {
                    return Err(Refusal::new("picture-too-large"));
                }
                self.edit(now_ms, |timeline, changes| timeline.set_own_picture(picture.as_deref(), now_ms, changes))
            }
            "setVerified" => {
                let at_ms = input.flag("isVerified").then_some(now_ms);
                let account = input.account()?;
                self.edit(now_ms, |timeline, changes| timeline.set_verified(&account, at_ms, changes))
            }
            "seeAlert" => {
                let id = input.entry("id")?.0;
                self.edit(now_ms, |timeline, changes| timeline.see_alert(id, changes))
            }
            "setWordsKept" => self.edit(now_ms, |timeline, _| timeline.set_words_kept()),
            "setTyping" => self.edit(now_ms, |timeline, _| timeline.set_sends_typing(input.flag("isOn"))),
            "setDirect" => Ok(self.engine.allow_direct(input.flag("isOn"))?),
            "forbidDirect" => self.mark(now_ms, input, Mark::NoDirect(input.flag("isForbidden"))),
            "setReadReceipts" => Ok(self.engine.set_read_receipts(input.flag("isOn"))?),
            _ => Err(Refusal::input()),
        }
    }

    fn mark(&mut self, now_ms: u64, input: &In, mark: Mark) -> Result<(), Refusal> {
        let id = input.conversation()?;
        self.edit(now_ms, |timeline, changes| timeline.mark(&id, mark, changes))
    }

    fn edit(
        &mut self,
        now_ms: u64,
        work: impl FnOnce(Timeline<'_>, &mut Changes) -> Result<(), DatabaseError>,
    ) -> Result<(), Refusal> {
        let result = self.engine.edit(now_ms, work);
        self.settle(result)
    }

    /// What is only asked.
    fn ask(&mut self, now_ms: u64, action: &str, input: &In) -> Result<Value, Refusal> {
        match action {
            "search" => {
                let limit =
                    input.number("limit").map_or(HITS_DEFAULT, |limit| usize::try_from(limit).unwrap_or(HITS_DEFAULT));
                let hits = self.search(input.text("words")?, input.conversation_if_any()?.as_ref(), limit)?;
                Ok(serde_json::to_value(hits)?)
            }
            "safetyNumber" => self.safety_number(&input.account()?),
            "verifyQr" => {
                let account = input.account()?;
                check_qr(&self.engine.me().account, &account, &input.bytes("qr")?)?;
                self.edit(now_ms, |timeline, changes| timeline.set_verified(&account, Some(now_ms), changes))?;
                Ok(Value::Null)
            }
            "messageInfo" => {
                let info = self.engine.timeline().message_info(input.entry("entry")?)?;
                Ok(json!({
                    "deliveredTo": self.names(&info.delivered_to)?,
                    "readBy": self.names(&info.read_by)?,
                    "waitingFor": self.names(&info.waiting_for)?,
                }))
            }
            "exportEvidence" => {
                let alert = self.engine.timeline().alert(input.entry("id")?.0)?;
                let evidence = alert.and_then(|alert| alert.evidence).ok_or(Refusal::new("no-evidence"))?;
                Ok(Value::String(BASE64.encode(&evidence)))
            }
            _ => {
                let words = self.engine.timeline().words()?.ok_or(Refusal::new("no-account"))?;
                Ok(json!(words.split_whitespace().collect::<Vec<_>>()))
            }
        }
    }

    fn safety_number(&self, account: &AccountId) -> Result<Value, Refusal> {
        let me = self.engine.me().account;
        let person = self.engine.timeline().person(account)?;
        let digits = SafetyNumber::derive(&me, account).to_string();
        Ok(json!({
            "account": account.to_hex(),
            "name": person.display_name(),
            "groups": digits.split(' ').collect::<Vec<_>>(),
            "qr": BASE64.encode(&qr_bytes(&me, account)),
            "verifiedMs": person.verified_ms,
        }))
    }
}

/// What an action says, and where.
fn saying(action: &str, input: &In) -> Result<(ConversationId, Kind), Refusal> {
    let kind = match action {
        "sendText" => Kind::Text {
            text: input.text("text")?.to_owned(),
            reply_to: if input.0["replyTo"].is_null() { None } else { Some(input.message("replyTo")?) },
            is_forwarded: input.flag("isForwarded"),
        },
        "editText" => Kind::Edit { msg_id: input.message("message")?, text: input.text("text")?.to_owned() },
        "react" => Kind::Reaction {
            msg_id: input.message("message")?,
            emoji: Some(input.text("emoji")?.to_owned()).filter(|emoji| !emoji.is_empty()),
        },
        "deleteForEveryone" => Kind::Delete { msg_id: input.message("message")? },
        "setTimer" => Kind::Timer { seconds: u32::try_from(input.number("seconds")?).map_err(|_| Refusal::input())? },
        _ => return Err(Refusal::input()),
    };
    Ok((input.conversation()?, kind))
}

/// The intent that an action is, if it is one.
fn intent(action: &str, input: &In) -> Result<Option<Intent>, Refusal> {
    Ok(Some(match action {
        "invite" => Intent::Invite {
            group: input.conversation_if_any()?,
            needs_approval: input.flag("needsApproval"),
            valid_s: input.number("validSeconds").unwrap_or(VALID_S_DEFAULT),
        },
        "revokeInvite" => Intent::RevokeInvite { invite: input.hash("id")? },
        "accept" => {
            Intent::Accept { link: input.text("link")?.trim().to_owned(), note: input.text_or_empty("note").to_owned() }
        }
        "add" => Intent::Add {
            address: input.text("address")?.trim().to_owned(),
            note: input.text_or_empty("note").to_owned(),
        },
        "answerRequest" => Intent::Answer {
            request: input.hash("id")?,
            answer: match input.text("answer")? {
                "accept" => Answer::Accept,
                "delete" => Answer::Delete,
                "block" => Answer::Block,
                _ => return Err(Refusal::input()),
            },
        },
        "newGroup" => Intent::NewGroup { title: input.text("title")?.trim().to_owned() },
        "addMembers" => {
            Intent::AddMembers { conversation: input.conversation()?, accounts: input.accounts("accounts")? }
        }
        "removeMember" => {
            Intent::RemoveMembers { conversation: input.conversation()?, accounts: vec![input.account()?] }
        }
        "setAdmin" => Intent::SetAdmin {
            conversation: input.conversation()?,
            account: input.account()?,
            is_admin: input.flag("isAdmin"),
        },
        "rename" => {
            Intent::Rename { conversation: input.conversation()?, title: input.text("title")?.trim().to_owned() }
        }
        "leave" => Intent::Leave { conversation: input.conversation()? },
        "restart" => Intent::Reboot { conversation: input.conversation()? },
        "setName" => Intent::SetName { name: input.text("name")?.trim().to_owned() },
        "block" => Intent::Block { account: input.account()?, is_blocked: input.flag("isBlocked") },
        _ => return Ok(None),
    }))
}

/// An outcome as the page sees it.
///
/// # Errors
/// The intent's own refusal.
pub fn outcome_value(outcome: Result<Outcome, IntentError>) -> Result<Value, Refusal> {
    Ok(match outcome? {
        Outcome::Done => json!({}),
        Outcome::Conversation(id) => json!({ "conversation": id.to_hex() }),
        Outcome::Link(link) => json!({ "link": link }),
        Outcome::Asked => json!({ "conversation": null }),
    })
}

impl From<Acted> for Value {
    fn from(acted: Acted) -> Self {
        match acted {
            Acted::Value(value) => json!({ "value": value }),
            Acted::Intent(id, None) => json!({ "intent": id.to_string() }),
            Acted::Intent(id, Some(outcome)) => answered_value(id, outcome),
        }
    }
}

/// An intent with its outcome or refusal.
pub fn answered_value(id: IntentId, outcome: Result<Outcome, IntentError>) -> Value {
    match outcome_value(outcome) {
        Ok(value) => json!({ "intent": id.to_string(), "outcome": value }),
        Err(refusal) => json!({ "intent": id.to_string(), "refusal": refusal }),
    }
}
