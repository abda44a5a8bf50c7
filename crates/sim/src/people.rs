//! What users do: meet, make groups, write.

use crate::disk::Disk;
use crate::phone::{Phone, Timeline};
use crate::server::Server;
use crate::world::{START_MS, World};
use bytes::Bytes;
use protocol::content::{Content, Kind};
use protocol::event::{Answer, ConversationId, ConversationState, Intent, Outcome};
use protocol::identity::{Address, NodeUrl, RecoveryPhrase};
use protocol::storage::MemoryStorage;
use protocol::{Context, Device};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use wire::id::MsgId;

/// The node of the simplest worlds.
pub const NODE: &str = "https://node.example";

/// A new client with a disk of its own.
pub fn new_phone(at: usize, url: &str) -> Phone {
    let mut entropy = [at as u8; 32];
    entropy[0] = 77;
    entropy[1] ^= (at >> 8) as u8;
    let mut rng = ChaCha20Rng::from_seed(entropy);
    let storage = MemoryStorage::default();
    let phrase = RecoveryPhrase::from_entropy(&entropy);
    let url = NodeUrl::parse(url).expect("a URL of a node");
    let context = Context { now_ms: START_MS, rng: &mut rng, storage: &storage };
    let device = Device::create(context, &phrase, url.clone(), format!("Phone {at}")).expect("a new device");
    let account = device.account_id();
    Phone {
        device: None,
        storage,
        rng,
        life: 0,
        links: BTreeMap::new(),
        timeline: Timeline { home: Some(url), ..Timeline::default() },
        clock_off_ms: 0,
        timer: 0,
        next_intent: 0,
        account,
        is_cut_off: false,
        bug: None,
    }
}

impl World {
    /// A calm world of so many people at one node, all of them on.
    pub fn of_people(seed: u64, count: usize) -> Self {
        let server = Server::new(NODE, [42; 32], Disk::default());
        let phones = (0..count).map(|at| new_phone(at, NODE)).collect();
        let mut world = Self::new(seed, vec![server], phones);
        for at in 0..count {
            world.start(at);
        }
        world.run_for(2_000);
        world
    }

    /// An outcome that must be good.
    pub fn done(&mut self, phone: usize, intent: Intent) -> Option<Outcome> {
        let id = self.intend(phone, intent);
        match self.outcome(phone, id) {
            Some(Ok(outcome)) => Some(outcome),
            Some(Err(error)) => {
                self.book.wrong(format!("phone {phone}: intent {id} failed: {error}"));
                None
            }
            None => {
                self.book.wrong(format!("phone {phone}: intent {id} has no outcome"));
                None
            }
        }
    }

