//! Files: send them, save them.

use crate::commands::message::MESSAGE_WAIT;
use crate::commands::outgoing::{new_file, unreadable};
use crate::failure::Failure;
use crate::language;
use crate::output::{Output, entry_json, entry_line, file_json};
use crate::progress::Progress;
use crate::session::Session;
use crate::text::{self, say, say_with};
use client::files::folder::path_bytes;
use client::files::{Attachment, AttachmentState, FileMessage, Problem, Turn, download};
use client::timeline::{Entry, EntryId, MessageState};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;
use wire::limit::FILES_MAX;

/// Without a byte moved for so long, a command stops waiting; the file goes on with the next one.
const SILENCE: Duration = Duration::from_secs(45);
/// How often progress is shown.
const LOOK: Duration = Duration::from_millis(200);
/// A name that is taken gets a number up to this.
const NUMBER_MAX: u32 = 10_000;

/// Sends files in one message, and returns when the node has it.
pub async fn send(
    session: &mut Session,
    output: &Output,
    word: &str,
    paths: &[String],
    caption: String,
    is_original: bool,
) -> Result<(), Failure> {
    let conversation = session.runner.engine().timeline().find_conversation(word)?;
    if paths.len() > FILES_MAX {
        return Err(Failure::usage(say_with("cli-files-many", "most", FILES_MAX)));
    }
    if paths.iter().filter(|path| *path == "-").count() > 1 {
        return Err(Failure::usage(say("cli-files-one-stream")));
    }
    let new = |path: &String| new_file(session, output, path, is_original);
    let files = paths.iter().map(new).collect::<Result<Vec<_>, _>>()?;
    let entry = session.runner.send_files(FileMessage { conversation, files, caption, reply_to: None })?;
    session.runner.start()?;
    let sent = watch(session, output, entry, |file| file.state == AttachmentState::Uploading).await?;
    put_entry(session, output, entry)?;
    sent
}

/// Why a file does not move, with the status that programs see.
pub fn failed(problem: Problem) -> Failure {
    let words = text::problem(problem);
    match problem {
        Problem::Network | Problem::Busy | Problem::NotYet => Failure::network(words),
        Problem::Unwritable | Problem::DiskFull => Failure::internal(words),
        Problem::Unreadable => Failure::usage(words),
        Problem::Changed
        | Problem::TooLarge
        | Problem::NodeFull
        | Problem::Refused
        | Problem::Gone
        | Problem::Damaged
        | Problem::Dishonest => Failure::refused(words),
    }
}

/// Runs until no file of a message moves any more and the message itself does not wait, showing how it goes.
async fn watch(
    session: &mut Session,
    output: &Output,
    entry: EntryId,
    moves: impl Fn(&Attachment) -> bool,
) -> Result<Result<(), Failure>, Failure> {
    let mut progress = Progress::new(output);
    let (mut last, mut since) = (0_u64, Instant::now());
    let mut complete_since: Option<Instant> = None;
    loop {
        session.runner.step(Instant::now() + LOOK).await?;
        let engine = session.runner.engine();
        let Some(found) = engine.timeline().entry(entry)? else {
            return Ok(Err(Failure::refused(say("cli-entry-deleted"))));
        };
        let mut moved = 0_u64;
        for (number, file) in (1..).zip(&found.files) {
            let now = engine.progress(file.id);
            moved = moved.wrapping_add(now.map_or(file.done_bytes, |now| now.done_bytes));
            progress.show(&found, number, file, now);
        }
        if moved != last {
            (last, since) = (moved, Instant::now());
        }
        if found.files.iter().any(&moves) {
            if since.elapsed() > SILENCE || (session.gives_up() && since.elapsed() > LOOK * 10) {
                progress.end();
                return Ok(Err(session.not_reached(&say("cli-file-queued"))));
            }
            continue;
        }
        let problem = found
            .files
            .iter()
            .filter(|file| matches!(file.state, AttachmentState::UploadFailed | AttachmentState::FetchFailed))
            .find_map(|file| file.problem);
        if let Some(problem) = problem {
            progress.end();
            return Ok(Err(failed(problem)));
        }
        match found.state {
            MessageState::Pending => {
                let since = *complete_since.get_or_insert_with(Instant::now);
                if since.elapsed() > MESSAGE_WAIT || session.gives_up() {
                    progress.end();
                    return Ok(Err(session.not_reached(&say("cli-queued"))));
                }
            }
            MessageState::Failed => {
                progress.end();
                return Ok(Err(Failure::refused(say("cli-conversation-left"))));
            }
            _ => {
                progress.end();
                return Ok(Ok(()));
            }
        }
    }
}

/// Saves the files of a message.
pub async fn save(session: &mut Session, output: &Output, word: &str, to: Option<&str>) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    let found = timeline.find_message(word)?;
    let files = timeline.entry(found.entry)?.map(|entry| entry.files).unwrap_or_default();
    if files.is_empty() {
        return Err(Failure::refused(say("cli-no-files")));
    }
    if to == Some("-") {
        return to_stdout(session, &files).await;
    }
    let targets = targets(&files, to)?;
    for (file, target) in &targets {
        session.runner.fetch_file(file.id, Some(path_bytes(target)))?;
    }
    session.runner.start()?;
    let saved = watch(session, output, found.entry, |file| file.state == AttachmentState::Fetching).await?;
    for (number, (file, target)) in (1..).zip(&targets) {
        if target.exists() {
            let mut object = file_json(file, number);
            object["type"] = json!("saved");
            object["message"] = json!(found.msg_id.to_hex());
            object["path"] = json!(target.to_string_lossy());
            output.put(&object, || saved_line(file, target));
        }
    }
    // Deleted by its sender while it came.
    let is_missing = targets.iter().any(|(_, target)| !target.exists());
    saved.and_then(|()| if is_missing { Err(Failure::refused(say("cli-entry-deleted"))) } else { Ok(()) })
}

