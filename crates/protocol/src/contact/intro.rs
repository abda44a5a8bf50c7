//! Intro keys, to which knocks are sealed, and the lanes that take knocks.

use crate::contact::key_package::SUITE;
use crate::contact::x_wing::{X_WING_PK_BYTES, is_x_wing_key};
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{CryptoError, HpkePrivateKey};
use rand_core::CryptoRng;
use std::fmt;
use wire::Malformed;
use wire::id::{Hash, LaneId, ReadCap, WriteCap};
use wire::lane::{LaneClass, derive_lane_id};
use zeroize::Zeroizing;

/// A crypto provider that cannot do what every client must: a build fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the crypto provider failed at X-Wing")]
pub struct ProviderError;

impl From<CryptoError> for ProviderError {
    fn from(_: CryptoError) -> Self {
        Self
    }
}

/// An X-Wing key pair of a door, of one invite or of one reply lane. Wiped when dropped.
#[derive(Clone)]
pub struct IntroKey {
    seed: Zeroizing<[u8; 32]>,
    private: HpkePrivateKey,
    public: IntroPublic,
}

/// The public half of an [`IntroKey`]; encapsulation to it succeeds.
#[derive(Clone, PartialEq, Eq)]
pub struct IntroPublic(Box<[u8; X_WING_PK_BYTES]>);

impl IntroKey {
    /// Makes a fresh key from 32 bytes of `rng`.
    pub fn generate(crypto: &impl OpenMlsCrypto, rng: &mut dyn CryptoRng) -> Result<Self, ProviderError> {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut());
        Self::from_seed(crypto, &seed)
    }

    /// The key of a stored seed: the provider's DeriveKeyPair(seed).
    pub fn from_seed(crypto: &impl OpenMlsCrypto, seed: &[u8; 32]) -> Result<Self, ProviderError> {
        let pair = crypto.derive_hpke_keypair(SUITE.hpke_config(), seed)?;
        let public = IntroPublic::parse(&pair.public).map_err(|_| ProviderError)?;
        Ok(Self { seed: Zeroizing::new(*seed), private: pair.private, public })
    }

    /// The seed, to be stored encrypted.
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        self.seed.clone()
    }

    /// The public half.
    pub fn public(&self) -> &IntroPublic {
        &self.public
    }

    pub(super) fn private(&self) -> &HpkePrivateKey {
        &self.private
    }
}

impl IntroPublic {
    /// Reads 1,216 bytes that are a key.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let array: &[u8; X_WING_PK_BYTES] = bytes.try_into().map_err(|_| Malformed::Length {
            field: "intro_pk",
            expected: X_WING_PK_BYTES,
            found: bytes.len(),
        })?;
        if is_x_wing_key(bytes) { Ok(Self(Box::new(*array))) } else { Err(Malformed::Value { field: "intro_pk" }) }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8; X_WING_PK_BYTES] {
        &self.0
    }

    /// `H(intro_pk)`, to which a knock's signature is bound.
    pub(super) fn hash(&self) -> Hash {
        Hash::of(&[self.0.as_ref()])
    }
}

/// Where to knock: what an invite bundle, a door record or a join request says about a lane.
#[derive(Clone, PartialEq, Eq)]
pub struct KnockTarget {
    /// Invite or door.
    pub class: LaneClass,
    /// The capability to append.
    pub write_cap: WriteCap,
    /// `H(read_cap)`.
    pub read_hash: Hash,
    /// To whom the knock is sealed.
    pub intro_pk: IntroPublic,
}

impl KnockTarget {
    /// The lane to open and append to.
    pub fn lane_id(&self) -> LaneId {
        derive_lane_id(self.class, &self.read_hash, &self.write_cap.hash())
    }

    pub(super) fn parse(
        class: LaneClass,
        write_cap: &[u8],
        read_hash: &[u8],
        intro_pk: &[u8],
    ) -> Result<Self, Malformed> {
        Ok(Self {
            class,
            write_cap: WriteCap::parse(write_cap)?,
            read_hash: Hash::parse(read_hash)?,
            intro_pk: IntroPublic::parse(intro_pk)?,
        })
    }
}

