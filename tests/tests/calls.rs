//! Calls without a screen, through a real node: two command lines that talk, echo, refuse and lose each other.

use peer::ivf::{IvfReader, IvfWriter};
use peer::ogg::{OggReader, OggWriter};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use tests::{Node, PATIENCE, Person, free_port, meet};

/// A second and a half of packets that look like Opus: 20 ms each, of every size.
fn packets() -> Vec<Vec<u8>> {
    (0..75_u8).map(|at| [vec![0xF8, at], vec![at ^ 0x5A; 40 + usize::from(at) * 3]].concat()).collect()
}

/// Frames that look like VP8, the first a key frame of 320 by 240; some need several packets.
fn frames() -> Vec<Vec<u8>> {
    let head = |at: u8| [if at == 0 { 0x10 } else { 0x11 }, 2, 0, 0x9D, 1, 0x2A, 64, 1, 240, 0];
    (0..30_u8).map(|at| [head(at).to_vec(), vec![at; 300 + usize::from(at % 7) * 900]].concat()).collect()
}

fn write_media(folder: &Path) -> (String, String) {
    let (audio, video) = (folder.join("say.ogg"), folder.join("show.ivf"));
    let mut writer = OggWriter::new(File::create(&audio).expect("a file"), 7).expect("a header");
    packets().iter().for_each(|packet| writer.write(packet, 0).expect("a packet"));
    writer.finish().expect("an end");
    let mut writer = IvfWriter::new(File::create(&video).expect("a file"), (320, 240)).expect("a header");
    for (frame, time) in frames().iter().zip((0..).step_by(3_000)) {
        writer.write(frame, time).expect("a frame");
    }
    writer.finish().expect("an end");
    (audio.display().to_string(), video.display().to_string())
}

fn read_audio(path: &Path) -> Vec<Vec<u8>> {
    let mut reader = OggReader::new(BufReader::new(File::open(path).expect("a recording"))).expect("Ogg");
    std::iter::from_fn(|| reader.next_packet().expect("a packet").map(|(packet, _)| packet)).collect()
}

fn read_video(path: &Path) -> Vec<(Vec<u8>, u64)> {
    let mut reader = IvfReader::new(BufReader::new(File::open(path).expect("a recording"))).expect("IVF");
    std::iter::from_fn(|| reader.next_frame().expect("a frame")).collect()
}

/// A command that goes on, and what it says; killed at the end.
struct Running {
    child: Child,
    objects: Receiver<Value>,
}

