//! What goes into a device and what comes out: inputs, effects, records, alerts.
//!
//! The shell opens a transaction, calls [`crate::Device::handle`], writes every [`Effect::Record`] into
//! its own tables inside that transaction, commits durably, and only then carries out the other effects
//! in order. After an error it rolls back and calls [`crate::Device::forget_cache`].

use crate::call::{CallPsk, Peer};
use crate::identity::{DeviceIdentity, NodeUrl};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use wire::id::{AccountId, BlobId, DeviceId, DoorId, Hash, LaneId, MsgId};
use wire::node::{Event, Request, RequestId};

/// A conversation: the id of its MLS group, 16 random bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ConversationId(pub [u8; 16]);

impl ConversationId {
    /// Lower-case hexadecimal: for the user, never for logs.
    pub fn to_hex(&self) -> String {
        data_encoding::HEXLOWER.encode(&self.0)
    }
}

impl fmt::Debug for ConversationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConversationId(..)")
    }
}

/// What a connection is for: doors and invites never share one with conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LinkKind {
    /// Conversations' lanes.
    Lanes,
    /// Our own door and our invite lanes.
    Door,
    /// Claims and knocks at somebody else's door or invite lane.
    Knock,
    /// A call's room, and its relay. The shell's own: the device never asks for one.
    Room,
}

/// One connection to one node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The node.
    pub node_url: NodeUrl,
    /// What the connection is for.
    pub kind: LinkKind,
}

/// A number that the shell chooses for an intent and finds again in its [`Record::Outcome`].
pub type IntentId = u64;

/// What goes into a device.
#[derive(Debug)]
pub enum Input {
    /// The user wants something.
    Intent(IntentId, Intent),
    /// A connection stands; the node's Hello follows as an event.
    Connected(Link),
    /// The node said something.
    Event(Link, RequestId, Event),
    /// A connection is gone, or could not be made.
    Disconnected(Link),
    /// A blob is durable at the node, or is not.
    BlobPut(NodeUrl, BlobId, Result<(), BlobFailure>),
    /// A blob came, or did not.
    BlobGot(NodeUrl, BlobId, Result<Bytes, BlobFailure>),
    /// Work is done.
    Solved {
        /// Which.
        job: u64,
        /// The nonce.
        nonce: u64,
    },
    /// The time asked for with [`Effect::WakeAt`] has come.
    Wake,
}

/// Why a blob was not stored or fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobFailure {
    /// The node says that it has no such blob.
    NotFound,
    /// The node refused.
    Refused,
    /// No answer.
    Network,
}

/// What the user wants.
#[derive(Debug, Clone)]
pub enum Intent {
    /// An invite link: for one person, or for a group.
    Invite {
        /// A group that the link leads to; none: to a conversation with us.
        group: Option<ConversationId>,
        /// The inviter approves each who comes by it (groups only).
        needs_approval: bool,
        /// Seconds until it expires, at most 30 days.
        valid_s: u64,
    },
    /// Closes an invite link.
    RevokeInvite {
        /// From [`Record::Invite`].
        invite: Hash,
    },
    /// Follows an invite link.
    Accept {
        /// The whole link.
        link: String,
        /// A note to the inviter, at most 500 bytes.
        note: String,
    },
    /// Begins a conversation by address.
    Add {
        /// `account@node`.
        address: String,
        /// A note, at most 500 bytes.
        note: String,
    },
    /// Answers a request.
    Answer {
        /// From [`Record::Request`].
        request: Hash,
        /// What to do.
        answer: Answer,
    },
    /// Sends a message.
    Send {
        /// Where.
        conversation: ConversationId,
        /// Chosen by the shell, random.
        msg_id: MsgId,
        /// An encoded `content.v1.Message`.
        message: Bytes,
        /// Shown in the timeline as an own message, or bookkeeping such as a receipt.
        is_shown: bool,
    },
    /// Whispers (typing).
    Whisper {
        /// Where.
        conversation: ConversationId,
        /// An encoded `content.v1.Whisper` without device_id.
        content: Bytes,
    },
    /// Makes a group with nobody else in it.
    NewGroup {
        /// At most 128 bytes.
        title: String,
    },
    /// Adds contacts to a group.
    AddMembers {
        /// Which.
        conversation: ConversationId,
        /// Contacts.
        accounts: Vec<AccountId>,
    },
    /// Removes members from a group.
    RemoveMembers {
        /// Which.
        conversation: ConversationId,
        /// Members.
        accounts: Vec<AccountId>,
    },
    /// Changes a group's title.
    Rename {
        /// Which.
        conversation: ConversationId,
        /// At most 128 bytes.
        title: String,
    },
    /// Makes a member an admin, or no admin.
    SetAdmin {
        /// Which.
        conversation: ConversationId,
        /// Who.
        account: AccountId,
        /// Admin or not.
        is_admin: bool,
    },
    /// Leaves a group.
    Leave {
        /// Which.
        conversation: ConversationId,
    },
    /// Starts a broken group again with the same members.
    Reboot {
        /// Which.
        conversation: ConversationId,
    },
    /// Sets our display name, which knocks and invites carry.
    SetName {
        /// At most 128 bytes.
        name: String,
    },
    /// Blocks an account, or no longer.
    Block {
        /// Who.
        account: AccountId,
        /// Blocked or not.
        is_blocked: bool,
    },
}

