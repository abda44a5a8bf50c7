//! Sockets, streams and a clock around a [`Connection`]: one task of tokio for as long as it is wanted.

mod sockets;

use crate::connection::{Connection, ConnectionError, Event, Output, Purpose};
use crate::frames::{Keys, Kind};
use crate::media::Media;
use calls::relayed::RelayedError;
use sockets::Sockets;
pub use sockets::{Dial, Duplex, ServerAddress};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// What waits to be done, or to be heard, at most; then whoever talks waits.
pub const QUEUE: usize = 256;
/// Candidates that come together leave together.
const GATHER: Duration = Duration::from_millis(40);
/// A relay that was not reached by datagrams for so long is asked over a stream as well.
const STREAM_AFTER: Duration = Duration::from_millis(1_500);
/// After good-bye, for what is still to be sent.
const PARTING: Duration = Duration::from_millis(50);
/// Frames sent in one go at most.
const FRAMES_AT_ONCE: usize = 64;

/// A relay, and the credential for it.
#[derive(Clone, Default)]
pub struct Relay {
    /// `stun:`, `turn:` and `turns:` URLs, the best first.
    pub urls: Vec<String>,
    /// The name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Relay({} URLs)", self.urls.len())
    }
}

/// How a connection is made.
pub struct Setup {
    /// What for.
    pub purpose: Purpose,
    /// By which relays, and which STUN servers tell how this machine looks from outside.
    pub relay: Relay,
    /// Whether relays are used.
    pub may_relay: bool,
    /// Whether the other side may learn this machine's addresses.
    pub may_direct: bool,
    /// Connects streams to relays; without it they are reached by datagrams only.
    pub dial: Option<Dial>,
    /// What is said and heard in a call.
    pub media: Option<Media>,
    /// Random, for this connection alone.
    pub seed: [u8; 32],
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Setup({:?})", self.purpose)
    }
}

/// What the task is told.
#[derive(Debug)]
pub enum Say {
    /// Describe an offer; once more to find another way.
    Offer,
    /// Answer this offer.
    Answer(String),
    /// This is the answer to our offer.
    Accept(String),
    /// From now on these are the relays: a credential ends.
    Relay(Relay),
    /// The other side may learn this machine's addresses.
    Direct,
    /// The other side can be reached so.
    Candidates(Vec<String>),
    /// The keys of the call.
    Keys(Keys),
    /// A message for the channel.
    Message(Vec<u8>),
    /// It is over.
    Close,
}

/// What the task tells.
#[derive(Debug)]
pub enum News {
    /// What an offer or an answer says.
    Described(String),
    /// We can be reached so; whether this is all.
    Candidates(Vec<String>, bool),
    /// The two are connected.
    Connected {
        /// No relay is between the two.
        is_direct: bool,
    },
    /// The other side is not heard any more.
    Lost,
    /// A relay is of no use.
    RelayFailed(RelayedError),
    /// The channel is open.
    Open,
    /// A message came on the channel.
    Message(Vec<u8>),
    /// All files were played.
    Played,
    /// It is over; nothing follows. What went wrong with the media, if anything did.
    Over(Result<(), String>),
}

/// Runs a connection until it is closed, breaks, or nobody listens any more.
pub async fn run(setup: Setup, mut says: mpsc::Receiver<Say>, news: mpsc::Sender<News>) {
    let mut task = Task::new(setup, news);
    let over = match task.run(&mut says).await {
        Ok(()) | Err(Ended::Closed) => Ok(()),
        Err(Ended::Broken(error)) => Err(error.to_string()),
        // Nobody is there to be told.
        Err(Ended::Deserted) => Ok(()),
    };
    let media = task.media.as_mut().map_or(Ok(()), |media| media.finish().map_err(|error| error.to_string()));
    task.part().await;
    let _ = task.news.send(News::Over(over.and(media))).await;
}

enum Ended {
    Closed,
    Broken(ConnectionError),
    Deserted,
}

impl From<ConnectionError> for Ended {
    fn from(error: ConnectionError) -> Self {
        Self::Broken(error)
    }
}

