//! What members say to each other: typed on our side, protobuf inside MLS (docs/spec/LANE.md s.2, `content.proto`).
//!
//! A message travels as bytes within [`AppContent`], so that whoever does not know its kind keeps the bytes and
//! reads them again after an upgrade: [`Kind::Unknown`] is a result of parsing, never something to send.
//! Parsing and encoding check the same limits.

mod call;
mod call_many;
mod direct;
mod files;

pub use call::{Call, CallSignal, DeclineReason, Description, HangUpReason};
pub use call_many::{CallChange, CallCommit, RoomSecret, UnderWay};
pub use direct::{Direct, DirectSignal};
pub use files::Files;

use bytes::Bytes;
use prost::Message as _;
use wire::Malformed;
use wire::id::{DeviceId, Hash, MsgId};
use wire::lane::Seq;
use wire::limit::{
    EMOJI_BYTES_MAX, NAME_BYTES_MAX, PATH_HASHES_MAX, PICTURE_BYTES_MAX, RECEIPT_IDS_MAX, RECEIPTS_KEPT,
    TEXT_BYTES_MAX, TIMER_SECONDS_MAX, TIMER_SECONDS_MIN,
};
use wire::proto::content as raw;
use wire::receipt::Receipt;

/// The latest time that a message may claim: 2^53 − 1 milliseconds, what every host language holds exactly.
pub const SENT_MS_MAX: u64 = (1 << 53) - 1;

/// MLS application data: a message with its id and what its sender saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppContent {
    /// The message's id, chosen by its sender.
    pub msg_id: MsgId,
    /// The sender's position in the lane.
    pub seen: Seen,
    /// An encoded [`Content`], kept as it came.
    pub message: Bytes,
}

/// What a sender had processed when it sealed (LANE.md C10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The last position processed in this lane.
    pub seq: Seq,
    /// The head there.
    pub head: Hash,
    /// The head at which the previous lane was left; zero if the sender joined in this one.
    pub prev: Hash,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Milliseconds since the Unix epoch by the sender's clock, at most [`SENT_MS_MAX`].
    pub sent_ms: u64,
    /// The disappearing timer in force when it was sent, in seconds; 0 is off.
    pub timer_s: u32,
    /// What it says.
    pub kind: Kind,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A text, perhaps in reply.
    Text {
        /// 1 byte to 60 KiB of UTF-8.
        text: String,
        /// The message that it answers.
        reply_to: Option<MsgId>,
        /// The sender passes on what was said elsewhere.
        is_forwarded: bool,
    },
    /// A member's one reaction to a message.
    Reaction {
        /// The message.
        msg_id: MsgId,
        /// At most 64 bytes; none takes the reaction back.
        emoji: Option<String>,
    },
    /// Another text in place of one's own.
    Edit {
        /// The message.
        msg_id: MsgId,
        /// 1 byte to 60 KiB of UTF-8.
        text: String,
    },
    /// Deletes one's own message for everyone.
    Delete {
        /// The message.
        msg_id: MsgId,
    },
    /// Sets the conversation's disappearing timer.
    Timer {
        /// 0 is off, else 5 s to one year.
        seconds: u32,
    },
    /// These messages reached a device of the sender.
    Delivered {
        /// 1 to 256.
        msg_ids: Vec<MsgId>,
    },
    /// These messages were read.
    Read {
        /// 1 to 256.
        msg_ids: Vec<MsgId>,
    },
    /// The sender's display name and picture.
    Profile {
        /// At most 128 bytes without control characters; may be empty.
        name: String,
        /// An encoded image of at most 32 KiB.
        picture: Option<Bytes>,
    },
    /// The sender leaves: an admin's client removes it.
    Leave,
    /// Nothing: shows that the sender's epoch opens.
    Ping,
    /// Receipts that help to tell which history the node signed.
    Receipts {
        /// 1 to 32.
        receipts: Vec<Receipt>,
    },
    /// Files with a caption, perhaps in reply.
    Files(Files),
    /// One signal of a call.
    Call(Call),
    /// One signal of a file that goes from device to device.
    Direct(Direct),
    /// A kind of a later version. The bytes that were parsed hold it.
    Unknown,
}

