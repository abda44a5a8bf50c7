//! One writer for each file: who comes later ends who was before (draft-ietf-httpbis-resumable-upload, "Concurrency").

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, watch};
use wire::id::FileId;

/// How long one waits for the one before to end: it may be storing a part.
const TURN_MAX: Duration = Duration::from_secs(60);
/// Files with a tag of their own at most.
const TAGS_MAX: usize = 4_096;

/// Everybody's turns.
pub struct Turns {
    turns: Mutex<HashMap<FileId, Arc<Turn>>>,
    tags: Mutex<Tags>,
}

struct Turn {
    writing: Arc<tokio::sync::Mutex<()>>,
    /// Counts those who came: the last one is served.
    latest: watch::Sender<u64>,
}

struct Tags {
    common: u64,
    own: HashMap<FileId, u64>,
}

/// The right to change one file's record and parts.
pub struct Claim {
    latest: watch::Receiver<u64>,
    number: u64,
    _writing: OwnedMutexGuard<()>,
    _place: Place,
}

/// Somebody who has a turn or waits for it; the last one to leave takes it out of the table.
struct Place {
    turns: Arc<Turns>,
    id: FileId,
    turn: Option<Arc<Turn>>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut turns = locked(&self.turns.turns);
        self.turn = None;
        if turns.get(&self.id).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.id);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Each change of these tables is complete in itself.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turns {
    /// Nobody's turn; parts will be stored with the tag `seed` until something fails.
    pub fn new(seed: u64) -> Arc<Self> {
        let tags = Mutex::new(Tags { common: seed, own: HashMap::new() });
        Arc::new(Self { turns: Mutex::default(), tags })
    }

    /// Ends whoever has the turn or waits for it, and takes it. `None` if somebody came still later, or the one
    /// before does not end in time.
    pub async fn take(self: &Arc<Self>, id: &FileId) -> Option<Claim> {
        let (place, turn) = self.enter(id);
        let mut number = 0;
        turn.latest.send_modify(|latest| {
            *latest += 1;
            number = *latest;
        });
        let mut latest = turn.latest.subscribe();
        let writing = tokio::select! {
            biased;
            _ = latest.wait_for(|latest| *latest != number) => return None,
            writing = Arc::clone(&turn.writing).lock_owned() => writing,
            () = tokio::time::sleep(TURN_MAX) => return None,
        };
        Some(Claim { latest, number, _writing: writing, _place: place })
    }

    /// Takes the turn if nobody has it or waits for it.
    pub fn take_if_free(self: &Arc<Self>, id: &FileId) -> Option<Claim> {
        if locked(&self.turns).contains_key(id) {
            return None;
        }
        let (place, turn) = self.enter(id);
        let writing = Arc::clone(&turn.writing).try_lock_owned().ok()?;
        let latest = turn.latest.subscribe();
        let number = *latest.borrow();
        Some(Claim { latest, number, _writing: writing, _place: place })
    }

    fn enter(self: &Arc<Self>, id: &FileId) -> (Place, Arc<Turn>) {
        let mut turns = locked(&self.turns);
        let fresh = || Arc::new(Turn { writing: Arc::default(), latest: watch::Sender::new(0) });
        let turn = Arc::clone(turns.entry(*id).or_insert_with(fresh));
        (Place { turns: Arc::clone(self), id: *id, turn: Some(Arc::clone(&turn)) }, turn)
    }

    /// What the names of a file's next parts end with.
    pub fn tag(&self, id: &FileId) -> u64 {
        let tags = locked(&self.tags);
        tags.own.get(id).copied().unwrap_or(tags.common)
    }

    /// Storing a part failed, and it may be there all the same, now or later: no other may have its name.
    ///
    /// # Errors
    /// Without randomness.
    pub fn retag(&self, id: &FileId) -> Result<(), getrandom::Error> {
        let fresh = getrandom::u64()?;
        let mut tags = locked(&self.tags);
        if tags.own.len() >= TAGS_MAX {
            tags.own.clear();
            tags.common = fresh;
        } else {
            tags.own.insert(*id, fresh);
        }
        Ok(())
    }
}

impl Claim {
    /// Waits until somebody else wants the turn.
    pub async fn ousted(&mut self) {
        let number = self.number;
        if self.latest.wait_for(|latest| *latest != number).await.is_err() {
            // Its sender lives as long as our place.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn later_one_ends_the_one_before_and_the_table_is_left_empty() {
        let turns = Turns::new(1);
        let (id, other) = (FileId([1; 32]), FileId([2; 32]));
        let mut first = turns.take(&id).await.expect("free");
        let _other = turns.take(&other).await.expect("another file");
        assert!(turns.take_if_free(&id).is_none());
        let (second, ()) = tokio::join!(turns.take(&id), async {
            first.ousted().await;
            drop(first);
        });
        let second = second.expect("its turn");
        let (third, fourth) = tokio::join!(turns.take(&id), async {
            let waiting = turns.take(&id);
            drop(second);
            waiting.await
        });
        assert!(third.is_none() && fourth.is_some(), "the last one to come is served");
        drop(fourth);
        drop(turns.take_if_free(&id).expect("free again"));
        assert_eq!(locked(&turns.turns).len(), 1, "the other's");
    }

    #[test]
    fn failed_file_gets_another_tag_and_in_the_end_all_do() {
        let turns = Turns::new(1);
        let id = |number: u32| FileId(wire::id::Hash::of(&[&number.to_be_bytes()]).0);
        turns.retag(&id(0)).expect("random");
        assert_eq!(turns.tag(&id(1)), 1);
        let own = turns.tag(&id(0));
        assert_ne!(own, 1);
        turns.retag(&id(0)).expect("random");
        assert_ne!(turns.tag(&id(0)), own);
        for number in 1..=TAGS_MAX as u32 {
            turns.retag(&id(number)).expect("random");
        }
        assert_ne!(turns.tag(&id(9_999_999)), 1);
        assert!(locked(&turns.tags).own.len() <= TAGS_MAX);
    }
}
