//! Welcomes on their way: one knock each, and what becomes of a conversation whose Welcome finds nobody (LANE.md C8,
//! s.7).

use super::Parts;
use super::job::{Purpose, Stage};
use crate::contact::{BlobKey, BlobReference, KnockKind, WelcomeContent, WelcomeKnock, WelcomePackage, WelcomePurpose};
use crate::event::{Alert, ConversationId, Record};
use crate::group::{Cx, Delivery, DeviceError, Group, JoinerWelcome, Route, Target, members_of};
use crate::identity::UnverifiedCertificate;
use crate::storage::{self, Space};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wire::id::{AccountId, BlobId};

/// Tree and certificates up to this many bytes travel in the knock.
const INLINE_BYTES_MAX: usize = 6_000;
/// So long after an invite's end its maker must have shown itself, or did not get our Welcome: whoever joins a
/// conversation updates within a day.
const ANSWER_S: u64 = 2 * 86_400;
/// Where conversations wait for a sign of their inviter.
const AWAITED: &[u8] = b"awaited ";

/// A Welcome for one joiner.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Parcel {
    group: [u8; 16],
    account: [u8; 32],
    note: String,
    welcome: Vec<u8>,
    rest: Rest,
    purpose: Why,
}

/// Tree and certificates: small enough for the knock, or in a blob.
#[derive(Clone, Serialize, Deserialize)]
enum Rest {
    Inline { tree: Vec<u8>, certificates: Vec<Vec<u8>> },
    Blob { id: [u8; 32], key: [u8; 32] },
}

/// Why a Welcome goes out.
#[derive(Clone, Serialize, Deserialize)]
enum Why {
    New,
    Readd,
    Reboot([u8; 16]),
}

impl Parcel {
    pub(super) fn group(&self) -> ConversationId {
        ConversationId(self.group)
    }

    pub(super) fn account(&self) -> AccountId {
        AccountId(self.account)
    }

    /// What its knock is for.
    pub(super) fn knock(&self) -> Purpose {
        Purpose::WelcomeKnock { group: self.group, account: self.account }
    }

    pub(super) fn points_to(&self, blob: &BlobId) -> bool {
        matches!(&self.rest, Rest::Blob { id, .. } if *id == blob.0)
    }
}

/// An inviter who did not show itself yet, and the leaf key that it was added with.
#[derive(Serialize, Deserialize)]
struct Awaited {
    account: [u8; 32],
    leaf_key: Vec<u8>,
    until_s: u64,
}

fn awaited_key(id: &ConversationId) -> Vec<u8> {
    [AWAITED, &id.0].concat()
}