/// The number of [`Kind::Direct`] in a message.
const DIRECT_FIELD: u32 = 23;

/// A hint that is pushed and never stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhisperContent {
    /// Whom it claims to be from.
    pub device_id: DeviceId,
    /// What it hints at.
    pub kind: WhisperKind,
}

/// What a whisper hints at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhisperKind {
    /// The sender types, or stopped.
    Typing {
        /// It types now.
        is_active: bool,
    },
    /// A hint of a later version: nothing to show.
    Unknown,
}

impl AppContent {
    /// Reads MLS application data; the message inside is not parsed yet.
    ///
    /// # Errors
    /// [`Malformed`] where it is no protobuf, or an id or hash has another length.
    pub fn parse(bytes: Bytes) -> Result<Self, Malformed> {
        let content = raw::AppContent::decode(bytes).map_err(|_| Malformed::Protobuf { field: "app_content" })?;
        let seen = content.seen.ok_or(Malformed::Missing { field: "seen" })?;
        Ok(Self {
            msg_id: MsgId::parse(&content.msg_id)?,
            seen: Seen { seq: seen.seq, head: Hash::parse(&seen.head)?, prev: Hash::parse(&seen.prev)? },
            message: content.message,
        })
    }

    /// The bytes to protect with MLS.
    pub fn encode(&self) -> Vec<u8> {
        raw::AppContent {
            msg_id: copy(&self.msg_id),
            seen: Some(raw::Seen { seq: self.seen.seq, head: copy(&self.seen.head), prev: copy(&self.seen.prev) }),
            message: self.message.clone(),
        }
        .encode_to_vec()
    }
}

impl Content {
    /// Reads a message.
    ///
    /// # Errors
    /// [`Malformed`] where it is no protobuf or breaks a limit: the message is then ignored. A kind that is not
    /// known is no error but [`Kind::Unknown`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let message = raw::Message::decode(bytes).map_err(|_| Malformed::Protobuf { field: "message" })?;
        let content = Self {
            sent_ms: message.sent_ms,
            timer_s: message.timer_s,
            kind: message.kind.map_or(Ok(Kind::Unknown), parse_kind)?,
        };
        content.check()?;
        Ok(content)
    }

    /// The bytes for [`AppContent::message`].
    ///
    /// # Errors
    /// [`Malformed`] where a limit is broken or the kind is [`Kind::Unknown`]; nobody would take such bytes.
    pub fn encode(&self) -> Result<Vec<u8>, Malformed> {
        self.check()?;
        let message = raw::Message {
            sent_ms: self.sent_ms,
            timer_s: self.timer_s,
            kind: Some(encode_kind(&self.kind).ok_or(Malformed::Value { field: "kind" })?),
        };
        Ok(message.encode_to_vec())
    }

    /// Checks every limit.
    fn check(&self) -> Result<(), Malformed> {
        if self.sent_ms > SENT_MS_MAX {
            return Err(Malformed::Value { field: "sent_ms" });
        }
        check_timer("timer_s", self.timer_s)?;
        match &self.kind {
            Kind::Text { text, .. } | Kind::Edit { text, .. } => {
                if text.is_empty() {
                    return Err(Malformed::Missing { field: "text" });
                }
                at_most("text", text.len(), TEXT_BYTES_MAX)
            }
            Kind::Reaction { emoji: Some(emoji), .. } => {
                if emoji.is_empty() || emoji.chars().any(char::is_control) {
                    return Err(Malformed::Value { field: "emoji" });
                }
                at_most("emoji", emoji.len(), EMOJI_BYTES_MAX)
            }
            Kind::Timer { seconds } => check_timer("seconds", *seconds),
            Kind::Delivered { msg_ids } | Kind::Read { msg_ids } => {
                if msg_ids.is_empty() {
                    return Err(Malformed::Missing { field: "msg_ids" });
                }
                at_most("msg_ids", msg_ids.len(), RECEIPT_IDS_MAX)
            }
            Kind::Profile { name, picture } => {
                check_name(name)?;
                at_most("picture", picture.as_ref().map_or(0, Bytes::len), PICTURE_BYTES_MAX)
            }
            Kind::Receipts { receipts } => {
                if receipts.is_empty() {
                    return Err(Malformed::Missing { field: "receipts" });
                }
                at_most("receipts", receipts.len(), RECEIPTS_KEPT)
            }
            Kind::Files(files) => files.check(),
            Kind::Call(call) => call.check(),
            Kind::Direct(direct) => direct.check(),
            Kind::Reaction { emoji: None, .. } | Kind::Delete { .. } | Kind::Leave | Kind::Ping | Kind::Unknown => {
                Ok(())
            }
        }
    }
}

