//! Errors as stable codes, for which every language has a sentence (`error-<code>`).

use client::calls::CallRefusal;
use client::db::DatabaseError;
use client::engine::EngineError;
use client::key::KeyError;
use protocol::event::IntentError;
use protocol::identity::PhraseError;
use protocol::identity::safety_number::QrError;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A refusal as the page sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// The stable code, words joined by hyphens.
    pub code: &'static str,
    /// Values for the sentence.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub values: Map<String, Value>,
}

impl Refusal {
    /// A code without values.
    pub fn new(code: &'static str) -> Self {
        Self { code, values: Map::new() }
    }

    /// What the page sent does not parse: a bug of the page.
    pub fn input() -> Self {
        Self::new("internal")
    }

    /// A code with the browser's own words, for the console alone.
    pub fn with_detail(code: &'static str, detail: String) -> Self {
        Self::new(code).with("detail", Value::String(detail))
    }

    fn with(mut self, name: &str, value: Value) -> Self {
        self.values.insert(name.into(), value);
        self
    }
}

impl From<DatabaseError> for Refusal {
    fn from(error: DatabaseError) -> Self {
        Self::new(match error {
            DatabaseError::Missing => "database-missing",
            DatabaseError::Exists => "database-exists",
            DatabaseError::WrongKey => "database-wrong-key",
            DatabaseError::Corrupt | DatabaseError::Value(_) => "database-damaged",
            DatabaseError::Newer { .. } => "database-newer",
            DatabaseError::Busy => "database-busy",
            DatabaseError::DiskFull => "storage-full",
            DatabaseError::Engine(_) => "internal",
        })
    }
}

impl From<IntentError> for Refusal {
    fn from(error: IntentError) -> Self {
        match error {
            IntentError::NoConversation => Self::new("no-conversation"),
            IntentError::NoRequest => Self::new("no-request"),
            IntentError::NoContact => Self::new("no-contact"),
            IntentError::NoMember => Self::new("no-member"),
            IntentError::IsMember => Self::new("is-member"),
            IntentError::NotAdmin => Self::new("not-admin"),
            IntentError::NotActive => Self::new("not-active"),
            IntentError::IsDirect => Self::new("is-direct"),
            IntentError::LastAdmin => Self::new("last-admin"),
            IntentError::TooManyMembers => Self::new("too-many-members"),
            IntentError::TooLong { found, limit, .. } => {
                Self::new("too-long").with("found", json!(found)).with("limit", json!(limit))
            }
            IntentError::BadLink(_) => Self::new("bad-link"),
            IntentError::BadAddress(_) => Self::new("bad-address"),
            IntentError::InviteGone => Self::new("invite-gone"),
            IntentError::OwnInvite => Self::new("own-invite"),
            IntentError::Forged => Self::new("forged"),
            IntentError::NoDoor => Self::new("no-door"),
            IntentError::NotBroken => Self::new("not-broken"),
            IntentError::TooNew => Self::new("too-new"),
            IntentError::Offline => Self::new("offline"),
            IntentError::Refused => Self::new("refused"),
        }
    }
}

impl From<wire::Malformed> for Refusal {
    fn from(error: wire::Malformed) -> Self {
        match error {
            wire::Malformed::TooLong { found, limit, .. } => {
                Self::new("too-long").with("found", json!(found)).with("limit", json!(limit))
            }
            wire::Malformed::Missing { .. } => Self::new("empty"),
            _ => Self::new("bad-content"),
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Database(error) => error.into(),
            EngineError::Intent(error) => error.into(),
            EngineError::Content(error) => error.into(),
            // The device's storage is the same database: it tells its errors in words.
            EngineError::Device(error) if error.to_string().contains(&DatabaseError::DiskFull.to_string()) => {
                Self::new("storage-full")
            }
            EngineError::Device(_) => Self::new("internal"),
            EngineError::NoAccount => Self::new("no-account"),
            EngineError::HasAccount => Self::new("has-account"),
            EngineError::Random => Self::new("random"),
            EngineError::Call(CallRefusal::InCall) => Self::new("in-call"),
            EngineError::Call(CallRefusal::NotDirect) => Self::new("not-direct"),
            EngineError::Call(CallRefusal::NotGroup) => Self::new("not-a-group"),
            EngineError::Call(CallRefusal::NotReachable) => Self::new("not-reachable"),
            EngineError::Call(CallRefusal::Over) => Self::new("call-over"),
        }
    }
}

impl From<PhraseError> for Refusal {
    fn from(error: PhraseError) -> Self {
        match error {
            PhraseError::WordCount { found } => Self::new("words-count").with("found", json!(found)),
            PhraseError::UnknownWord { position } => Self::new("words-unknown").with("position", json!(position)),
            PhraseError::Checksum => Self::new("words-checksum"),
        }
    }
}

impl From<KeyError> for Refusal {
    fn from(error: KeyError) -> Self {
        Self::new(match error {
            KeyError::Damaged => "key-damaged",
            KeyError::PassphraseNeeded => "passphrase-needed",
            KeyError::PassphraseWrong => "passphrase-wrong",
            KeyError::Random => "random",
        })
    }
}

impl From<QrError> for Refusal {
    fn from(error: QrError) -> Self {
        Self::new(match error {
            QrError::Malformed | QrError::Unsupported => "bad-qr",
            QrError::NotUs => "safety-not-us",
            QrError::NotThem => "safety-not-them",
        })
    }
}

impl From<serde_json::Error> for Refusal {
    fn from(_: serde_json::Error) -> Self {
        Self::input()
    }
}
