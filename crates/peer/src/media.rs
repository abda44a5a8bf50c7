//! What a call without a screen sends and does with what comes: plays files, records, echoes. Time comes in.

use crate::connection::Frame;
use crate::frames::Kind;
use crate::ivf::{IvfError, IvfReader, IvfWriter, dimensions};
use crate::ogg::{OggError, OggReader, OggWriter, samples};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Frames that wait to be echoed at most.
const ECHO_MAX: usize = 64;
/// A file begins when the other side is heard, or asks for a picture; at the latest after so long.
const BEGIN_AFTER: Duration = Duration::from_secs(3);
/// After the last frame there is so long for what is still on its way.
const LINGER: Duration = Duration::from_millis(1_500);
/// A hole in a recording is filled up to here; a clock that jumps further begins anew.
const HOLE_TICKS_MAX: u64 = 60 * 48_000;
/// The names of what is recorded.
const AUDIO_NAME: &str = "audio.ogg";
const VIDEO_NAME: &str = "video.ivf";

/// Why a file is not played or written.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// Of sound.
    #[error("{}: {error}", path.display())]
    Audio {
        /// Which.
        path: PathBuf,
        /// Why.
        error: OggError,
    },
    /// Of a picture.
    #[error("{}: {error}", path.display())]
    Video {
        /// Which.
        path: PathBuf,
        /// Why.
        error: IvfError,
    },
    /// What comes cannot be written down.
    #[error("{}: {error}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
}

/// What went and came, of one kind.
#[derive(Debug, Default)]
pub struct KindCounts {
    sent: AtomicU64,
    received: AtomicU64,
    dropped: AtomicU64,
    silence_ms: AtomicU64,
    hole_ms: AtomicU64,
}

/// What went and came: read by whoever shows it while the call goes on.
#[derive(Debug, Default)]
pub struct Counts([KindCounts; 2]);

/// Counts at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Frames that left.
    pub sent: u64,
    /// Frames that came and were opened.
    pub received: u64,
    /// Frames that were not authentic, or came before the keys.
    pub dropped: u64,
    /// The longest time without a frame between two, by our clock.
    pub silence_ms: u64,
    /// The longest piece that never came, by theirs.
    pub hole_ms: u64,
}

impl Counts {
    /// Of one kind.
    pub fn of(&self, kind: Kind) -> Counted {
        let counts = &self.0[kind.index()];
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counted {
            sent: read(&counts.sent),
            received: read(&counts.received),
            dropped: read(&counts.dropped),
            silence_ms: read(&counts.silence_ms),
            hole_ms: read(&counts.hole_ms),
        }
    }

    pub(crate) fn note_sent(&self, kind: Kind) {
        self.0[kind.index()].sent.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn note_dropped(&self, kind: Kind) {
        self.0[kind.index()].dropped.fetch_add(1, Ordering::Relaxed);
    }
}

/// What is played, and what becomes of what comes.
#[derive(Debug, Clone, Default)]
pub struct Wishes {
    /// Opus in Ogg.
    pub audio: Option<PathBuf>,
    /// VP8 in IVF.
    pub video: Option<PathBuf>,
    /// A folder for what comes.
    pub record: Option<PathBuf>,
    /// What comes goes back.
    pub is_echo: bool,
}

/// The next frame of a file, and the file.
struct Track<R> {
    reader: R,
    next: Option<Frame>,
    /// Its time behind the last frame.
    end: u64,
}

type Audio = OggReader<BufReader<File>>;
type Video = IvfReader<BufReader<File>>;

/// See the module's page.
pub struct Media {
    wishes: Wishes,
    audio: Option<Track<Audio>>,
    video: Option<Track<Video>>,
    flowing: Option<Instant>,
    began: Option<Instant>,
    ended: Option<Instant>,
    echo: VecDeque<Frame>,
    heard: [Option<Heard>; 2],
    audio_out: Option<OggWriter<BufWriter<File>>>,
    video_out: Option<IvfWriter<BufWriter<File>>>,
    counts: Arc<Counts>,
    failure: Option<MediaError>,
}

/// The last frame of a stream that came.
#[derive(Clone, Copy)]
struct Heard {
    first: u64,
    time: u64,
    ticks: u64,
    at: Instant,
}

impl std::fmt::Debug for Media {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Media({:?})", self.wishes.is_echo)
    }
}

