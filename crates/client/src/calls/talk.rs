//! A call's media natively: a peer in a thread of its own that follows the engine's call.
//!
//! The engine says what is to be described, what the other side said and which keys there are; the peer says what it
//! found. Nobody else is between the two. A shell gives what is played and recorded ([`Runner::set_media`]).

use super::{CallView, Want};
use crate::engine::EngineError;
use crate::engine::runner::{Runner, now_ms};
use crate::transport::stream::{Target, Tls, connect, peer_address};
use peer::connection::Purpose;
use peer::frames::Keys;
use peer::media::Media;
use peer::shell::{Dial, Duplex, News, QUEUE, Relay, Say, ServerAddress, Setup};
use protocol::content::Description;
use protocol::event::ConversationId;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use wire::id::CallId;
use wire::relay::RelayTerms;

/// How long a way that broke may come back by itself before the caller looks for another.
const RESTART_AFTER: Duration = Duration::from_millis(1_500);

/// What became of a call's media.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TalkEvent {
    /// Frames move.
    Connected {
        /// No relay is between the two.
        is_direct: bool,
    },
    /// They do not, for now.
    Lost,
    /// All files were played.
    Played,
    /// The node relays nothing, and addresses are not to be shown.
    NoRelay,
    /// What went wrong with the media, in English: files, or the library.
    Failed(String),
}

/// What the next call is made with.
struct Ready {
    media: Media,
    may_direct: bool,
    has_video: bool,
}

/// The media of the call that is under way.
struct Talk {
    call_id: CallId,
    is_outgoing: bool,
    may_direct: bool,
    has_video: bool,
    says: mpsc::Sender<Say>,
    news: mpsc::Receiver<News>,
    relay: Option<RelayTerms>,
    has_offered: bool,
    /// What the next description is.
    describes: Want,
    descriptions_taken: u32,
    candidates_taken: usize,
    is_keyed: bool,
    is_direct_told: bool,
    is_connected: bool,
}

/// Media of calls, and the thread that they run in.
#[derive(Default)]
pub(crate) struct Talks {
    ready: Option<Ready>,
    talk: Option<Talk>,
    runtime: Option<Runtime>,
    happened: Vec<TalkEvent>,
}

impl Drop for Talks {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Talks {
    /// What the peer tells next; for ever nothing without one.
    pub(crate) async fn next(&mut self) -> News {
        let news = match &mut self.talk {
            Some(talk) => talk.news.recv().await,
            None => None,
        };
        match news {
            Some(news) => news,
            None => std::future::pending().await,
        }
    }

    fn runtime(&mut self) -> Option<&Runtime> {
        if self.runtime.is_none() {
            let mut builder = tokio::runtime::Builder::new_multi_thread();
            self.runtime = builder.worker_threads(1).thread_name("media").enable_all().build().ok();
        }
        self.runtime.as_ref()
    }

    fn begin(&mut self, view: &CallView<'_>, tls: &Tls, seed: [u8; 32]) {
        let may_direct = self.ready.as_ref().is_some_and(|ready| ready.may_direct);
        let relay = match view.relay {
            Some(None) if !may_direct => {
                self.happened.push(TalkEvent::NoRelay);
                self.ready = None;
                return;
            }
            Some(terms) => terms.clone(),
            None => return,
        };
        let Some(ready) = self.ready.take() else { return };
        let setup = Setup {
            purpose: Purpose::Call,
            relay: relay.as_ref().map(relay_of).unwrap_or_default(),
            may_relay: relay.is_some(),
            // Whether both want it is known with the answer.
            may_direct: false,
            dial: Some(dial(tls.clone())),
            media: Some(ready.media),
            seed,
        };
        let (says, says_rx) = mpsc::channel(QUEUE);
        let (news_tx, news) = mpsc::channel(QUEUE);
        let Some(runtime) = self.runtime() else {
            return self.happened.push(TalkEvent::Failed("no thread for media".into()));
        };
        runtime.spawn(peer::shell::run(setup, says_rx, news_tx));
        self.talk = Some(Talk {
            call_id: view.call_id,
            is_outgoing: view.is_outgoing,
            may_direct: ready.may_direct,
            has_video: ready.has_video,
            says,
            news,
            relay,
            has_offered: false,
            describes: Want::Offer,
            descriptions_taken: 0,
            candidates_taken: 0,
            is_keyed: false,
            is_direct_told: false,
            is_connected: false,
        });
    }

