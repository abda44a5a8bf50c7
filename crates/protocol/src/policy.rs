//! A group's policy: the GroupContext extension that every commit is judged by (LANE.md s.1, C5).

use crate::identity::NodeUrl;
use openmls::prelude::{
    Extension, ExtensionType, Extensions, GroupContext, RequiredCapabilitiesExtension, UnknownExtension,
};
use wire::id::{AccountId, Hash, NodeKey};
use wire::limit::{GROUP_LEAVES_MAX, NAME_BYTES_MAX, NODE_URL_BYTES_MAX, PROTOCOL_VERSION};

/// The extension's type, in the private-use range of RFC 9420 s.17.3.
pub const POLICY_EXTENSION: u16 = crate::contact::key_package::POLICY_EXTENSION;

/// What every member agrees on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// A conversation of two.
    pub is_direct: bool,
    /// The node that keeps the lane.
    pub node_url: NodeUrl,
    /// Its key; another key is another node.
    pub node_key: NodeKey,
    /// At most 128 bytes; empty for a conversation of two.
    pub title: String,
    /// Accounts that may add, remove and change this; ascending, at least one.
    pub admins: Vec<AccountId>,
    /// The group that this one restarts.
    pub previous: Option<Previous>,
}

/// The group that another one restarts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Previous {
    /// Its id.
    pub group_id: [u8; 16],
    /// The epoch of the restarting admin.
    pub epoch: u64,
    /// SHA-256 of the authenticator of that epoch.
    pub authenticator: Hash,
}

/// Why a GroupContext is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// No policy in it.
    #[error("the group has no policy")]
    Missing,
    /// A policy of a protocol that this version does not know.
    #[error("the group needs a newer version")]
    Unsupported,
    /// It does not parse or breaks a bound.
    #[error("the group's policy is malformed")]
    Malformed,
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], PolicyError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(PolicyError::Malformed)?;
    *rest = tail;
    Ok(head)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], PolicyError> {
    take(rest, N)?.try_into().map_err(|_| PolicyError::Malformed)
}

fn take_text(rest: &mut &[u8], limit: usize) -> Result<String, PolicyError> {
    let len = usize::from(take_array::<1>(rest)?[0]);
    if len > limit {
        return Err(PolicyError::Malformed);
    }
    String::from_utf8(take(rest, len)?.to_vec()).map_err(|_| PolicyError::Malformed)
}

impl Policy {
    /// protocol 2 ‖ direct 1 ‖ (url len 1, url) ‖ node_pk 32 ‖ (title len 1, title) ‖ (admins 2, account 32 each)
    /// ‖ previous 1 (0 or 1, then group_id 16, epoch 8, authenticator 32).
    pub fn encode(&self) -> Vec<u8> {
        let mut out = PROTOCOL_VERSION.to_be_bytes().to_vec();
        out.push(u8::from(self.is_direct));
        out.push(self.node_url.as_str().len() as u8);
        out.extend_from_slice(self.node_url.as_str().as_bytes());
        out.extend_from_slice(&self.node_key.0);
        out.push(self.title.len() as u8);
        out.extend_from_slice(self.title.as_bytes());
        out.extend_from_slice(&(self.admins.len() as u16).to_be_bytes());
        for admin in &self.admins {
            out.extend_from_slice(&admin.0);
        }
        match &self.previous {
            None => out.push(0),
            Some(previous) => {
                out.push(1);
                out.extend_from_slice(&previous.group_id);
                out.extend_from_slice(&previous.epoch.to_be_bytes());
                out.extend_from_slice(&previous.authenticator.0);
            }
        }
        out
    }

    /// Reads exactly what [`Policy::encode`] writes.
    pub fn parse(bytes: &[u8]) -> Result<Self, PolicyError> {
        let mut rest = bytes;
        if u16::from_be_bytes(take_array(&mut rest)?) != PROTOCOL_VERSION {
            return Err(PolicyError::Unsupported);
        }
        let is_direct = match take_array::<1>(&mut rest)?[0] {
            0 => false,
            1 => true,
            _ => return Err(PolicyError::Malformed),
        };
        let url = take_text(&mut rest, NODE_URL_BYTES_MAX)?;
        let node_url = NodeUrl::parse(&url).map_err(|_| PolicyError::Malformed)?;
        let node_key = NodeKey(take_array(&mut rest)?);
        let title = take_text(&mut rest, NAME_BYTES_MAX)?;
        let count = u16::from_be_bytes(take_array(&mut rest)?);
        let admins: Vec<AccountId> =
            (0..count).map(|_| take_array(&mut rest).map(AccountId)).collect::<Result<_, _>>()?;
        let ascending = admins.windows(2).all(|pair| pair[0] < pair[1]);
        if admins.is_empty() || admins.len() > GROUP_LEAVES_MAX || !ascending || node_url.as_str() != url {
            return Err(PolicyError::Malformed);
        }
        let previous = match take_array::<1>(&mut rest)?[0] {
            0 => None,
            1 => Some(Previous {
                group_id: take_array(&mut rest)?,
                epoch: u64::from_be_bytes(take_array(&mut rest)?),
                authenticator: Hash(take_array(&mut rest)?),
            }),
            _ => return Err(PolicyError::Malformed),
        };
        if !rest.is_empty() {
            return Err(PolicyError::Malformed);
        }
        Ok(Self { is_direct, node_url, node_key, title, admins, previous })
    }