/// The user's answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// Join, or let in.
    Accept,
    /// Drop it.
    Delete,
    /// Drop it and everything more from this account.
    Block,
}

/// What comes out of a device.
#[derive(Debug)]
pub enum Effect {
    /// To be written by the shell in the same transaction.
    Record(Record),
    /// A connection is wanted from now on; the shell keeps trying with backoff.
    Connect(Link),
    /// A connection is no longer wanted.
    Hangup(Link),
    /// Requests to send in one or more frames, in order.
    Send(Link, Vec<(RequestId, Request)>),
    /// A blob to store for `ttl_s` seconds.
    PutBlob(NodeUrl, BlobId, Bytes, u64),
    /// A blob to fetch.
    GetBlob(NodeUrl, BlobId),
    /// Work to do; answered with [`Input::Solved`].
    Solve(Work),
    /// Call with [`Input::Wake`] at this time, milliseconds since the Unix epoch; the last one counts.
    WakeAt(u64),
}

/// Proof of work to search for: the first nonce with so many leading zero bits (LANE.md N13).
#[derive(Debug, Clone)]
pub struct Work {
    /// Echoed in [`Input::Solved`].
    pub job: u64,
    /// The connection's nonce.
    pub hello_nonce: [u8; 32],
    /// What it is bound to.
    pub bound: WorkBound,
    /// Bits asked for.
    pub bits: u32,
}

/// What work is bound to.
#[derive(Debug, Clone, Copy)]
pub enum WorkBound {
    /// A claim at a door.
    Claim(DoorId, u32),
    /// A knock with this body's hash.
    Knock(LaneId, Hash),
}

impl WorkBound {
    /// As the wire's puzzle.
    pub fn puzzle(&self) -> wire::work::Puzzle<'_> {
        match self {
            Self::Claim(door, counter) => wire::work::Puzzle::Claim(door, *counter),
            Self::Knock(lane, body_hash) => wire::work::Puzzle::Knock(lane, body_hash),
        }
    }
}

/// What the shell writes down.
#[derive(Debug, Clone)]
pub enum Record {
    /// A conversation is new or changed; the whole of it.
    Conversation(Conversation),
    /// A contact is new or changed.
    Contact(Contact),
    /// A message of another member, once, in lane order.
    Received {
        /// Where.
        conversation: ConversationId,
        /// The sender's id for it.
        msg_id: MsgId,
        /// Who.
        account: AccountId,
        /// Which device.
        device: DeviceId,
        /// An encoded `content.v1.Message`.
        message: Bytes,
        /// When this device processed it, milliseconds.
        at_ms: u64,
    },
    /// A signal of a call, in lane order: another's, or an own one that was read back.
    Call(Box<CallHeard>),
    /// An own message's state.
    Sent {
        /// Where.
        conversation: ConversationId,
        /// Which.
        msg_id: MsgId,
        /// The state.
        state: SendState,
    },
    /// A whisper: any member could have made it; show it for 6 s at most.
    Whispered {
        /// Where.
        conversation: ConversationId,
        /// The device that it names.
        device: DeviceId,
        /// An encoded `content.v1.Whisper`.
        content: Bytes,
    },
    /// Somebody knocked.
    Request(ContactRequest),
    /// A request was answered or is void.
    RequestGone(Hash),
    /// An invite link changed.
    Invite {
        /// Names it.
        invite: Hash,
        /// Its state.
        state: InviteState,
    },
    /// Something the user must know.
    Alert {
        /// Where; none: everywhere.
        conversation: Option<ConversationId>,
        /// What.
        alert: Alert,
    },
    /// An intent is done, or cannot be.
    Outcome(IntentId, Result<Outcome, IntentError>),
}