    /// One invites, the other follows the link.
    pub fn meet_by_link(&mut self, inviter: usize, other: usize) -> Option<ConversationId> {
        let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 29 * 86_400 };
        let Some(Outcome::Link(link)) = self.done(inviter, invite) else { return None };
        match self.done(other, Intent::Accept { link, note: "hello".into() }) {
            Some(Outcome::Conversation(id)) => Some(id),
            _ => None,
        }
    }

    /// One writes to the other's address; the other accepts the request.
    pub fn meet_by_address(&mut self, asker: usize, other: usize) -> Option<ConversationId> {
        let address = self.address_of(other);
        let Some(Outcome::Conversation(id)) = self.done(asker, Intent::Add { address, note: "hi".into() }) else {
            return None;
        };
        self.run_for(5_000);
        self.accept_requests(other);
        Some(id)
    }

    /// Where to reach a phone's owner.
    pub fn address_of(&self, at: usize) -> String {
        let node_url = self.phones[at].timeline.home.clone().expect("a phone knows its node");
        Address { account_id: self.phones[at].account, node_url }.to_string()
    }

    /// Accepts everything that waits.
    pub fn accept_requests(&mut self, at: usize) {
        let waiting: Vec<_> = self.phones[at].timeline.requests.keys().copied().collect();
        for request in waiting {
            self.intend(at, Intent::Answer { request, answer: Answer::Accept });
        }
    }

    /// Sends a text.
    pub fn write(&mut self, author: usize, conversation: ConversationId, text: &str) -> MsgId {
        let msg_id = MsgId(self.dice.bytes());
        let kind = Kind::Text { text: text.to_owned(), reply_to: None, is_forwarded: false };
        let sent_ms = self.phones[author].clock_ms(self.now_ms);
        let message = Content { sent_ms, timer_s: 0, kind }.encode().expect("a short text");
        self.book.sends(author, conversation, msg_id);
        let message = Bytes::from(message);
        let intent = self.intend(author, Intent::Send { conversation, msg_id, message, is_shown: true });
        if !matches!(self.phones[author].timeline.outcomes.get(&intent), Some(Ok(_))) {
            self.book.never_sent(&msg_id);
        }
        msg_id
    }

    /// A group of the first and its contacts.
    pub fn make_group(&mut self, admin: usize, others: &[usize]) -> Option<ConversationId> {
        let title = "Group".to_owned();
        let Some(Outcome::Conversation(id)) = self.done(admin, Intent::NewGroup { title }) else { return None };
        let accounts = others.iter().map(|at| self.phones[*at].account).collect();
        self.done(admin, Intent::AddMembers { conversation: id, accounts })?;
        Some(id)
    }

    /// Whether a phone holds a conversation as active.
    pub fn is_active(&self, at: usize, id: ConversationId) -> bool {
        let conversation = self.phones[at].timeline.conversations.get(&id);
        conversation.is_some_and(|conversation| conversation.state == ConversationState::Active)
    }

    /// Heals everything and lets the world come to rest; whatever is not as it must be then is a wrong.
    pub fn settle(&mut self) {
        self.weather = crate::world::Weather { latency_ms: 40, ..Default::default() };
        self.kept_in_the_dark.clear();
        for at in 0..self.phones.len() {
            self.cut_off(at, false);
            self.start(at);
        }
        let mut late = Vec::new();
        for _ in 0..if self.book.wrongs.is_empty() { 40 } else { 0 } {
            self.run_for(15_000);
            for at in 0..self.phones.len() {
                self.accept_requests(at);
            }
            late = self.book.judge_quiet(&self.phones);
            if late.is_empty() {
                break;
            }
        }
        late.into_iter().for_each(|late| self.book.wrong(late));
        let disks: Vec<_> = self.servers.iter().flat_map(|server| &server.sides).map(|side| &side.disk).collect();
        self.book.judge_end(&self.phones, disks.into_iter());
    }

    /// Fails with everything that went wrong, and the log.
    ///
    /// # Panics
    /// If anything went wrong.
    pub fn expect_well(&mut self) {
        if !self.book.wrongs.is_empty() {
            let log = self.log.take().unwrap_or_default().join("\n");
            panic!("{log}\n{}", self.book.wrongs.join("\n"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::id::Hash;
    use wire::lane::CellKind;

    fn world(count: usize) -> World {
        let mut world = World::of_people(1, count);
        world.log = Some(Vec::new());
        world
    }

    #[test]
    fn two_people_meet_by_link_and_chat() {
        let mut world = world(2);
        let id = world.meet_by_link(0, 1);
        world.run_for(10_000);
        world.expect_well();
        let id = id.unwrap();
        world.write(1, id, "hello");
        world.write(0, id, "hello yourself");
        world.write(1, id, "how are you");
        world.settle();
        world.expect_well();
        assert_eq!(world.book.counts.shown, 3);
    }

    /// LANE.md s.2: in a conversation of two, keys change for the price of four KiB.
    #[test]
    fn a_two_member_update_fits_4_kib() {
        let mut world = world(2);
        let id = world.meet_by_link(0, 1).unwrap();
        world.run_for(3_000);
        for nth in 0..4 {
            // A change of turns after ten minutes updates.
            world.write(nth % 2, id, "your turn");
            world.run_for(11 * 60_000);
        }
        world.settle();
        world.expect_well();
        let lane = world.phones[0].device.as_ref().unwrap().inspect(id).unwrap().lane_id;
        let lanes = world.servers[0].sides[0].disk.lanes.borrow();
        let cells = lanes[&lane].cells.values().map(|(cell, ..)| cell);
        let updates: Vec<_> = cells.filter(|cell| cell.kind == CellKind::Handshake).collect();
        assert!(updates.len() >= 3, "{updates:?}");
        for update in updates {
            assert_eq!((update.body.len(), update.attach), (4_096, Hash::ZERO));
        }
    }

    #[test]
    fn two_people_meet_by_address_and_chat() {
        let mut world = world(2);
        let id = world.meet_by_address(0, 1);
        world.run_for(10_000);
        world.expect_well();
        let id = id.unwrap();
        world.write(0, id, "hello");
        world.write(1, id, "hello yourself");
        world.settle();
        world.expect_well();
        assert_eq!(world.book.counts.shown, 2);
    }

    #[test]
    fn group_is_made_renamed_and_left() {
        let mut world = world(3);
        world.meet_by_link(0, 1).unwrap();
        world.meet_by_link(2, 0).unwrap();
        world.run_for(10_000);
        let group = world.make_group(0, &[1, 2]).unwrap();
        world.settle();
        world.expect_well();
        world.write(1, group, "one");
        world.write(2, group, "two");
        world.done(0, Intent::Rename { conversation: group, title: "Another".into() });
        world.write(1, group, "three");
        world.settle();
        world.expect_well();
        assert_eq!(world.book.counts.shown, 6);
        assert_eq!(world.phones[2].timeline.conversations[&group].title, "Another");
        let accounts = vec![world.phones[2].account];
        world.done(0, Intent::RemoveMembers { conversation: group, accounts });
        world.write(1, group, "without two");
        world.settle();
        world.done(1, Intent::Leave { conversation: group });
        world.settle();
        world.expect_well();
        assert_eq!(world.book.counts.shown, 7);
    }

    #[test]
    fn group_link_lets_people_in() {
        let mut world = world(3);
        let Some(Outcome::Conversation(group)) = world.done(0, Intent::NewGroup { title: "Open".into() }) else {
            panic!("{:?}", world.book.wrongs)
        };
        let invite = Intent::Invite { group: Some(group), needs_approval: false, valid_s: 86_400 };
        let Some(Outcome::Link(link)) = world.done(0, invite) else { panic!("{:?}", world.book.wrongs) };
        for at in [1, 2] {
            world.done(at, Intent::Accept { link: link.clone(), note: String::new() });
        }
        world.settle();
        world.expect_well();
        world.write(2, group, "all in");
        world.settle();
        world.expect_well();
        assert_eq!(world.book.counts.shown, 2);
    }
}