impl Parts<'_> {
    /// Sends Welcomes on their way: one knock each, tree and certificates once for all of them.
    pub(super) fn deliver(&mut self, cx: &mut Cx<'_>, delivery: Delivery) -> Result<(), DeviceError> {
        self.note_added(cx, &delivery)?;
        let Delivery { group, tree, certificates, joiners, is_readd, restarts } = delivery;
        let purpose = match (is_readd, restarts) {
            (true, _) => Why::Readd,
            (false, Some(group_id)) => Why::Reboot(group_id),
            (false, None) => Why::New,
        };
        let inline_bytes = tree.len() + certificates.iter().map(Vec::len).sum::<usize>();
        let rest = if inline_bytes <= INLINE_BYTES_MAX {
            Rest::Inline { tree, certificates }
        } else {
            let certificates =
                certificates.iter().filter_map(|bytes| UnverifiedCertificate::parse(bytes).ok()).collect();
            let package = WelcomePackage { welcome: Bytes::new(), tree: tree.into(), certificates };
            let (reference, blob) = package
                .seal_rest(cx.rng)
                .map_err(|_| DeviceError::Bug("tree and certificates of at most 1,024 leaves fit 16 MiB"))?;
            cx.storage.put(Space::Blobs, &blob.id.0, &blob.ciphertext)?;
            Rest::Blob { id: reference.id.0, key: reference.key.0 }
        };
        for JoinerWelcome { account, route, note, welcome } in joiners {
            let parcel = Parcel { group, account, note, welcome, rest: rest.clone(), purpose: purpose.clone() };
            match route {
                Route::Known(target) => {
                    if let Some(stage) = self.seal_welcome(cx, &parcel, target)? {
                        self.new_job(cx, None, parcel.knock(), stage)?;
                    }
                }
                Route::Door { account, node_url } => {
                    let stage = Stage::Claim { node_url, account, is_record_only: true };
                    self.new_job(cx, None, Purpose::Welcome { parcel: Box::new(parcel) }, stage)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn seal_welcome(
        &mut self,
        cx: &mut Cx<'_>,
        parcel: &Parcel,
        target: Target,
    ) -> Result<Option<Stage>, DeviceError> {
        let purpose = match &parcel.purpose {
            Why::New => WelcomePurpose::New,
            Why::Readd => WelcomePurpose::Readd,
            Why::Reboot(group_id) => WelcomePurpose::Reboot { group_id: group_id.to_vec().into() },
        };
        let welcome: Bytes = parcel.welcome.clone().into();
        let (content, blob) = match &parcel.rest {
            Rest::Inline { tree, certificates } => {
                let certificates =
                    certificates.iter().filter_map(|bytes| UnverifiedCertificate::parse(bytes).ok()).collect();
                (WelcomeContent::Inline(WelcomePackage { welcome, tree: tree.clone().into(), certificates }), None)
            }
            Rest::Blob { id, key } => {
                let rest = BlobReference { id: BlobId(*id), key: BlobKey(*key) };
                (WelcomeContent::Apart { welcome, rest }, Some(*id))
            }
        };
        let kind = KnockKind::Welcome(WelcomeKnock { content, purpose });
        let body = self.seal(cx, &target, kind, &parcel.note)?;
        Ok(body.map(|body| Stage::append(target, body, blob)))
    }

    /// Remembers that an invite's maker has yet to join what its follower began.
    pub(super) fn await_answer(
        &mut self,
        cx: &Cx<'_>,
        id: ConversationId,
        inviter: AccountId,
        expires_s: u64,
    ) -> Result<(), DeviceError> {
        let Some(group) = self.groups.get(&id) else { return Ok(()) };
        let leaf_key = leaf_key(group, &inviter).unwrap_or_default();
        let awaited = Awaited { account: inviter.0, leaf_key, until_s: expires_s.saturating_add(ANSWER_S) };
        storage::put(cx.storage, Space::Device, &awaited_key(&id), &awaited)?;
        Ok(())
    }

    /// Tells the user of inviters who never came.
    pub(super) fn answers_due(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let rows = cx.storage.scan(Space::Device, AWAITED)?;
        if rows.is_empty() {
            return Ok(());
        }
        let now_s = super::clock::believed_ms(cx)? / 1_000;
        for (key, value) in rows {
            let awaited: Awaited = storage::decode(1, &value, "awaited inviter")?;
            let id = key.strip_prefix(AWAITED).and_then(|id| id.try_into().ok()).map(ConversationId);
            let group = id.and_then(|id| self.groups.get(&id)).filter(|group| group.is_active());
            let account = AccountId(awaited.account);
            let is_here = match group {
                Some(group) => {
                    // A message of another leaf was shown, or the inviter's leaf has a key of its own making.
                    let has_moved = leaf_key(group, &account).is_none_or(|key| key != awaited.leaf_key);
                    has_moved || !cx.storage.scan(Space::Shown, &group.id().0)?.is_empty()
                }
                None => true,
            };
            if !is_here && now_s < awaited.until_s {
                continue;
            }
            cx.storage.delete(Space::Device, &key)?;
            if !is_here {
                cx.record(Record::Alert { conversation: id, alert: Alert::NotReached { account } });
            }
        }
        Ok(())
    }

    /// A Welcome finds nobody any more: the user is told, a conversation of two is over before it began, and in a group
    /// the member that is none goes.
    pub(super) fn not_reached(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConversationId,
        account: &AccountId,
    ) -> Result<(), DeviceError> {
        let Some(group) = self.groups.get_mut(&id).filter(|group| group.is_active()) else { return Ok(()) };
        let alert = Alert::NotReached { account: *account };
        cx.record(Record::Alert { conversation: Some(id), alert });
        if group.record.is_direct {
            cx.storage.delete(Space::Device, &awaited_key(&id))?;
            return group.end(cx);
        }
        self.remove_unreached(cx, id, account)
    }
}

/// The encryption key of an account's leaf.
fn leaf_key(group: &Group, account: &AccountId) -> Option<Vec<u8>> {
    let leaves = members_of(&group.mls);
    let (leaf, _) = leaves.iter().find(|(_, who)| who.account_id == *account)?;
    group.mls.members().find(|member| member.index.u32() == *leaf).map(|member| member.encryption_key)
}