/// A signal of a call as it stands in the lane.
#[derive(Debug, Clone)]
pub struct CallHeard {
    /// Where.
    pub conversation: ConversationId,
    /// Who said it, by MLS.
    pub sender: DeviceIdentity,
    /// By the sender's clock, milliseconds.
    pub sent_ms: u64,
    /// What is said.
    pub call: crate::content::Call,
    /// With an answer, and with the last part of a change: what the conversation's epoch gives to the call's key.
    pub psk: Option<CallPsk>,
    /// The conversation's epoch.
    pub epoch: u64,
    /// With the last part of a change: the devices in the conversation.
    pub members: Vec<Peer>,
    /// The node pushed it: it was said just now, whatever clocks say.
    pub is_live: bool,
}

/// A conversation as the user sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// Names it.
    pub id: ConversationId,
    /// One to one.
    pub is_direct: bool,
    /// A group's title; empty for one to one.
    pub title: String,
    /// The members, by account.
    pub members: Vec<Member>,
    /// Where it stands.
    pub state: ConversationState,
    /// The node that keeps its lane.
    pub node_url: NodeUrl,
    /// The MLS epoch.
    pub epoch: u64,
    /// The conversation that this one restarts.
    pub restarts: Option<ConversationId>,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub account: AccountId,
    /// Its devices in the group.
    pub devices: Vec<DeviceId>,
    /// May add, remove, rename.
    pub is_admin: bool,
    /// Is this account.
    pub is_self: bool,
}

/// Where a conversation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ConversationState {
    /// All is well.
    Active,
    /// A commit broke for this device; waiting for others.
    Suspect,
    /// This device asks to be added again.
    Rejoining,
    /// The node contradicted itself; only a restart helps.
    Disputed,
    /// We said that we leave.
    Leaving,
    /// We are no longer a member.
    Left,
    /// Another conversation took its place.
    Restarted,
}

/// A contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// Who.
    pub account: AccountId,
    /// Where the contact's door is.
    pub node_url: NodeUrl,
    /// The name that the contact gave itself.
    pub name: String,
}

/// A knock that waits for the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactRequest {
    /// Names it.
    pub request: Hash,
    /// Who knocks.
    pub account: AccountId,
    /// The name that the stranger gave itself.
    pub name: String,
    /// The note.
    pub note: String,
    /// What is asked.
    pub kind: RequestKind,
    /// When it came, milliseconds.
    pub at_ms: u64,
}

/// What a request asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestKind {
    /// To talk with us.
    Talk,
    /// That we join a group.
    JoinGroup,
    /// To be let into a group of ours.
    EnterGroup(ConversationId),
}

/// Where an own message stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendState {
    /// It waits for the network.
    Pending,
    /// The node has it on disk.
    Stored,
    /// It cannot be sent: the conversation is over for us.
    Failed,
}

/// Where an invite link stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InviteState {
    /// It works; the whole link.
    Ready(String),
    /// Somebody used it (links for one person).
    Used,
    /// Closed or expired.
    Closed,
}

/// What an intent led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Done,
    /// A conversation exists for it.
    Conversation(ConversationId),
    /// The link.
    Link(String),
    /// The other side was asked; the answer comes when it comes.
    Asked,
}