impl Kind {
    /// Whether a user sees it as an entry of its own in a conversation.
    pub fn is_shown(&self) -> bool {
        match self {
            Self::Text { .. } | Self::Timer { .. } | Self::Files(_) | Self::Unknown => true,
            Self::Reaction { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::Delivered { .. }
            | Self::Read { .. }
            | Self::Profile { .. }
            | Self::Leave
            | Self::Ping
            | Self::Receipts { .. }
            | Self::Call(_)
            | Self::Direct(_) => false,
        }
    }
}

impl WhisperContent {
    /// Reads an opened whisper.
    ///
    /// # Errors
    /// [`Malformed`] where it is no protobuf or the device id has another length.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let whisper = raw::Whisper::decode(bytes).map_err(|_| Malformed::Protobuf { field: "whisper" })?;
        Ok(Self {
            device_id: DeviceId::parse(&whisper.device_id)?,
            kind: match whisper.kind {
                Some(raw::whisper::Kind::Typing(typing)) => WhisperKind::Typing { is_active: typing.active },
                None => WhisperKind::Unknown,
            },
        })
    }

    /// The bytes to seal.
    pub fn encode(&self) -> Vec<u8> {
        let kind = match self.kind {
            WhisperKind::Typing { is_active } => Some(raw::whisper::Kind::Typing(raw::Typing { active: is_active })),
            WhisperKind::Unknown => None,
        };
        raw::Whisper { device_id: copy(&self.device_id), kind }.encode_to_vec()
    }
}

/// Checks a display name or a title: at most 128 bytes, no control characters.
///
/// # Errors
/// [`Malformed`] names what is wrong.
pub fn check_name(name: &str) -> Result<(), Malformed> {
    at_most("name", name.len(), NAME_BYTES_MAX)?;
    if name.chars().any(char::is_control) {
        return Err(Malformed::Value { field: "name" });
    }
    Ok(())
}

/// Checks a disappearing timer: 0, or 5 s to one year.
///
/// # Errors
/// [`Malformed::Value`] with `field`.
pub fn check_timer(field: &'static str, seconds: u32) -> Result<(), Malformed> {
    if seconds == 0 || (TIMER_SECONDS_MIN..=TIMER_SECONDS_MAX).contains(&seconds) {
        Ok(())
    } else {
        Err(Malformed::Value { field })
    }
}

/// Whether an encoded message is a signal of a file from device to device, by its first fields alone.
pub fn is_direct(message: &[u8]) -> bool {
    let mut rest = message;
    while let Ok((number, wire_type)) = prost::encoding::decode_key(&mut rest) {
        if wire_type != prost::encoding::WireType::Varint {
            return number == DIRECT_FIELD;
        }
        if prost::encoding::decode_varint(&mut rest).is_err() {
            return false;
        }
    }
    false
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
}

fn copy(bytes: &(impl AsRef<[u8]> + ?Sized)) -> Bytes {
    Bytes::copy_from_slice(bytes.as_ref())
}