struct Task {
    connection: Connection,
    sockets: Sockets,
    media: Option<Media>,
    news: mpsc::Sender<News>,
    setup: Setup,
    candidates: Vec<String>,
    tell_at: Option<Instant>,
    is_gathered: bool,
    /// When streams to relays are tried.
    streams_at: Option<Instant>,
    has_relay: bool,
    is_played: bool,
    /// A message that the channel did not take yet.
    held: Option<Vec<u8>>,
}

impl Task {
    fn new(mut setup: Setup, news: mpsc::Sender<News>) -> Self {
        let now = Instant::now();
        Self {
            connection: Connection::new(now, setup.purpose),
            sockets: Sockets::new(setup.seed),
            media: setup.media.take(),
            news,
            setup,
            candidates: Vec::new(),
            tell_at: None,
            is_gathered: false,
            streams_at: None,
            has_relay: false,
            is_played: false,
            held: None,
        }
    }

    async fn run(&mut self, says: &mut mpsc::Receiver<Say>) -> Result<(), Ended> {
        let mut is_first = true;
        loop {
            let wake = self.wake();
            tokio::select! {
                said = says.recv(), if self.held.is_none() => {
                    let Some(said) = said else { return Err(Ended::Closed) };
                    // At first, and after a restart: the node may have forgotten what it relayed.
                    let needs_ways = matches!(said, Say::Offer | Say::Answer(_));
                    self.hear(said).await?;
                    if needs_ways {
                        // The description is on its way first.
                        self.begin_ways(is_first).await;
                        is_first = false;
                    }
                }
                packet = self.sockets.receive() => {
                    let now = Instant::now();
                    self.connection.receive(now, packet.way, packet.from, &packet.bytes)?;
                    while let Some(packet) = self.sockets.try_receive() {
                        self.connection.receive(now, packet.way, packet.from, &packet.bytes)?;
                    }
                }
                () = tokio::time::sleep_until(wake.into()) => self.connection.advance(Instant::now())?,
            }
            self.settle().await?;
        }
    }

    fn wake(&self) -> Instant {
        let media = self.media.as_ref().filter(|_| !self.is_played).and_then(Media::wake);
        let wakes = [Some(self.connection.wake()), self.tell_at, self.streams_at, media];
        wakes.into_iter().flatten().min().unwrap_or_else(Instant::now)
    }

    async fn hear(&mut self, said: Say) -> Result<(), Ended> {
        let now = Instant::now();
        match said {
            Say::Offer => {
                let sdp = self.connection.offer(now)?;
                self.tell(News::Described(sdp)).await?;
            }
            Say::Answer(sdp) => {
                let sdp = self.connection.answer(now, &sdp)?;
                self.tell(News::Described(sdp)).await?;
            }
            Say::Accept(sdp) => {
                // An answer to an offer that was made anew meanwhile says nothing.
                if self.connection.is_offering() {
                    self.connection.accept(now, &sdp)?;
                }
            }
            Say::Relay(relay) => self.setup.relay = relay,
            Say::Direct => {
                if !self.setup.may_direct {
                    self.setup.may_direct = true;
                    self.sockets.add_hosts(&mut self.connection, &self.setup.relay).await;
                    self.connection.advance(now)?;
                }
            }
            Say::Candidates(candidates) => {
                candidates.iter().for_each(|candidate| self.connection.add_candidate(candidate));
                self.connection.advance(now)?;
            }
            Say::Keys(keys) => self.connection.enter(now, &keys)?,
            Say::Message(message) => {
                if !self.connection.send_message(now, &message)? {
                    self.held = Some(message);
                }
            }
            Say::Close => return Err(Ended::Closed),
        }
        Ok(())
    }

    async fn begin_ways(&mut self, is_first: bool) {
        let now = Instant::now();
        (self.has_relay, self.is_gathered) = (false, false);
        if self.setup.may_relay {
            self.sockets.add_relays(&mut self.connection, &self.setup.relay).await;
            self.streams_at = Some(now + STREAM_AFTER);
        }
        if self.setup.may_direct && is_first {
            self.sockets.add_hosts(&mut self.connection, &self.setup.relay).await;
        }
        if self.streams_at.is_none() {
            self.connection.end_ways();
        }
    }