/// Why an intent cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntentError {
    /// No such conversation.
    #[error("there is no such conversation")]
    NoConversation,
    /// No such request.
    #[error("there is no such request")]
    NoRequest,
    /// No such contact.
    #[error("this account is not a contact; invite it or add its address first")]
    NoContact,
    /// No such member.
    #[error("this account is not a member")]
    NoMember,
    /// Already a member.
    #[error("this account is a member already")]
    IsMember,
    /// Not an admin.
    #[error("only an admin can do this; ask one")]
    NotAdmin,
    /// We are no longer in it.
    #[error("you are no longer in this conversation")]
    NotActive,
    /// One-to-one conversations have no members to change.
    #[error("a conversation of two cannot be changed; make a group")]
    IsDirect,
    /// The last admin must appoint another first.
    #[error("you are the last admin; make another member an admin first")]
    LastAdmin,
    /// Over 1,024 members.
    #[error("a group has at most 1,024 devices")]
    TooManyMembers,
    /// Over 60 KiB and such.
    #[error("{what} is too long: {found} bytes, at most {limit}")]
    TooLong {
        /// What.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The limit.
        limit: usize,
    },
    /// The link does not parse.
    #[error("this is not an invite link: {0}")]
    BadLink(String),
    /// The address does not parse.
    #[error("this is not an address: {0}")]
    BadAddress(String),
    /// The link was used, closed or has expired.
    #[error("this invite is used up, closed or expired; ask for a new one")]
    InviteGone,
    /// The link leads to ourselves.
    #[error("this is your own invite or address")]
    OwnInvite,
    /// What the node holds for the link or door is not what it should be.
    #[error("what the node returned for it is damaged or forged; ask for a new invite")]
    Forged,
    /// No door there.
    #[error("nobody can be reached at this address; check it with its owner")]
    NoDoor,
    /// Nothing to restart.
    #[error("this conversation needs no restart")]
    NotBroken,
    /// A newer version is needed.
    #[error("this needs a newer version of the program")]
    TooNew,
    /// The home node was never reached.
    #[error("your node was not reached yet; connect once, then try again")]
    Offline,
    /// The node refused for good.
    #[error("the node refused it")]
    Refused,
}

/// What the user must know (LANE.md s.10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Alert {
    /// The node showed two histories; with signed proof where there is one.
    TwoHistories {
        /// An encoded Evidence, to export by the user's hand.
        evidence: Option<Bytes>,
    },
    /// The node lost cells that it had acknowledged.
    LostItems {
        /// How many of ours were sent again.
        resent: u32,
    },
    /// The node holds back a blob, or says Gone too early.
    Withholds,
    /// A Welcome for a KeyPackage that was used already.
    KeyPackageReused,
    /// A member's garbage.
    Flooding,
    /// A member's commit failed for this device.
    BrokenUpdate {
        /// Whose.
        account: AccountId,
    },
    /// A member asks to be added again and names the member whose update broke it.
    MemberRejoins {
        /// Who rejoins.
        account: AccountId,
        /// Whose update failed there.
        suspect: Option<AccountId>,
    },
    /// A member commits without pause.
    ChangesKeysTooOften {
        /// Who.
        account: AccountId,
    },
    /// A member's `seen` contradicts receipts.
    MemberContradicts {
        /// Who.
        account: AccountId,
    },
    /// A cell in our own name that we never made.
    Restored,
    /// A second knock at a link for one person.
    InviteLeaked,
    /// Our door's queue is full.
    DoorFlooded,
    /// We rejoin a group; messages in between are missing.
    Gap,
    /// The node's key is not the one that the conversation names.
    WrongNode,
    /// A member's Welcome found nobody: an invite that was used up or had expired, a door that is gone.
    NotReached {
        /// Who.
        account: AccountId,
    },
}

impl Alert {
    /// The words for the user (LANE.md s.10); `who` is the named member's display name.
    pub fn text(&self, who: &str) -> String {
        match self {
            Self::TwoHistories { .. } => "The node showed members different histories".into(),
            Self::LostItems { resent } => format!("The node lost {resent} items; yours were sent again"),
            Self::Withholds => "The node withholds part of the history".into(),
            Self::KeyPackageReused => "A first message could not be opened; ask again".into(),
            Self::Flooding => "Someone inside is flooding this group".into(),
            Self::BrokenUpdate { .. } => format!("{who}'s update failed here; rejoining"),
            Self::MemberRejoins { .. } => format!("{who} is rejoining after an update failed there"),
            Self::ChangesKeysTooOften { .. } => format!("{who} changes keys too often"),
            Self::MemberContradicts { .. } => format!("{who} and the node disagree"),
            Self::Restored => "This device was restored; rejoining".into(),
            Self::InviteLeaked => "Someone else tried this invite".into(),
            Self::DoorFlooded => "Your address is being flooded; invites still work".into(),
            Self::Gap => "Messages between leaving and rejoining are missing here".into(),
            Self::NotReached { .. } => {
                format!("{who} was not reached and reads nothing here; meet by a new invite")
            }
            Self::WrongNode => "This address is answered by another node than before; nothing was sent to it".into(),
        }
    }
}
