//! Account, address, device certificates (docs/spec/IDENTITY.md).
//!
//! | module | holds |
//! |---|---|
//! | [`phrase`] | the 24 recovery words |
//! | [`root`] | root keys, account id, what else the words derive |
//! | [`device_key`] | a device's Ed25519 signature key |
//! | [`certificate`] | the root's statement that a device belongs to the account |
//! | [`device_identity`] | the identity bytes of an MLS credential |
//! | [`node_url`] | a node's normalised URL |
//! | [`address`] | `svc1…@https://node.example` |
//! | [`safety_number`] | sixty digits for two people to compare |

pub mod address;
pub mod certificate;
pub mod device_identity;
pub mod device_key;
pub mod node_url;
pub mod phrase;
pub mod root;
pub mod safety_number;

pub use address::{Address, AddressError};
pub use certificate::{Certificate, CertificateError, UnverifiedCertificate};
pub use device_identity::DeviceIdentity;
pub use device_key::{DeviceKey, DevicePublicKey};
pub use node_url::{NodeUrl, NodeUrlError};
pub use phrase::{PhraseError, RecoveryPhrase};
pub use root::{HybridError, RootKeys, RootPublic};
pub use safety_number::SafetyNumber;
