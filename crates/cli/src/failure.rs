//! What goes wrong, as a sentence, with an exit status.

use crate::language;
use crate::text::{self, say, say_with};
use client::db::DatabaseError;
use client::engine::EngineError;
use client::profile::ProfileError;
use client::timeline::FindError;
use protocol::event::IntentError;
use std::path::Path;

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
        Self::internal(match error {
            DatabaseError::Missing => say("cli-failed-database-missing"),
            DatabaseError::Exists => say("cli-failed-database-exists"),
            DatabaseError::WrongKey => say("cli-failed-database-key"),
            DatabaseError::Newer { found, supported } => {
                language::say("cli-failed-database-newer", &[("found", found.into()), ("supported", supported.into())])
            }
            DatabaseError::Corrupt => say("cli-failed-database-damaged"),
            DatabaseError::Busy => say("cli-failed-database-busy"),
            DatabaseError::DiskFull => say("cli-failed-disk-full"),
            // For whoever mends it: no sentence helps anybody else.
            DatabaseError::Value(_) | DatabaseError::Engine(_) => error.to_string(),
        })
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        let folder = |id: &str, folder: &Path| Self::usage(say_with(id, "folder", folder.display().to_string()));
        match error {
            ProfileError::Database(error) => error.into(),
            ProfileError::File { .. } => Self::internal(error.to_string()),
            ProfileError::Random => Self::internal(say("cli-failed-random")),
            ProfileError::Missing(path) => folder("cli-failed-profile-missing", &path),
            ProfileError::Exists(path) => folder("cli-failed-profile-exists", &path),
            ProfileError::InUse { folder: path, process: None } => folder("cli-failed-profile-in-use", &path),
            ProfileError::InUse { folder, process: Some(process) } => Self::usage(language::say(
                "cli-failed-profile-in-use-by",
                &[("folder", folder.display().to_string().into()), ("process", process.to_string().into())],
            )),
            ProfileError::PassphraseNeeded => Self::usage(say("cli-failed-passphrase-needed")),
            ProfileError::PassphraseWrong => Self::usage(say("cli-failed-passphrase-wrong")),
            ProfileError::KeyFile(path) => {
                Self::usage(say_with("cli-failed-key-file", "file", path.display().to_string()))
            }
            ProfileError::Keyring(_) => Self::usage(say("cli-failed-keyring")),
        }
    }
}

impl From<FindError> for Failure {
    fn from(error: FindError) -> Self {
        match error {
            FindError::Database(error) => error.into(),
            FindError::None { what, word } => {
                let id = match what {
                    "message" => "cli-failed-none-message",
                    "contact" => "cli-failed-none-contact",
                    "request" => "cli-failed-none-request",
                    _ => "cli-failed-none-conversation",
                };
                Self::usage(say_with(id, "word", word))
            }
            FindError::Ambiguous { word, candidates, .. } => Self::usage(language::say(
                "cli-failed-many",
                &[("word", word.into()), ("candidates", candidates.join(", ").into())],
            )),
        }
    }
}

impl From<IntentError> for Failure {
    fn from(error: IntentError) -> Self {
        let text = text::refusal(&error);
        match error {
            IntentError::Offline => Self::network(text),
            IntentError::BadAddress(_) | IntentError::BadLink(_) => Self::usage(text),
            _ => Self::refused(text),
        }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Database(error) => error.into(),
            EngineError::Intent(error) => error.into(),
            EngineError::Content(why) => Self::refused(say_with("cli-failed-content", "why", why.to_string())),
            EngineError::HasAccount => Self::refused(say("cli-failed-has-account")),
            EngineError::NoAccount => Self::usage(say("cli-failed-no-account")),
            EngineError::Device(_) => Self::internal(error.to_string()),
            EngineError::Call(why) => Self::refused(say_with("cli-failed-content", "why", why.to_string())),
            EngineError::Random => Self::internal(say("cli-failed-random")),
        }
    }
}
