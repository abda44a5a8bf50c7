//! Groups.

use crate::args::GroupCommand;
use crate::commands::contact::show;
use crate::failure::Failure;
use crate::output::{Output, conversation_json, conversation_line, member_json, member_line};
use crate::session::{FETCH_WAIT, Session, Waited};
use crate::text;
use protocol::event::{ConversationId, Intent};
use wire::id::AccountId;

pub async fn run(session: &mut Session, output: &Output, command: &GroupCommand) -> Result<(), Failure> {
    let intent = match command {
        GroupCommand::Info { conversation } => return info(session, output, conversation),
        GroupCommand::New { name } => Intent::NewGroup { title: name.clone() },
        GroupCommand::Add { conversation, contacts } => {
            Intent::AddMembers { conversation: find(session, conversation)?, accounts: people(session, contacts)? }
        }
        GroupCommand::Remove { conversation, contacts } => {
            Intent::RemoveMembers { conversation: find(session, conversation)?, accounts: people(session, contacts)? }
        }
        GroupCommand::Leave { conversation } => Intent::Leave { conversation: find(session, conversation)? },
        GroupCommand::Rename { conversation, name } => {
            Intent::Rename { conversation: find(session, conversation)?, title: name.clone() }
        }
        GroupCommand::Admin { conversation, contact, remove } => Intent::SetAdmin {
            conversation: find(session, conversation)?,
            account: session.runner.engine().timeline().find_person(contact)?,
            is_admin: !remove,
        },
    };
    carry_out(session, output, intent).await
}

pub async fn restart(session: &mut Session, output: &Output, word: &str) -> Result<(), Failure> {
    let conversation = find(session, word)?;
    carry_out(session, output, Intent::Reboot { conversation }).await
}

async fn carry_out(session: &mut Session, output: &Output, intent: Intent) -> Result<(), Failure> {
    session.reach_home().await?;
    let outcome = session.intend(intent).await?;
    show(session, output, &outcome)?;
    match session.wait_for_idle(FETCH_WAIT).await? {
        Waited::Done => {}
        Waited::Timeout | Waited::Unreachable => output.warn(&text::say("cli-in-progress")),
    }
    Ok(())
}

fn find(session: &Session, word: &str) -> Result<ConversationId, Failure> {
    Ok(session.runner.engine().timeline().find_conversation(word)?)
}

fn people(session: &Session, words: &[String]) -> Result<Vec<AccountId>, Failure> {
    let timeline = session.runner.engine().timeline();
    words.iter().map(|word| Ok(timeline.find_person(word)?)).collect()
}

fn info(session: &Session, output: &Output, word: &str) -> Result<(), Failure> {
    let conversation = find(session, word)?;
    let timeline = session.runner.engine().timeline();
    if let Some(summary) = timeline.conversation(&conversation)? {
        output.put(&conversation_json(&summary), || conversation_line(&summary));
    }
    for member in timeline.members(&conversation)? {
        output.put(&member_json(&member), || member_line(&member));
    }
    Ok(())
}
