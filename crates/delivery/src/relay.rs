//! Credentials for the relay of calls: asked for on any connection, made by whoever has the secret.

use crate::node::Node;
use crate::outbox::Out;
use wire::node::{Event, Refusal, RequestId};
use wire::relay::RelayTerms;

/// Makes the nth credential at a second of the Unix epoch.
pub type RelayIssuer = Box<dyn Fn(u64, u64) -> RelayTerms + Send>;

/// What makes credentials, and how many it made.
#[derive(Default)]
pub(crate) struct Relay {
    issuer: Option<RelayIssuer>,
    made: u64,
}

impl Node {
    /// Lets it hand out credentials; without an issuer it relays nothing and says so.
    pub fn set_relay(&mut self, issuer: RelayIssuer) {
        self.relay.issuer = Some(issuer);
    }

    /// Each connection may ask as often as it may ask for anything: a credential costs nothing and is not stored.
    pub(crate) fn ask_relay(&mut self, now_ms: u64, id: RequestId) -> Result<Option<Out>, Refusal> {
        let Relay { issuer: Some(issuer), made } = &mut self.relay else { return Err(Refusal::Denied) };
        *made = made.wrapping_add(1);
        let terms = issuer(now_ms / 1_000, *made);
        Ok(Some(Out::event(id, Event::Relay(Box::new(terms)))))
    }
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Relay").field("made", &self.made).finish_non_exhaustive()
    }
}
