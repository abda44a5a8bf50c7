//! Draws pictures beside the screen: a thread of its own asks the process that decodes, one picture at a time.

use crate::picture::{self, PICTURE_BYTES_MAX, Pixels};
use crate::tui::pictures::Wanted;
use client::files::AttachmentId;
use client::files::folder::Folder;
use client::files::peek::read_copy;
use protocol::file::Reference;
use std::sync::mpsc as sync;
use tokio::sync::mpsc;

/// Pictures that wait to be drawn at most; more are not drawn.
const WAITING_MAX: usize = 64;

/// A picture that was drawn, or not: which one, whether it is sharp, its pixels.
pub type Drawn = (AttachmentId, bool, Option<Pixels>);

/// What a picture is drawn from.
struct Job {
    wanted: Wanted,
    /// What opens its copy.
    reference: Option<Reference>,
}

/// The thread that draws.
#[derive(Debug)]
pub struct Painter {
    jobs: sync::SyncSender<Job>,
}

impl Painter {
    /// Begins; what is drawn comes out of the channel.
    pub fn begin(folder: Option<Folder>) -> (Self, mpsc::Receiver<Drawn>) {
        let (jobs, todo) = sync::sync_channel::<Job>(WAITING_MAX);
        let (tx, rx) = mpsc::channel(WAITING_MAX);
        // It ends with the painter.
        std::thread::spawn(move || {
            for Job { wanted, reference } in todo {
                let Wanted { id, is_sharp, thumbhash, sides } = wanted;
                let copy = reference.zip(folder.as_ref()).filter(|_| is_sharp);
                let bytes = copy.and_then(|(reference, folder)| read_copy(&reference, folder, PICTURE_BYTES_MAX));
                let sharp = bytes.and_then(|bytes| picture::draw(bytes, sides.0, sides.1).ok());
                let pixels = sharp.or_else(|| picture::blur(thumbhash).ok());
                if tx.blocking_send((id, is_sharp, pixels)).is_err() {
                    return;
                }
            }
        });
        (Self { jobs }, rx)
    }

    /// Draws one more, unless too many wait.
    pub fn draw(&self, wanted: Wanted, reference: Option<Reference>) {
        let _ = self.jobs.try_send(Job { wanted, reference });
    }
}