    /// Tells the peer what is new of the call.
    fn follow(&mut self, view: Option<&CallView<'_>>, tls: &Tls, seed: impl FnOnce() -> [u8; 32]) {
        if let Some(talk) = self.talk.take_if(|talk| view.is_none_or(|view| view.call_id != talk.call_id)) {
            // It ends by itself, and says good-bye to the relay.
            let _ = talk.says.try_send(Say::Close);
            self.parting(talk);
        }
        let Some(view) = view else { return };
        if self.talk.is_none() && view.want.is_some() && self.ready.is_some() {
            self.begin(view, tls, seed());
        }
        let Some(talk) = &mut self.talk else { return };
        for say in talk.what_is_new(view) {
            // A peer that does not listen any more says so.
            let _ = talk.says.try_send(say);
        }
    }

    /// What is recorded is to be whole: waits for the peer's last word.
    fn parting(&mut self, mut talk: Talk) {
        let last = self.runtime.as_ref().map(|runtime| {
            let (done_tx, done) = std::sync::mpsc::channel();
            runtime.spawn(async move {
                while let Some(news) = talk.news.recv().await {
                    if let News::Over(over) = news {
                        let _ = done_tx.send(over);
                        return;
                    }
                }
            });
            done.recv_timeout(Duration::from_secs(2))
        });
        if let Some(Ok(Err(error))) = last {
            self.happened.push(TalkEvent::Failed(error));
        }
    }
}

impl Talk {
    fn what_is_new(&mut self, view: &CallView<'_>) -> Vec<Say> {
        let mut says = Vec::new();
        if let Some(Some(terms)) = view.relay
            && self.relay.as_ref() != Some(terms)
        {
            self.relay = Some(terms.clone());
            says.push(Say::Relay(relay_of(terms)));
        }
        if view.want == Some(Want::Offer) && !self.has_offered {
            (self.has_offered, self.describes) = (true, Want::Offer);
            says.push(Say::Offer);
        }
        if let Some((remote, number)) = view.remote
            && number > self.descriptions_taken
        {
            self.descriptions_taken = number;
            if view.want == Some(Want::Answer) {
                self.describes = Want::Answer;
                says.push(Say::Answer(remote.sdp.clone()));
            } else {
                says.push(Say::Accept(remote.sdp.clone()));
            }
        }
        if view.may_direct && self.may_direct && !self.is_direct_told {
            self.is_direct_told = true;
            says.push(Say::Direct);
        }
        let candidates = view.candidates.get(self.candidates_taken..).unwrap_or_default();
        if !candidates.is_empty() {
            self.candidates_taken = view.candidates.len();
            says.push(Say::Candidates(candidates.to_vec()));
        }
        if let Some(keys) = view.keys.filter(|_| !self.is_keyed) {
            self.is_keyed = true;
            says.push(Say::Keys(Keys {
                base_key: keys.base_key.clone(),
                epoch: keys.epoch,
                own_leaf: keys.own_leaf,
                peer_leaf: keys.peer_leaf,
            }));
        }
        says
    }
}

fn relay_of(terms: &RelayTerms) -> Relay {
    Relay { urls: terms.urls.clone(), username: terms.username.clone(), password: terms.password.clone() }
}

/// Connects streams as the engine's own: TLS, or plain to this machine itself.
pub(crate) fn dial(tls: Tls) -> Dial {
    Arc::new(move |server: ServerAddress| {
        let tls = tls.clone();
        Box::pin(async move {
            let target = Target::to_server(server.host, server.port, server.is_secure);
            let stream = connect(&target, &tls).await.map_err(std::io::Error::other)?;
            let address = peer_address(&stream)?;
            Ok((Box::new(stream) as Box<dyn Duplex>, address))
        })
    })
}

impl Runner {
    /// What the next call is made or answered with. Nothing rings or is picked up by it.
    pub fn set_media(&mut self, media: Media, has_video: bool, may_direct: bool) {
        self.talks.ready = Some(Ready { media, may_direct, has_video });
    }

