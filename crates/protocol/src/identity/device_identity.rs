//! The identity bytes of an MLS basic credential: `account_id[32] ‖ device_id[16]`.

use openmls::prelude::{BasicCredential, Credential, CredentialType};
use std::fmt;
use wire::Malformed;
use wire::id::{AccountId, DeviceId};

/// Bytes of an encoded identity.
pub const DEVICE_IDENTITY_BYTES: usize = 48;

/// Which device of which account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceIdentity {
    /// The account.
    pub account_id: AccountId,
    /// Its device.
    pub device_id: DeviceId,
}

impl DeviceIdentity {
    /// Reads exactly 48 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let error = Malformed::Length { field: "credential", expected: DEVICE_IDENTITY_BYTES, found: bytes.len() };
        if bytes.len() != DEVICE_IDENTITY_BYTES {
            return Err(error);
        }
        let (account_id, device_id) = bytes.split_at(AccountId::LEN);
        Ok(Self { account_id: AccountId::parse(account_id)?, device_id: DeviceId::parse(device_id)? })
    }

    /// The 48 bytes.
    pub fn to_bytes(&self) -> [u8; DEVICE_IDENTITY_BYTES] {
        let mut bytes = [0u8; DEVICE_IDENTITY_BYTES];
        bytes[..AccountId::LEN].copy_from_slice(&self.account_id.0);
        bytes[AccountId::LEN..].copy_from_slice(&self.device_id.0);
        bytes
    }

    /// Reads an MLS credential, which must be basic.
    pub fn from_credential(credential: &Credential) -> Result<Self, Malformed> {
        if credential.credential_type() != CredentialType::Basic {
            return Err(Malformed::Value { field: "credential type" });
        }
        let basic =
            BasicCredential::try_from(credential.clone()).map_err(|_| Malformed::Value { field: "credential" })?;
        Self::parse(basic.identity())
    }

    /// The MLS credential.
    pub fn to_credential(&self) -> Credential {
        BasicCredential::new(self.to_bytes().to_vec()).into()
    }
}

impl fmt::Debug for DeviceIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeviceIdentity(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn layout_is_account_then_device() {
        let identity = DeviceIdentity { account_id: AccountId([1; 32]), device_id: DeviceId([2; 16]) };
        let bytes = identity.to_bytes();
        assert_eq!((&bytes[..32], &bytes[32..]), (&[1u8; 32][..], &[2u8; 16][..]));
    }

    #[test]
    fn other_lengths_are_refused() {
        for found in [0, 47, 49, 80] {
            assert_eq!(
                DeviceIdentity::parse(&vec![0; found]),
                Err(Malformed::Length { field: "credential", expected: 48, found })
            );
        }
    }

    #[test]
    fn only_basic_credentials_are_read() {
        let x509 = Credential::new(CredentialType::X509, vec![0; 48]);
        assert_eq!(DeviceIdentity::from_credential(&x509), Err(Malformed::Value { field: "credential type" }));
    }

    proptest! {
        #[test]
        fn credential_round_trips(account: [u8; 32], device: [u8; 16]) {
            let identity = DeviceIdentity { account_id: AccountId(account), device_id: DeviceId(device) };
            prop_assert_eq!(DeviceIdentity::parse(&identity.to_bytes()), Ok(identity));
            prop_assert_eq!(DeviceIdentity::from_credential(&identity.to_credential()), Ok(identity));
        }
    }
}
