//! Addresses: an account id as bech32m text, and `account@node`.

use crate::identity::node_url::{NodeUrl, NodeUrlError};
use bech32::primitives::decode::{CharError, CheckedHrpstring, CheckedHrpstringError, UncheckedHrpstringError};
use bech32::{Bech32m, Hrp};
use std::fmt;
use wire::id::AccountId;

/// The human-readable part of an account's text.
pub const ACCOUNT_HRP: &str = "svc";
/// Characters of an account's text: `svc1`, 52 of data, 6 of checksum.
pub const ACCOUNT_TEXT_CHARS: usize = 62;

/// Where to reach an account: its id and the node of its door.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// The account.
    pub account_id: AccountId,
    /// The node where its door is.
    pub node_url: NodeUrl,
}

/// Why a text is no address or no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No `@` between account and node.
    #[error("an address is an account, an @ and a node's URL")]
    NoNode,
    /// Does not begin with `svc1`.
    #[error("an account begins with svc1")]
    Prefix,
    /// Not 62 characters: something is missing or too much.
    #[error("an account has 62 characters, this one has {found}")]
    Length {
        /// Characters found.
        found: usize,
    },
    /// A character that cannot occur, or upper and lower case mixed.
    #[error("the account contains a character that cannot occur in one")]
    Character,
    /// The checksum fails: a typing error.
    #[error("the account is misspelt: its checksum does not match")]
    Checksum,
    /// The part after the `@`.
    #[error(transparent)]
    Node(#[from] NodeUrlError),
}

impl Address {
    /// Reads `svc1…@https://node.example`; surrounding whitespace is ignored.
    ///
    /// # Errors
    /// The first [`AddressError`] that applies.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let (account, node) = text.trim().split_once('@').ok_or(AddressError::NoNode)?;
        Ok(Self { account_id: parse_account(account)?, node_url: NodeUrl::parse(node)? })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", account_text(&self.account_id), self.node_url)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Address(..)")
    }
}

impl std::str::FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

/// The account's text: bech32m (BIP350) with the human-readable part `svc`.
pub fn account_text(account_id: &AccountId) -> String {
    bech32::encode::<Bech32m>(hrp(), &account_id.0).expect("32 bytes are within bech32m's bound")
}

/// Reads an account's text, in either case but not mixed.
///
/// # Errors
/// The first [`AddressError`] that applies; never [`AddressError::NoNode`] or [`AddressError::Node`].
pub fn parse_account(text: &str) -> Result<AccountId, AddressError> {
    if !text.get(..4).is_some_and(|prefix| prefix.eq_ignore_ascii_case("svc1")) {
        return Err(AddressError::Prefix);
    }
    let found = text.chars().count();
    if found != ACCOUNT_TEXT_CHARS {
        return Err(AddressError::Length { found });
    }
    let checked = CheckedHrpstring::new::<Bech32m>(text).map_err(|error| match error {
        CheckedHrpstringError::Parse(UncheckedHrpstringError::Char(
            CharError::MissingSeparator | CharError::NothingAfterSeparator,
        )) => AddressError::Prefix,
        CheckedHrpstringError::Checksum(_) => AddressError::Checksum,
        // Bad characters and mixed case; the enums of the library are open.
        _ => AddressError::Character,
    })?;
    if checked.hrp() != hrp() {
        return Err(AddressError::Prefix);
    }
    // 52 characters carry 260 bits: the last four must be zero, or one account would have many texts.
    checked.validate_segwit_padding().map_err(|_| AddressError::Character)?;
    let bytes: Vec<u8> = checked.byte_iter().collect();
    AccountId::parse(&bytes).map_err(|_| AddressError::Length { found })
}

fn hrp() -> Hrp {
    Hrp::parse(ACCOUNT_HRP).expect("three lower-case letters are a human-readable part")
}

#[cfg(test)]
mod tests {
    use super::*;
    use bech32::{Fe32, Fe32IterExt};
    use proptest::prelude::*;

    /// Agrees with an independent bech32m encoder.
    const ACCOUNT: &str = "svc1qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qurswpc8qursrl74ms";

    #[test]
    fn text_is_golden() {
        assert_eq!(account_text(&AccountId([7; 32])), ACCOUNT);
        assert_eq!(ACCOUNT.len(), ACCOUNT_TEXT_CHARS);
    }