    /// Calls the other side of a conversation of two.
    ///
    /// # Errors
    /// What the engine says; nothing was changed.
    pub fn call_start(&mut self, conversation: ConversationId, has_video: bool) -> Result<CallId, EngineError> {
        let (call_id, output) = self.engine_mut().call_start(now_ms(), conversation, has_video)?;
        self.settle(Ok(output))?;
        self.follow_call()?;
        Ok(call_id)
    }

    /// Picks up what rings.
    ///
    /// # Errors
    /// What the engine says.
    pub fn call_accept(&mut self, call_id: CallId) -> Result<(), EngineError> {
        let output = self.engine_mut().call_accept(now_ms(), call_id)?;
        self.settle(Ok(output))?;
        self.follow_call()
    }

    /// Ends the call, or refuses what rings.
    ///
    /// # Errors
    /// What the engine says.
    pub fn call_hang_up(&mut self, call_id: CallId) -> Result<(), EngineError> {
        let output = self.engine_mut().call_hang_up(now_ms(), call_id)?;
        self.settle(Ok(output))?;
        self.follow_call()
    }

    /// What became of the media since the last call.
    pub fn take_talk(&mut self) -> Vec<TalkEvent> {
        std::mem::take(&mut self.talks.happened)
    }

    /// Lets the peer follow what the engine knows of the call.
    pub(crate) fn follow_call(&mut self) -> Result<(), EngineError> {
        let (engine, talks, tls) = self.for_talk();
        if talks.talk.is_none() && talks.ready.is_none() {
            return Ok(());
        }
        let needs_seed = talks.talk.is_none();
        let mut seed = [0; 32];
        if needs_seed {
            engine.rng.fill_bytes(&mut seed);
        }
        talks.follow(engine.call().as_ref(), tls, || seed);
        Ok(())
    }

    /// Takes what the peer tells.
    pub(crate) fn take_news(&mut self, news: News) -> Result<(), EngineError> {
        let Some(talk) = &mut self.talks.talk else { return Ok(()) };
        let (call_id, says) = (talk.call_id, talk.says.clone());
        let result = match news {
            News::Described(sdp) => {
                let kind = talk.describes;
                let description = Description { has_video: talk.has_video, may_direct: talk.may_direct, sdp };
                self.engine_mut().call_describe(now_ms(), call_id, kind, description)
            }
            News::Candidates(candidates, is_complete) => {
                self.engine_mut().call_candidates(now_ms(), call_id, candidates, is_complete)
            }
            News::Connected { is_direct } => {
                talk.is_connected = true;
                self.talks.happened.push(TalkEvent::Connected { is_direct });
                self.engine_mut().call_media(now_ms(), call_id, true)
            }
            News::Lost => {
                talk.is_connected = false;
                // The caller looks for another way, so that only one does.
                let restarts = talk.is_outgoing;
                if restarts {
                    talk.describes = Want::Offer;
                }
                if let Some(runtime) = self.talks.runtime.as_ref().filter(|_| restarts) {
                    runtime.spawn(async move {
                        tokio::time::sleep(RESTART_AFTER).await;
                        let _ = says.send(Say::Offer).await;
                    });
                }
                self.talks.happened.push(TalkEvent::Lost);
                self.engine_mut().call_media(now_ms(), call_id, false)
            }
            News::Played => {
                self.talks.happened.push(TalkEvent::Played);
                return Ok(());
            }
            News::Over(over) => {
                if let Err(error) = over {
                    self.talks.happened.push(TalkEvent::Failed(error));
                }
                self.talks.talk = None;
                self.engine_mut().call_hang_up(now_ms(), call_id)
            }
            News::RelayFailed(_) | News::Open | News::Message(_) => return Ok(()),
        };
        match result {
            // It ended meanwhile.
            Err(EngineError::Call(_)) => self.follow_call(),
            result => {
                self.settle(result)?;
                self.follow_call()
            }
        }
    }
}
