//! The face without a browser: what a page gets and what it is refused.

#![allow(clippy::unwrap_used, reason = "a failed helper fails its test")]

use client::db::Database;
use client::engine::Outgoing;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use wasm::act::Acted;
use wasm::face::{Face, link_name, parse_link};
use wasm::file::Sealing;
use wasm::refusal::Refusal;

const ACT: &str = "0102030405060708090a0b0c0d0e0f10";

fn face() -> Face {
    let rng = ChaCha20Rng::seed_from_u64(1);
    Face::create(Database::in_memory().unwrap(), rng, "http://localhost:1", "Ada", None, 1_000).unwrap()
}

fn act(face: &mut Face, act: &str, action: &str, input: Value) -> Result<Value, Refusal> {
    match face.act(2_000, act, action, &input.to_string())? {
        Acted::Value(value) => Ok(value),
        Acted::Intent(id, outcome) => Ok(wasm::act::answered_value(
            id,
            outcome
                .or_else(|| face.take_outcomes().into_iter().find(|(of, _)| *of == id).map(|(_, outcome)| outcome))
                .expect("an answer at once"),
        )),
    }
}

fn query(face: &Face, topic: &str, key: Value) -> Value {
    serde_json::from_str(&face.query(topic, &key.to_string()).unwrap()).unwrap()
}

#[test]
fn new_account_has_every_topic_and_wants_its_door() {
    let mut face = face();
    face.run(1_000).unwrap();
    let outgoing = face.take_outgoing();
    assert!(
        outgoing
            .iter()
            .any(|wanted| matches!(wanted, Outgoing::Connect(link) if link_name(link) == "1 http://localhost:1"))
    );
    let me = query(&face, "me", json!([]));
    assert_eq!(me["name"], "Ada");
    assert_eq!(me["node"], "http://localhost:1");
    for topic in ["conversations", "requests", "invites", "contacts", "alerts"] {
        assert_eq!(query(&face, topic, json!([])), json!([]), "{topic}");
    }
    let none = "00".repeat(16);
    assert_eq!(query(&face, "conversation", json!([none])), Value::Null);
    let timeline = query(&face, "timeline", json!([none, { "at": "latest", "count": 10 }]));
    assert_eq!(timeline, json!({ "entries": [], "hasOlder": false, "hasNewer": false, "firstUnread": null }));
    let settings = query(&face, "settings", json!([]));
    let expected =
        json!({ "sendsReadReceipts": false, "sendsTyping": true, "allowsDirect": true, "areWordsKept": false });
    assert_eq!(settings, expected);
}

#[test]
fn what_a_page_says_wrongly_is_refused_with_a_code() {
    let mut face = face();
    let none = "00".repeat(16);
    for (round, (action, input, code)) in (0_u8..).zip([
        ("sendText", json!({ "conversation": none, "text": "x" }), "no-conversation"),
        ("sendText", json!({ "conversation": "zz", "text": "x" }), "internal"),
        ("sendText", json!({ "text": "x" }), "internal"),
        ("accept", json!({ "link": "https://example.org" }), "bad-link"),
        ("add", json!({ "address": "nobody" }), "bad-address"),
        ("fly", json!({}), "internal"),
        ("verifyQr", json!({ "account": "11".repeat(32), "qr": "AAAA" }), "bad-qr"),
        ("setPicture", json!({ "picture": data_encoding::BASE64.encode(&[0; (16 << 10) + 1]) }), "picture-too-large"),
        ("exportEvidence", json!({ "id": 7 }), "no-evidence"),
    ]) {
        let answer = act(&mut face, &format!("{round:02x}").repeat(16), action, input.clone());
        let found = match &answer {
            Err(refusal) => refusal.code.to_owned(),
            Ok(value) => value["refusal"]["code"].as_str().unwrap_or_default().to_owned(),
        };
        assert_eq!(found, code, "{action} {input}");
    }
    assert_eq!(face.query("moon", "[]").unwrap_err().code, "internal");
    assert_eq!(face.query("timeline", "[1]").unwrap_err().code, "internal");
}

#[test]
fn wishes_to_say_something_are_answered_one_by_one() {
    let mut face = face();
    let text = json!({ "conversation": "00".repeat(16), "text": "x" });
    let wishes = json!([
        ["01".repeat(16), "sendText", text],
        ["02".repeat(16), "sendText", { "text": "nowhere" }],
        ["03".repeat(16), "fly", {}],
        ["zz", "sendText", text],
        ["04".repeat(16), "sendText", text],
    ]);
    let answers = face.say_all(2_000, &wishes.to_string()).unwrap();
    let codes: Vec<_> = answers.into_iter().map(|answer| answer.unwrap_err().code).collect();
    assert_eq!(codes, ["no-conversation", "internal", "internal", "internal", "no-conversation"]);
    assert_eq!(face.say_all(2_000, "{}").unwrap_err().code, "internal");
    assert!(face.say_all(2_000, "[]").unwrap().is_empty());
}

#[test]
fn words_and_safety_number_have_their_shape() {
    let mut face = face();
    let words = act(&mut face, ACT, "recoveryWords", json!({})).unwrap();
    assert_eq!(words.as_array().unwrap().len(), 24);
    act(&mut face, ACT, "setWordsKept", json!({})).unwrap();
    assert_eq!(query(&face, "settings", json!([]))["areWordsKept"], true);
    let number = act(&mut face, ACT, "safetyNumber", json!({ "account": "11".repeat(32) })).unwrap();
    let groups = number["groups"].as_array().unwrap();
    assert_eq!(groups.len(), 12);
    assert!(groups.iter().all(|group| group.as_str().unwrap().len() == 5));
    assert_eq!(number["verifiedMs"], Value::Null);
}