fn parse_kind(kind: raw::message::Kind) -> Result<Kind, Malformed> {
    use raw::message::Kind as Raw;
    Ok(match kind {
        Raw::Text(text) => Kind::Text {
            reply_to: if text.reply_to.is_empty() { None } else { Some(MsgId::parse(&text.reply_to)?) },
            text: text.text,
            is_forwarded: text.forwarded,
        },
        Raw::Reaction(reaction) => Kind::Reaction {
            msg_id: MsgId::parse(&reaction.msg_id)?,
            emoji: Some(reaction.emoji).filter(|emoji| !emoji.is_empty()),
        },
        Raw::Edit(edit) => Kind::Edit { msg_id: MsgId::parse(&edit.msg_id)?, text: edit.text },
        Raw::Delete(delete) => Kind::Delete { msg_id: MsgId::parse(&delete.msg_id)? },
        Raw::Timer(timer) => Kind::Timer { seconds: timer.seconds },
        Raw::Delivered(delivered) => Kind::Delivered { msg_ids: parse_ids(&delivered.msg_ids)? },
        Raw::Read(read) => Kind::Read { msg_ids: parse_ids(&read.msg_ids)? },
        Raw::Profile(profile) => {
            Kind::Profile { name: profile.name, picture: Some(profile.picture).filter(|picture| !picture.is_empty()) }
        }
        Raw::Leave(raw::Leave {}) => Kind::Leave,
        Raw::Ping(raw::Ping {}) => Kind::Ping,
        Raw::Receipts(receipts) => {
            at_most("receipts", receipts.receipts.len(), RECEIPTS_KEPT)?;
            Kind::Receipts { receipts: receipts.receipts.iter().map(parse_receipt).collect::<Result<_, _>>()? }
        }
        Raw::Files(files) => Kind::Files(Files::parse(files)?),
        Raw::Call(call) => Kind::Call(Call::parse(call)?),
        Raw::Direct(direct) => Kind::Direct(Direct::parse(direct)?),
    })
}

fn parse_ids(msg_ids: &[Bytes]) -> Result<Vec<MsgId>, Malformed> {
    at_most("msg_ids", msg_ids.len(), RECEIPT_IDS_MAX)?;
    msg_ids.iter().map(|msg_id| MsgId::parse(msg_id)).collect()
}

fn parse_receipt(receipt: &raw::SignedReceipt) -> Result<Receipt, Malformed> {
    let (hashes, rest) = receipt.path.as_chunks::<{ Hash::LEN }>();
    if !rest.is_empty() {
        return Err(Malformed::Value { field: "path" });
    }
    at_most("path", hashes.len(), PATH_HASHES_MAX)?;
    let sig = receipt.sig.as_ref().try_into().map_err(|_| Malformed::Length {
        field: "sig",
        expected: 64,
        found: receipt.sig.len(),
    })?;
    Ok(Receipt {
        seq: receipt.seq,
        gen_before: receipt.r#gen,
        head: Hash::parse(&receipt.head)?,
        index: receipt.index,
        size: receipt.size,
        path: hashes.iter().copied().map(Hash).collect(),
        sig,
    })
}

