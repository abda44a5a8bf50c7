//! The system's keyring, where there is one that answers.
//!
//! On systems with a Secret Service (GNOME Keyring, KWallet, KeePassXC). A machine without a
//! session bus is told apart without asking anybody; a keyring that does not answer is given up after a moment, since
//! it may be waiting for a user who is not there.

use crate::profile::ProfileError;
use zeroize::Zeroizing;

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
mod imp {
    pub(super) fn store(_entry: &str, _text: &str) -> Option<bool> {
        None
    }

    pub(super) fn load(_entry: &str) -> Option<Option<String>> {
        None
    }
}

#[cfg(all(unix, not(target_vendor = "apple")))]
mod imp {
    use keyring_core::api::CredentialStoreApi;
    use std::sync::mpsc;
    use std::time::Duration;
    use zbus_secret_service_keyring_store::Store;

    const SERVICE: &str = "sottovoce";
    /// To store, nobody waits long: the file does as well.
    const STORE_TIMEOUT: Duration = Duration::from_secs(3);
    /// To load, the user may have to unlock it.
    const LOAD_TIMEOUT: Duration = Duration::from_secs(60);

    fn has_session_bus() -> bool {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        is_set("DBUS_SESSION_BUS_ADDRESS")
            || std::env::var_os("XDG_RUNTIME_DIR")
                .is_some_and(|folder| std::path::Path::new(&folder).join("bus").exists())
    }

    /// Runs in a thread of its own, which is left behind should it hang.
    fn within<T: Send + 'static>(timeout: Duration, work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
        if !has_session_bus() {
            return None;
        }
        let (done_tx, done) = mpsc::channel();
        std::thread::spawn(move || done_tx.send(work()));
        done.recv_timeout(timeout).ok().flatten()
    }

    pub(super) fn store(entry: &str, text: &str) -> Option<bool> {
        let (entry, text) = (entry.to_owned(), zeroize::Zeroizing::new(text.to_owned()));
        within(STORE_TIMEOUT, move || {
            let entry = Store::new().ok()?.build(SERVICE, &entry, None).ok()?;
            entry.set_password(&text).ok()?;
            // Some services take what they then do not give back.
            Some(entry.get_password().ok()? == *text)
        })
    }

    pub(super) fn load(entry: &str) -> Option<Option<String>> {
        let entry = entry.to_owned();
        within(LOAD_TIMEOUT, move || Some(Store::new().ok()?.build(SERVICE, &entry, None).ok()?.get_password().ok()))
    }
}

/// Keeps a secret; false where there is no keyring that does.
pub(super) fn store(entry: &str, text: &str) -> bool {
    imp::store(entry, text).unwrap_or(false)
}

/// A secret that was kept.
pub(super) fn load(entry: &str) -> Result<Zeroizing<String>, ProfileError> {
    match imp::load(entry) {
        Some(Some(text)) => Ok(Zeroizing::new(text)),
        Some(None) => Err(ProfileError::Keyring("does not have it")),
        None => Err(ProfileError::Keyring("does not answer")),
    }
}
