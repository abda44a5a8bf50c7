//! Where every run begins: people with filled doors, made once and copied for each seed.

use crate::disk::Disk;
use crate::people::new_phone;
use crate::phone::Phone;
use crate::server::Server;
use crate::world::World;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;
use wire::id::AccountId;

/// The nodes of a world: the even phones' doors are at the first, the odd ones' at the second, if there are two.
pub const NODES: [&str; 2] = ["https://node.example", "https://other.example"];

/// One person before a run.
struct Person {
    storage: protocol::storage::MemoryStorage,
    timeline: crate::phone::Timeline,
    account: AccountId,
}

/// People and nodes as they are before a run.
pub struct Ground {
    people: Vec<Person>,
    disks: Vec<Disk>,
}

fn servers(disks: &[Disk]) -> Vec<Server> {
    let with = disks.iter().zip(NODES).enumerate();
    with.map(|(at, (disk, url))| Server::new(url, [42 + at as u8; 32], disk.clone())).collect()
}

impl Ground {
    /// So many people at so many nodes, each with a full door.
    pub fn new(people: usize, nodes: usize) -> Self {
        let disks = vec![Disk::default(); nodes];
        let phones = (0..people).map(|at| new_phone(at, NODES[at % nodes])).collect();
        let mut world = World::new(0, servers(&disks), phones);
        for at in 0..people {
            world.start(at);
        }
        world.run_for(5_000);
        for at in 0..people {
            world.stop(at);
        }
        let disks = world.servers.into_iter().flat_map(|server| server.sides).map(|side| side.disk).collect();
        let person = |phone: Phone| Person { storage: phone.storage, timeline: phone.timeline, account: phone.account };
        Self { people: world.phones.into_iter().map(person).collect(), disks }
    }

    /// A person's account.
    pub fn account(&self, at: usize) -> AccountId {
        self.people[at].account
    }

    /// A calm world of the first so many people, all of them on.
    pub fn world(&self, seed: u64, people: usize, is_logged: bool) -> World {
        let phones = self.people.iter().take(people).enumerate().map(|(at, person)| {
            let mut entropy = [0; 32];
            entropy[..8].copy_from_slice(&seed.to_be_bytes());
            entropy[8] = at as u8 + 1;
            Phone {
                device: None,
                storage: person.storage.clone(),
                rng: ChaCha20Rng::from_seed(entropy),
                life: 0,
                links: BTreeMap::new(),
                timeline: person.timeline.clone(),
                clock_off_ms: 0,
                timer: 0,
                next_intent: 0,
                account: person.account,
                is_cut_off: false,
                bug: None,
            }
        });
        let mut world = World::new(seed, servers(&self.disks), phones.collect());
        world.now_ms += 60_000;
        world.log = is_logged.then(Vec::new);
        for at in 0..people {
            world.start(at);
        }
        world.run_for(1_000);
        world
    }
}
