//! What members send each other through a node: contents, whispers, cells and their blobs.
//!
//! Cells, blobs and whispers are sealed here with a known key around the fuzzed bytes: an insider can do that, and
//! without it nothing behind the seal would be reached.

use crate::Seed;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use protocol::content::{
    AppContent, Call, CallChange, CallCommit, CallSignal, Content, Description, Direct, DirectSignal, Files, Kind,
    RoomSecret, Seen, UnderWay, WhisperContent, WhisperKind,
};
use protocol::direct::{Address, Path};
use protocol::file::{Commit, FileKey, Look, Reference, Root};
use protocol::identity::NodeUrl;
use protocol::lane::{Plaintext, SealKey, open_blob, open_cell, open_cell_blob, open_whisper, seal_cell};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::id::{AccountId, AttemptId, CallId, DeviceId, FileId, Hash, LaneId, MsgId};
use wire::lane::CellKind;
use wire::receipt::Receipt;

const LANE: LaneId = LaneId([2; 32]);
const KEY: [u8; 32] = [3; 32];

/// MLS application data, and the message in it.
pub fn app_content(bytes: &[u8]) -> bool {
    let Ok(app) = AppContent::parse(bytes.to_vec().into()) else { return false };
    let again = AppContent::parse(app.encode().into()).expect("an encoded content parses");
    assert!(again == app, "a content changed on its way");
    content(&app.message);
    true
}

/// A message: what was understood encodes to the same meaning.
pub fn content(bytes: &[u8]) -> bool {
    let Ok(content) = Content::parse(bytes) else { return false };
    if let Kind::Call(Call { signal: CallSignal::Commit(commit), .. }) = &content.kind
        && let Ok(change) = CallChange::parse(&commit.data)
    {
        assert!(CallChange::parse(&change.encode()) == Ok(change), "a change changed on its way");
    }
    let is_understood = match &content.kind {
        Kind::Unknown => false,
        Kind::Call(call) => !matches!(call.signal, CallSignal::Unknown),
        _ => true,
    };
    if !is_understood {
        assert!(content.encode().is_err(), "what was not understood is not made anew");
    } else {
        let encoded = content.encode().expect("within limits, for it parsed");
        assert!(Content::parse(&encoded) == Ok(content), "a message changed on its way");
    }
    true
}

/// A whisper, opened with the epoch's key.
pub fn whisper(bytes: &[u8]) -> bool {
    // A peer's bytes without the key never open.
    assert!(open_whisper(&SealKey::new(KEY), &LANE, bytes).is_err());
    let sealed = seal(&LANE.0, bytes);
    let Ok(opened) = open_whisper(&SealKey::new(KEY), &LANE, &sealed) else { return false };
    let Ok(whisper) = WhisperContent::parse(&opened) else { return false };
    assert!(WhisperContent::parse(&whisper.encode()) == Ok(whisper), "a whisper changed on its way");
    true
}

/// A cell: whether it has a blob 1, plaintext.
pub fn cell(bytes: &[u8]) -> bool {
    let Some((flag, plaintext)) = bytes.split_first() else { return false };
    let attach = if flag % 2 == 0 { Hash::ZERO } else { Hash([4; 32]) };
    let key = SealKey::new(KEY);
    assert!(open_cell(&key, &LANE, CellKind::App, &attach, plaintext).is_err());
    let aad = [&LANE.0[..], &[CellKind::App as u8], &attach.0].concat();
    open_cell(&key, &LANE, CellKind::App, &attach, &seal(&aad, plaintext)).is_ok()
}

/// A cell's blob.
pub fn cell_blob(plaintext: &[u8]) -> bool {
    let key = SealKey::new(KEY);
    let blob = seal(&LANE.0, plaintext);
    let wrong_length = blob.len() as u32 + 1;
    assert!(open_cell_blob(&key, &LANE, wrong_length, &blob).is_err());
    // Reached by a Welcome's blob as well, which has another content.
    let _ = open_blob(&key, &LANE, &blob);
    open_cell_blob(&key, &LANE, blob.len() as u32, &blob).is_ok()
}

