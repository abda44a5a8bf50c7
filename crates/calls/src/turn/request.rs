//! What clients ask for: Binding, Allocate, Refresh, CreatePermission, ChannelBind (RFC 8489 s.9.2.4, RFC 8656).

use super::allocation::{Allocation, BindError, State};
use super::packet::Verdict;
use super::policy::{CHANNELS, LIFETIME_S, LIFETIME_S_MAX};
use super::table::{Client, Effect, RelayId, Table, allocated};
use crate::stun::{Class, LongTermKey, Message, Method, Writer, address, attribute};
use core::net::{IpAddr, SocketAddr};

/// UDP's number, the only transport that is relayed.
const UDP: u8 = 17;

/// A refusal: code and reason.
struct Refused(u16, &'static str);

const BAD_REQUEST: Refused = Refused(400, "Bad Request");
const FORBIDDEN: Refused = Refused(403, "Forbidden");
const MISMATCH: Refused = Refused(437, "Allocation Mismatch");
const FULL: Refused = Refused(508, "Insufficient Capacity");
const WRONG_FAMILY: Refused = Refused(443, "Peer Address Family Mismatch");

/// Who asks.
struct User {
    name: Vec<u8>,
    key: LongTermKey,
}

impl Table {
    /// Answers a request.
    pub(super) fn request(&mut self, now_ms: u64, client: Client, request: &Message<'_>) -> Verdict {
        if !request.unknown().is_empty() {
            return self.answer_unknown(now_ms, request);
        }
        if request.method == Method::Binding {
            return self.answer_openly(now_ms, || {
                let answer = Writer::answer(request, Class::Success);
                let answer = answer.put_address(attribute::XOR_MAPPED_ADDRESS, &client.address);
                if request.has_fingerprint() { answer.finish_with_fingerprint() } else { answer.finish() }
            });
        }
        let user = match self.authenticate(now_ms, &client, request) {
            Ok(user) => user,
            Err(refused) => {
                self.refusals = self.refusals.wrapping_add(1);
                let nonce = self.nonce(now_ms, &client);
                let realm = self.realm.clone();
                return self.answer_openly(now_ms, || {
                    let mut answer = Writer::answer(request, Class::Error).put_error(refused.0, refused.1);
                    if refused.0 != BAD_REQUEST.0 {
                        answer = answer.put(attribute::REALM, realm.as_bytes());
                        answer = answer.put(attribute::NONCE, nonce.as_bytes());
                    }
                    answer.finish()
                });
            }
        };
        let key = user.key.clone();
        let answered = match request.method {
            Method::Allocate => self.allocate(now_ms, client, request, user),
            Method::Refresh => self.refresh(now_ms, &client, request, &user),
            Method::CreatePermission => self.create_permission(now_ms, &client, request, &user),
            Method::ChannelBind => self.bind_channel(now_ms, &client, request, &user),
            Method::Binding | Method::Send | Method::Data => Err(BAD_REQUEST),
        };
        match answered {
            Ok(Some(bytes)) => Verdict::Answer(bytes),
            Ok(None) => Verdict::Nothing,
            Err(Refused(code, reason)) => {
                self.refusals = self.refusals.wrapping_add(1);
                Verdict::Answer(Writer::answer(request, Class::Error).put_error(code, reason).finish_with(&key))
            }
        }
    }

    /// An answer to whoever asks: only so many a second.
    fn answer_openly(&mut self, now_ms: u64, write: impl FnOnce() -> Vec<u8>) -> Verdict {
        if self.open_answers.take(now_ms, 1) { Verdict::Answer(write()) } else { Verdict::Nothing }
    }

    fn answer_unknown(&mut self, now_ms: u64, request: &Message<'_>) -> Verdict {
        self.answer_openly(now_ms, || {
            let kinds: Vec<u8> = request.unknown().iter().flat_map(|kind| kind.to_be_bytes()).collect();
            let answer = Writer::answer(request, Class::Error).put_error(420, "Unknown Attribute");
            answer.put(attribute::UNKNOWN_ATTRIBUTES, &kinds).finish()
        })
    }

    /// In the order of RFC 8489 s.9.2.4.
    fn authenticate(&self, now_ms: u64, client: &Client, request: &Message<'_>) -> Result<User, Refused> {
        let unauthorized = Refused(401, "Unauthorized");
        if !request.has_integrity() {
            return Err(unauthorized);
        }
        let (Some(name), Some(realm), Some(nonce)) = (request.username, request.realm, request.nonce) else {
            return Err(BAD_REQUEST);
        };
        if !self.is_nonce_good(now_ms, client, nonce) {
            return Err(Refused(438, "Stale Nonce"));
        }
        if realm != self.realm.as_bytes() {
            return Err(unauthorized);
        }
        let Some(key) = self.secret.key(name, realm, now_ms / 1_000) else { return Err(unauthorized) };
        if !request.is_authentic(&key) {
            return Err(unauthorized);
        }
        Ok(User { name: name.to_vec(), key })
    }

    fn allocate(
        &mut self,
        now_ms: u64,
        client: Client,
        request: &Message<'_>,
        user: User,
    ) -> Result<Option<Vec<u8>>, Refused> {
        if let Some(known) = self.allocations.get(&client) {
            // Said again because the answer was lost, or still being answered.
            return match known.state {
                _ if known.transaction != request.transaction => Err(MISMATCH),
                State::Opening => Ok(None),
                State::Open(relayed) => Ok(Some(allocated(&client, known, relayed))),
            };
        }
        match request.requested_transport {
            None => return Err(BAD_REQUEST),
            Some(UDP) => {}
            Some(_) => return Err(Refused(442, "Unsupported Transport Protocol")),
        }
        if request.reservation_token.is_some() && (request.even_port.is_some() || request.requested_family.is_some()) {
            return Err(BAD_REQUEST);
        }
        let family = request.requested_family.unwrap_or(address::IPV4);
        if !matches!(family, address::IPV4 | address::IPV6) {
            return Err(Refused(440, "Address Family not Supported"));
        }
        self.check_quota(&client, &user)?;
        let reserved = match request.reservation_token {
            None => None,
            Some(token) => {
                let reserved = self.reservations.get(&token);
                let is_theirs = |username: &[u8]| username == user.name;
                if !reserved.is_some_and(|it| now_ms < it.ends_ms && is_theirs(&it.username)) {
                    return Err(FULL);
                }
                self.reservations.remove(&token)
            }
        };
        let relay = reserved.as_ref().map_or_else(|| self.next_relay(), |reserved| reserved.relay);
        let mut allocation = Allocation::new(now_ms, &self.policy, relay, user.name, user.key, request.transaction);
        allocation.family = family;
        allocation.lifetime_s = lifetime_s(request);
        allocation.ends_ms = now_ms.saturating_add(u64::from(allocation.lifetime_s) * 1_000);
        *self.by_user.entry(allocation.username.clone()).or_default() += 1;
        *self.by_address.entry(client.address.ip()).or_default() += 1;
        self.relays.insert(relay, client);
        let answer = match reserved {
            Some(reserved) => {
                allocation.state = State::Open(reserved.address);
                allocation.family = address::family(&reserved.address);
                self.addresses.insert(reserved.address, relay);
                Some(allocated(&client, &allocation, reserved.address))
            }
            None => {
                self.effects.push(Effect::Open {
                    relay,
                    is_ipv6: family == address::IPV6,
                    is_even: request.even_port.is_some(),
                    next: request.even_port.filter(|reserves| *reserves).map(|_| RelayId(relay.0 + 1)),
                });
                None
            }
        };
        self.allocations.insert(client, allocation);
        Ok(answer)
    }

    fn check_quota(&self, client: &Client, user: &User) -> Result<(), Refused> {
        let reached = Refused(486, "Allocation Quota Reached");
        if self.by_user.get(&user.name).is_some_and(|count| *count >= self.policy.allocations_per_user_max) {
            return Err(reached);
        }
        let address = client.address.ip();
        if self.by_address.get(&address).is_some_and(|count| *count >= self.policy.allocations_per_address_max) {
            return Err(reached);
        }
        // Reserved ports are sockets too.
        if self.allocations.len() + self.reservations.len() >= self.policy.allocations_max {
            return Err(FULL);
        }
        Ok(())
    }

    /// The client's allocation, if it is this user's.
    fn own<'a>(&'a mut self, now_ms: u64, client: &Client, user: &User) -> Result<&'a mut Allocation, Refused> {
        let allocation = self.allocations.get_mut(client).filter(|allocation| allocation.state != State::Opening);
        let allocation = allocation.filter(|allocation| now_ms < allocation.ends_ms).ok_or(MISMATCH)?;
        if allocation.username != user.name {
            return Err(Refused(441, "Wrong Credentials"));
        }
        Ok(allocation)
    }

    fn refresh(
        &mut self,
        now_ms: u64,
        client: &Client,
        request: &Message<'_>,
        user: &User,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let answer = Writer::answer(request, Class::Success);
        let allocation = self.own(now_ms, client, user)?;
        if request.requested_family.is_some_and(|family| family != allocation.family) {
            return Err(WRONG_FAMILY);
        }
        if request.lifetime_s == Some(0) {
            self.remove(client);
            return Ok(Some(answer.put_u32(attribute::LIFETIME, 0).finish_with(&user.key)));
        }
        allocation.lifetime_s = lifetime_s(request);
        allocation.ends_ms = now_ms.saturating_add(u64::from(allocation.lifetime_s) * 1_000);
        Ok(Some(answer.put_u32(attribute::LIFETIME, allocation.lifetime_s).finish_with(&user.key)))
    }

    fn create_permission(
        &mut self,
        now_ms: u64,
        client: &Client,
        request: &Message<'_>,
        user: &User,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let ips: Vec<IpAddr> = request.peers().map(|peer| peer.ip()).collect();
        let family = self.own(now_ms, client, user)?.family;
        if ips.is_empty() {
            return Err(BAD_REQUEST);
        }
        for peer in request.peers() {
            self.check_peer(family, &peer)?;
        }
        let policy = self.policy.clone();
        self.own(now_ms, client, user)?.permit(now_ms, &ips, &policy).map_err(|_| FULL)?;
        Ok(Some(Writer::answer(request, Class::Success).finish_with(&user.key)))
    }

    fn bind_channel(
        &mut self,
        now_ms: u64,
        client: &Client,
        request: &Message<'_>,
        user: &User,
    ) -> Result<Option<Vec<u8>>, Refused> {
        let family = self.own(now_ms, client, user)?.family;
        let number = request.channel.filter(|number| CHANNELS.contains(number));
        let (Some(number), Some(peer)) = (number, request.peers().next()) else {
            return Err(BAD_REQUEST);
        };
        self.check_peer(family, &peer)?;
        let policy = self.policy.clone();
        match self.own(now_ms, client, user)?.bind(now_ms, number, peer, &policy) {
            Ok(()) => Ok(Some(Writer::answer(request, Class::Success).finish_with(&user.key))),
            Err(BindError::Taken) => Err(BAD_REQUEST),
            Err(BindError::Full) => Err(FULL),
        }
    }

    fn check_peer(&self, family: u8, peer: &SocketAddr) -> Result<(), Refused> {
        if address::family(peer) != family {
            return Err(WRONG_FAMILY);
        }
        if self.may_permit(&peer.ip()) { Ok(()) } else { Err(FORBIDDEN) }
    }
}

/// What was asked for, within what is given.
fn lifetime_s(request: &Message<'_>) -> u32 {
    request.lifetime_s.unwrap_or(LIFETIME_S).clamp(LIFETIME_S, LIFETIME_S_MAX)
}
