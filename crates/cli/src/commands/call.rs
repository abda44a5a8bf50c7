//! Calls without a screen: plays and records files, or echoes what comes.

use crate::args::MediaArgs;
use crate::failure::Failure;
use crate::output::{Output, entry_json, entry_line};
use crate::session::{Session, Waited};
use crate::text;
use client::calls::{CallState, CallView, TalkEvent};
use client::engine::runner::Runner;
use client::timeline::{CallEntry, CallOutcome, Change, Entry, EntryKind};
use indicatif::{ProgressBar, ProgressStyle};
use peer::frames::Kind;
use peer::media::{Counted, Counts, Media, Wishes};
use protocol::event::ConversationId;
use serde_json::{Value, json};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::id::CallId;

/// Between two looks at the clock where nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// The last word of a call has so long to reach the node.
const PARTING: Duration = Duration::from_secs(5);

/// A call that is under way, as it is shown.
struct Shown<'a> {
    output: &'a Output,
    call_id: CallId,
    state: Option<&'static str>,
    way: Option<bool>,
    is_lost: bool,
    connected: Option<Instant>,
    bar: ProgressBar,
}

impl<'a> Shown<'a> {
    fn new(output: &'a Output, call_id: CallId) -> Self {
        let has_bar = !output.is_json() && std::io::stderr().is_terminal();
        let bar = if has_bar { ProgressBar::new_spinner() } else { ProgressBar::hidden() };
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
            bar.set_style(style);
        }
        Self { output, call_id, state: None, way: None, is_lost: false, connected: None, bar }
    }

    fn state(&self, view: &CallView<'_>) -> &'static str {
        match view.state {
            CallState::Calling => "calling",
            CallState::RingingThere => "ringing",
            CallState::Ringing => "incoming",
            CallState::Answering => "answering",
            CallState::Connecting => "connecting",
            CallState::Talking if self.is_lost => "reconnecting",
            CallState::Talking => "talking",
        }
    }

    fn sentence(state: &str, way: Option<bool>) -> String {
        text::say(match (state, way) {
            ("calling", _) => "cli-call-calling",
            ("ringing", _) => "cli-call-ringing",
            ("incoming", _) => "cli-call-incoming",
            ("reconnecting", _) => "cli-call-reconnecting",
            ("talking", Some(true)) => "cli-call-talking-direct",
            ("talking", _) => "cli-call-talking-relayed",
            _ => "cli-call-connecting",
        })
    }

    /// Shows what changed.
    fn look(&mut self, runner: &Runner) {
        let Some(view) = runner.engine().call().filter(|view| view.call_id == self.call_id) else { return };
        let state = self.state(&view);
        // It is told how they talk as well.
        if self.state != Some(state) && (state != "talking" || self.way.is_some()) {
            self.state = Some(state);
            let way =
                self.way.filter(|_| state == "talking").map(|is_direct| if is_direct { "direct" } else { "relayed" });
            let object = json!({
                "type": "call",
                "call": self.call_id.to_hex(),
                "conversation": view.conversation.to_hex(),
                "state": state,
                "is_outgoing": view.is_outgoing,
                "has_video": view.has_video,
                "way": way,
                "words": view.keys.map(|keys| keys.words),
            });
            let words = view.keys.filter(|_| state == "talking").map(|keys| keys.words.join(", "));
            self.output.put(&object, || {
                let line = Self::sentence(state, self.way);
                words.map_or(line.clone(), |words| {
                    format!("{line} {}", text::say_with("cli-call-words", "words", words))
                })
            });
        }
        let seconds = self.connected.map_or(0, |at| at.elapsed().as_secs());
        let line = Self::sentence(state, self.way);
        self.bar.set_message(if seconds > 0 { format!("{line} {}:{:02}", seconds / 60, seconds % 60) } else { line });
        self.bar.tick();
    }
}

fn counted(counted: &Counted) -> Value {
    json!({
        "sent": counted.sent,
        "received": counted.received,
        "dropped": counted.dropped,
        "silence_ms": counted.silence_ms,
        "hole_ms": counted.hole_ms,
    })
}

fn open(args: &MediaArgs, is_echo: bool) -> Result<Media, Failure> {
    let wishes = Wishes { audio: args.audio.clone(), video: args.video.clone(), record: args.record.clone(), is_echo };
    Media::open(wishes).map_err(|error| Failure::usage(error.to_string()))
}

/// How a call went.
struct Ended {
    entry: Option<Entry>,
    failure: Option<Failure>,
}