#[test]
fn verified_and_petname_show_among_the_contacts() {
    let mut face = face();
    let account = "11".repeat(32);
    act(&mut face, ACT, "setVerified", json!({ "account": account, "isVerified": true })).unwrap();
    act(&mut face, ACT, "setPetname", json!({ "account": account, "name": "Countess" })).unwrap();
    act(&mut face, ACT, "block", json!({ "account": account, "isBlocked": true })).unwrap();
    let contact = &query(&face, "contacts", json!([]))[0];
    assert_eq!(contact["name"], "Countess");
    assert_eq!((contact["isVerified"].clone(), contact["isBlocked"].clone()), (json!(true), json!(true)));
}

#[test]
fn intent_that_is_asked_for_again_is_done_once() {
    let mut face = face();
    let name = json!({ "name": "Augusta" });
    let first = act(&mut face, ACT, "setName", name.clone()).unwrap();
    let again = act(&mut face, ACT, "setName", name).unwrap();
    assert_eq!(first, again);
    assert_eq!(query(&face, "me", json!([]))["name"], "Augusta");
    let other = act(&mut face, &"ff".repeat(16), "setName", json!({ "name": "Ada" })).unwrap();
    assert_ne!(first["intent"], other["intent"]);
}

#[test]
fn picture_is_named_by_its_hash_and_given_once_asked() {
    let mut face = face();
    let picture = data_encoding::BASE64.encode(b"an image");
    act(&mut face, ACT, "setPicture", json!({ "picture": picture })).unwrap();
    let id = query(&face, "me", json!([]))["picture"].as_str().unwrap().to_owned();
    assert_eq!(face.picture(&id).unwrap().as_deref(), Some(b"an image".as_slice()));
    assert_eq!(face.picture(&"00".repeat(32)).unwrap(), None);
    act(&mut face, ACT, "setPicture", json!({ "picture": null })).unwrap();
    assert_eq!(query(&face, "me", json!([]))["picture"], Value::Null);
}

#[test]
fn words_that_are_none_are_refused_and_the_same_words_are_the_same_account() {
    let create = |words: Option<&str>| {
        let rng = ChaCha20Rng::seed_from_u64(2);
        Face::create(Database::in_memory().unwrap(), rng, "http://localhost:1", "Ada", words, 1_000)
    };
    assert_eq!(create(Some("abandon")).unwrap_err().code, "words-count");
    let words = act(&mut face(), ACT, "recoveryWords", json!({})).unwrap();
    let text: Vec<&str> = words.as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let again = create(Some(&text.join(" "))).unwrap();
    assert_eq!(query(&again, "me", json!([]))["account"], query(&face(), "me", json!([]))["account"]);
}

#[test]
fn name_of_a_connection_is_read_as_it_is_written() {
    for name in ["0 https://example.org", "1 http://localhost:1", "2 https://example.org/base", "3 https://example.org"]
    {
        assert_eq!(link_name(&parse_link(name).unwrap()), name);
    }
    for name in ["", "4 https://example.org", "0", "0 ftp://example.org", "0 http://example.org"] {
        assert!(parse_link(name).is_err(), "{name}");
    }
}

#[test]
fn only_whole_copies_are_sent_and_what_is_not_here_is_refused() {
    let mut face = face();
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let mut sealing = Sealing::new(300_000, &mut rng).unwrap();
    let file = sealing.file().to_hex();
    let half = Sealing::new(300_000, &mut rng).unwrap();
    assert_eq!(face.keep_sealed(half).unwrap_err().code, "file-unreadable");
    for group in 0..sealing.shape().groups() {
        let mut bytes = vec![7; sealing.shape().group_bytes(group)];
        sealing.seal_next(&mut bytes).unwrap();
        assert!(bytes.iter().filter(|byte| **byte == 7).count() < bytes.len() / 64, "it is sealed in place");
    }
    assert_eq!(sealing.seal_next(&mut [0; 64]).unwrap_err().code, "file-unreadable");
    assert_eq!(sealing.leaves().len(), 64);
    face.keep_sealed(sealing).unwrap();
    assert_eq!(Sealing::new(1 << 41, &mut rng).unwrap_err().code, "file-too-large");

    let message = |file: &str| {
        json!({ "conversation": "00".repeat(16), "caption": "", "files": [{
            "file": file, "size": 300_000, "name": "a.bin", "mediaType": "", "width": null, "height": null,
            "durationMs": null, "thumbhash": null, "waveform": null, "isVoice": false,
        }] })
    };
    let refused = |face: &mut Face, input| act(face, ACT, "sendFiles", input).unwrap_err().code;
    assert_eq!(refused(&mut face, message(&"11".repeat(32))), "file-unreadable");
    assert_eq!(refused(&mut face, message("no id")), "internal");
    assert_eq!(refused(&mut face, message(&file)), "no-conversation");
    for action in ["fileInfo", "fileWhere", "fetchFile", "pauseFile", "resumeFile", "cancelFile"] {
        let answer = act(&mut face, ACT, action, json!({ "entry": 1, "index": 0 }));
        assert_eq!(answer.unwrap_err().code, "no-message", "{action}");
    }
    assert_eq!(query(&face, "storage", json!([])), json!({ "rows": [], "largest": [] }));
    assert_eq!(query(&face, "media", json!(["00".repeat(16), "voice", 10])), json!([]));
    assert_eq!(face.query("media", &json!(["00".repeat(16), "smells", 10]).to_string()).unwrap_err().code, "internal");
}
