//! The 24 recovery words: BIP39, English, 256 bits, no passphrase.

use bip39::Language;
use rand_core::CryptoRng;
use zeroize::{Zeroize, Zeroizing};

/// Words in a phrase.
pub const PHRASE_WORDS: usize = 24;
/// Bytes of entropy behind a phrase.
pub const ENTROPY_BYTES: usize = 32;

/// The words from which an account derives. Whoever has them is the account.
#[derive(Clone)]
pub struct RecoveryPhrase(bip39::Mnemonic);

/// Why some words are no recovery phrase. No variant carries a word: they are secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PhraseError {
    /// Not 24 words.
    #[error("{found} words, expected 24")]
    WordCount {
        /// Words found.
        found: usize,
    },
    /// A word that is not in the list: probably misspelt. [`suggest`] may know what was meant.
    #[error("word {position} is not in the word list")]
    UnknownWord {
        /// Counted from 1.
        position: usize,
    },
    /// Every word is known, but they do not belong together: one is wrong or two are swapped.
    #[error("the words do not fit together: one is wrong, or two are swapped")]
    Checksum,
}

impl RecoveryPhrase {
    /// Makes a fresh phrase from 256 bits of `rng`.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut entropy = Zeroizing::new([0u8; ENTROPY_BYTES]);
        rng.fill_bytes(entropy.as_mut());
        Self::from_entropy(&entropy)
    }

    /// The phrase of 256 given bits.
    pub fn from_entropy(entropy: &[u8; ENTROPY_BYTES]) -> Self {
        Self(
            bip39::Mnemonic::from_entropy_in(Language::English, entropy).expect("256 bits are a size that BIP39 knows"),
        )
    }

    /// Reads words in any case, separated by any whitespace.
    ///
    /// # Errors
    /// The first that applies: [`PhraseError::WordCount`], [`PhraseError::UnknownWord`], [`PhraseError::Checksum`].
    pub fn parse(text: &str) -> Result<Self, PhraseError> {
        let found = text.split_whitespace().count();
        if found != PHRASE_WORDS {
            return Err(PhraseError::WordCount { found });
        }
        let lower = Zeroizing::new(text.to_lowercase());
        bip39::Mnemonic::parse_in_normalized(Language::English, &lower).map(Self).map_err(|error| match error {
            bip39::Error::UnknownWord(index) => PhraseError::UnknownWord { position: index + 1 },
            bip39::Error::BadWordCount(found) => PhraseError::WordCount { found },
            bip39::Error::InvalidChecksum
            | bip39::Error::BadEntropyBitCount(_)
            | bip39::Error::AmbiguousLanguages(_) => PhraseError::Checksum,
        })
    }

    /// The words, to be shown once.
    pub fn words(&self) -> impl Iterator<Item = &'static str> {
        self.0.words()
    }

    /// The words separated by single spaces; wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(PHRASE_WORDS * 9));
        for (index, word) in self.words().enumerate() {
            if index > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
        text
    }

    /// `seed64`: PBKDF2-HMAC-SHA-512, 2,048 rounds, empty passphrase.
    pub(super) fn to_seed(&self) -> Zeroizing<[u8; 64]> {
        let mut seed = self.0.to_seed_normalized("");
        let kept = Zeroizing::new(seed);
        seed.zeroize();
        kept
    }
}

impl std::fmt::Debug for RecoveryPhrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryPhrase(secret)")
    }
}