/// A lane of our own that takes knocks: a door's, an invite's or a reply lane.
#[derive(Clone)]
pub struct KnockLane {
    /// Invite or door.
    pub class: LaneClass,
    /// The capability to read, trim and close; never given away.
    pub read_cap: ReadCap,
    /// The capability to append, given to whoever may knock.
    pub write_cap: WriteCap,
    /// Opens the knocks.
    pub intro: IntroKey,
}

impl KnockLane {
    /// Makes a fresh lane: both capabilities and the intro key from `rng`.
    pub fn generate(
        crypto: &impl OpenMlsCrypto,
        class: LaneClass,
        rng: &mut dyn CryptoRng,
    ) -> Result<Self, ProviderError> {
        let (mut read_cap, mut write_cap) = (ReadCap([0; 32]), WriteCap([0; 32]));
        rng.fill_bytes(&mut read_cap.0);
        rng.fill_bytes(&mut write_cap.0);
        Ok(Self { class, read_cap, write_cap, intro: IntroKey::generate(crypto, rng)? })
    }

    /// What others need to know to knock.
    pub fn target(&self) -> KnockTarget {
        KnockTarget {
            class: self.class,
            write_cap: self.write_cap.clone(),
            read_hash: self.read_cap.hash(),
            intro_pk: self.intro.public.clone(),
        }
    }

    /// The lane's id.
    pub fn lane_id(&self) -> LaneId {
        derive_lane_id(self.class, &self.read_cap.hash(), &self.write_cap.hash())
    }
}

impl fmt::Debug for IntroKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntroKey(secret)")
    }
}

impl fmt::Debug for IntroPublic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IntroPublic(..)")
    }
}

impl fmt::Debug for KnockTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnockTarget({:?})", self.class)
    }
}

impl fmt::Debug for KnockLane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KnockLane({:?})", self.class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mls::SuiteCrypto;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn key_of_a_seed_is_golden() {
        let crypto = SuiteCrypto;
        let key = IntroKey::from_seed(&crypto, &[1; 32]).unwrap();
        assert_eq!(key.public().hash().to_hex(), "64339054ed70893ba9b7374a99cff969ef96dce47902e76dd0eeb1f0f8234dd8");
        assert_eq!(IntroKey::from_seed(&crypto, &key.to_seed()).unwrap().public(), key.public());
    }

    #[test]
    fn lane_and_target_name_the_same_lane() {
        let crypto = SuiteCrypto;
        let lane = KnockLane::generate(&crypto, LaneClass::Door, &mut ChaCha20Rng::from_seed([3; 32])).unwrap();
        assert_eq!(lane.target().lane_id(), lane.lane_id());
        let as_invite = KnockTarget { class: LaneClass::Invite, ..lane.target() };
        assert_ne!(as_invite.lane_id(), lane.lane_id(), "the class is part of the id");
    }

    #[test]
    fn malformed_public_keys_are_refused() {
        let length = |found| Err(Malformed::Length { field: "intro_pk", expected: 1_216, found });
        assert_eq!(IntroPublic::parse(&[0; 1_215]), length(1_215));
        assert_eq!(IntroPublic::parse(&[0; 1_217]), length(1_217));
        assert_eq!(IntroPublic::parse(&[0xff; 1_216]), Err(Malformed::Value { field: "intro_pk" }));
    }

    #[test]
    fn debug_shows_no_key() {
        let crypto = SuiteCrypto;
        let lane = KnockLane::generate(&crypto, LaneClass::Invite, &mut ChaCha20Rng::from_seed([3; 32])).unwrap();
        assert_eq!(
            format!("{lane:?} {:?} {:?} {:?}", lane.target(), lane.intro, lane.intro.public()),
            "KnockLane(Invite) KnockTarget(Invite) IntroKey(secret) IntroPublic(..)"
        );
    }
}
