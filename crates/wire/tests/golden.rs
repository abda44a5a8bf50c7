//! Golden bytes: what is sent or kept today is read tomorrow. A changed line here is a new version of the protocol.
//!
//! `golden/wire.txt` has one line for each type: its name, the length, SHA-256, and the first bytes. To add a
//! type, add it here; the failing test prints the line.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its functions too")]

use bytes::Bytes;
use prost::Message;
use std::collections::BTreeMap;
use std::fmt::Debug;
use wire::file::FileWork;
use wire::id::{DoorId, FileId, Hash, LaneId, NodeKey, ReadCap, WriteCap};
use wire::lane::{Cell, CellKind, LaneClass, derive_lane_id_from_caps, head_next, head_zero};
use wire::proto::{contact, content, node};
use wire::receipt::{Evidence, Link, Receipt, leaf, signed_bytes};
use wire::work::{Puzzle, digest};

/// Bytes shown of each value; the hash covers the rest.
const SHOWN: usize = 160;

/// `length` bytes that count up from `first`: a swapped or shifted field shows.
fn bytes(first: u8, length: usize) -> Bytes {
    (0..length).map(|at| first.wrapping_add(at as u8)).collect::<Vec<u8>>().into()
}

fn array<const N: usize>(first: u8) -> [u8; N] {
    bytes(first, N)[..].try_into().unwrap()
}

struct Golden {
    expected: BTreeMap<String, String>,
    failures: Vec<String>,
}

impl Golden {
    fn load() -> Self {
        let text = include_str!("golden/wire.txt");
        let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let expected = lines.filter_map(|line| line.split_once(' ')).map(|(name, rest)| (name.into(), rest.into()));
        Self { expected: expected.collect(), failures: Vec::new() }
    }

    fn fixed(&mut self, name: &str, value: &[u8]) {
        let shown: String = value.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
        let found = format!("{} {} {shown}", value.len(), Hash::of(&[value]).to_hex()).trim_end().to_owned();
        if self.expected.remove(name).as_deref() != Some(&found) {
            self.failures.push(format!("{name} {found}"));
        }
    }

    fn message<M: Message + Default + PartialEq + Debug>(&mut self, name: &str, value: &M) {
        let encoded = value.encode_to_vec();
        assert_eq!(&M::decode(&encoded[..]).unwrap(), value, "{name} does not read back");
        self.fixed(name, &encoded);
    }

    fn finish(self) {
        assert!(self.failures.is_empty(), "these differ from golden/wire.txt:\n{}", self.failures.join("\n"));
        assert!(self.expected.is_empty(), "golden, but no longer made: {:?}", self.expected.keys());
    }
}

#[test]
fn every_type_has_its_golden_bytes() {
    let mut golden = Golden::load();
    node_requests(&mut golden);
    node_events(&mut golden);
    contents(&mut golden);
    contacts(&mut golden);
    fixed_layouts(&mut golden);
    golden.finish();
}

fn request(op: node::request::Op) -> node::Request {
    node::Request { id: 7, op: Some(op) }
}