    /// The GroupContext extensions that carry it.
    pub fn to_extensions(&self) -> Extensions<GroupContext> {
        let required = RequiredCapabilitiesExtension::new(&[ExtensionType::Unknown(POLICY_EXTENSION)], &[], &[]);
        let policy = Extension::Unknown(POLICY_EXTENSION, UnknownExtension(self.encode()));
        Extensions::from_vec(vec![Extension::RequiredCapabilities(required), policy])
            .expect("both extensions are allowed in a GroupContext, once each")
    }

    /// Reads the policy of a GroupContext that holds exactly what [`Policy::to_extensions`] makes.
    pub fn from_extensions(extensions: &Extensions<GroupContext>) -> Result<Self, PolicyError> {
        let policy = Self::parse(&extensions.unknown(POLICY_EXTENSION).ok_or(PolicyError::Missing)?.0)?;
        if policy.to_extensions() != *extensions {
            return Err(PolicyError::Malformed);
        }
        Ok(policy)
    }

    /// Whether an account may change members and policy.
    pub fn is_admin(&self, account: &AccountId) -> bool {
        self.admins.binary_search(account).is_ok()
    }

    /// The policy with an account made an admin or no admin.
    pub fn with_admin(&self, account: AccountId, is_admin: bool) -> Self {
        let mut policy = self.clone();
        policy.admins.retain(|admin| *admin != account);
        if is_admin {
            policy.admins.push(account);
            policy.admins.sort();
        }
        policy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> Policy {
        Policy {
            is_direct: false,
            node_url: NodeUrl::parse("https://node.example").unwrap(),
            node_key: NodeKey([7; 32]),
            title: "Friends".into(),
            admins: vec![AccountId([1; 32]), AccountId([2; 32])],
            previous: Some(Previous { group_id: [3; 16], epoch: 9, authenticator: Hash([4; 32]) }),
        }
    }

    #[test]
    fn policy_round_trips_and_no_other_bytes_parse() {
        let bytes = policy().encode();
        assert_eq!(Policy::parse(&bytes).unwrap(), policy());
        assert_eq!(Policy::from_extensions(&policy().to_extensions()).unwrap(), policy());
        for cut in 0..bytes.len() {
            assert!(Policy::parse(&bytes[..cut]).is_err(), "cut at {cut}");
        }
        assert!(Policy::parse(&[bytes.as_slice(), &[0]].concat()).is_err());
    }

    #[test]
    fn policy_of_a_future_protocol_is_unsupported() {
        let mut bytes = policy().encode();
        bytes[1] = 2;
        assert_eq!(Policy::parse(&bytes), Err(PolicyError::Unsupported));
    }

    #[test]
    fn policy_without_admin_or_with_unsorted_admins_is_malformed() {
        let mut none = policy();
        none.admins.clear();
        assert_eq!(Policy::parse(&none.encode()), Err(PolicyError::Malformed));
        let mut swapped = policy();
        swapped.admins.swap(0, 1);
        assert_eq!(Policy::parse(&swapped.encode()), Err(PolicyError::Malformed));
        let mut twice = policy();
        twice.admins[1] = twice.admins[0];
        assert_eq!(Policy::parse(&twice.encode()), Err(PolicyError::Malformed));
    }

    #[test]
    fn admin_is_added_in_order_and_taken_away() {
        let more = policy().with_admin(AccountId([0; 32]), true);
        assert!(more.is_admin(&AccountId([0; 32])) && Policy::parse(&more.encode()).is_ok());
        assert!(!more.with_admin(AccountId([1; 32]), false).is_admin(&AccountId([1; 32])));
    }
}
