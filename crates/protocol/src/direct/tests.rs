//! Both ends with each other in virtual time, and with others that lie, stall or ask endlessly.

use super::*;
use crate::file::{FileKey, GROUP_BYTES, Look, Reference, Root, Sealer, Shape};
use std::collections::VecDeque;
use wire::id::FileId;

/// A sealed file, its blob as a copy has it.
struct Copy {
    reference: Reference,
    shape: Shape,
    blob: Vec<u8>,
}

fn copy(size: u64, byte: u8) -> Copy {
    let (shape, key) = (Shape::of(size).unwrap(), FileKey::new([byte; 32]));
    let sealer = Sealer::new(&key, shape);
    let (mut blob, mut leaves) = (Vec::new(), crate::file::Leaves::default());
    for group in 0..shape.groups() {
        let mut bytes = vec![0; shape.group_bytes(group)];
        let own = shape.chunk_bytes(group);
        bytes[..own].iter_mut().zip(0_u32..).for_each(|(at, index)| *at = (index % 251) as u8 ^ byte);
        leaves.push(sealer.seal(group, &mut bytes).unwrap());
        blob.extend(bytes);
    }
    blob.extend(leaves.as_bytes());
    let reference = Reference {
        file_id: FileId([byte; 32]),
        node_url: None,
        commit: key.commit(),
        key,
        root: leaves.root().unwrap_or(Root([0; 32])),
        size,
        name: String::new(),
        media_type: String::new(),
        look: Look::default(),
    };
    Copy { reference, shape, blob }
}

/// Lets two ends talk over a channel of one millisecond; every message of the giver passes `change`.
fn talk(copy: &Copy, first: u64, mut change: impl FnMut(usize, Vec<u8>) -> Option<Vec<u8>>) -> Outcome {
    let (mut now_ms, mut number) = (1_000, 0);
    let mut fetching = Fetching::new(copy.reference.clone(), None, now_ms).unwrap();
    let mut serving = Serving::new(copy.shape);
    let mut got = Vec::new();
    let (mut asks, mut gifts) = (VecDeque::new(), VecDeque::new());
    match fetching.open(now_ms) {
        Some(ask) => asks.push_back(ask),
        None => asks.extend(fetching.begin(now_ms, first, u64::MAX)),
    }
    loop {
        now_ms += 1;
        while let Some(ask) = asks.pop_front() {
            serving.take(&ask).unwrap();
        }
        if let Some(want) = serving.next_want() {
            let range = want.range();
            for frame in want.frames(&copy.blob[range.start as usize..range.end as usize]) {
                gifts.extend(change(number, frame));
                number += 1;
            }
        }
        let Some(gift) = gifts.pop_front() else {
            if fetching.is_done() {
                return Outcome { got, end: None, at_ms: now_ms };
            }
            now_ms = now_ms.max(fetching.check_at_ms());
            let end = fetching.check(now_ms).err();
            return Outcome { got, end, at_ms: now_ms };
        };
        let begins = match fetching.take(now_ms, &gift) {
            Ok(Taken::More) => false,
            Ok(Taken::Leaves) => true,
            Ok(Taken::Group(group, bytes)) => {
                assert_eq!(group, first + got.len() as u64);
                got.push(bytes.to_vec());
                false
            }
            Err(error) => return Outcome { got, end: Some(error), at_ms: now_ms },
        };
        asks.extend(if begins { fetching.begin(now_ms, first, u64::MAX) } else { fetching.ask() });
    }
}

struct Outcome {
    got: Vec<Vec<u8>>,
    end: Option<DirectError>,
    at_ms: u64,
}

impl Outcome {
    fn is_beginning_of(&self, copy: &Copy, first: u64) -> bool {
        let start = copy.shape.group_start(first) as usize;
        let got = self.got.concat();
        got == copy.blob[start..start + got.len()]
    }
}

const SIZE: u64 = 40 * GROUP_BYTES as u64 + 5;

#[test]
fn files_of_every_shape_come_whole_and_from_where_an_earlier_source_ended() {
    for size in [0, 1, GROUP_BYTES as u64, 3_000_000, SIZE] {
        let copy = copy(size, 3);
        for first in [0, 1, copy.shape.groups() - 1, copy.shape.groups()] {
            let outcome = talk(&copy, first.min(copy.shape.groups()), |_, frame| Some(frame));
            assert_eq!(outcome.end, None, "{size} from {first}");
            assert_eq!(outcome.got.len() as u64, copy.shape.groups().saturating_sub(first));
            assert!(outcome.is_beginning_of(&copy, first.min(copy.shape.groups())));
        }
    }
}

