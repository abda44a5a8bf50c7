//! First contact: invite links, doors, knocks, KeyPackages (docs/spec/CONTACT.md, LANE.md s.7).
//!
//! | module | holds |
//! |---|---|
//! | [`key_package`] | building and checking KeyPackages |
//! | [`x_wing`] | whether bytes are an X-Wing encapsulation key |
//! | [`path_keys`] | the keys that a commit's path brings |
//! | [`intro`] | intro keys, and the lanes that take knocks |
//! | [`knock`] | sealing and opening a knock |
//! | [`knock_kind`] | what a knock says |
//! | [`welcome`] | a Welcome with tree and certificates, inline or as a blob |
//! | [`invite`] | invite links and their bundles |
//! | [`door`] | door records and the KeyPackages beside them |

pub mod door;
pub mod intro;
pub mod invite;
pub mod key_package;
pub mod knock;
pub mod knock_kind;
pub mod path_keys;
mod sealed;
pub mod welcome;
pub mod x_wing;

pub use door::{DoorRecord, OpenDoorError, derive_door_id};
pub use intro::{IntroKey, IntroPublic, KnockLane, KnockTarget};
pub use invite::{InviteBundle, InviteKind, InviteLink, InviteLinkError, InviteSecret, OpenBundleError};
pub use key_package::{CheckedKeyPackage, KeyPackageError, KeyPackageUse};
pub use knock::{Knock, OpenKnockError, SealKnockError, open_knock, seal_knock};
pub use knock_kind::{JoinRequest, KnockKind, Readd, WelcomeContent, WelcomeKnock, WelcomePurpose};
pub use path_keys::{PathKeysError, check_path_keys};
pub use sealed::{OpenSealedError, SealError, SealedBlob};
pub use welcome::{BlobKey, BlobReference, OpenWelcomeError, WelcomePackage};

#[cfg(test)]
mod tests;