/// The seal of LANE.md s.2 with a nonce of zeros: nonce 24, then XChaCha20-Poly1305.
fn seal(aad: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let nonce = [0; 24];
    let sealed = XChaCha20Poly1305::new(&Key::from(KEY))
        .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad })
        .expect("any plaintext of this size can be sealed");
    [&nonce[..], &sealed].concat()
}

fn unseal(aad: &[u8], body: &[u8]) -> Vec<u8> {
    let (nonce, sealed) = body.split_first_chunk::<24>().expect("a sealed body begins with its nonce");
    XChaCha20Poly1305::new(&Key::from(KEY))
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad })
        .expect("sealed with this key")
}

fn kinds() -> Vec<(&'static str, Kind)> {
    let msg_id = MsgId([5; 16]);
    let receipt = Receipt {
        seq: 9,
        gen_before: 1,
        head: Hash([6; 32]),
        index: 1,
        size: 3,
        path: vec![Hash([7; 32]); 2],
        sig: [8; 64],
    };
    let look = Look {
        width: 640,
        height: 480,
        duration_ms: 9,
        thumbhash: vec![1; 25].into(),
        waveform: vec![2; 64].into(),
        is_voice: true,
    };
    let file = Reference {
        file_id: FileId([1; 32]),
        node_url: NodeUrl::parse("https://n.example").ok(),
        key: FileKey::new([2; 32]),
        commit: Commit([3; 32]),
        root: Root([4; 32]),
        size: 70_000,
        name: "a.jpg".into(),
        media_type: "image/jpeg".into(),
        look,
    };
    let files = Files {
        files: vec![file.clone(), file],
        caption: "look".into(),
        reply_to: None,
        is_forwarded: true,
        is_early: false,
    };
    vec![
        ("files", Kind::Files(files)),
        (
            "call_offer",
            call(CallSignal::Offer(Description { has_video: true, may_direct: false, sdp: "v=0\r\n".into() })),
        ),
        (
            "call_keys",
            call(CallSignal::Keys { to: DeviceId([3; 16]), welcome: vec![1; 40].into(), tree: vec![2; 40].into() }),
        ),
        ("call_under_way", call(CallSignal::UnderWay(under_way()))),
        ("call_join", call(CallSignal::Join { key_package: vec![1; 40].into() })),
        (
            "call_commit",
            call(CallSignal::Commit(CallCommit {
                conversation_epoch: 9,
                change_id: [1; 16],
                part: 0,
                parts: 1,
                data: change().encode().into(),
            })),
        ),
        ("call_leave", call(CallSignal::Leave)),
        ("direct", Kind::Direct(direct())),
        ("text", Kind::Text { text: "Grüße".into(), reply_to: Some(msg_id), is_forwarded: false }),
        ("reaction", Kind::Reaction { msg_id, emoji: Some("👍".into()) }),
        ("reaction_back", Kind::Reaction { msg_id, emoji: None }),
        ("edit", Kind::Edit { msg_id, text: "better".into() }),
        ("delete", Kind::Delete { msg_id }),
        ("timer", Kind::Timer { seconds: 60 }),
        ("delivered", Kind::Delivered { msg_ids: vec![msg_id, MsgId([9; 16])] }),
        ("read", Kind::Read { msg_ids: vec![msg_id] }),
        ("profile", Kind::Profile { name: "Ada".into(), picture: Some(vec![10; 40].into()) }),
        ("leave", Kind::Leave),
        ("ping", Kind::Ping),
        ("receipts", Kind::Receipts { receipts: vec![receipt.clone(), receipt] }),
    ]
}

fn call(signal: CallSignal) -> Kind {
    Kind::Call(Call { call_id: CallId([4; 16]), signal })
}

fn under_way() -> UnderWay {
    UnderWay {
        has_video: true,
        since_ms: 1_700_000_000_000,
        room: RoomSecret([7; 32]),
        line: vec![DeviceId([3; 16]), DeviceId([4; 16])],
        opener: AccountId([2; 32]),
        epoch: 1,
    }
}

fn change() -> CallChange {
    CallChange {
        commit: vec![1; 40].into(),
        welcome: vec![2; 40].into(),
        tree: vec![3; 40].into(),
        added: vec![DeviceId([3; 16])],
        removed: vec![DeviceId([4; 16])],
        room: Some(RoomSecret([7; 32])),
        line: vec![DeviceId([3; 16])],
        epoch: 1,
    }
}

