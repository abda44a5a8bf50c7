//! What goes: files whose time is over, parts of removed files, and parts that no record speaks of.
//!
//! A part is deleted only while nobody writes to its file, and only if the file's record as it is then does not name
//! it. What a removal or an upload leaves behind at a crash is found by the next round over the 256 lists.

use crate::file::record::FileRecord;
use crate::file::{Files, stopped};
use crate::shared::now_ms;
use futures_util::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use store::{PartName, StoreError};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(60);
/// Files or removals that one step looks at.
const STEP: usize = 64;

/// Collects until the node stops: at once what was removed, each minute what is due and one list of orphans.
pub async fn run(files: Arc<Files>) {
    let mut stop = files.stop.clone();
    let mut every = tokio::time::interval(EVERY);
    // Another list at each start: nodes that never run for long still see all of them.
    let mut shard = getrandom::u32().map_or(0, |random| random as u8);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = files.trash.notified() => report(files.empty_trash().await),
            _ = every.tick() => {
                report(files.expire(now_ms() / 1_000).await);
                report(files.empty_trash().await);
                report(files.sweep(shard).await.map(|_| ()));
                shard = shard.wrapping_add(1);
            }
        }
    }
}

fn report(result: Result<(), StoreError>) {
    if let Err(error) = result {
        tracing::error!(%error, "collecting files failed");
    }
}

impl Files {
    /// Removes all files whose time is over.
    ///
    /// # Errors
    /// If the store fails; the next call goes on.
    pub async fn expire(self: &Arc<Self>, now_s: u64) -> Result<(), StoreError> {
        loop {
            let due = self.blocking(move |files| files.ledger.due(now_s, STEP)).await?;
            let count = due.len();
            for id in due {
                // An upload that is not finished by now ends here.
                let Some(claim) = self.turns.take(&id).await else { continue };
                self.blocking(move |files| {
                    let record = files.ledger.get(&id)?.filter(|record| record.keep_until_s <= now_s);
                    record.map_or(Ok(false), |record| files.ledger.remove(&id, &record))
                })
                .await?;
                drop(claim);
            }
            if count < STEP || self.is_stopping() {
                return Ok(());
            }
        }
    }

    /// Deletes the parts of all removed files.
    ///
    /// # Errors
    /// If the store fails; the next call goes on.
    pub async fn empty_trash(self: &Arc<Self>) -> Result<(), StoreError> {
        loop {
            let trash = self.blocking(|files| files.ledger.trash(STEP)).await?;
            if trash.is_empty() || self.is_stopping() {
                return Ok(());
            }
            for record in trash {
                self.delete_parts(&record).await?;
                self.blocking(move |files| files.ledger.forget_trash(&record)).await?;
            }
        }
    }

    async fn delete_parts(&self, record: &FileRecord) -> Result<(), StoreError> {
        for part in record.parts() {
            self.parts.delete_part(part.name).await?;
        }
        Ok(())
    }

    /// Deletes the orphans of one of the 256 lists and says how many they were.
    ///
    /// # Errors
    /// If the store fails; the next round finds the rest.
    pub async fn sweep(self: &Arc<Self>, shard: u8) -> Result<u64, StoreError> {
        let mut listed = self.parts.list_parts(shard);
        let mut count = 0;
        while let Some(name) = listed.next().await {
            let name = name?;
            if self.delete_orphan(name).await? {
                count += 1;
            }
            if self.is_stopping() {
                break;
            }
        }
        Ok(count)
    }

    async fn delete_orphan(self: &Arc<Self>, name: PartName) -> Result<bool, StoreError> {
        let file = self.blocking(move |files| files.ledger.file_of(&name.folder)).await?;
        let Some(id) = file else {
            // A folder is written down before its first part: this one's file is gone.
            self.parts.delete_part(name).await?;
            return Ok(true);
        };
        // Who writes has parts that are not written down yet.
        let Some(_claim) = self.turns.take_if_free(&id) else { return Ok(false) };
        let record = self.blocking(move |files| files.ledger.get(&id)).await?;
        let is_needed = record.is_some_and(|record| record.folder == name.folder && record.has_part(&name));
        if !is_needed {
            self.parts.delete_part(name).await?;
        }
        Ok(!is_needed)
    }
}