#[test]
fn altered_swapped_cut_and_foreign_parts_end_the_channel_and_give_nothing_wrong() {
    let (own, other) = (copy(SIZE, 3), copy(SIZE, 4));
    let of_other = |number: usize| {
        let groups: Vec<Vec<u8>> = (0..other.shape.groups())
            .flat_map(|group| {
                let range = other.shape.group_start(group)..other.shape.group_start(group + 1);
                let bytes = &other.blob[range.start as usize..range.end as usize];
                Want::Group(group as u32, range.clone()).frames(bytes).collect::<Vec<_>>()
            })
            .collect();
        groups[number].clone()
    };
    type Change<'a> = Box<dyn FnMut(usize, Vec<u8>) -> Option<Vec<u8>> + 'a>;
    // The first message holds the leaves, five hold a group.
    let changes: Vec<(&str, DirectError, Change<'_>)> = vec![
        (
            "a bit",
            DirectError::Damaged,
            Box::new(|number, mut frame| {
                if number == 33 {
                    frame[100] ^= 1;
                }
                Some(frame)
            }),
        ),
        (
            "another file's",
            DirectError::Damaged,
            Box::new(|number, frame| Some(if number > 10 { of_other(number - 1) } else { frame })),
        ),
        ("left out", DirectError::Malformed, Box::new(|number, frame| (number != 20).then_some(frame))),
        (
            "cut",
            DirectError::Malformed,
            Box::new(|number, mut frame| {
                if number == 7 {
                    frame.truncate(50);
                }
                Some(frame)
            }),
        ),
        (
            "noise",
            DirectError::Malformed,
            Box::new(|number, frame| Some(if number == 12 { vec![0xee; 3_000] } else { frame })),
        ),
        (
            "leaves",
            DirectError::Damaged,
            Box::new(|number, mut frame| {
                if number == 0 {
                    frame[9] ^= 1;
                }
                Some(frame)
            }),
        ),
        (
            "twice",
            DirectError::Malformed,
            Box::new(|number, frame| {
                Some(if number == 9 { Frame::Leaves { offset: 0, bytes: &[1; 32] }.encode() } else { frame })
            }),
        ),
        (
            "gone",
            DirectError::Absent,
            Box::new(|number, frame| Some(if number == 50 { Frame::Absent.encode() } else { frame })),
        ),
    ];
    for (name, error, change) in changes {
        let outcome = talk(&own, 0, change);
        assert_eq!(outcome.end, Some(error), "{name}");
        assert!(outcome.is_beginning_of(&own, 0), "{name}");
        assert!(outcome.got.len() < own.shape.groups() as usize, "{name}");
    }
}

#[test]
fn whoever_stalls_is_given_up_after_three_seconds_and_what_came_is_kept() {
    let copy = copy(SIZE, 3);
    let outcome = talk(&copy, 0, |number, frame| (number < 60).then_some(frame));
    assert_eq!(outcome.end, Some(DirectError::Stalled));
    assert_eq!(outcome.got.len(), 11, "leaves, then eleven groups and four parts of the next");
    assert!(outcome.is_beginning_of(&copy, 0));
    // Messages take a millisecond each.
    assert_eq!(outcome.at_ms, 1_000 + 60 + STALL_MS);
    // A trickle of what was not asked for is no progress: it ends the channel at once.
    let silent = talk(&copy, 0, |_, _| None);
    assert_eq!((silent.end, silent.at_ms), (Some(DirectError::Stalled), 1_000 + STALL_MS));
}

#[test]
fn whoever_asks_endlessly_gets_no_more_than_twice_the_file() {
    let copy = copy(SIZE, 3);
    let mut serving = Serving::new(copy.shape);
    let all = Frame::Ask { first: 0, count: copy.shape.groups() as u32 }.encode();
    let mut given = 0;
    let end = loop {
        if let Err(error) = serving.take(&all) {
            break error;
        }
        while let Some(want) = serving.next_want() {
            given += want.range().end - want.range().start;
        }
    };
    assert_eq!(end, DirectError::Greedy);
    assert!(given == 2 * copy.shape.sealed_bytes() && serving.given_bytes() == given, "{given}");
}