    /// What is due, and what the connection wants to have done.
    async fn settle(&mut self) -> Result<(), Ended> {
        let now = Instant::now();
        if self.streams_at.is_some_and(|at| at <= now) {
            self.streams_at = None;
            if let Some(dial) = self.setup.dial.clone().filter(|_| !self.has_relay) {
                self.sockets.add_streams(&mut self.connection, &self.setup.relay, &dial).await;
            }
            self.connection.end_ways();
            self.connection.advance(now)?;
        }
        self.play(now)?;
        if !self.is_played && self.media.as_ref().is_some_and(|media| media.is_over(now)) {
            self.is_played = true;
            self.tell(News::Played).await?;
        }
        if let Some(message) = self.held.take()
            && !self.connection.send_message(now, &message)?
        {
            self.held = Some(message);
        }
        let outputs: Vec<Output> = self.connection.take_outputs().collect();
        for output in outputs {
            match output {
                Output::Send(parcel) => self.sockets.send(parcel).await,
                Output::Event(event) => self.note(now, event).await?,
            }
        }
        if self.tell_at.is_some_and(|at| at <= now) {
            self.tell_at = None;
            let candidates = std::mem::take(&mut self.candidates);
            self.tell(News::Candidates(candidates, self.is_gathered)).await?;
        }
        Ok(())
    }

    fn play(&mut self, now: Instant) -> Result<(), Ended> {
        let Some(media) = &mut self.media else { return Ok(()) };
        if self.connection.is_flowing() {
            media.flows(now);
        }
        for _ in 0..FRAMES_AT_ONCE {
            let Some(frame) = media.poll(now) else { return Ok(()) };
            if self.connection.send_frame(now, &frame)? {
                media.counts().note_sent(frame.kind);
            }
        }
        Ok(())
    }

    async fn note(&mut self, now: Instant, event: Event) -> Result<(), Ended> {
        match event {
            Event::Candidate(candidate) => {
                self.has_relay |= candidate.contains(" typ relay");
                self.candidates.push(candidate);
                self.tell_at.get_or_insert(now + GATHER);
                if self.has_relay && self.streams_at.take().is_some() {
                    self.connection.end_ways();
                }
            }
            Event::Gathered => {
                self.is_gathered = true;
                self.tell_at = Some(now);
            }
            Event::RelayFailed(error) => {
                if !self.has_relay {
                    // Over a stream it may be reached yet.
                    self.streams_at = self.streams_at.map(|_| now);
                }
                self.tell(News::RelayFailed(error)).await?;
            }
            Event::Connected { is_direct } => self.tell(News::Connected { is_direct }).await?,
            Event::Lost => self.tell(News::Lost).await?,
            Event::Frame(frame) => {
                if let Some(media) = &mut self.media {
                    media.take(now, frame);
                }
            }
            Event::Dropped(kind) => {
                if let Some(media) = &self.media {
                    media.counts().note_dropped(kind);
                }
                if kind == Kind::Video {
                    self.connection.ask_key_frame();
                }
            }
            Event::KeyFrameWanted => {
                if let Some(media) = &mut self.media {
                    media.begin(now);
                    if media.is_echo() {
                        self.connection.ask_key_frame();
                    }
                }
            }
            Event::Open => self.tell(News::Open).await?,
            Event::Message(message) => self.tell(News::Message(message)).await?,
            Event::Low => {}
            Event::Closed => return Err(Ended::Closed),
        }
        Ok(())
    }

    async fn tell(&mut self, news: News) -> Result<(), Ended> {
        self.news.send(news).await.map_err(|_| Ended::Deserted)
    }

    /// Says good-bye on the network.
    async fn part(&mut self) {
        self.connection.close(Instant::now());
        let outputs: Vec<Output> = self.connection.take_outputs().collect();
        for output in outputs {
            if let Output::Send(parcel) = output {
                self.sockets.send(parcel).await;
            }
        }
        self.sockets.flush(PARTING).await;
    }
}