fn direct() -> Direct {
    let path = Path {
        ufrag: "abcd".into(),
        pwd: "abcdefghijklmnopqrstuv".into(),
        fingerprint: [9; 32],
        addresses: vec![Address { host: "192.0.2.1".into(), port: 9, is_reflexive: true }],
    };
    let signal = DirectSignal::Ask(AttemptId([1; 16]), path);
    Direct { msg_id: MsgId([5; 16]), index: 1, signal }
}

fn encoded(kind: Kind) -> Vec<u8> {
    Content { sent_ms: 1_800_000_000_000, timer_s: 60, kind }.encode().expect("within limits")
}

/// One message of each kind, and one of no kind that this version knows.
pub fn content_seeds() -> Vec<Seed> {
    let mut seeds: Vec<Seed> = kinds().into_iter().map(|(name, kind)| Seed::new(name, encoded(kind))).collect();
    // Field 999, length-delimited, three bytes.
    let newer = [&encoded(Kind::Ping)[..7], &[0xBA, 0x3E, 0x03, 1, 2, 3]].concat();
    seeds.push(Seed::new("newer", newer));
    seeds
}

/// A text and a receipts message as application data.
pub fn app_content_seeds() -> Vec<Seed> {
    let wrap = |kind: Kind| {
        let seen = Seen { seq: 17, head: Hash([11; 32]), prev: Hash::ZERO };
        AppContent { msg_id: MsgId([5; 16]), seen, message: encoded(kind).into() }.encode()
    };
    kinds()
        .into_iter()
        .filter(|(name, _)| ["text", "receipts"].contains(name))
        .map(|(name, kind)| Seed::new(name, wrap(kind)))
        .collect()
}

/// The plaintext of a padded whisper.
pub fn whisper_seeds() -> Vec<Seed> {
    let padded = |kind: WhisperKind| {
        let content = WhisperContent { device_id: DeviceId([12; 16]), kind }.encode();
        let mut plaintext = (content.len() as u16).to_be_bytes().to_vec();
        plaintext.extend_from_slice(&content);
        plaintext.resize(1_024 - 24 - 16, 0);
        plaintext
    };
    vec![
        Seed::new("typing", padded(WhisperKind::Typing { is_active: true })),
        Seed::new("stopped", padded(WhisperKind::Typing { is_active: false })),
    ]
}

/// Plaintexts as the real sealing makes them: short, with certificates, with a blob.
pub fn cell_seeds() -> Vec<Seed> {
    let cases = [("short", 100, 0), ("certificates", 300, 2), ("blob", 70_000, 0)];
    cases
        .into_iter()
        .map(|(name, mls, certificates)| {
            let plaintext = Plaintext { mls: vec![13; mls], certificates: vec![vec![14; 50]; certificates] };
            let mut rng = ChaCha20Rng::from_seed([15; 32]);
            let sealed = seal_cell(&SealKey::new(KEY), &LANE, CellKind::App, &plaintext, &mut rng).expect("fits");
            let aad = [&LANE.0[..], &[CellKind::App as u8], &sealed.attach].concat();
            let opened = unseal(&aad, &sealed.body);
            // The target's own attach stands for the blob's hash; only its presence matters behind the seal.
            Seed::new(name, [&[u8::from(sealed.blob.is_some())], &opened[..]].concat())
        })
        .collect()
}

/// The plaintext of a blob with two certificates, without its padding.
pub fn cell_blob_seeds() -> Vec<Seed> {
    let mls = [16; 60];
    let mut content = vec![1];
    content.extend_from_slice(&(mls.len() as u32).to_be_bytes());
    content.extend_from_slice(&mls);
    content.extend_from_slice(&2u16.to_be_bytes());
    for _ in 0..2 {
        content.extend_from_slice(&20u16.to_be_bytes());
        content.extend_from_slice(&[17; 20]);
    }
    let plaintext = [&(content.len() as u32).to_be_bytes()[..], &content, &[0; 30]].concat();
    vec![Seed::new("certificates", plaintext)]
}