/// The one word of the list that begins like `word`: the first four letters of each word are its own.
pub fn suggest(word: &str) -> Option<&'static str> {
    let lower = Zeroizing::new(word.to_lowercase());
    let mut length = lower.len().min(4);
    while !lower.is_char_boundary(length) {
        length -= 1;
    }
    let mut candidates = Language::English.word_list().iter().filter(|known| known.starts_with(&lower[..length]));
    match (candidates.next(), candidates.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    /// The 24-word vectors of the BIP39 reference implementation (passphrase "TREZOR").
    const VECTORS: [(u8, &str, &str, &str); 4] = [
        (
            0x00,
            "abandon",
            "art",
            "bda85446c68413707090a52022edd26a1c9462295029f2e60cd7c4f2bbd3097170af7a4d73245cafa9c3cca8d561a7c3de6f5d4a10be8ed2a5e608d68f92fcc8",
        ),
        (
            0x7f,
            "legal",
            "title",
            "bc09fca1804f7e69da93c2f2028eb238c227f2e9dda30cd63699232578480a4021b146ad717fbb7e451ce9eb835f43620bf5c514db0f8add49f5d121449d3e87",
        ),
        (
            0x80,
            "letter",
            "bless",
            "c0c519bd0e91a2ed54357d9d1ebef6f5af218a153624cf4f2da911a0ed8f7a09e2ef61af0aca007096df430022f7a2b6fb91661a9589097069720d015e4e982f",
        ),
        (
            0xff,
            "zoo",
            "vote",
            "dd48c104698c30cfe2b6142103248622fb7bb0ff692eebb00089b32d22484e1613912f0a5b694407be899ffd31ed3992c456cdf60f5d4564b8ba3f05a69890ad",
        ),
    ];

    #[test]
    fn reference_vectors_give_the_same_words_and_seeds() {
        for (byte, first, last, seed) in VECTORS {
            let phrase = RecoveryPhrase::from_entropy(&[byte; 32]);
            let words: Vec<_> = phrase.words().collect();
            assert_eq!((words.len(), words[0], words[23]), (24, first, last));
            assert_eq!(HEXLOWER.encode(&phrase.0.to_seed_normalized("TREZOR")), seed);
            let again = RecoveryPhrase::parse(&phrase.to_text()).expect("own words parse");
            assert_eq!(again.to_text(), phrase.to_text());
        }
    }

    #[test]
    fn seed_uses_the_empty_passphrase() {
        let seed = RecoveryPhrase::from_entropy(&[0; 32]).to_seed();
        assert_eq!(
            HEXLOWER.encode(seed.as_ref()),
            "408b285c123836004f4b8842c89324c1f01382450c0d439af345ba7fc49acf705489c6fc77dbd4e3dc1dd8cc6bc9f043db8ada1e243c4a0eafb290d399480840"
        );
    }

    #[test]
    fn case_and_whitespace_do_not_matter() {
        let phrase = RecoveryPhrase::from_entropy(&[7; 32]);
        let messy = format!("\n\t {} \r\n", phrase.to_text().to_uppercase().replace(' ', " \n\t "));
        assert_eq!(RecoveryPhrase::parse(&messy).map(|found| found.to_text()), Ok(phrase.to_text()));
    }

    #[test]
    fn wrong_counts_are_counted() {
        for found in [0usize, 12, 23, 25, 1_000] {
            let text = vec!["abandon"; found].join(" ");
            assert_eq!(RecoveryPhrase::parse(&text).err(), Some(PhraseError::WordCount { found }));
        }
    }

    #[test]
    fn unknown_word_is_named_by_position() {
        let phrase = RecoveryPhrase::from_entropy(&[0x80; 32]);
        for position in 1..=24 {
            let mut words: Vec<_> = phrase.words().collect();
            words[position - 1] = "sottovoce";
            assert_eq!(RecoveryPhrase::parse(&words.join(" ")).err(), Some(PhraseError::UnknownWord { position }));
        }
    }

    #[test]
    fn swapped_words_fail_the_checksum() {
        let phrase = RecoveryPhrase::from_entropy(&[0x7f; 32]);
        let mut words: Vec<_> = phrase.words().collect();
        words.swap(0, 1);
        assert_eq!(RecoveryPhrase::parse(&words.join(" ")).err(), Some(PhraseError::Checksum));
    }

    #[test]
    fn misspelt_word_gets_a_suggestion() {
        assert_eq!(suggest("abandonn"), Some("abandon"));
        assert_eq!(suggest("ZEBRRA"), Some("zebra"));
        assert_eq!(suggest("ab"), None);
        assert_eq!(suggest("ééé"), None);
        assert_eq!(suggest(""), None);
    }

    #[test]
    fn debug_shows_no_word() {
        assert_eq!(format!("{:?}", RecoveryPhrase::from_entropy(&[0; 32])), "RecoveryPhrase(secret)");
    }

    proptest! {
        #[test]
        fn every_entropy_survives_the_words(entropy: [u8; 32]) {
            let phrase = RecoveryPhrase::from_entropy(&entropy);
            let again = RecoveryPhrase::parse(&phrase.to_text()).expect("own words parse");
            prop_assert_eq!(&again.0.to_entropy_array().0[..32], &entropy[..]);
        }

        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,400}") {
            let _ = RecoveryPhrase::parse(&text).is_ok();
            let _ = suggest(&text);
        }
    }
}
