//! `sottovoce tui`: a chat in the terminal.
//!
//! A pure [`model::Model`] takes events with [`update::update`] and is drawn by [`view::view`]; what it asks for is
//! carried out by the [`shell::Shell`] around the engine, in one task.
//!
//! | module | holds |
//! |---|---|
//! | `model`, `chat`, `editor` | what the screen shows |
//! | `event` | what comes in and what is asked for |
//! | `update`, `keys`, `mouse`, `command`, `menus`, `dialog` | what happens then |
//! | `areas`, `blocks`, `pictures`, `view`, `qr`, `theme` | how it looks |
//! | `safe`, `wrap`, `clock` | text and times as they are shown |
//! | `words`, `says` | every word that the chat says by itself, in the user's language |
//! | `shell`, `draw`, `terminal` | the engine, the thread that draws pictures, and the terminal |

mod areas;
mod blocks;
mod chat;
mod clock;
mod command;
mod dialog;
mod draw;
mod editor;
mod event;
mod keys;
mod menus;
mod model;
mod mouse;
mod pictures;
mod qr;
mod safe;
pub mod says;
mod shell;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod update;
mod view;
mod words;
mod wrap;

use crate::failure::Failure;
use crate::session::Session;
use client::engine::runner::now_ms;
use draw::Painter;
use event::{Action, Event};
use jiff::tz::TimeZone;
use model::{Model, Own};
use protocol::identity::Address;
use ratatui::crossterm::event::Event as Input;
use shell::Shell;
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::time::Duration;
use terminal::Screen;
use theme::Theme;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// Failures of the engine in a row after which the chat ends.
const FAILURES_MAX: u32 = 5;
/// Inputs taken between two drawings at most.
const INPUTS_AT_ONCE: usize = 64;

/// Runs the chat until the user leaves it.
pub async fn run(session: &mut Session) -> Result<(), Failure> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Failure::usage(words::NO_TERMINAL));
    }
    let broken = |error: std::io::Error| Failure::internal(error.to_string());
    let own = own(session)?;
    session.runner.start()?;
    let mut screen = Screen::take().map_err(broken)?;
    let theme = Theme::of(|name| std::env::var(name).ok());
    let size = screen.size().map_err(broken)?;
    let mut model = Model::new(own, theme, TimeZone::system(), size, now_ms());
    let (painter, mut drawn) = Painter::begin(session.runner.files_folder().cloned());
    let mut shell = Shell::new(&mut session.runner, painter);
    let mut inputs = terminal::inputs();
    let begin = shell.begin()?;
    let mut is_over = feed(&mut model, &mut shell, &mut screen, begin)?;
    let mut stop = std::pin::pin!(stopped());
    let mut failures = 0;
    while !is_over {
        screen.set_title(model.title()).map_err(broken)?;
        screen.draw(|frame| view::view(&model, frame)).map_err(broken)?;
        let deadline = Instant::now() + TICK;
        let mut events = Vec::new();
        tokio::select! {
            biased;
            () = &mut stop => events.push(None),
            input = inputs.recv() => take_inputs(input, &mut inputs, &mut events),
            Some((id, is_sharp, pixels)) = drawn.recv() => events.push(Some(Event::Drawn(id, is_sharp, pixels))),
            stepped = shell.runner().step(deadline) => match stepped {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures += 1;
                    if failures >= FAILURES_MAX {
                        return Err(error.into());
                    }
                    events.push(Some(Event::Failed(error.to_string())));
                }
            },
        }
        let mut all = vec![Event::Tick(now_ms())];
        for event in events {
            match event {
                Some(event) => all.push(event),
                None => is_over = true,
            }
        }
        if is_over {
            // Whoever stops us loses nothing that was written.
            let kept = command::leave_chat(&mut model);
            for action in kept {
                shell.perform(action)?;
            }
            break;
        }
        is_over = feed(&mut model, &mut shell, &mut screen, all)?;
        let news = shell.news(&model)?;
        is_over |= feed(&mut model, &mut shell, &mut screen, news)?;
    }
    Ok(())
}

fn own(session: &Session) -> Result<Own, Failure> {
    let engine = session.runner.engine();
    let device = engine.device();
    let address = Address { account_id: device.account_id(), node_url: device.node_url().clone() };
    Ok(Own {
        account: device.account_id(),
        name: device.name().to_owned(),
        address: address.to_string(),
        sends_receipts: engine.timeline().setting("read_receipts")?.as_deref() == Some("1"),
    })
}

/// The input that came and those right behind it; none: the terminal is gone.
fn take_inputs(first: Option<Input>, inputs: &mut mpsc::Receiver<Input>, events: &mut Vec<Option<Event>>) {
    let Some(first) = first else {
        events.push(None);
        return;
    };
    events.extend(event_of(first).map(Some));
    for _ in 0..INPUTS_AT_ONCE {
        let Ok(input) = inputs.try_recv() else { return };
        events.extend(event_of(input).map(Some));
    }
}

fn event_of(input: Input) -> Option<Event> {
    Some(match input {
        Input::Key(key) => Event::Key(key),
        Input::Mouse(mouse) => Event::Mouse(mouse),
        Input::Paste(text) => Event::Paste(text),
        Input::Resize(width, height) => Event::Resize(width, height),
        Input::FocusGained => Event::Focused(true),
        Input::FocusLost => Event::Focused(false),
    })
}

/// Feeds events to the model and carries out what it asks for, until neither has more; whether it is over.
fn feed(model: &mut Model, shell: &mut Shell<'_>, screen: &mut Screen, events: Vec<Event>) -> Result<bool, Failure> {
    let broken = |error: std::io::Error| Failure::internal(error.to_string());
    let mut queue: VecDeque<Event> = events.into();
    let mut is_over = false;
    while let Some(event) = queue.pop_front() {
        for action in update::update(model, event) {
            match &action {
                Action::Quit => is_over = true,
                Action::Redraw => screen.clear().map_err(broken)?,
                Action::Copy(text) => screen.copy(text).map_err(broken)?,
                _ => {}
            }
            queue.extend(shell.perform(action)?);
        }
    }
    Ok(is_over)
}

/// Ends when the system asks us to.
#[cfg(unix)]
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut hangup)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = hangup.recv() => {}
    }
}

/// Ends when the system asks us to.
#[cfg(not(unix))]
async fn stopped() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
