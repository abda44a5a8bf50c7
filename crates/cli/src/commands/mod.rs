//! What each command does.

mod account;
mod call;
mod contact;
mod conversation;
pub mod file;
mod group;
mod message;
mod outgoing;
mod receive;

use crate::args::{Args, Command};
use crate::failure::Failure;
use crate::output::Output;
use crate::session::Session;
use client::files::Turn;

/// Runs the command that was typed.
pub async fn run(args: &Args, output: &Output) -> Result<(), Failure> {
    if let Command::New { node, name, recover } = &args.command {
        return account::new(args, output, node, name, *recover).await;
    }
    let session = &mut Session::open(args)?;
    match &args.command {
        Command::New { .. } => Ok(()),
        Command::Whoami { name } => account::whoami(session, output, name.as_deref()).await,
        Command::Receipts { state } => account::receipts(session, output, state == "on"),
        Command::Invite { group, approve, days } => {
            contact::invite(session, output, group.as_deref(), *approve, *days).await
        }
        Command::Accept { link, note } => contact::accept(session, output, link, note).await,
        Command::Add { address, note } => contact::add(session, output, address, note).await,
        Command::Requests { answer } => contact::requests(session, output, answer.as_ref()).await,
        Command::Contacts => contact::contacts(session, output),
        Command::Conversations => conversation::list(session, output),
        Command::History { conversation, limit } => conversation::history(session, output, conversation, *limit),
        Command::Search { words, limit } => conversation::search(session, output, &words.join(" "), *limit),
        Command::Alerts { export, file } => conversation::alerts(session, output, export.zip(file.as_deref())),
        Command::Restart { conversation } => group::restart(session, output, conversation).await,
        Command::Group { command } => group::run(session, output, command).await,
        Command::Send { conversation, text } => message::send(session, output, conversation, text).await,
        Command::SendFile { conversation, paths, caption, original } => {
            file::send(session, output, conversation, paths, caption.clone(), *original).await
        }
        Command::Save { message, to } => file::save(session, output, message, to.as_deref()).await,
        Command::Pause { message } => file::turn(session, output, message, Turn::Pause),
        Command::Resume { message } => file::resume(session, output, message).await,
        Command::Cancel { message } => file::cancel(session, output, message).await,
        Command::Forward { message, conversation } => message::forward(session, output, message, conversation).await,
        Command::Reply { message, text } => message::reply(session, output, message, text).await,
        Command::React { message, emoji } => message::react(session, output, message, emoji.as_deref()).await,
        Command::Edit { message, text } => message::edit(session, output, message, text).await,
        Command::Delete { message } => message::delete(session, output, message).await,
        Command::Timer { conversation, duration } => message::timer(session, output, conversation, duration).await,
        Command::Call { contact, media } => call::call(session, output, contact, media).await,
        Command::Answer { echo, once, media } => call::answer(session, output, media, *echo, *once).await,
        Command::Tui => crate::tui::run(session).await,
        Command::Receive { follow, timeout } => receive::receive(session, output, *follow, *timeout).await,
    }
}
