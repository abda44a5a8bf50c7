//! First contact: invite, accept, add, requests, contacts.

use crate::args::RequestCommand;
use crate::failure::Failure;
use crate::output::{
    Output, conversation_json, conversation_line, person_json, person_line, request_json, request_line,
};
use crate::session::{FETCH_WAIT, Session, Waited};
use crate::text;
use protocol::event::{Answer, ConversationId, Intent, Outcome};
use serde_json::json;

const DAY_S: u64 = 86_400;

/// What an intent led to.
pub fn show(session: &Session, output: &Output, outcome: &Outcome) -> Result<(), Failure> {
    match outcome {
        Outcome::Done => output.put(&json!({"type": "done"}), || text::say("cli-done")),
        Outcome::Asked => output.put(&json!({"type": "asked"}), || text::say("cli-asked")),
        Outcome::Link(link) => output.put(&json!({"type": "invite", "link": link}), || link.clone()),
        Outcome::Conversation(id) => show_conversation(session, output, id)?,
    }
    Ok(())
}

fn show_conversation(session: &Session, output: &Output, id: &ConversationId) -> Result<(), Failure> {
    match session.runner.engine().timeline().conversation(id)? {
        Some(summary) => output.put(&conversation_json(&summary), || conversation_line(&summary)),
        None => output.put(&json!({"type": "conversation", "id": id.to_hex()}), || id.to_hex()),
    }
    Ok(())
}

/// Lets what an intent set in motion reach the node; the profile keeps what does not.
async fn settle(session: &mut Session, output: &Output) -> Result<(), Failure> {
    match session.wait_for_idle(FETCH_WAIT).await? {
        Waited::Done => {}
        Waited::Timeout | Waited::Unreachable => output.warn(&text::say("cli-in-progress")),
    }
    Ok(())
}

pub async fn invite(
    session: &mut Session,
    output: &Output,
    group: Option<&str>,
    needs_approval: bool,
    days: u64,
) -> Result<(), Failure> {
    let group = match group {
        Some(word) => Some(session.runner.engine().timeline().find_conversation(word)?),
        None => None,
    };
    session.reach_home().await?;
    let outcome = session.intend(Intent::Invite { group, needs_approval, valid_s: days * DAY_S }).await?;
    output.say(&text::say(if group.is_some() { "cli-invite-group-hint" } else { "cli-invite-hint" }));
    show(session, output, &outcome)?;
    settle(session, output).await
}

pub async fn accept(session: &mut Session, output: &Output, link: &str, note: &str) -> Result<(), Failure> {
    session.reach_home().await?;
    let outcome = session.intend(Intent::Accept { link: link.into(), note: note.into() }).await?;
    show(session, output, &outcome)?;
    settle(session, output).await
}

pub async fn add(session: &mut Session, output: &Output, address: &str, note: &str) -> Result<(), Failure> {
    session.reach_home().await?;
    let outcome = session.intend(Intent::Add { address: address.into(), note: note.into() }).await?;
    show(session, output, &outcome)?;
    settle(session, output).await
}

pub async fn requests(session: &mut Session, output: &Output, answer: Option<&RequestCommand>) -> Result<(), Failure> {
    let Some(answer) = answer else {
        return list_requests(session, output).await;
    };
    let (word, answer) = match answer {
        RequestCommand::Accept { id } => (id, Answer::Accept),
        RequestCommand::Delete { id } => (id, Answer::Delete),
        RequestCommand::Block { id } => (id, Answer::Block),
    };
    let request = session.runner.engine().timeline().find_request(word)?;
    let outcome = session.intend(Intent::Answer { request, answer }).await?;
    show(session, output, &outcome)?;
    settle(session, output).await
}

async fn list_requests(session: &mut Session, output: &Output) -> Result<(), Failure> {
    session.runner.start()?;
    let waited = session.wait_for_idle(FETCH_WAIT).await?;
    let requests = session.runner.engine().timeline().requests()?;
    for request in &requests {
        output.put(&request_json(request), || request_line(request));
    }
    if requests.is_empty() {
        output.say(&text::say("cli-no-requests"));
    }
    match waited {
        Waited::Done => Ok(()),
        Waited::Timeout | Waited::Unreachable => Err(session.not_reached(&text::say("cli-shown-was-here"))),
    }
}

pub fn contacts(session: &Session, output: &Output) -> Result<(), Failure> {
    let own = session.runner.engine().me().account;
    let people = session.runner.engine().timeline().people()?;
    let mut is_empty = true;
    for person in people.iter().filter(|person| person.account != own) {
        is_empty = false;
        output.put(&person_json(person), || person_line(person));
    }
    if is_empty {
        output.say(&text::say("cli-no-contacts"));
    }
    Ok(())
}