fn encode_kind(kind: &Kind) -> Option<raw::message::Kind> {
    use raw::message::Kind as Raw;
    Some(match kind {
        Kind::Text { text, reply_to, is_forwarded } => Raw::Text(raw::Text {
            text: text.clone(),
            reply_to: reply_to.as_ref().map(copy).unwrap_or_default(),
            forwarded: *is_forwarded,
        }),
        Kind::Reaction { msg_id, emoji } => {
            Raw::Reaction(raw::Reaction { msg_id: copy(msg_id), emoji: emoji.clone().unwrap_or_default() })
        }
        Kind::Edit { msg_id, text } => Raw::Edit(raw::Edit { msg_id: copy(msg_id), text: text.clone() }),
        Kind::Delete { msg_id } => Raw::Delete(raw::Delete { msg_id: copy(msg_id) }),
        Kind::Timer { seconds } => Raw::Timer(raw::Timer { seconds: *seconds }),
        Kind::Delivered { msg_ids } => Raw::Delivered(raw::Delivered { msg_ids: msg_ids.iter().map(copy).collect() }),
        Kind::Read { msg_ids } => Raw::Read(raw::ReadUpTo { msg_ids: msg_ids.iter().map(copy).collect() }),
        Kind::Profile { name, picture } => {
            Raw::Profile(raw::Profile { name: name.clone(), picture: picture.clone().unwrap_or_default() })
        }
        Kind::Leave => Raw::Leave(raw::Leave {}),
        Kind::Ping => Raw::Ping(raw::Ping {}),
        Kind::Receipts { receipts } => {
            Raw::Receipts(raw::Receipts { receipts: receipts.iter().map(encode_receipt).collect() })
        }
        Kind::Files(files) => Raw::Files(files.to_proto()),
        Kind::Call(call) => Raw::Call(call.to_proto()?),
        Kind::Direct(direct) => Raw::Direct(direct.to_proto()),
        Kind::Unknown => return None,
    })
}

