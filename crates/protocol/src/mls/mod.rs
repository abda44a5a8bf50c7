//! OpenMLS as this project uses it: one suite, PublicMessage handshakes, no past epochs.

mod crypto;
mod store;

pub use crypto::SuiteCrypto;
pub use store::MlsStore;

use crate::storage::Storage;
use openmls_traits::random::OpenMlsRand;
use rand_core::CryptoRng;
use std::cell::RefCell;

/// The caller's randomness as OpenMLS wants it.
pub struct Rand<'a>(RefCell<&'a mut dyn CryptoRng>);

/// OpenMLS's randomness never fails here.
#[derive(Debug, thiserror::Error)]
#[error("no randomness")]
pub struct RandError;

impl OpenMlsRand for Rand<'_> {
    type Error = RandError;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], RandError> {
        let mut out = [0; N];
        self.0.borrow_mut().fill_bytes(&mut out);
        Ok(out)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, RandError> {
        let mut out = vec![0; len];
        self.0.borrow_mut().fill_bytes(&mut out);
        Ok(out)
    }
}

/// Crypto, randomness and storage of one call.
pub struct Provider<'a> {
    crypto: &'a SuiteCrypto,
    rand: Rand<'a>,
    store: MlsStore<'a>,
}

impl<'a> Provider<'a> {
    /// Binds the parts for the length of one call.
    pub fn new(crypto: &'a SuiteCrypto, rng: &'a mut dyn CryptoRng, storage: &'a dyn Storage) -> Self {
        Self { crypto, rand: Rand(RefCell::new(rng)), store: MlsStore(storage) }
    }
}

impl<'a> openmls_traits::OpenMlsProvider for Provider<'a> {
    type CryptoProvider = SuiteCrypto;
    type RandProvider = Rand<'a>;
    type StorageProvider = MlsStore<'a>;

    fn storage(&self) -> &MlsStore<'a> {
        &self.store
    }

    fn crypto(&self) -> &SuiteCrypto {
        self.crypto
    }

    fn rand(&self) -> &Rand<'a> {
        &self.rand
    }
}
