//! What goes wrong, as a sentence, with an exit status.

use client::db::DatabaseError;
use client::engine::EngineError;
use client::profile::ProfileError;
use client::timeline::FindError;
use protocol::event::IntentError;

/// Why a command failed.
#[derive(Debug)]
pub struct Failure {
    /// 1 internal, 2 usage, 3 network, 4 refused.
    pub status: u8,
    /// A sentence with what to do.
    pub text: String,
}

impl Failure {
    /// Something here is broken.
    pub fn internal(text: impl Into<String>) -> Self {
        Self { status: 1, text: text.into() }
    }

    /// What was typed does not fit.
    pub fn usage(text: impl Into<String>) -> Self {
        Self { status: 2, text: text.into() }
    }

    /// The network did not allow it.
    pub fn network(text: impl Into<String>) -> Self {
        Self { status: 3, text: text.into() }
    }

    /// It is not allowed, or cannot be.
    pub fn refused(text: impl Into<String>) -> Self {
        Self { status: 4, text: text.into() }
    }
}

impl From<DatabaseError> for Failure {
    fn from(error: DatabaseError) -> Self {
        Self::internal(error.to_string())
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        match error {
            ProfileError::Database(error) => error.into(),
            ProfileError::File { .. } | ProfileError::Random => Self::internal(error.to_string()),
            ProfileError::Missing(_)
            | ProfileError::Exists(_)
            | ProfileError::InUse { .. }
            | ProfileError::PassphraseNeeded
            | ProfileError::PassphraseWrong
            | ProfileError::KeyFile(_)
            | ProfileError::Keyring(_) => Self::usage(error.to_string()),
        }
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Database(error) => error.into(),
            FindError::None { .. } | FindError::Ambiguous { .. } => Self::usage(error.to_string()),
        }
    }
}

impl From<IntentError> for Failure {
    fn from(error: IntentError) -> Self {
        match error {
            IntentError::Offline => Self::network(error.to_string()),
            IntentError::BadAddress(_) | IntentError::BadLink(_) => Self::usage(error.to_string()),
            _ => Self::refused(error.to_string()),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Database(error) => error.into(),
            EngineError::Intent(error) => error.into(),
            EngineError::Content(_) | EngineError::HasAccount => Self::refused(error.to_string()),
            EngineError::NoAccount => Self::usage(error.to_string()),
            EngineError::Device(_) | EngineError::Random => Self::internal(error.to_string()),
        }
    }
}