fn encode_receipt(receipt: &Receipt) -> raw::SignedReceipt {
    raw::SignedReceipt {
        seq: receipt.seq,
        r#gen: receipt.gen_before,
        head: copy(&receipt.head),
        index: receipt.index,
        size: receipt.size,
        path: receipt.path.iter().flat_map(|hash| hash.0).collect::<Vec<_>>().into(),
        sig: copy(&receipt.sig),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ID: MsgId = MsgId([7; 16]);

    fn content(kind: Kind) -> Content {
        Content { sent_ms: 1_800_000_000_000, timer_s: 0, kind }
    }

    fn text(text: String) -> Kind {
        Kind::Text { text, reply_to: None, is_forwarded: false }
    }

    fn receipt(path: usize) -> Receipt {
        Receipt {
            seq: 3,
            gen_before: 1,
            head: Hash([2; 32]),
            index: 0,
            size: 1 << path,
            path: vec![Hash([9; 32]); path],
            sig: [5; 64],
        }
    }

    fn is_accepted(kind: Kind) -> bool {
        let content = content(kind);
        let encoded = content.encode();
        // What we refuse to send we refuse to take, too.
        let raw = raw::Message { sent_ms: content.sent_ms, timer_s: content.timer_s, kind: encode_kind(&content.kind) };
        let parsed = Content::parse(&raw.encode_to_vec());
        assert_eq!(encoded.is_ok(), parsed.is_ok());
        if let Ok(parsed) = parsed {
            assert_eq!(parsed, content);
        }
        encoded.is_ok()
    }

    #[test]
    fn every_kind_has_its_golden_bytes() {
        let id = "07".repeat(16);
        let golden = [
            (text("hi".into()), "52040a026869".into()),
            (
                Kind::Text { text: "hi".into(), reply_to: Some(ID), is_forwarded: false },
                format!("52160a0268691210{id}"),
            ),
            (Kind::Text { text: "hi".into(), reply_to: None, is_forwarded: true }, "52060a0268691801".into()),
            (Kind::Reaction { msg_id: ID, emoji: Some("👍".into()) }, format!("5a180a10{id}1204f09f918d")),
            (Kind::Reaction { msg_id: ID, emoji: None }, format!("5a120a10{id}")),
            (Kind::Edit { msg_id: ID, text: "ho".into() }, format!("62160a10{id}1202686f")),
            (Kind::Delete { msg_id: ID }, format!("6a120a10{id}")),
            (Kind::Timer { seconds: 60 }, "7202083c".into()),
            (Kind::Delivered { msg_ids: vec![ID] }, format!("7a120a10{id}")),
            (Kind::Read { msg_ids: vec![ID] }, format!("8201120a10{id}")),
            (
                Kind::Profile { name: "Ada".into(), picture: Some(Bytes::from_static(b"png")) },
                "8a010a0a034164611203706e67".into(),
            ),
            (Kind::Leave, "920100".into()),
            (Kind::Ping, "9a0100".into()),
            (
                Kind::Receipts { receipts: vec![receipt(1)] },
                format!(
                    "a2018f010a8c01080310011a20{}28023220{}3a40{}",
                    "02".repeat(32),
                    "09".repeat(32),
                    "05".repeat(64)
                ),
            ),
        ];
        for (kind, expected) in golden {
            let bytes = content(kind.clone()).encode().unwrap();
            let hex = data_encoding::HEXLOWER.encode(&bytes);
            assert_eq!(hex, format!("0880a0f1c2b134{expected}"), "{kind:?}");
            assert_eq!(Content::parse(&bytes).unwrap(), content(kind));
        }
    }

    #[test]
    fn application_data_and_whisper_have_their_golden_bytes() {
        let app = AppContent {
            msg_id: ID,
            seen: Seen { seq: 5, head: Hash([1; 32]), prev: Hash::ZERO },
            message: Bytes::from_static(b"xyz"),
        };
        let hex = data_encoding::HEXLOWER.encode(&app.encode());
        let expected =
            ["0a10", &"07".repeat(16), "124608051220", &"01".repeat(32), "1a20", &"00".repeat(32), "1a0378797a"];
        assert_eq!(hex, expected.concat());
        assert_eq!(AppContent::parse(app.encode().into()).unwrap(), app);

        let whisper = WhisperContent { device_id: DeviceId([3; 16]), kind: WhisperKind::Typing { is_active: true } };
        let hex = data_encoding::HEXLOWER.encode(&whisper.encode());
        assert_eq!(hex, ["0a10", &"03".repeat(16), "12020801"].concat());
        assert_eq!(WhisperContent::parse(&whisper.encode()).unwrap(), whisper);
    }

    #[test]
    fn every_limit_holds_at_it_and_one_past_it() {
        for (is_within, kind) in [
            (true, text("x".repeat(TEXT_BYTES_MAX))),
            (false, text("x".repeat(TEXT_BYTES_MAX + 1))),
            (true, text("x".into())),
            (false, text(String::new())),
            (true, Kind::Edit { msg_id: ID, text: "x".repeat(TEXT_BYTES_MAX) }),
            (false, Kind::Edit { msg_id: ID, text: "x".repeat(TEXT_BYTES_MAX + 1) }),
            (true, Kind::Reaction { msg_id: ID, emoji: Some("x".repeat(EMOJI_BYTES_MAX)) }),
            (false, Kind::Reaction { msg_id: ID, emoji: Some("x".repeat(EMOJI_BYTES_MAX + 1)) }),
            (false, Kind::Reaction { msg_id: ID, emoji: Some("\n".into()) }),
            (true, Kind::Timer { seconds: 0 }),
            (false, Kind::Timer { seconds: TIMER_SECONDS_MIN - 1 }),
            (true, Kind::Timer { seconds: TIMER_SECONDS_MIN }),
            (true, Kind::Timer { seconds: TIMER_SECONDS_MAX }),
            (false, Kind::Timer { seconds: TIMER_SECONDS_MAX + 1 }),
            (true, Kind::Delivered { msg_ids: vec![ID; RECEIPT_IDS_MAX] }),
            (false, Kind::Delivered { msg_ids: vec![ID; RECEIPT_IDS_MAX + 1] }),
            (false, Kind::Delivered { msg_ids: vec![] }),
            (true, Kind::Read { msg_ids: vec![ID; RECEIPT_IDS_MAX] }),
            (false, Kind::Read { msg_ids: vec![ID; RECEIPT_IDS_MAX + 1] }),
            (false, Kind::Read { msg_ids: vec![] }),
            (true, Kind::Profile { name: "n".repeat(NAME_BYTES_MAX), picture: None }),
            (false, Kind::Profile { name: "n".repeat(NAME_BYTES_MAX + 1), picture: None }),
            (false, Kind::Profile { name: "a\u{1b}[2J".into(), picture: None }),
            (true, Kind::Profile { name: String::new(), picture: Some(vec![1; PICTURE_BYTES_MAX].into()) }),
            (false, Kind::Profile { name: String::new(), picture: Some(vec![1; PICTURE_BYTES_MAX + 1].into()) }),
            (true, Kind::Receipts { receipts: vec![receipt(1); RECEIPTS_KEPT] }),
            (false, Kind::Receipts { receipts: vec![receipt(1); RECEIPTS_KEPT + 1] }),
            (false, Kind::Receipts { receipts: vec![] }),
            (true, Kind::Receipts { receipts: vec![receipt(PATH_HASHES_MAX)] }),
        ] {
            assert_eq!(is_accepted(kind.clone()), is_within, "{kind:.60?}");
        }
        for (is_within, sent_ms, timer_s) in [
            (true, SENT_MS_MAX, TIMER_SECONDS_MAX),
            (false, SENT_MS_MAX + 1, 0),
            (false, 0, TIMER_SECONDS_MAX + 1),
            (false, 0, TIMER_SECONDS_MIN - 1),
            (true, 0, TIMER_SECONDS_MIN),
        ] {
            assert_eq!(Content { sent_ms, timer_s, kind: Kind::Ping }.encode().is_ok(), is_within);
        }
        let long =
            raw::SignedReceipt { path: vec![0; 32 * (PATH_HASHES_MAX + 1)].into(), ..encode_receipt(&receipt(1)) };
        assert_eq!(
            parse_receipt(&long),
            Err(Malformed::TooLong { field: "path", limit: PATH_HASHES_MAX, found: PATH_HASHES_MAX + 1 })
        );
    }

    #[test]
    fn kind_of_a_later_version_is_unknown_and_cannot_be_sent() {
        // Field 63, length-delimited: nothing of version 1.
        let mut bytes = content(Kind::Ping).encode().unwrap();
        bytes.truncate(bytes.len() - 3);
        bytes.extend([0xfa, 0x03, 0x03, b'n', b'e', b'w']);
        let parsed = Content::parse(&bytes).unwrap();
        assert_eq!(parsed, content(Kind::Unknown));
        assert!(parsed.kind.is_shown());
        assert_eq!(parsed.encode(), Err(Malformed::Value { field: "kind" }));
    }

    #[test]
    fn malformed_ids_and_bytes_are_refused_by_name() {
        let short = raw::Message {
            kind: Some(raw::message::Kind::Delete(raw::Delete { msg_id: Bytes::from_static(b"short") })),
            ..Default::default()
        };
        assert_eq!(
            Content::parse(&short.encode_to_vec()),
            Err(Malformed::Length { field: "msg_id", expected: 16, found: 5 })
        );
        assert_eq!(Content::parse(b"\xff"), Err(Malformed::Protobuf { field: "message" }));
        assert_eq!(AppContent::parse(Bytes::new()), Err(Malformed::Missing { field: "seen" }));
        assert!(WhisperContent::parse(b"").is_err());
    }

    proptest! {
        #[test]
        fn text_comes_back_as_it_was_sent(
            sent_ms in 0..=SENT_MS_MAX,
            words in ".{1,400}",
            reply_to in proptest::option::of(any::<[u8; 16]>()),
        ) {
            let content = Content { sent_ms, timer_s: 60, kind: Kind::Text { text: words, reply_to: reply_to.map(MsgId), is_forwarded: false } };
            prop_assert_eq!(Content::parse(&content.encode().unwrap()), Ok(content));
        }

        #[test]
        fn any_bytes_parse_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(content) = Content::parse(&bytes) {
                prop_assert!(content.kind == Kind::Unknown || content.encode().is_ok());
            }
            let _ = AppContent::parse(bytes.clone().into());
            let _ = WhisperContent::parse(&bytes);
        }
    }
}