impl Media {
    /// Opens the files.
    ///
    /// # Errors
    /// [`MediaError`] says which cannot be played, or whether nothing can be written.
    pub fn open(wishes: Wishes) -> Result<Self, MediaError> {
        let audio = wishes.audio.as_ref().map(|path| {
            let open = || -> Result<Track<Audio>, OggError> {
                let mut track =
                    Track { reader: OggReader::new(BufReader::new(File::open(path)?))?, next: None, end: 0 };
                track.step_audio()?;
                Ok(track)
            };
            open().map_err(|error| MediaError::Audio { path: path.clone(), error })
        });
        let video = wishes.video.as_ref().map(|path| {
            let open = || -> Result<Track<Video>, IvfError> {
                let mut track =
                    Track { reader: IvfReader::new(BufReader::new(File::open(path)?))?, next: None, end: 0 };
                track.step_video()?;
                Ok(track)
            };
            open().map_err(|error| MediaError::Video { path: path.clone(), error })
        });
        if let Some(folder) = &wishes.record {
            std::fs::create_dir_all(folder).map_err(|error| MediaError::Write { path: folder.clone(), error })?;
        }
        Ok(Self {
            audio: audio.transpose()?,
            video: video.transpose()?,
            wishes,
            flowing: None,
            began: None,
            ended: None,
            echo: VecDeque::new(),
            heard: [None; 2],
            audio_out: None,
            video_out: None,
            counts: Arc::default(),
            failure: None,
        })
    }

    /// What went and came, as it goes on.
    pub fn counts(&self) -> Arc<Counts> {
        Arc::clone(&self.counts)
    }

    /// Whether anything is played from files.
    pub fn has_files(&self) -> bool {
        self.wishes.audio.is_some() || self.wishes.video.is_some()
    }

    /// Whether what comes goes back.
    pub fn is_echo(&self) -> bool {
        self.wishes.is_echo
    }

    /// Frames arrive from now on.
    pub fn flows(&mut self, now: Instant) {
        self.flowing.get_or_insert(now);
    }

    /// The other side can open frames: it asked for a picture, or was heard.
    pub fn begin(&mut self, now: Instant) {
        if self.flowing.is_some() {
            self.began.get_or_insert(now);
        }
    }

    /// When [`Self::poll`] has something.
    pub fn wake(&self) -> Option<Instant> {
        let flowing = self.flowing?;
        if !self.echo.is_empty() {
            return Some(flowing);
        }
        let Some(began) = self.began else {
            return self.has_files().then(|| flowing + BEGIN_AFTER);
        };
        let next = [
            self.audio.as_ref().and_then(|track| track.next.as_ref()),
            self.video.as_ref().and_then(|track| track.next.as_ref()),
        ];
        let next = next.into_iter().flatten().map(|frame| began + duration(frame.kind, frame.time)).min();
        next.or(self.ended.map(|at| at + LINGER))
    }

    /// The next frame to send, if it is time for it.
    pub fn poll(&mut self, now: Instant) -> Option<Frame> {
        let flowing = self.flowing?;
        if let Some(frame) = self.echo.pop_front() {
            return Some(frame);
        }
        if self.began.is_none() && now >= flowing + BEGIN_AFTER {
            self.began = Some(now);
        }
        let began = self.began?;
        let is_due = |frame: &&Frame| began + duration(frame.kind, frame.time) <= now;
        let has_audio = self.audio.as_ref().and_then(|track| track.next.as_ref()).filter(is_due).is_some();
        let has_video = self.video.as_ref().and_then(|track| track.next.as_ref()).filter(is_due).is_some();
        let frame = if has_audio {
            self.audio.as_mut().and_then(|track| {
                let frame = track.next.take();
                if let Err(error) = track.step_audio() {
                    let path = self.wishes.audio.clone().unwrap_or_default();
                    self.failure.get_or_insert(MediaError::Audio { path, error });
                }
                frame
            })
        } else if has_video {
            self.video.as_mut().and_then(|track| {
                let frame = track.next.take();
                if let Err(error) = track.step_video() {
                    let path = self.wishes.video.clone().unwrap_or_default();
                    self.failure.get_or_insert(MediaError::Video { path, error });
                }
                frame
            })
        } else {
            None
        };
        let is_played = self.audio.as_ref().is_none_or(|track| track.next.is_none())
            && self.video.as_ref().is_none_or(|track| track.next.is_none());
        if is_played && self.has_files() && self.ended.is_none() {
            self.ended = Some(now);
        }
        frame
    }

    /// Whether all files were played, and what was on its way had its time.
    pub fn is_over(&self, now: Instant) -> bool {
        self.ended.is_some_and(|at| now >= at + LINGER)
    }