    #[test]
    fn bip350_vectors_hold() {
        for valid in [
            "A1LQFN3A",
            "a1lqfn3a",
            "an83characterlonghumanreadablepartthatcontainsthetheexcludedcharactersbioandnumber11sg7hg6",
            "abcdef1l7aum6echk45nj3s0wdvt2fg8x9yrzpqzd3ryx",
            "split1checkupstagehandshakeupstreamerranterredcaperredlc445v",
            "?1v759aa",
        ] {
            assert!(CheckedHrpstring::new::<Bech32m>(valid).is_ok(), "{valid}");
        }
        for invalid in [
            "qyrz8wqd2c9m",
            "1qyrz8wqd2c9m",
            "y1b0jsk6g",
            "lt1igcx5c0",
            "in1muywd",
            "mm1crxm3i",
            "au1s5cgom",
            "M1VUXWEZ",
            "16plkw9",
            "1p2gdwpf",
        ] {
            assert!(CheckedHrpstring::new::<Bech32m>(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn upper_case_reads_the_same_and_mixed_case_does_not() {
        assert_eq!(parse_account(&ACCOUNT.to_uppercase()), Ok(AccountId([7; 32])));
        let mixed = ACCOUNT.replacen('q', "Q", 1);
        assert_ne!(mixed, ACCOUNT);
        assert_eq!(parse_account(&mixed), Err(AddressError::Character));
    }

    #[test]
    fn each_mistake_is_named() {
        assert_eq!(parse_account(""), Err(AddressError::Prefix));
        assert_eq!(parse_account("bc1qqqqqq"), Err(AddressError::Prefix));
        assert_eq!(parse_account(&ACCOUNT[..61]), Err(AddressError::Length { found: 61 }));
        assert_eq!(parse_account(&format!("{ACCOUNT}q")), Err(AddressError::Length { found: 63 }));
        assert_eq!(parse_account(&format!("{}b", &ACCOUNT[..61])), Err(AddressError::Character));
        assert_eq!(parse_account(&format!("{}é", &ACCOUNT[..61])), Err(AddressError::Character));
        assert_eq!(Address::parse(ACCOUNT), Err(AddressError::NoNode));
        assert_eq!(Address::parse(&format!("{ACCOUNT}@")), Err(NodeUrlError::Scheme.into()));
        assert_eq!(Address::parse(&format!("{ACCOUNT}@http://node.example")), Err(NodeUrlError::Insecure.into()));
    }

    #[test]
    fn every_substituted_character_fails_the_checksum() {
        for index in 4..ACCOUNT_TEXT_CHARS {
            let replacement = if &ACCOUNT[index..=index] == "p" { "z" } else { "p" };
            let changed = format!("{}{replacement}{}", &ACCOUNT[..index], &ACCOUNT[index + 1..]);
            assert_eq!(parse_account(&changed), Err(AddressError::Checksum), "character {index}");
        }
    }

    #[test]
    fn bech32_without_m_is_refused() {
        let old = bech32::encode::<bech32::Bech32>(hrp(), &[7; 32]).unwrap();
        assert_eq!(parse_account(&old), Err(AddressError::Checksum));
    }

    #[test]
    fn stray_padding_bits_are_refused() {
        let mut digits: Vec<Fe32> = bech32_digits(&[7; 32]);
        let last = digits.pop().unwrap().to_u8();
        digits.push(Fe32::try_from(last | 1).unwrap());
        let text: String = digits.into_iter().with_checksum::<Bech32m>(&hrp()).chars().collect();
        assert_eq!(parse_account(&text), Err(AddressError::Character));
    }

    fn bech32_digits(bytes: &[u8]) -> Vec<Fe32> {
        use bech32::ByteIterExt;
        bytes.iter().copied().bytes_to_fes().collect()
    }

    #[test]
    fn address_prints_normalised_and_hides_in_debug() {
        let address = Address::parse(&format!(" {ACCOUNT}@HTTPS://Node.example:443/\n")).unwrap();
        assert_eq!(address.to_string(), format!("{ACCOUNT}@https://node.example"));
        assert_eq!(format!("{address:?}"), "Address(..)");
    }

    proptest! {
        #[test]
        fn every_account_round_trips(bytes: [u8; 32]) {
            let account_id = AccountId(bytes);
            prop_assert_eq!(parse_account(&account_text(&account_id)), Ok(account_id));
            let address = Address { account_id, node_url: NodeUrl::parse("http://localhost:7000").unwrap() };
            prop_assert_eq!(Address::parse(&address.to_string()), Ok(address));
        }

        #[test]
        fn any_text_parses_or_is_refused(text in "(svc1)?.{0,80}") {
            let _ = Address::parse(&text).is_ok();
            let _ = parse_account(&text).is_ok();
        }
    }
}