impl Running {
    fn start(person: &Person, arguments: &[&str]) -> Self {
        let mut child =
            person.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (says, objects) = channel();
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                let _ = says.send(serde_json::from_str(&line).unwrap_or(Value::Null));
            }
        });
        Self { child, objects }
    }

    /// Waits until it says something that fits.
    fn until(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.objects.recv_timeout(PATIENCE) {
                Ok(object) if fits(&object) => return object,
                Ok(_) => {}
                Err(_) => panic!("it never said {what}"),
            }
        }
    }

    fn is_in(&self, state: &str) -> Value {
        self.until(state, |object| object["type"] == "call" && object["state"] == state)
    }

    fn end(mut self) -> Option<i32> {
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn interrupt(running: &Running) {
    let pid = rustix::process::Pid::from_child(&running.child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it is there");
}

/// Two people who know each other, and their conversation.
fn two(folder: &Path, more: &[&str]) -> (Node, Person, Person, String) {
    let node = Node::start_on(&folder.join("node"), free_port(), more);
    let (ada, ben) = (Person::new(folder, "Ada", &node.url()), Person::new(folder, "Ben", &node.url()));
    let conversation = meet(&ada, &ben);
    (node, ada, ben, conversation)
}

#[test]
fn an_echo_brings_every_frame_back_as_it_went_relayed_by_the_node() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (_node, ada, ben, conversation) = two(folder, &[]);
    let (audio, video) = write_media(folder);
    let out = folder.join("out");
    let echo = Running::start(&ben, &["answer", "--echo", "--once"]);
    echo.until("that it waits", |object| object["type"] == "waiting");
    let record = out.display().to_string();
    let said = ada.run(&["call", &conversation, "--audio", &audio, "--video", &video, "--record", &record]).ok();
    let states: Vec<_> = said.of("call").iter().map(|object| object["state"].clone()).collect();
    assert_eq!(states.last().and_then(Value::as_str), Some("talking"), "{said:?}");
    let talking = said.of("call").into_iter().find(|object| object["state"] == "talking").cloned().expect("talked");
    assert_eq!(talking["way"], "relayed");
    let heard = echo.is_in("talking");
    assert_eq!((heard["words"].clone(), heard["way"].clone()), (talking["words"].clone(), talking["way"].clone()));
    assert_eq!(heard["words"].as_array().map(Vec::len), Some(5));
    let ended = said.of("call-ended").first().cloned().cloned().expect("an end");
    assert_eq!((ended["outcome"].as_str(), ended["audio"]["sent"].as_u64()), (Some("talked"), Some(75)));
    assert_eq!(read_audio(&out.join("audio.ogg")), packets(), "{ended}");
    let shown = read_video(&out.join("video.ivf"));
    assert_eq!(shown.iter().map(|(frame, _)| frame.clone()).collect::<Vec<_>>(), frames());
    assert!(shown.iter().zip((0..).step_by(3_000)).all(|((_, time), expected)| *time == expected));
    assert_eq!(echo.end(), Some(0));
}

#[test]
fn two_who_allow_it_talk_directly_and_a_node_that_relays_nothing_is_not_needed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let (_node, ada, ben, conversation) = two(folder, &["--relay", "off"]);
    let (audio, _) = write_media(folder);
    let refused = ada.run(&["call", &conversation, "--audio", &audio]);
    assert_eq!(refused.status, Some(4), "{refused:?}");
    assert!(refused.field("error", "text").contains("--direct"), "{refused:?}");
    let echo = Running::start(&ben, &["answer", "--echo", "--once", "--direct"]);
    echo.until("that it waits", |object| object["type"] == "waiting");
    let out = folder.join("out");
    let record = out.display().to_string();
    let said = ada.run(&["call", &conversation, "--audio", &audio, "--direct", "--record", &record]).ok();
    let talking = said.of("call").into_iter().find(|object| object["state"] == "talking").cloned().expect("talked");
    assert_eq!(talking["way"], "direct");
    assert_eq!(read_audio(&out.join("audio.ogg")), packets());
}

#[test]
fn a_call_is_hung_up_by_ctrl_c_and_the_other_side_hears_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_node, ada, ben, conversation) = two(folder.path(), &[]);
    let answers = Running::start(&ben, &["answer", "--once"]);
    answers.until("that it waits", |object| object["type"] == "waiting");
    let call = Running::start(&ada, &["call", &conversation]);
    call.is_in("talking");
    answers.is_in("talking");
    interrupt(&call);
    let ended =
        |running: &Running| running.until("its end", |object| object["type"] == "call-ended")["outcome"].clone();
    assert_eq!((ended(&call), ended(&answers)), ("talked".into(), "talked".into()));
    assert_eq!((call.end(), answers.end()), (Some(0), Some(0)));
}

#[test]
fn a_call_that_cannot_be_made_says_why_in_a_sentence() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut node, ada, _ben, conversation) = two(folder.path(), &[]);
    let text = folder.path().join("no.ogg");
    std::fs::write(&text, "no sound").expect("a file");
    for audio in [text.display().to_string(), folder.path().join("none.ogg").display().to_string()] {
        let said = ada.run(&["call", &conversation, "--audio", &audio]);
        assert_eq!(said.status, Some(2), "{said:?}");
        assert!(said.field("error", "text").contains(".ogg"), "{said:?}");
    }
    node.kill();
    let said = ada.run(&["call", &conversation]);
    assert_eq!(said.status, Some(3), "{said:?}");
    assert!(said.of("call").is_empty(), "nothing rings: {said:?}");
}
