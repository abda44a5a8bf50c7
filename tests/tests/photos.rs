//! A photo leaves without what its camera wrote into it, and what decodes it can do no harm.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use serde_json::Value;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;
use tests::terminal::Terminal;
use tests::{Node, PATIENCE, Person, meet, program};

/// What a phone writes: the GPS directory of a TIFF header, and a name that must not leave.
const EXIF: &[u8] = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\x88\x25\0\x04\0\0\0\x01\0\0\0\x26\0\0\0\0Secretphone";

/// A photo of 80 by 60, taken upright: 60 by 80 as it is seen.
fn photo(folder: &Path, name: &str) -> PathBuf {
    let image = RgbImage::from_fn(80, 60, |x, y| Rgb([x as u8 * 3, y as u8 * 4, 90]));
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&image).expect("a picture is encoded");
    let mut photo = vec![0xff, 0xd8, 0xff, 0xe1];
    photo.extend((EXIF.len() as u16 + 2).to_be_bytes());
    photo.extend(EXIF);
    photo.extend(&bytes[2..]);
    let path = folder.join(name);
    std::fs::write(&path, photo).expect("a file");
    path
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of this test")
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

/// Waits for a message with a file of this name, and saves it.
fn saved(person: &Person, conversation: &str, name: &str, target: &Path) -> Vec<u8> {
    let started = Instant::now();
    let message = loop {
        person.run(&["receive"]);
        let said = person.run(&["history", conversation]).ok();
        let has_it = |object: &&&Value| object["files"][0]["name"] == name && object["state"] == "received";
        if let Some(found) = said.of("message").iter().find(has_it) {
            break found["id"].as_str().expect("an id").to_owned();
        }
        assert!(started.elapsed() < PATIENCE, "{name} did not come: {said:?}");
    };
    person.run(&["save", &message, "--to", text(target)]).ok();
    std::fs::read(target).expect("the file that was saved")
}

#[test]
fn photo_leaves_without_its_place_unless_it_is_sent_as_it_is() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let source = photo(folder.path(), "beach.jpeg");

    let sent = ada.run(&["send-file", &conversation, text(&source)]).ok();
    assert!(!sent.errors.contains("beach"), "nothing to warn of: {}", sent.errors);
    let file = sent.of("message")[0]["files"][0].clone();
    assert_eq!((file["width"].as_u64(), file["height"].as_u64()), (Some(60), Some(80)), "{file}");
    let came = saved(&bob, &conversation, "beach.jpeg", &folder.path().join("clean.jpg"));
    assert!(!has(&came, b"Exif") && !has(&came, b"Secretphone"));
    let image = image::load_from_memory(&came).expect("a picture comes").into_rgb8();
    assert_eq!(image.dimensions(), (60, 80));
    // Turned to the right: what was below on the left is above on the left.
    assert!(image.get_pixel(2, 2).0[1] > 200 && image.get_pixel(57, 2).0[1] < 40);

    let original = photo(folder.path(), "original.jpg");
    let sent = ada.run(&["send-file", &conversation, text(&original), "--original"]).ok();
    assert!(sent.errors.contains("original.jpg") && sent.errors.contains("where it was taken"), "{}", sent.errors);
    let came = saved(&bob, &conversation, "original.jpg", &folder.path().join("as-it-is.jpg"));
    assert!(came == std::fs::read(&original).expect("the source"));

    // Out of a pipe, too; it has no name there.
    let mut child = ada.command(&["send-file", &conversation, "-"]);
    let child = child.stdin(Stdio::from(std::fs::File::open(&source).expect("the source"))).stdout(Stdio::null());
    assert!(child.status().expect("the command line runs").success());
    let came = saved(&bob, &conversation, "file", &folder.path().join("piped"));
    assert!(!has(&came, b"Secretphone") && image::load_from_memory(&came).is_ok());
}

#[test]
fn picture_that_cannot_be_cleaned_stays_here() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let whole = std::fs::read(photo(folder.path(), "whole.jpg")).expect("a file");
    let make = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).expect("a file");
        path
    };
    let broken = make("broken.jpg", &whole[..200]);
    let apple = make("apple.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic Exif");
    for path in [&broken, &apple] {
        let said = ada.run(&["send-file", &conversation, text(path)]);
        assert_eq!(said.status, Some(4), "{said:?}");
        assert!(said.field("error", "text").contains("--original"), "{said:?}");
    }
    assert!(ada.history(&conversation).is_empty(), "nothing was written down");
    let said = ada.run(&["send-file", &conversation, text(&apple), "--original"]).ok();
    assert!(said.errors.contains("apple.heic"), "{}", said.errors);
    ada.run(&["send", &conversation, "and on it goes"]).ok();
}

#[test]
fn photo_shows_between_the_lines_before_it_is_fetched() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    ada.run(&["send-file", &conversation, text(&photo(folder.path(), "beach.jpg"))]).ok();
    let at_bob = Terminal::start(&bob, 100, 40);
    at_bob.sees("Ada");
    at_bob.press("\r");
    // Eighteen cells wide and twelve high: the preview that came with the message.
    let has_picture = |screen: &str| screen.matches(&"▀".repeat(18)).count() == 12;
    at_bob.until("the preview", |screen| screen.contains("beach.jpg") && has_picture(screen));
    at_bob.press("\u{11}");
    assert_eq!(at_bob.ends(), Some(0));
}

/// The process that decodes, with the pipe to it still open.
fn decoder(arguments: &[&str]) -> std::process::Child {
    let mut command = Command::new(program("sottovoce"));
    let command = command.arg("decode-picture").args(arguments).env_clear();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts")
}

#[cfg(target_os = "linux")]
#[test]
fn decoder_gave_everything_up_before_it_reads() {
    let mut child = decoder(&["measure"]);
    let read = |what: &str| std::fs::read_to_string(format!("/proc/{}/{what}", child.id())).unwrap_or_default();
    let started = Instant::now();
    // It waits for a picture, behind its walls.
    while !read("status").contains("Seccomp:\t2") {
        assert!(started.elapsed() < PATIENCE, "{}", read("status"));
        std::thread::yield_now();
    }
    let limits = read("limits");
    let soft = |name: &str| limits.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next());
    assert_eq!(soft("Max open files"), Some("0"), "{limits}");
    assert_eq!(soft("Max file size"), Some("0"), "{limits}");
    assert_eq!(soft("Max address space"), Some("1073741824"), "{limits}");
    assert_eq!(soft("Max cpu time"), Some("20"), "{limits}");
    drop(child.stdin.take());
    let mut answer = Vec::new();
    child.stdout.take().expect("piped").read_to_end(&mut answer).expect("an answer");
    assert_eq!(answer, [1], "nothing is no picture");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn decoder_refuses_bombs_and_survives_what_kills_it() {
    // A PNG of 60,000 by 60,000 in a few bytes.
    let bomb = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0";
    for (bytes, job) in [(&bomb[..], "prepare"), (b"\xff\xd8\xff\xff\xff", "measure"), (b"", "blur"), (b"x", "nothing")]
    {
        let mut child = decoder(&[job]);
        let mut input = child.stdin.take().expect("piped");
        // It may have ended already.
        let _ = input.write_all(bytes);
        drop(input);
        let output = child.wait_with_output().expect("it ends");
        assert!(matches!(output.stdout.as_slice(), [1 | 2]), "{job}: {:?}", output.stdout);
    }
}