/// Lets the files of a message pause or go on; what it asks for is done with the next command that reaches the node.
pub fn turn(session: &mut Session, output: &Output, word: &str, turn: Turn) -> Result<(), Failure> {
    let entry = with_files(session, word)?;
    for file in &entry.files {
        session.runner.turn_file(file.id, turn)?;
    }
    put_entry(session, output, entry.id)
}

/// Lets the files of a message go on and stays with them until they are where they are to be.
pub async fn resume(session: &mut Session, output: &Output, word: &str) -> Result<(), Failure> {
    let entry = with_files(session, word)?;
    for file in &entry.files {
        session.runner.turn_file(file.id, Turn::Resume)?;
    }
    session.runner.start()?;
    let moves = |file: &Attachment| matches!(file.state, AttachmentState::Uploading | AttachmentState::Fetching);
    let moved = watch(session, output, entry.id, moves).await?;
    put_entry(session, output, entry.id)?;
    moved
}

/// Drops a message whose files are not sent yet, or ends the fetching of its files.
pub async fn cancel(session: &mut Session, output: &Output, word: &str) -> Result<(), Failure> {
    let entry = with_files(session, word)?;
    for file in &entry.files {
        session.runner.cancel_file(file.id)?;
    }
    // What the node has of it is not wanted any more; it is asked again later where it does not answer.
    session.runner.start()?;
    session.wait_for_idle(crate::session::QUIET * 10).await?;
    output.put(&json!({"type": "done"}), || say("cli-done"));
    Ok(())
}

/// A message with files.
fn with_files(session: &Session, word: &str) -> Result<Entry, Failure> {
    let timeline = session.runner.engine().timeline();
    let found = timeline.find_message(word)?;
    let entry = timeline.entry(found.entry)?.filter(|entry| !entry.files.is_empty());
    entry.ok_or_else(|| Failure::refused(say("cli-no-files")))
}

fn put_entry(session: &Session, output: &Output, entry: EntryId) -> Result<(), Failure> {
    let timeline = session.runner.engine().timeline();
    if let Some(entry) = timeline.entry(entry)? {
        let line = entry_line(&timeline, &entry)?;
        output.put(&entry_json(&timeline, &entry, "message")?, || line);
    }
    Ok(())
}

fn saved_line(file: &Attachment, target: &Path) -> String {
    let mut line = language::say(
        "cli-saved",
        &[("path", target.display().to_string().into()), ("size", text::bytes(file.size).into())],
    );
    if file.shown_name().is_executable {
        line.push_str(&format!("  ! {}", say("cli-file-executable")));
    }
    line
}

async fn to_stdout(session: &mut Session, files: &[Attachment]) -> Result<(), Failure> {
    let [file] = files else {
        return Err(Failure::usage(say("cli-files-one-stream")));
    };
    let reference =
        session.runner.engine().file_reference(file.id)?.ok_or_else(|| Failure::refused(say("cli-no-files")))?;
    download::to_stdout(&reference, session.runner.tls(), |_, _| {}).await.map_err(failed)
}

/// Where each file goes; nothing that is there is written over.
fn targets<'a>(files: &'a [Attachment], to: Option<&str>) -> Result<Vec<(&'a Attachment, PathBuf)>, Failure> {
    let taken = |path: &Path| Failure::usage(say_with("cli-file-exists", "path", path.display().to_string()));
    let absolute = |word: &str| std::path::absolute(word).map_err(|_| unreadable(word));
    match (to, files) {
        (Some(word), [file]) if !word.ends_with('/') && !Path::new(word).is_dir() => {
            let path = absolute(word)?;
            if path.exists() { Err(taken(&path)) } else { Ok(vec![(file, path)]) }
        }
        (word, _) => {
            let folder = absolute(word.unwrap_or("."))?;
            if !folder.is_dir() {
                return Err(Failure::usage(say_with("cli-no-folder", "path", folder.display().to_string())));
            }
            let mut targets: Vec<(&Attachment, PathBuf)> = Vec::new();
            for file in files {
                let is_free = |path: &Path| !path.exists() && !targets.iter().any(|(_, other)| other == path);
                let path = free_name(&folder, &file.shown_name().text, is_free).ok_or_else(|| taken(&folder))?;
                targets.push((file, path));
            }
            Ok(targets)
        }
    }
}

/// The name, or with a number before its extension.
pub fn free_name(folder: &Path, name: &str, is_free: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let (stem, extension) = match name.rfind('.') {
        Some(at) if at > 0 => name.split_at(at),
        _ => (name, ""),
    };
    std::iter::once(name.to_owned())
        .chain((2..NUMBER_MAX).map(|number| format!("{stem} ({number}){extension}")))
        .map(|name| folder.join(name))
        .find(|path| is_free(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_name_gets_a_number_before_its_extension() {
        let folder = Path::new("/f");
        let taken = ["/f/a.tar.gz", "/f/a.tar (2).gz", "/f/b"].map(PathBuf::from);
        let name = |name: &str| free_name(folder, name, |path| !taken.contains(&path.to_path_buf())).unwrap();
        assert_eq!(name("a.tar.gz"), Path::new("/f/a.tar (3).gz"));
        assert_eq!(name("b"), Path::new("/f/b (2)"));
        assert_eq!(name("c"), Path::new("/f/c"));
        assert_eq!(free_name(folder, "x", |_| false), None);
    }
}