/// Follows a call to its end.
async fn follow(session: &mut Session, output: &Output, call_id: CallId) -> Result<Ended, Failure> {
    let mut shown = Shown::new(output, call_id);
    let mut ended = Ended { entry: None, failure: None };
    loop {
        shown.look(&session.runner);
        if session.runner.engine().call().is_none_or(|view| view.call_id != call_id) {
            break;
        }
        let step = tokio::select! {
            step = session.runner.step(Instant::now() + TICK) => step.map(|_| ()),
            _ = tokio::signal::ctrl_c() => session.runner.call_hang_up(call_id),
        };
        step?;
        for event in session.runner.take_talk() {
            match event {
                TalkEvent::Connected { is_direct } => {
                    (shown.way, shown.is_lost) = (Some(is_direct), false);
                    shown.connected.get_or_insert_with(Instant::now);
                }
                TalkEvent::Lost => shown.is_lost = true,
                TalkEvent::Played => session.runner.call_hang_up(call_id)?,
                TalkEvent::NoRelay => {
                    ended.failure = Some(Failure::refused(text::say("cli-call-no-relay")));
                    session.runner.call_hang_up(call_id)?;
                }
                TalkEvent::Failed(why) => {
                    ended.failure = Some(Failure::internal(why));
                    session.runner.call_hang_up(call_id)?;
                }
            }
        }
        // Before anybody talks nothing goes without the node.
        if shown.connected.is_none() && session.gives_up() {
            ended.failure = Some(session.not_reached(&text::say("cli-call-none")));
            session.runner.call_hang_up(call_id)?;
        }
    }
    shown.bar.finish_and_clear();
    for event in session.runner.take_talk() {
        if let TalkEvent::Failed(why) = event {
            ended.failure.get_or_insert(Failure::internal(why));
        }
    }
    ended.entry = find_entry(&mut session.runner)?;
    // Whoever is called hears that it is over.
    if !session.gives_up() {
        session.wait_for(PARTING, |runner| Ok(runner.is_idle())).await?;
    }
    Ok(ended)
}

/// The entry that was noted of the call.
fn find_entry(runner: &mut Runner) -> Result<Option<Entry>, Failure> {
    let mut found = None;
    for change in runner.take_changes() {
        if let Change::Added(_, id) = change
            && let Some(entry) = runner.engine().timeline().entry(id)?
            && matches!(entry.kind, EntryKind::Call(_))
        {
            found = Some(entry);
        }
    }
    Ok(found)
}

fn report(session: &Session, output: &Output, ended: &Ended, counts: &Counts) -> Result<(), Failure> {
    let Some(entry) = &ended.entry else { return Ok(()) };
    let timeline = session.runner.engine().timeline();
    let mut object = entry_json(&timeline, entry, "call-ended")?;
    if let Value::Object(fields) = &mut object {
        fields.insert("audio".into(), counted(&counts.of(Kind::Audio)));
        fields.insert("video".into(), counted(&counts.of(Kind::Video)));
    }
    let line = entry_line(&timeline, entry)?;
    output.put(&object, || line);
    Ok(())
}

/// Why a call that was made came to nothing.
fn verdict(ended: Ended) -> Result<(), Failure> {
    if let Some(failure) = ended.failure {
        return Err(failure);
    }
    let Some(EntryKind::Call(CallEntry { outcome, text: said, .. })) = ended.entry.map(|entry| entry.kind) else {
        return Ok(());
    };
    Err(match outcome {
        CallOutcome::Talked | CallOutcome::Elsewhere => return Ok(()),
        CallOutcome::Unanswered => Failure::refused(text::say("cli-call-no-answer")),
        CallOutcome::Declined if said.is_empty() => Failure::refused(text::say("cli-call-declined")),
        CallOutcome::Declined => Failure::refused(text::say_with("cli-call-declined-with", "said", said)),
        CallOutcome::Busy => Failure::refused(text::say("cli-call-busy")),
        CallOutcome::Failed => Failure::network(text::say("cli-call-failed")),
    })
}

pub async fn call(session: &mut Session, output: &Output, word: &str, args: &MediaArgs) -> Result<(), Failure> {
    let conversation: ConversationId = session.runner.engine().timeline().find_conversation(word)?;
    let media = open(args, false)?;
    let counts = media.counts();
    session.runner.start()?;
    let has_video = args.video.is_some();
    session.runner.set_media(media, has_video, args.direct);
    // The node tells by what a call is relayed once it is reached.
    match session.wait_for_idle(crate::session::FETCH_WAIT).await? {
        Waited::Done => {}
        Waited::Timeout | Waited::Unreachable => return Err(session.not_reached(&text::say("cli-call-none"))),
    }
    session.runner.take_changes();
    let call_id = session.runner.call_start(conversation, has_video)?;
    let ended = follow(session, output, call_id).await?;
    report(session, output, &ended, &counts)?;
    verdict(ended)
}

pub async fn answer(
    session: &mut Session,
    output: &Output,
    args: &MediaArgs,
    is_echo: bool,
    is_once: bool,
) -> Result<(), Failure> {
    let mut media = Some(open(args, is_echo)?);
    session.runner.start()?;
    output.put(&json!({"type": "waiting"}), || text::say("cli-call-waiting"));
    loop {
        let rings = session.runner.engine().call().filter(|view| view.state == CallState::Ringing);
        let Some((call_id, has_video)) = rings.map(|view| (view.call_id, view.has_video)) else {
            let step = tokio::select! {
                step = session.runner.step(Instant::now() + TICK) => step,
                _ = tokio::signal::ctrl_c() => return Ok(()),
            };
            step?;
            continue;
        };
        let next = match media.take() {
            Some(media) => media,
            None => open(args, is_echo)?,
        };
        let counts: Arc<Counts> = next.counts();
        let sends_video = args.video.is_some() || (is_echo && has_video);
        session.runner.set_media(next, sends_video, args.direct);
        session.runner.take_changes();
        session.runner.call_accept(call_id)?;
        let ended = follow(session, output, call_id).await?;
        report(session, output, &ended, &counts)?;
        if is_once {
            return verdict(ended);
        }
        if let Some(failure) = ended.failure {
            output.warn(&format!("sottovoce: {}", failure.text));
        }
    }
}