    /// Takes a frame that came.
    pub fn take(&mut self, now: Instant, frame: Frame) {
        self.begin(now);
        let lost = self.note(now, &frame);
        if self.wishes.record.is_some() && self.failure.is_none() {
            let path = self.wishes.record.clone().unwrap_or_default();
            if let Err(error) = self.record(&path, &frame, lost) {
                self.failure = Some(MediaError::Write { path, error });
            }
        }
        if self.wishes.is_echo {
            if self.echo.len() >= ECHO_MAX {
                self.echo.pop_front();
            }
            self.echo.push_back(frame);
        }
    }

    /// Counts a frame; how many ticks before it never came.
    fn note(&mut self, now: Instant, frame: &Frame) -> u64 {
        let at = frame.kind.index();
        let counts = &self.counts.0[at];
        counts.received.fetch_add(1, Ordering::Relaxed);
        let ticks = match frame.kind {
            Kind::Audio => samples(&frame.bytes).unwrap_or(0),
            Kind::Video => 0,
        };
        let Some(last) = self.heard[at] else {
            self.heard[at] = Some(Heard { first: frame.time, time: frame.time, ticks, at: now });
            return 0;
        };
        if frame.time < last.time {
            return 0;
        }
        let lost = (frame.time - last.time).saturating_sub(last.ticks);
        let silence_ms = u64::try_from((now - last.at).as_millis()).unwrap_or(u64::MAX);
        counts.silence_ms.fetch_max(silence_ms, Ordering::Relaxed);
        if frame.kind == Kind::Audio {
            counts.hole_ms.fetch_max(lost * 1_000 / frame.kind.clock(), Ordering::Relaxed);
        }
        self.heard[at] = Some(Heard { time: frame.time, ticks, at: now, ..last });
        if lost > HOLE_TICKS_MAX { 0 } else { lost }
    }

    fn record(&mut self, folder: &Path, frame: &Frame, lost: u64) -> std::io::Result<()> {
        match frame.kind {
            Kind::Audio => {
                if samples(&frame.bytes).is_none() {
                    return Ok(());
                }
                if self.audio_out.is_none() {
                    let file = BufWriter::new(File::create(folder.join(AUDIO_NAME))?);
                    self.audio_out = Some(OggWriter::new(file, 1)?);
                }
                self.audio_out.as_mut().map_or(Ok(()), |output| output.write(&frame.bytes, lost))
            }
            Kind::Video => {
                if self.video_out.is_none() {
                    // Nothing shows before a whole picture.
                    let Some(size) = dimensions(&frame.bytes) else { return Ok(()) };
                    let file = BufWriter::new(File::create(folder.join(VIDEO_NAME))?);
                    self.video_out = Some(IvfWriter::new(file, size)?);
                }
                let first = self.heard[Kind::Video.index()].map_or(frame.time, |heard| heard.first);
                let time = frame.time.saturating_sub(first);
                self.video_out.as_mut().map_or(Ok(()), |output| output.write(&frame.bytes, time))
            }
        }
    }

    /// Ends what is recorded.
    ///
    /// # Errors
    /// What went wrong first while it was played or recorded.
    pub fn finish(&mut self) -> Result<(), MediaError> {
        let path = self.wishes.record.clone().unwrap_or_default();
        let audio = self.audio_out.take().map_or(Ok(()), |output| output.finish().map(|_| ()));
        let video = self.video_out.take().map_or(Ok(()), |output| output.finish().map(|_| ()));
        if let Some(failure) = self.failure.take() {
            return Err(failure);
        }
        audio.and(video).map_err(|error| MediaError::Write { path, error })
    }
}

impl Track<Audio> {
    fn step_audio(&mut self) -> Result<(), OggError> {
        self.next = match self.reader.next_packet()? {
            Some((bytes, samples)) => {
                let time = self.end;
                self.end = time.saturating_add(samples);
                Some(Frame { kind: Kind::Audio, time, bytes })
            }
            None => None,
        };
        Ok(())
    }
}

impl Track<Video> {
    fn step_video(&mut self) -> Result<(), IvfError> {
        self.next = match self.reader.next_frame()? {
            // Time does not go back.
            Some((bytes, time)) => {
                self.end = self.end.max(time);
                Some(Frame { kind: Kind::Video, time: self.end, bytes })
            }
            None => None,
        };
        Ok(())
    }
}

fn duration(kind: Kind, ticks: u64) -> Duration {
    let us = u128::from(ticks) * 1_000_000 / u128::from(kind.clock());
    Duration::from_micros(u64::try_from(us).unwrap_or(u64::MAX / 2)).min(Duration::from_secs(365 * 86_400))
}