fn node_requests(golden: &mut Golden) {
    use node::request::Op;
    let open = node::Open {
        class: 2,
        lane_id: bytes(1, 32),
        read_cap: bytes(2, 32),
        write_cap: bytes(3, 32),
        after: 300,
        expires_s: 1_800_000_000,
    };
    let append = node::Append {
        handle: 1,
        nth: 2,
        kind: 1,
        if_gen: u32::MAX,
        attach: bytes(4, 32),
        body: bytes(5, 1_024),
        work: 0x0102_0304_0506_0708,
    };
    let read = node::Read { handle: 1, after: 300 };
    let attest = node::Attest { handle: 300 };
    let trim = node::Trim { handle: 1, through: 300 };
    let close = node::Close { handle: 300 };
    let release = node::Release { handle: 300 };
    let whisper = node::Whisper { handle: 1, body: bytes(6, 1_024) };
    let door_put = node::DoorPut {
        door_id: bytes(7, 32),
        owner: bytes(8, 32),
        record: bytes(9, 50),
        key_packages: vec![bytes(10, 5), bytes(11, 6)],
        last_resort: bytes(12, 7),
        replace: true,
    };
    let door_claim =
        node::DoorClaim { door_id: bytes(7, 32), counter: 300, work: 0x0102_0304_0506_0708, record_only: true };
    golden.message("node.Open", &open);
    golden.message("node.Append", &append);
    golden.message("node.Read", &read);
    golden.message("node.Attest", &attest);
    golden.message("node.Trim", &trim);
    golden.message("node.Close", &close);
    golden.message("node.Release", &release);
    golden.message("node.Whisper", &whisper);
    golden.message("node.DoorPut", &door_put);
    golden.message("node.DoorClaim", &door_claim);
    let bell =
        node::Bell { endpoint: b"https://push.example/1".as_slice().into(), p256dh: bytes(4, 65), auth: bytes(9, 16) };
    golden.message("node.Bell", &bell);
    golden.message("node.RelayAsk", &request(Op::Relay(node::RelayAsk {})));
    room_requests(golden);
    let requests = vec![
        request(Op::Open(open)),
        request(Op::Append(append)),
        request(Op::Read(read)),
        request(Op::Attest(attest)),
        request(Op::Trim(trim)),
        request(Op::Close(close)),
        request(Op::Release(release)),
        request(Op::Whisper(whisper)),
        request(Op::DoorPut(door_put)),
        request(Op::DoorClaim(door_claim)),
    ];
    golden.message("node.Request", &requests[2]);
    golden.message("node.ClientFrame", &node::ClientFrame { requests });
}

fn room_requests(golden: &mut Golden) {
    use node::room_ask::Does;
    let ask = |host: usize, does| {
        let (host, host_hash) = (bytes(2, host), bytes(3, 32 - host));
        request(node::request::Op::Room(node::RoomAsk { member: bytes(1, 32), host, host_hash, does: Some(does) }))
    };
    let join = node::RoomJoin { sdp: "v=0\r\n".into(), label: bytes(4, 9), resume: bytes(5, 16) };
    golden.message("node.RoomLook", &ask(0, Does::Look(node::RoomLook {})));
    golden.message("node.RoomJoin", &ask(0, Does::Join(join)));
    golden.message("node.RoomRemove", &ask(32, Does::Remove(node::RoomRemove { person: 300 })));
    golden.message("node.RoomEnd", &ask(32, Does::End(node::RoomEnd {})));
    let slot = node::RoomSlot { mid: "7".into(), person: 300, source: 1, layer: 2 };
    let person = node::RoomPerson { number: 300, label: bytes(6, 9) };
    golden.message("node.RoomPerson", &person);
    golden.message("node.RoomSlot", &slot);
    let look = Some(Does::Look(node::RoomLook {}));
    let room_ask = node::RoomAsk { member: bytes(1, 32), host: Bytes::new(), host_hash: bytes(3, 32), does: look };
    golden.message("node.RoomAsk", &room_ask);
    let told = node::RoomTold { people: vec![person.clone()], own: 300, sdp: "v=0\r\n".into() };
    golden.message("node.RoomTold", &event(node::event::Op::Room(told)));
    golden.message("node.RoomSay", &node::RoomSay { want: vec![slot.clone()], nothing: false });
    golden.message("node.RoomTell", &node::RoomTell { people: vec![person], slots: vec![slot] });
}

fn event(op: node::event::Op) -> node::Event {
    node::Event { id: 7, op: Some(op) }
}

