//! What views show, as JSON: one function a topic.

use crate::face::Face;
use crate::refusal::Refusal;
use crate::shape;
use client::timeline::{ConversationSummary, Entry, EntryId, EntryKind, Notice, StoredAlert, StoredInvite, Window};
use protocol::event::{ConversationId, ConversationState, RequestKind};
use protocol::identity::Address;
use serde::Deserialize;
use std::collections::{BTreeMap, btree_map};
use wire::id::{AccountId, Hash};

/// Alerts shown at most.
const ALERTS_MAX: u32 = 200;
/// Bytes of the answered text that a reply quotes at most.
const QUOTE_BYTES_MAX: usize = 400;

/// Which part of a conversation, as the page says it.
#[derive(Debug, Deserialize)]
#[serde(tag = "at", rename_all = "camelCase")]
#[allow(missing_docs)]
pub enum WindowInput {
    Latest { count: usize },
    Around { entry: i64, count: usize },
    Range { from: i64, to: i64 },
}

/// Reads a conversation's id.
///
/// # Errors
/// `bad-input` for what is none.
pub fn conversation_id(text: &str) -> Result<ConversationId, Refusal> {
    let bytes = data_encoding::HEXLOWER.decode(text.as_bytes()).map_err(|_| Refusal::input())?;
    Ok(ConversationId(bytes.as_slice().try_into().map_err(|_| Refusal::input())?))
}

fn hex(bytes: &[u8]) -> String {
    data_encoding::HEXLOWER.encode(bytes)
}

fn state_name(state: ConversationState) -> &'static str {
    match state {
        ConversationState::Active => "active",
        ConversationState::Suspect => "suspect",
        ConversationState::Rejoining => "rejoining",
        ConversationState::Disputed => "disputed",
        ConversationState::Leaving => "leaving",
        ConversationState::Left => "left",
        ConversationState::Restarted => "restarted",
    }
}

fn notice_parts(notice: &Notice) -> (&'static str, Option<AccountId>, Option<&str>) {
    match notice {
        Notice::Began => ("began", None, None),
        Notice::Added(account) => ("added", Some(*account), None),
        Notice::Removed(account) => ("removed", Some(*account), None),
        Notice::BecameAdmin(account) => ("became-admin", Some(*account), None),
        Notice::NoLongerAdmin(account) => ("no-longer-admin", Some(*account), None),
        Notice::Renamed(title) => ("renamed", None, Some(title)),
        Notice::Ended => ("ended", None, None),
        Notice::Restarted => ("restarted", None, None),
    }
}