#[test]
fn wishes_wait_in_a_bounded_queue_and_must_be_of_this_file() {
    let copy = copy(SIZE, 3);
    let one = Frame::Ask { first: 1, count: 1 }.encode();
    let mut serving = Serving::new(copy.shape);
    for _ in 0..ASKS_MAX {
        serving.take(&one).unwrap();
    }
    assert_eq!(serving.take(&one), Err(DirectError::Greedy));
    let mut serving = Serving::new(copy.shape);
    serving.take(&Frame::AskLeaves.encode()).unwrap();
    assert_eq!(serving.take(&Frame::AskLeaves.encode()), Err(DirectError::Greedy));
    let groups = copy.shape.groups() as u32;
    for (first, count) in [(groups, 1), (0, groups + 1), (u32::MAX, u32::MAX)] {
        let ask = Frame::Ask { first, count }.encode();
        assert_eq!(Serving::new(copy.shape).take(&ask), Err(DirectError::Malformed));
    }
    assert_eq!(Serving::new(copy.shape).take(&Frame::Absent.encode()), Err(DirectError::Malformed));
    assert_eq!(Serving::new(copy.shape).take(&[]), Err(DirectError::Malformed));
}

#[test]
fn no_more_than_a_window_is_asked_for_ahead() {
    let copy = copy(SIZE, 3);
    let mut fetching = Fetching::new(copy.reference.clone(), None, 0).unwrap();
    let first = fetching.begin(0, 2, u64::MAX).unwrap();
    assert_eq!(Frame::parse(&first), Ok(Frame::Ask { first: 2, count: WINDOW_GROUPS }));
    assert_eq!(fetching.ask(), None);
}

#[test]
fn frames_read_back_and_others_are_refused() {
    let bytes = vec![7; PART_BYTES];
    let frames = [
        Frame::Ask { first: 1, count: 2 },
        Frame::AskLeaves,
        Frame::Part { group: 3, offset: 4, bytes: &bytes },
        Frame::Leaves { offset: 5, bytes: &bytes[..1] },
        Frame::Absent,
    ];
    for frame in frames {
        assert_eq!(Frame::parse(&frame.encode()), Ok(frame));
    }
    let golden = [
        (frames[0].encode(), "010000000100000002"),
        (frames[1].encode(), "02"),
        (Frame::Part { group: 3, offset: 4, bytes: &[9] }.encode(), "11000000030000000409"),
        (frames[3].encode(), "120000000507"),
        (frames[4].encode(), "13"),
    ];
    for (bytes, hex) in golden {
        assert_eq!(data_encoding::HEXLOWER.encode(&bytes), hex);
    }
    let long = [&[0x11; 9][..], &vec![0; PART_BYTES + 1]].concat();
    for bytes in [
        &[][..],
        &[0x00],
        &[0x01; 8],
        &[0x01; 10],
        &[1, 0, 0, 0, 0, 0, 0, 0, 0],
        &[2, 0],
        &[0x11; 9],
        &long,
        &[0x13, 1],
    ] {
        assert_eq!(Frame::parse(bytes), Err(DirectError::Malformed));
    }
}

#[test]
fn description_of_a_browser_gives_its_path_and_comes_back_from_it() {
    let sdp = "v=0\r\no=- 46117 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\na=extmap-allow-mixed\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\n\
        a=candidate:1 1 udp 2113937151 0b4f6a5e-1111-4222-8333-444455556666.local 51472 typ host generation 0\r\n\
        a=candidate:2 1 UDP 1677729535 203.0.113.7 51472 typ srflx raddr 0.0.0.0 rport 0\r\n\
        a=candidate:3 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active\r\n\
        a=candidate:4 1 udp 1 198.51.100.1 4000 typ relay raddr 0.0.0.0 rport 0\r\n\
        a=candidate:5 1 udp 1 evil.example 4000 typ host\r\n\
        a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\na=ice-options:trickle\r\n\
        a=fingerprint:sha-256 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\r\n\
        a=setup:actpass\r\na=mid:0\r\na=sctp-port:5000\r\na=max-message-size:262144\r\n";
    let path = Path::of_sdp(sdp).unwrap();
    assert_eq!((path.ufrag.as_str(), path.pwd.len(), path.addresses.len()), ("EsAw", 24, 2));
    assert_eq!((path.fingerprint[1], path.fingerprint[31]), (0x11, 0xff));
    assert!(!path.addresses[0].is_reflexive && path.addresses[1].is_reflexive);
    for role in [Role::Ask, Role::Answer] {
        assert_eq!(Path::of_sdp(&path.to_sdp(role)), Ok(path.clone()));
    }
    assert!(path.to_sdp(Role::Answer).contains("a=setup:active\r\n"));
    for missing in ["a=ice-ufrag", "a=ice-pwd", "a=fingerprint"] {
        assert!(Path::of_sdp(&sdp.replace(missing, "a=x")).is_err());
    }
    assert!(Path::of_sdp(&sdp.replace("sha-256 00:", "sha-256 ")).is_err());
    assert!(Path::of_sdp(&"v".repeat(100_000)).is_err());
}
