//! The terms of our invite links: where they lead, whether we approve, until when.
//!
//! The device names an invite once it is made; until then the terms wait under the intent that makes it.

use crate::db::DatabaseError;
use crate::timeline::{Change, Changes, Timeline, millis};
use protocol::event::{ConversationId, IntentId};
use sqlite::rusqlite::params;

/// What a link was made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InviteTerms {
    /// The group that it leads to; none: to a conversation with us.
    pub conversation: Option<ConversationId>,
    /// We approve each who comes by it.
    pub needs_approval: bool,
    /// Until when it works, milliseconds.
    pub expires_ms: u64,
}

impl Timeline<'_> {
    /// Keeps the terms of a link that an intent makes.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep_terms(&self, intent: IntentId, terms: &InviteTerms) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO invite_terms (intent, conversation, needs_approval, expires_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (intent) DO NOTHING",
            )?
            .execute(params![
                intent.cast_signed(),
                terms.conversation.map(|id| id.0),
                terms.needs_approval,
                millis(terms.expires_ms)
            ])?;
        Ok(())
    }

    /// Gives a link that an intent made its terms; a refused intent's terms are forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub fn settle_terms(
        &self,
        intent: IntentId,
        link: Option<&str>,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        if let Some(link) = link {
            let given = self
                .connection
                .prepare_cached(
                    "UPDATE invites SET (conversation, needs_approval, expires_ms) =
                       (SELECT conversation, needs_approval, expires_ms FROM invite_terms WHERE intent = ?1)
                     WHERE link = ?2 AND EXISTS (SELECT 1 FROM invite_terms WHERE intent = ?1)",
                )?
                .execute(params![intent.cast_signed(), link])?;
            if given > 0 {
                changes.insert(Change::Invites);
            }
        }
        self.connection
            .prepare_cached("DELETE FROM invite_terms WHERE intent = ?1")?
            .execute([intent.cast_signed()])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ROOM, World};
    use protocol::event::{InviteState, Record};
    use wire::id::Hash;

    #[test]
    fn link_gets_the_terms_of_the_intent_that_made_it() {
        let mut world = World::new();
        let terms = InviteTerms { conversation: Some(ROOM), needs_approval: true, expires_ms: 99 };
        world.timeline().keep_terms(u64::MAX, &terms).unwrap();
        world.timeline().keep_terms(2, &InviteTerms { needs_approval: false, ..terms }).unwrap();
        let link = "https://x/i#y";
        world.record(Record::Invite { invite: Hash([1; 32]), state: InviteState::Ready(link.into()) }, 5);
        let mut changes = Changes::new();
        world.timeline().settle_terms(u64::MAX, Some(link), &mut changes).unwrap();
        assert!(changes.contains(&Change::Invites));
        let invite = world.timeline().invites().unwrap().remove(0);
        assert_eq!((invite.conversation, invite.needs_approval, invite.expires_ms), (Some(ROOM), true, Some(99)));
        world.timeline().settle_terms(2, None, &mut changes).unwrap();
        world.timeline().settle_terms(3, Some(link), &mut changes).unwrap();
        let invite = world.timeline().invites().unwrap().remove(0);
        assert!(invite.needs_approval, "terms that nobody kept change nothing");
        let left: i64 =
            world.database.read().query_row("SELECT count(*) FROM invite_terms", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 0);
    }
}