fn node_events(golden: &mut Golden) {
    use node::event::Op;
    let limits = node::Limits {
        lanes: 2_048,
        appends_unanswered: 256,
        blob_bytes: 16 << 20,
        frame_bytes: 2 << 20,
        retention_days: 30,
        file_bytes: 17 << 30,
    };
    let hello = node::Hello {
        version: 1,
        node_pk: bytes(1, 32),
        nonce: bytes(2, 32),
        claim_bits: 18,
        knock_bits: 20,
        limits: Some(limits),
    };
    let receipt = node::Receipt { seq: 300, r#gen: 4, head: bytes(3, 32), index: 5, path: bytes(4, 64), batch: 1 };
    let cell = node::Cell { seq: 300, r#gen: 4, kind: 1, attach: bytes(5, 32), body: bytes(6, 1_024) };
    let page = node::Page {
        first_seq: 290,
        next_seq: 301,
        r#gen: 5,
        cells: vec![cell.clone()],
        receipt: Some(receipt.clone()),
    };
    let opened = node::Opened { handle: 1, page: Some(page.clone()) };
    let done = node::Done {};
    let door_claimed = node::DoorClaimed { record: bytes(7, 50), key_package: bytes(8, 60), last_resort: true };
    let refused = node::Refused { code: 7, retry_after_ms: 500, r#gen: 4, seq: 300, bits: 20 };
    let push = node::Push { handle: 1, cell: Some(cell.clone()) };
    let lag = node::Lag { handle: 1, next_seq: 300 };
    let whispered = node::Whispered { handle: 1, body: bytes(9, 1_024) };
    let door_stored = node::DoorStored { key_packages: 50 };
    let batch = node::Batch { size: 300, sig: bytes(10, 64) };
    golden.message("node.Limits", &limits);
    golden.message("node.Hello", &hello);
    golden.message("node.Receipt", &receipt);
    golden.message("node.Cell", &cell);
    golden.message("node.Page", &page);
    golden.message("node.Opened", &opened);
    golden.message("node.Done", &done);
    golden.message("node.DoorClaimed", &door_claimed);
    golden.message("node.Refused", &refused);
    golden.message("node.Push", &push);
    golden.message("node.Lag", &lag);
    golden.message("node.Whispered", &whispered);
    golden.message("node.DoorStored", &door_stored);
    let relay = node::RelayTerms {
        urls: vec!["turn:192.0.2.1:7440?transport=udp".into(), "turns:chat.example:443?transport=tcp".into()],
        username: "1800000000:00".into(),
        password: "hush".into(),
        expires_s: 1_800_000_000,
    };
    golden.message("node.RelayTerms", &relay);
    golden.message("node.Event:Relay", &event(Op::Relay(relay)));
    golden.message("node.Batch", &batch);
    let events = vec![
        event(Op::Hello(hello)),
        event(Op::Opened(opened)),
        event(Op::Receipt(receipt)),
        event(Op::Page(page)),
        event(Op::Done(done)),
        event(Op::DoorClaimed(door_claimed)),
        event(Op::Refused(refused)),
        event(Op::Push(push)),
        event(Op::Lag(lag)),
        event(Op::Whispered(whispered)),
        event(Op::DoorStored(door_stored)),
    ];
    golden.message("node.Event", &events[2]);
    golden.message("node.NodeFrame", &node::NodeFrame { events, batches: vec![batch.clone(), batch] });
}

fn contents(golden: &mut Golden) {
    use content::call::Signal as CallOp;
    use content::message::Kind;
    let seen = content::Seen { seq: 300, head: bytes(1, 32), prev: bytes(2, 32) };
    let text = content::Text { text: "Grüße".into(), reply_to: bytes(3, 16), forwarded: false };
    let reaction = content::Reaction { msg_id: bytes(4, 16), emoji: "👍".into() };
    let edit = content::Edit { msg_id: bytes(5, 16), text: "better".into() };
    let delete = content::Delete { msg_id: bytes(6, 16) };
    let timer = content::Timer { seconds: 86_400 };
    let delivered = content::Delivered { msg_ids: vec![bytes(7, 16), bytes(8, 16)] };
    let read_up_to = content::ReadUpTo { msg_ids: vec![bytes(9, 16)] };
    let profile = content::Profile { name: "Ada".into(), picture: bytes(10, 40) };
    let signed_receipt = content::SignedReceipt {
        seq: 300,
        r#gen: 4,
        head: bytes(11, 32),
        index: 5,
        size: 6,
        path: bytes(12, 96),
        sig: bytes(13, 64),
    };
    let receipts = content::Receipts { receipts: vec![signed_receipt.clone(), signed_receipt.clone()] };
    let file = content::File {
        blob_id: bytes(16, 32),
        node: "https://n.example".into(),
        key: bytes(17, 32),
        commit: bytes(18, 32),
        root: bytes(19, 32),
        size: 70_000,
        name: "a.jpg".into(),
        media_type: "image/jpeg".into(),
        width: 640,
        height: 480,
        duration_ms: 1_500,
        thumbhash: bytes(20, 25),
        waveform: bytes(21, 64),
        voice: true,
    };
    let files = content::Files {
        files: vec![file.clone(), file.clone()],
        caption: "look".into(),
        reply_to: bytes(22, 16),
        forwarded: true,
        early: false,
    };
    let description = content::CallDescription { media: 2, may_direct: true, sdp: "v=0\r\n".into() };
    let call = |signal| content::Call { call_id: bytes(23, 16), signal: Some(signal) };
    let candidates =
        content::CallCandidates { to: bytes(24, 16), candidates: vec!["candidate:1".into()], complete: true };
    let keys = content::CallKeys { to: bytes(24, 16), welcome: bytes(25, 40), tree: bytes(26, 50) };
    let decline = content::CallDecline { reason: 1, text: "later".into() };
    let hang_up = call(CallOp::HangUp(content::CallHangUp { reason: 2 }));
    golden.message("content.CallDescription", &description);
    golden.message("content.CallRinging", &content::CallRinging { key_package: bytes(27, 60) });
    golden.message("content.CallCandidates", &candidates);
    golden.message("content.CallKeys", &keys);
    golden.message("content.CallDecline", &decline);
    golden.message("content.CallHangUp", &content::CallHangUp { reason: 2 });
    let under_way = content::CallUnderWay {
        media: 1,
        since_ms: 1_700_000_000_000,
        room: bytes(33, 32),
        line: vec![bytes(24, 16), bytes(34, 16)],
        opener: bytes(35, 32),
        epoch: 3,
    };
    let join = content::CallJoin { key_package: bytes(27, 60) };
    let commit = content::CallCommit {
        conversation_epoch: 300,
        change_id: bytes(36, 16),
        part: 1,
        parts: 2,
        data: bytes(37, 40),
    };
    let change = content::CallChange {
        commit: bytes(38, 40),
        welcome: bytes(25, 40),
        tree: bytes(26, 50),
        added: vec![bytes(24, 16)],
        removed: vec![bytes(34, 16)],
        room: bytes(33, 32),
        line: vec![bytes(24, 16)],
        epoch: 3,
    };
    golden.message("content.CallUnderWay", &under_way);
    golden.message("content.CallJoin", &join);
    golden.message("content.CallCommit", &commit);
    golden.message("content.CallChange", &change);
    golden.message("content.CallLeave", &content::CallLeave {});
    golden.message("content.CallOver", &content::CallOver {});
    golden.message("content.Call", &hang_up);
    let signals = [
        ("offer", CallOp::Offer(description.clone())),
        ("ringing", CallOp::Ringing(content::CallRinging { key_package: bytes(27, 60) })),
        ("answer", CallOp::Answer(description)),
        ("candidates", CallOp::Candidates(candidates)),
        ("keys", CallOp::Keys(keys)),
        ("decline", CallOp::Decline(decline)),
        ("under_way", CallOp::UnderWay(under_way)),
        ("join", CallOp::Join(join)),
        ("commit", CallOp::Commit(commit)),
        ("leave", CallOp::Leave(content::CallLeave {})),
        ("over", CallOp::Over(content::CallOver {})),
    ];
    for (name, signal) in signals {
        golden.message(&format!("content.Call:{name}"), &call(signal));
    }
    let address = content::Address { host: "192.0.2.1".into(), port: 4_430, reflexive: true };
    let path = content::Path {
        ufrag: "abcd".into(),
        pwd: "abcdefghijklmnopqrstuv".into(),
        fingerprint: bytes(30, 32),
        addresses: vec![address.clone(), address.clone()],
    };
    let direct =
        |signal| content::Direct { msg_id: bytes(31, 16), index: 2, attempt: bytes(32, 16), signal: Some(signal) };
    let directs = [
        ("ask", content::direct::Signal::Ask(path.clone())),
        ("answer", content::direct::Signal::Answer(path.clone())),
        ("complete", content::direct::Signal::Complete(content::Complete {})),
    ];
    golden.message("content.Files:early", &content::Files { early: true, ..Default::default() });
    golden.message("content.Address", &address);
    golden.message("content.Path", &path);
    golden.message("content.Complete", &content::Complete {});
    golden.message("content.Stored", &content::Stored {});
    for (name, signal) in directs {
        golden.message(&format!("content.Direct:{name}"), &direct(signal));
    }
    let direct = direct(content::direct::Signal::Stored(content::Stored {}));
    golden.message("content.Direct", &direct);
    let typing = content::Typing { active: true };
    golden.message("content.Seen", &seen);
    golden.message("content.Text", &text);
    golden.message("content.Reaction", &reaction);
    golden.message("content.Edit", &edit);
    golden.message("content.Delete", &delete);
    golden.message("content.Timer", &timer);
    golden.message("content.Delivered", &delivered);
    golden.message("content.ReadUpTo", &read_up_to);
    golden.message("content.Profile", &profile);
    golden.message("content.Leave", &content::Leave {});
    golden.message("content.Ping", &content::Ping {});
    golden.message("content.SignedReceipt", &signed_receipt);
    golden.message("content.Receipts", &receipts);
    golden.message("content.File", &file);
    golden.message("content.Files", &files);
    golden.message("content.Typing", &typing);
    golden.message(
        "content.Whisper",
        &content::Whisper { device_id: bytes(14, 16), kind: Some(content::whisper::Kind::Typing(typing)) },
    );
    let kinds = [
        ("Text", Kind::Text(text)),
        ("Reaction", Kind::Reaction(reaction)),
        ("Edit", Kind::Edit(edit)),
        ("Delete", Kind::Delete(delete)),
        ("Timer", Kind::Timer(timer)),
        ("Delivered", Kind::Delivered(delivered)),
        ("ReadUpTo", Kind::Read(read_up_to)),
        ("Profile", Kind::Profile(profile)),
        ("Leave", Kind::Leave(content::Leave {})),
        ("Ping", Kind::Ping(content::Ping {})),
        ("Receipts", Kind::Receipts(receipts)),
        ("Files", Kind::Files(files)),
        ("Call", Kind::Call(hang_up)),
        ("Direct", Kind::Direct(direct)),
    ];
    for (name, kind) in kinds {
        let message = content::Message { sent_ms: 1_800_000_000_000, timer_s: 60, kind: Some(kind) };
        golden.message(&format!("content.Message:{name}"), &message);
    }
    let empty = content::Message { sent_ms: 1_800_000_000_000, timer_s: 60, kind: None };
    golden.message("content.Message", &empty);
    let app = content::AppContent { msg_id: bytes(15, 16), seen: Some(seen), message: empty.encode_to_vec().into() };
    golden.message("content.AppContent", &app);
}

fn contacts(golden: &mut Golden) {
    use contact::knock::Kind;
    let bundle = contact::InviteBundle {
        certificate: bytes(1, 40),
        intro_pk: bytes(2, 41),
        write_cap: bytes(3, 32),
        read_hash: bytes(4, 32),
        key_package: bytes(5, 42),
        name: "Ada".into(),
        expires_s: 1_800_000_000,
        group: true,
        node_pk: bytes(6, 32),
        title: "Choir".into(),
    };
    let record = contact::DoorRecord {
        certificate: bytes(1, 40),
        intro_pk: bytes(2, 41),
        write_cap: bytes(3, 32),
        read_hash: bytes(4, 32),
        name: "Ada".into(),
    };
    let welcome = contact::Welcome {
        welcome: bytes(7, 40),
        tree: bytes(8, 41),
        certificates: vec![bytes(9, 42), bytes(10, 43)],
        blob_id: bytes(11, 32),
        blob_key: bytes(12, 32),
        readd: true,
        reboot_of: bytes(13, 16),
    };
    let join = contact::JoinRequest {
        key_package: bytes(14, 40),
        reply_write_cap: bytes(15, 32),
        reply_read_hash: bytes(16, 32),
        reply_intro_pk: bytes(17, 41),
    };
    let readd = contact::Readd {
        group_id: bytes(18, 16),
        epoch: 300,
        authenticator: bytes(19, 48),
        key_package: bytes(20, 40),
        suspect_leaf: Some(3),
        evidence: bytes(21, 50),
    };
    golden.message("contact.InviteBundle", &bundle);
    golden.message("contact.DoorRecord", &record);
    golden.message("contact.Welcome", &welcome);
    golden.message("contact.JoinRequest", &join);
    golden.message("contact.Readd", &readd);
    let kinds = [
        ("contact.Knock", None),
        ("contact.Knock:Welcome", Some(Kind::Welcome(welcome))),
        ("contact.Knock:JoinRequest", Some(Kind::Join(join))),
        ("contact.Knock:Readd", Some(Kind::Readd(readd))),
    ];
    for (name, kind) in kinds {
        let knock = contact::Knock {
            certificate: bytes(23, 40),
            note: "It is me".into(),
            name: "Ben".into(),
            node_url: "https://node.example".into(),
            kind,
        };
        golden.message(name, &knock);
    }
}

fn fixed_layouts(golden: &mut Golden) {
    let (read, write) = (ReadCap(array(1)), WriteCap(array(2)));
    for (name, class) in [("group", LaneClass::Group), ("invite", LaneClass::Invite), ("door", LaneClass::Door)] {
        golden.fixed(&format!("lane_id:{name}"), &derive_lane_id_from_caps(class, &read, &write).0);
    }
    let lane_id = LaneId(array(3));
    let head = head_zero(&lane_id);
    golden.fixed("head(0)", &head.0);
    let next = head_next(&head, 0x0102_0304, CellKind::Handshake, &Hash(array(4)), &Hash(array(5)));
    golden.fixed("head(n)", &next.0);
    let cell = Cell { seq: 1, gen_before: 9, kind: CellKind::App, attach: Hash::ZERO, body: bytes(6, 1_024) };
    golden.fixed("head(1)", &cell.head_after(&head).0);
    golden.fixed("receipt:leaf", &leaf(&lane_id, 300, 4, &next).0);
    golden.fixed("receipt:node", &wire::receipt::node(&Hash(array(7)), &Hash(array(8))).0);
    golden.fixed("receipt:signed", &signed_bytes(300, &Hash(array(9))));
    golden.fixed("work:claim", &digest(&array(10), Puzzle::Claim(&DoorId(array(11)), 300), 0x0102_0304_0506_0708).0);
    let file = FileWork { challenge: array(13), nonce: 0x0102_0304_0506_0708 };
    golden.fixed("work:file", &file.digest(&FileId(array(14)), 300 << 20).0);
    golden.fixed("file-work", file.to_text().as_bytes());
    golden.fixed("work:knock", &digest(&array(10), Puzzle::Knock(&lane_id, &Hash(array(12))), 0x0102_0304_0506_0708).0);
    let receipt = |first: u8, hashes: u8| Receipt {
        seq: 300 + u64::from(first),
        gen_before: 4,
        head: Hash(array(first)),
        index: 5,
        size: 6,
        path: (0..hashes).map(|at| Hash(array(first + 1 + at))).collect(),
        sig: array(first + 40),
    };
    let link = Link { kind: CellKind::Handshake, attach: Hash(array(13)), body_hash: Hash(array(14)) };
    let evidence = Evidence {
        node_key: NodeKey(array(15)),
        lane_id,
        a: receipt(16, 0),
        b: receipt(17, 3),
        prior_head: Hash(array(18)),
        links: vec![link.clone(), Link { kind: CellKind::App, ..link }],
    };
    let encoded = evidence.encode().unwrap();
    assert_eq!(Evidence::parse(&encoded).unwrap(), evidence);
    golden.fixed("evidence", &encoded);
}