/// The beginning of a text, cut at a character.
fn quote(text: &str) -> String {
    let end = (0..=QUOTE_BYTES_MAX.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text[..end].to_owned()
}

/// Names that one snapshot has looked up.
#[derive(Default)]
struct Names(BTreeMap<AccountId, String>);

impl Names {
    fn of(&mut self, face: &Face, account: &AccountId) -> Result<String, Refusal> {
        if let Some(name) = self.0.get(account) {
            return Ok(name.clone());
        }
        let name = face.engine.timeline().display_name(account)?;
        self.0.insert(*account, name.clone());
        Ok(name)
    }
}

impl Face {
    /// A topic's snapshot, as JSON; `key` is the JSON of the topic's key.
    ///
    /// # Errors
    /// `bad-input`, and what the database says.
    pub fn query(&self, topic: &str, key: &str) -> Result<String, Refusal> {
        let text = match topic {
            "me" => serde_json::to_string(&self.me()?),
            "conversations" => serde_json::to_string(&self.conversations()?),
            "conversation" => {
                let [id]: [String; 1] = serde_json::from_str(key)?;
                serde_json::to_string(&self.conversation(&conversation_id(&id)?)?)
            }
            "timeline" => {
                let (id, window): (String, WindowInput) = serde_json::from_str(key)?;
                serde_json::to_string(&self.timeline(&conversation_id(&id)?, &window)?)
            }
            "requests" => serde_json::to_string(&self.requests()?),
            "invites" => serde_json::to_string(&self.invites(None)?),
            "contacts" => serde_json::to_string(&self.contacts()?),
            "alerts" => serde_json::to_string(&self.alerts()?),
            "settings" => serde_json::to_string(&self.settings()?),
            "call" => serde_json::to_string(&self.call_shape()?),
            "groupCall" => serde_json::to_string(&self.group_call_shape()?),
            "groupCalls" => serde_json::to_string(&self.group_calls_shape()?),
            "storage" => serde_json::to_string(&self.storage()?),
            "media" => {
                let (id, kind, limit): (String, String, usize) = serde_json::from_str(key)?;
                serde_json::to_string(&self.media(&conversation_id(&id)?, &kind, limit)?)
            }
            "pending" => serde_json::to_string(&self.engine.timeline().pending_count()?),
            "entries" => {
                let ids: Vec<i64> = serde_json::from_str(key)?;
                serde_json::to_string(&self.entries(&ids)?)
            }
            _ => return Err(Refusal::input()),
        };
        Ok(text?)
    }

    /// Ourselves.
    ///
    /// # Errors
    /// What the database says.
    pub fn me(&self) -> Result<shape::Me, Refusal> {
        let device = self.engine.device();
        let (account, node_url) = (device.account_id(), device.node_url().clone());
        let person = self.engine.timeline().person(&account)?;
        Ok(shape::Me {
            account: account.to_hex(),
            node: node_url.to_string(),
            address: Address { account_id: account, node_url }.to_string(),
            name: device.name().to_owned(),
            picture: person.picture_id.map(|id| id.to_hex()),
        })
    }

    fn row(&self, summary: ConversationSummary, names: &mut Names) -> Result<shape::ConversationRow, Refusal> {
        let timeline = self.engine.timeline();
        let mut typing = Vec::new();
        if timeline.sends_typing()? {
            for device in self.engine.typing().devices(&summary.id) {
                if let Some(account) = timeline.device_account(&summary.id, &device)?
                    && account != self.engine.me().account
                {
                    typing.push(names.of(self, &account)?);
                }
            }
        }
        Ok(shape::ConversationRow {
            id: summary.id.to_hex(),
            is_direct: summary.is_direct,
            title: summary.title,
            peer: summary.peer.map(|peer| peer.to_hex()),
            picture: summary.picture_id.map(|id| id.to_hex()),
            state: state_name(summary.state),
            member_count: summary.members,
            unread: summary.unread,
            is_marked_unread: summary.is_marked_unread,
            is_pinned: summary.is_pinned,
            is_archived: summary.is_archived,
            muted_until_ms: summary.muted_until_ms,
            forbids_direct: summary.forbids_direct,
            is_blocked: summary.is_blocked,
            is_verified: summary.is_verified,
            timer_seconds: summary.timer_s,
            last_ms: summary.last_ms,
            last: summary.last.map(|entry| self.entry(entry, names)).transpose()?,
            draft: summary.draft,
            typing,
        })
    }

    fn conversations(&self) -> Result<Vec<shape::ConversationRow>, Refusal> {
        let mut names = Names::default();
        let all = self.engine.timeline().conversations()?;
        all.into_iter().map(|summary| self.row(summary, &mut names)).collect()
    }

    fn conversation(&self, id: &ConversationId) -> Result<Option<shape::ConversationDetail>, Refusal> {
        let timeline = self.engine.timeline();
        let Some(summary) = timeline.conversation(id)? else { return Ok(None) };
        let mut members = Vec::new();
        for member in timeline.members(id)? {
            let person = timeline.person(&member.account)?;
            members.push(shape::Member {
                account: member.account.to_hex(),
                name: member.name,
                picture: person.picture_id.map(|id| id.to_hex()),
                is_admin: member.is_admin,
                is_self: member.is_self,
                is_verified: person.verified_ms.is_some(),
                is_contact: person.address.is_some(),
            });
        }
        let is_admin = members.iter().any(|member| member.is_self && member.is_admin);
        let is_blocking = summary.state == ConversationState::Disputed;
        let alerts = timeline.alerts(ALERTS_MAX)?;
        let alert = alerts.into_iter().find(|alert| alert.conversation == Some(*id) && (is_blocking || !alert.is_seen));
        Ok(Some(shape::ConversationDetail {
            node: summary.node_url.clone(),
            restarts: summary.restarts.map(|id| id.to_hex()),
            row: self.row(summary, &mut Names::default())?,
            members,
            is_admin,
            alert: alert.map(|alert| self.alert(alert)).transpose()?,
            invites: self.invites(Some(id))?,
        }))
    }

    fn timeline(&self, id: &ConversationId, window: &WindowInput) -> Result<shape::Timeline, Refusal> {
        let timeline = self.engine.timeline();
        let snapshot = match *window {
            WindowInput::Latest { count } => timeline.snapshot(id, Window::Latest(count))?,
            WindowInput::Around { entry, count } => timeline.snapshot(id, Window::Around(EntryId(entry), count))?,
            WindowInput::Range { from, to } => timeline.range(id, EntryId(from), EntryId(to))?,
        };
        let mut names = Names::default();
        Ok(shape::Timeline {
            entries: snapshot
                .entries
                .into_iter()
                .map(|entry| self.entry(entry, &mut names))
                .collect::<Result<_, _>>()?,
            has_older: snapshot.has_older,
            has_newer: snapshot.has_newer,
            first_unread: timeline.first_unread(id)?.map(|entry| entry.0),
        })
    }

    fn entries(&self, ids: &[i64]) -> Result<Vec<shape::Entry>, Refusal> {
        let (timeline, mut names) = (self.engine.timeline(), Names::default());
        let mut entries = Vec::new();
        for id in ids {
            if let Some(entry) = timeline.entry(EntryId(*id))? {
                entries.push(self.entry(entry, &mut names)?);
            }
        }
        Ok(entries)
    }

    fn entry(&self, entry: Entry, names: &mut Names) -> Result<shape::Entry, Refusal> {
        let me = self.engine.me().account;
        let reply = match &entry.reply_to {
            None => None,
            Some(msg_id) => Some(match self.engine.timeline().answered(&entry)? {
                Some(found) => shape::Reply {
                    message: msg_id.to_hex(),
                    entry: Some(found.id.0),
                    sender: found.sender.to_hex(),
                    sender_name: names.of(self, &found.sender)?,
                    text: found.text().map(quote),
                },
                None => shape::Reply {
                    message: msg_id.to_hex(),
                    entry: None,
                    sender: String::new(),
                    sender_name: String::new(),
                    text: None,
                },
            }),
        };
        let mut reactions: Vec<shape::Reaction> = Vec::new();
        for reaction in &entry.reactions {
            let (account, name) = (reaction.account.to_hex(), names.of(self, &reaction.account)?);
            let is_mine = reaction.account == me;
            match reactions.iter_mut().find(|shown| shown.emoji == reaction.emoji) {
                Some(shown) => {
                    shown.accounts.push(account);
                    shown.names.push(name);
                    shown.is_mine |= is_mine;
                }
                None => reactions.push(shape::Reaction {
                    emoji: reaction.emoji.clone(),
                    accounts: vec![account],
                    names: vec![name],
                    is_mine,
                }),
            }
        }
        let is_own = entry.is_own();
        let is_notice = matches!(entry.kind, EntryKind::Notice(_));
        Ok(shape::Entry {
            id: entry.id.0,
            message: entry.msg_id.to_hex(),
            conversation: entry.conversation.to_hex(),
            sender: if is_notice { String::new() } else { entry.sender.to_hex() },
            sender_name: if is_notice { String::new() } else { names.of(self, &entry.sender)? },
            is_own,
            sent_ms: entry.sent_ms,
            received_ms: entry.received_ms,
            body: match &entry.kind {
                EntryKind::Files(caption) => {
                    shape::EntryBody::Files { files: self.file_items(&entry), caption: caption.clone() }
                }
                kind => self.body(kind, names)?,
            },
            reply,
            delivery: entry.state.name(),
            is_unread: entry.is_unread,
            edited_ms: entry.edited_ms,
            expires_ms: entry.expires_ms,
            is_forwarded: entry.is_forwarded,
            reactions,
        })
    }

    fn body(&self, kind: &EntryKind, names: &mut Names) -> Result<shape::EntryBody, Refusal> {
        Ok(match kind {
            EntryKind::Text(text) => shape::EntryBody::Text { text: text.clone() },
            EntryKind::Files(caption) => shape::EntryBody::Files { files: Vec::new(), caption: caption.clone() },
            EntryKind::Unknown => shape::EntryBody::Unknown,
            EntryKind::Timer(seconds) => shape::EntryBody::Timer { seconds: *seconds },
            EntryKind::Deleted => shape::EntryBody::Deleted,
            EntryKind::Call(call) => shape::EntryBody::Call {
                is_outgoing: call.is_outgoing,
                has_video: call.has_video,
                sentence: call.sentence(),
                seconds: call.seconds,
                text: call.text.clone(),
            },
            EntryKind::Notice(notice) => {
                let (word, account, title) = notice_parts(notice);
                shape::EntryBody::Notice {
                    notice: word,
                    account: account.map(|account| account.to_hex()),
                    name: account.map(|account| names.of(self, &account)).transpose()?,
                    title: title.map(str::to_owned),
                }
            }
        })
    }

    fn requests(&self) -> Result<Vec<shape::Request>, Refusal> {
        let timeline = self.engine.timeline();
        let mut requests = Vec::new();
        for request in timeline.requests()? {
            let (kind, conversation) = match request.kind {
                RequestKind::Talk => ("talk", None),
                RequestKind::JoinGroup => ("join-group", None),
                RequestKind::EnterGroup(id) => ("enter-group", Some(id)),
            };
            let group = conversation.map(|id| timeline.conversation(&id)).transpose()?.flatten();
            requests.push(shape::Request {
                id: request.request.to_hex(),
                account: request.account.to_hex(),
                name: request.name,
                note: request.note,
                kind,
                conversation: conversation.map(|id| id.to_hex()),
                conversation_title: group.map(|group| group.title),
                at_ms: request.at_ms,
            });
        }
        Ok(requests)
    }

    fn invites(&self, group: Option<&ConversationId>) -> Result<Vec<shape::Invite>, Refusal> {
        let all = self.engine.timeline().invites()?;
        let wanted = all.into_iter().filter(|invite| group.is_none_or(|group| invite.conversation == Some(*group)));
        Ok(wanted.map(invite_shape).collect())
    }

    fn contacts(&self) -> Result<Vec<shape::Contact>, Refusal> {
        let timeline = self.engine.timeline();
        let me = self.engine.me().account;
        let mut contacts = Vec::new();
        for person in timeline.people()?.into_iter().filter(|person| person.account != me) {
            contacts.push(shape::Contact {
                account: person.account.to_hex(),
                name: person.display_name(),
                own_name: if person.petname.is_some() { person.name.clone() } else { String::new() },
                picture: person.picture_id.map(|id| id.to_hex()),
                address: person.address.clone(),
                is_verified: person.verified_ms.is_some(),
                is_blocked: person.is_blocked,
                conversation: timeline.direct_with(&person.account)?.map(|id| id.to_hex()),
            });
        }
        contacts.sort_by(|one, other| {
            (one.name.to_lowercase(), &one.account).cmp(&(other.name.to_lowercase(), &other.account))
        });
        Ok(contacts)
    }

    fn alert(&self, alert: StoredAlert) -> Result<shape::Alert, Refusal> {
        let name = alert.account.map(|account| self.engine.timeline().display_name(&account)).transpose()?;
        Ok(shape::Alert {
            id: alert.id,
            conversation: alert.conversation.map(|id| id.to_hex()),
            code: alert.code,
            name,
            has_evidence: alert.evidence.is_some(),
            at_ms: alert.at_ms,
            is_seen: alert.is_seen,
        })
    }

    fn alerts(&self) -> Result<Vec<shape::Alert>, Refusal> {
        self.engine.timeline().alerts(ALERTS_MAX)?.into_iter().map(|alert| self.alert(alert)).collect()
    }

    fn settings(&self) -> Result<shape::Settings, Refusal> {
        let timeline = self.engine.timeline();
        Ok(shape::Settings {
            sends_read_receipts: timeline.sends_read_receipts()?,
            sends_typing: timeline.sends_typing()?,
            allows_direct: self.engine.allows_direct()?,
            are_words_kept: timeline.are_words_kept()?,
        })
    }

    /// Messages that hold every word.
    ///
    /// # Errors
    /// What the database says.
    pub fn search(
        &self,
        words: &str,
        conversation: Option<&ConversationId>,
        limit: usize,
    ) -> Result<Vec<shape::SearchHit>, Refusal> {
        let timeline = self.engine.timeline();
        let mut names = Names::default();
        let mut titles: BTreeMap<ConversationId, String> = BTreeMap::new();
        let mut hits = Vec::new();
        for hit in timeline.search(words, conversation, limit)? {
            let id = hit.entry.conversation;
            let title = match titles.entry(id) {
                btree_map::Entry::Occupied(known) => known.get().clone(),
                btree_map::Entry::Vacant(place) => {
                    place.insert(timeline.conversation(&id)?.map(|found| found.title).unwrap_or_default()).clone()
                }
            };
            let units = |bytes: usize| hit.snippet[..bytes].encode_utf16().count();
            hits.push(shape::SearchHit {
                highlights: hit.highlights.iter().map(|range| (units(range.start), units(range.end))).collect(),
                conversation_title: title,
                entry: self.entry(hit.entry, &mut names)?,
                snippet: hit.snippet.clone(),
            });
        }
        Ok(hits)
    }

    /// A picture by the id that snapshots name it by.
    ///
    /// # Errors
    /// `bad-input`, and what the database says.
    pub fn picture(&self, id: &str) -> Result<Option<Vec<u8>>, Refusal> {
        let id = Hash::from_hex(id).map_err(|_| Refusal::input())?;
        Ok(self.engine.timeline().picture(&id)?)
    }

    /// The invite with this link.
    ///
    /// # Errors
    /// What the database says.
    pub fn invite_by_link(&self, link: &str) -> Result<Option<shape::Invite>, Refusal> {
        let all = self.engine.timeline().invites()?;
        Ok(all.into_iter().find(|invite| invite.link.as_deref() == Some(link)).map(invite_shape))
    }

    /// Names to show for accounts.
    pub(crate) fn names(&self, accounts: &[AccountId]) -> Result<Vec<String>, Refusal> {
        accounts.iter().map(|account| Ok(self.engine.timeline().display_name(account)?)).collect()
    }
}

fn invite_shape(invite: StoredInvite) -> shape::Invite {
    shape::Invite {
        id: hex(&invite.invite.0),
        link: invite.link,
        conversation: invite.conversation.map(|id| id.to_hex()),
        needs_approval: invite.needs_approval,
        is_used: invite.is_used,
        expires_ms: invite.expires_ms,
        at_ms: invite.at_ms,
    }
}
