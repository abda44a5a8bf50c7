//! Challenges: each may pay for one upload, within ten minutes, and only at the process that gave it.

use aws_lc_rs::hmac;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use wire::file::{CHALLENGE_BYTES, FileWork};
use wire::id::FileId;

/// Seconds that a challenge is good.
const GOOD_S: u64 = 600;
/// Challenges that were used and are still good, at most.
const USED_MAX: usize = 1 << 17;

/// Why work does not pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unpaid {
    /// The challenge is not ours, too old or used up, or the work was not done.
    Work,
    /// So many were used that no more can be remembered.
    Crowded,
}

/// Gives challenges and takes them back once.
pub struct Challenges {
    key: hmac::Key,
    used: Mutex<HashMap<[u8; 8], u64>>,
}

impl Challenges {
    /// With a key of the process's own.
    pub fn new(key: &[u8; 32]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), used: Mutex::default() }
    }

    /// A challenge that is good for ten minutes. Nothing is kept of it.
    pub fn issue(&self, random: [u8; 8], now_s: u64) -> [u8; CHALLENGE_BYTES] {
        let mut challenge = [0; CHALLENGE_BYTES];
        challenge[..8].copy_from_slice(&random);
        challenge[8..16].copy_from_slice(&now_s.saturating_add(GOOD_S).to_be_bytes());
        let tag = hmac::sign(&self.key, &challenge[..16]);
        challenge[16..].copy_from_slice(tag.as_ref());
        challenge
    }

    /// Takes work for a blob; the challenge is used up if it pays.
    pub fn redeem(&self, work: &FileWork, id: &FileId, length: u64, work_bits: u32, now_s: u64) -> Result<(), Unpaid> {
        let (said, tag) = work.challenge.split_at(16);
        let (random, until) = said.split_first_chunk::<8>().ok_or(Unpaid::Work)?;
        let until_s = u64::from_be_bytes(until.try_into().map_err(|_| Unpaid::Work)?);
        if hmac::verify(&self.key, said, tag).is_err() || until_s <= now_s || !work.is_done(id, length, work_bits) {
            return Err(Unpaid::Work);
        }
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= USED_MAX {
            used.retain(|_, until_s| *until_s > now_s);
        }
        if used.contains_key(random) {
            return Err(Unpaid::Work);
        }
        if used.len() >= USED_MAX {
            return Err(Unpaid::Crowded);
        }
        used.insert(*random, until_s);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: FileId = FileId([1; 32]);

    fn done(challenge: &[u8; CHALLENGE_BYTES], length: u64) -> FileWork {
        FileWork::search(challenge, &ID, length, 4, 0, 1 << 20).expect("done")
    }

    #[test]
    fn challenge_pays_once_in_its_time_for_what_it_was_worked_for() {
        let challenges = Challenges::new(&[3; 32]);
        let challenge = challenges.issue([9; 8], 1_000);
        let work = done(&challenge, 500);
        let redeem = |work: &FileWork, id: &FileId, length, now_s| challenges.redeem(work, id, length, 4, now_s);
        assert_eq!(redeem(&work, &ID, 500, 1_600), Err(Unpaid::Work), "its time is over");
        let other = (0..100).find(|other| !work.is_done(&FileId([*other; 32]), 500, 4)).expect("one of a hundred");
        assert_eq!(redeem(&work, &FileId([other; 32]), 500, 1_000), Err(Unpaid::Work), "another file's");
        let longer = (501..600).find(|longer| !work.is_done(&ID, *longer, 4)).expect("one of a hundred");
        assert_eq!(redeem(&work, &ID, longer, 1_000), Err(Unpaid::Work), "another length");
        let idle = (0..1_000).map(|nonce| FileWork { nonce, ..work }).find(|idle| !idle.is_done(&ID, 500, 4));
        assert_eq!(redeem(&idle.expect("most do nothing"), &ID, 500, 1_000), Err(Unpaid::Work));
        assert_eq!(redeem(&work, &ID, 500, 1_599), Ok(()));
        assert_eq!(redeem(&work, &ID, 500, 1_599), Err(Unpaid::Work), "used up");
    }

    #[test]
    fn forged_altered_or_another_process_challenge_does_not_pay() {
        let challenges = Challenges::new(&[3; 32]);
        let elsewhere = Challenges::new(&[4; 32]).issue([9; 8], 1_000);
        assert_eq!(challenges.redeem(&done(&elsewhere, 5), &ID, 5, 4, 1_000), Err(Unpaid::Work));
        for at in [0, 8, 15, 16, 47] {
            let mut altered = challenges.issue([9; 8], 1_000);
            altered[at] ^= 1;
            assert_eq!(challenges.redeem(&done(&altered, 5), &ID, 5, 4, 1_000), Err(Unpaid::Work), "{at}");
        }
    }

    #[test]
    fn used_challenges_are_remembered_within_a_limit() {
        let challenges = Challenges::new(&[3; 32]);
        let redeem = |number: u64, now_s| {
            let work = FileWork { challenge: challenges.issue(number.to_be_bytes(), now_s), nonce: 0 };
            challenges.redeem(&work, &ID, 5, 0, now_s)
        };
        for number in 0..USED_MAX as u64 {
            assert_eq!(redeem(number, 1_000), Ok(()));
        }
        assert_eq!(redeem(u64::MAX, 1_000), Err(Unpaid::Crowded));
        assert_eq!(redeem(u64::MAX, 1_600), Ok(()), "the old ones are forgotten");
    }
}
