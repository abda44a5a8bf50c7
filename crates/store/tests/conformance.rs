//! Every engine passes the same suite, alone and inside faults.

use store::{Disk, DiskOptions, Faulty, Memory, conformance};
use tempfile::TempDir;

/// A store whose folder lives as long as it does.
struct Temporary {
    disk: Option<Disk>,
    folder: TempDir,
}

/// Small enough that every test crosses many flushes and segments.
fn tiny() -> DiskOptions {
    DiskOptions {
        segment_bytes: 96 << 10,
        flush_bytes: 40 << 10,
        lanes_in_memory: 9,
        known_cells: 300,
        ..DiskOptions::default()
    }
}

fn disk(options: DiskOptions) -> Temporary {
    // In memory where there is such a folder: what is tested here is not the medium.
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a temporary folder");
    Temporary { disk: Some(Disk::open(folder.path(), options).expect("opens")), folder }
}

impl Temporary {
    fn reopen(&mut self, options: DiskOptions) {
        self.disk = None;
        self.disk = Some(Disk::open(self.folder.path(), options).expect("opens"));
    }
}

#[path = "forward/mod.rs"]
mod forward;

#[test]
fn memory_conforms() {
    conformance::all(Memory::new);
}

#[test]
fn disk_conforms() {
    conformance::all(|| disk(DiskOptions::default()));
}

#[test]
fn disk_conforms_with_many_flushes() {
    conformance::all(|| disk(tiny()));
}

#[test]
fn disk_conforms_inside_a_wrapper_that_does_not_fail() {
    conformance::all(|| Faulty::seeded(disk(tiny()), 0, 0));
}

#[test]
fn reopened_disk_agrees_with_memory() {
    // STORE_TEST_SEEDS=2000 for a soak.
    let seeds = std::env::var("STORE_TEST_SEEDS").map_or(40, |seeds| seeds.parse().expect("a number"));
    for seed in 0..seeds {
        conformance::agrees_with_memory(seed, 120, disk(tiny()), |mut store| {
            store.reopen(tiny());
            store
        });
    }
}

#[test]
fn memory_survives_faults() {
    for seed in 0..20 {
        conformance::survives_faults(&Faulty::seeded(Memory::new(), seed, 200), seed, 200);
    }
}

#[test]
fn disk_survives_faults() {
    for seed in 0..2 {
        conformance::survives_faults(&Faulty::seeded(disk(tiny()), seed, 200), seed, 60);
    }
}
