//! Our own profile and words: the picture that members get, the recovery phrase and whether it was written down.

use crate::db::DatabaseError;
use crate::timeline::{Change, Changes, Timeline};
use protocol::identity::RecoveryPhrase;
use sqlite::rusqlite::params;
use wire::id::{AccountId, Hash};
use zeroize::Zeroizing;

/// The 24 words: kept in the encrypted database, for the screen that shows them to whoever holds the device.
const WORDS_SETTING: &str = "recovery_words";
/// "1": the user wrote the words down and was asked for some.
const WORDS_KEPT_SETTING: &str = "recovery_words_kept";
/// "0": no hint is sent while we type, and none is shown.
const TYPING_SETTING: &str = "typing";

impl Timeline<'_> {
    /// Takes over the name and the picture of an account.
    ///
    /// # Errors
    /// What the database says.
    pub(super) fn set_profile(
        &self,
        account: &AccountId,
        name: &str,
        picture: Option<&[u8]>,
    ) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, name, picture, picture_id) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (account) DO UPDATE SET name = excluded.name, picture = excluded.picture,
                   picture_id = excluded.picture_id",
            )?
            .execute(params![account.0, name, picture, picture.map(|picture| Hash::of(&[picture]).0)])?;
        Ok(())
    }

    /// Sets our picture, and owes it to everybody.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_own_picture(
        &self,
        picture: Option<&[u8]>,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let name = self.person(&self.me.account)?.name;
        self.set_profile(&self.me.account, &name, picture)?;
        changes.insert(Change::Person);
        self.owe_profile_to_all(now_ms)
    }

    /// Owes our name and picture to every conversation that is not over.
    ///
    /// # Errors
    /// What the database says.
    pub fn owe_profile_to_all(&self, now_ms: u64) -> Result<(), DatabaseError> {
        // 0 to 2: all is well, or may be again.
        let rows: Vec<i64> = self
            .connection
            .prepare_cached("SELECT id FROM conversations WHERE state < 3")?
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        rows.into_iter().try_for_each(|row| self.owe_profile(row, now_ms))
    }

    /// Our picture, to be sent.
    ///
    /// # Errors
    /// What the database says.
    pub fn own_picture(&self) -> Result<Option<Vec<u8>>, DatabaseError> {
        Ok(self.person(&self.me.account)?.picture)
    }

    pub(super) fn has_picture(&self) -> Result<bool, DatabaseError> {
        Ok(self.own_picture()?.is_some())
    }

    /// A picture by its id.
    ///
    /// # Errors
    /// What the database says.
    pub fn picture(&self, id: &Hash) -> Result<Option<Vec<u8>>, DatabaseError> {
        let mut statement =
            self.connection.prepare_cached("SELECT picture FROM people WHERE picture_id = ?1 LIMIT 1")?;
        let found = statement.query_map([id.0], |row| row.get::<_, Option<Vec<u8>>>(0))?.next().transpose()?;
        Ok(found.flatten())
    }

    /// Keeps the words of a new account.
    ///
    /// # Errors
    /// What the database says.
    pub fn keep_words(&self, phrase: &RecoveryPhrase) -> Result<(), DatabaseError> {
        self.set_setting(WORDS_SETTING, &phrase.to_text())
    }

    /// The words; none in a profile that was made before they were kept.
    ///
    /// # Errors
    /// What the database says.
    pub fn words(&self) -> Result<Option<Zeroizing<String>>, DatabaseError> {
        Ok(self.setting(WORDS_SETTING)?.map(Zeroizing::new))
    }

    /// Whether the user wrote the words down.
    ///
    /// # Errors
    /// What the database says.
    pub fn are_words_kept(&self) -> Result<bool, DatabaseError> {
        Ok(self.setting(WORDS_KEPT_SETTING)?.as_deref() == Some("1"))
    }

    /// Notes that the user wrote the words down.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_words_kept(&self) -> Result<(), DatabaseError> {
        self.set_setting(WORDS_KEPT_SETTING, "1")
    }

    /// Whether hints are sent while we type, and shown while others do.
    ///
    /// # Errors
    /// What the database says.
    pub fn sends_typing(&self) -> Result<bool, DatabaseError> {
        Ok(self.setting(TYPING_SETTING)?.as_deref() != Some("0"))
    }

    /// Sends hints while we type from now on, or no longer.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_sends_typing(&self, is_on: bool) -> Result<(), DatabaseError> {
        self.set_setting(TYPING_SETTING, if is_on { "1" } else { "0" })
    }

    /// Whether read receipts are sent.
    ///
    /// # Errors
    /// What the database says.
    pub fn sends_read_receipts(&self) -> Result<bool, DatabaseError> {
        Ok(self.setting(crate::engine::READ_RECEIPTS_SETTING)?.as_deref() == Some("1"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, ME, World, text};
    use protocol::content::Kind;

    #[test]
    fn picture_is_found_by_its_id_until_it_is_removed() {
        let mut world = World::new();
        let picture = bytes::Bytes::from_static(b"an image");
        world.received(ADA, 1, Kind::Profile { name: "Ada".into(), picture: Some(picture.clone()) }, 10);
        let id = world.timeline().person(&ADA).unwrap().picture_id.unwrap();
        assert_eq!(world.timeline().picture(&id).unwrap().as_deref(), Some(picture.as_ref()));
        world.received(ADA, 2, Kind::Profile { name: "Ada".into(), picture: None }, 11);
        assert_eq!(world.timeline().picture(&id).unwrap(), None);
        world.received(ADA, 3, text("x"), 12);
        assert_eq!(world.timeline().person(&ADA).unwrap().picture_id, None);
    }

    #[test]
    fn own_picture_is_owed_to_conversations() {
        let world = World::new();
        assert!(world.timeline().take_owed(u64::MAX >> 1).unwrap().is_none());
        world.timeline().set_own_picture(Some(b"me"), 5, &mut Changes::new()).unwrap();
        assert_eq!(world.timeline().person(&ME.account).unwrap().picture.as_deref(), Some(b"me".as_slice()));
        let owed = world.timeline().take_owed(u64::MAX >> 1).unwrap().unwrap();
        assert_eq!(owed.kind, crate::timeline::OwedKind::Profile);
    }

    #[test]
    fn words_are_kept_and_marked_as_written_down() {
        let world = World::new();
        assert!(world.timeline().words().unwrap().is_none());
        let phrase = RecoveryPhrase::from_entropy(&[7; 32]);
        world.timeline().keep_words(&phrase).unwrap();
        assert_eq!(world.timeline().words().unwrap().unwrap().as_str(), phrase.to_text().as_str());
        assert!(!world.timeline().are_words_kept().unwrap());
        world.timeline().set_words_kept().unwrap();
        assert!(world.timeline().are_words_kept().unwrap());
    }
}
