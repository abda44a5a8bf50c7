//! Starts the process that decodes, hands it one picture, and waits for its answer, its death or the end of its time.

use super::WORD;
use super::message::{ANSWER_BYTES_MAX, Answer, Body, Measured, PictureError, Pixels, Prepared, parse};
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How long one picture may take, starting the process included.
const ANSWER_MAX: Duration = Duration::from_secs(40);

/// Decodes, shrinks and encodes anew: what comes out holds pixels and nothing else.
///
/// # Errors
/// [`PictureError`]; nothing of it may be sent then, unless its sender wants it as it is.
pub fn prepare(bytes: Vec<u8>) -> Result<Prepared, PictureError> {
    match ask(&["prepare"], bytes)? {
        Answer { measured, body: Body::Encoded(encoding, bytes) } => Ok(Prepared { measured, encoding, bytes }),
        _ => Err(PictureError::Bad),
    }
}

/// Size, preview and metadata of a picture that is sent as it is.
///
/// # Errors
/// [`PictureError`].
pub fn measure(bytes: Vec<u8>) -> Result<Measured, PictureError> {
    ask(&["measure"], bytes).map(|answer| answer.measured)
}

/// Pixels of a picture within a box.
///
/// # Errors
/// [`PictureError`].
pub fn draw(bytes: Vec<u8>, width: u32, height: u32) -> Result<Pixels, PictureError> {
    pixels(ask(&["draw", &width.to_string(), &height.to_string()], bytes)?)
}

/// Pixels of a thumbhash.
///
/// # Errors
/// [`PictureError`].
pub fn blur(thumbhash: Vec<u8>) -> Result<Pixels, PictureError> {
    pixels(ask(&["blur"], thumbhash)?)
}

fn pixels(answer: Answer) -> Result<Pixels, PictureError> {
    match answer {
        Answer { measured: Measured { width, height, .. }, body: Body::Rgb(rgb) } => Ok(Pixels { width, height, rgb }),
        _ => Err(PictureError::Bad),
    }
}

/// This program, also when it was replaced on the disk since it began.
fn program() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        return Some("/proc/self/exe".into());
    }
    std::env::current_exe().ok()
}

fn ask(arguments: &[&str], bytes: Vec<u8>) -> Result<Answer, PictureError> {
    let program = program().ok_or(PictureError::Unavailable)?;
    let mut command = Command::new(program);
    command.arg(WORD).args(arguments).env_clear().stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    if cfg!(unix) {
        command.current_dir("/");
    }
    let mut child = command.spawn().map_err(|_| PictureError::Unavailable)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(PictureError::Unavailable);
    };
    // They end when the process does: their pipes break.
    std::thread::spawn(move || {
        let _ = input.write_all(&bytes);
    });
    let (tx, rx) = sync_channel(1);
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = output.take(ANSWER_BYTES_MAX as u64 + 1).read_to_end(&mut answer);
        let _ = tx.send(read.is_ok_and(|count| count <= ANSWER_BYTES_MAX).then_some(answer));
    });
    let answer = rx.recv_timeout(ANSWER_MAX);
    let _ = child.kill();
    let _ = child.wait();
    match answer {
        Ok(Some(answer)) => parse(&answer),
        Err(RecvTimeoutError::Timeout) => Err(PictureError::TooLarge),
        Ok(None) | Err(RecvTimeoutError::Disconnected) => Err(PictureError::Bad),
    }
}
