//! Files from a node or a peer: leaves, groups, and names of members.

use crate::Seed;
use protocol::file::{FileKey, GROUP_BYTES, Leaves, Look, Opener, Reference, Root, Sealer, Shape, show_name};
use wire::id::FileId;

const SIZE: u64 = 300;

fn key() -> FileKey {
    FileKey::new([1; 32])
}

fn reference(size: u64, root: Root) -> Reference {
    Reference {
        file_id: FileId([2; 32]),
        node_url: None,
        key: key(),
        commit: key().commit(),
        root,
        size,
        name: String::new(),
        media_type: String::new(),
        look: Look::default(),
    }
}

fn sealed(size: u64) -> (Vec<u8>, Leaves) {
    let sealer = Sealer::new(&key(), Shape::of(size).expect("small"));
    let mut leaves = Leaves::default();
    let groups = (0..sealer.shape().groups()).flat_map(|group| {
        let mut bytes = vec![3; sealer.shape().group_bytes(group)];
        leaves.push(sealer.seal(group, &mut bytes).expect("as long as the group"));
        bytes
    });
    let groups = groups.collect();
    (groups, leaves)
}

/// A blob of one group as a node or a peer gives it: only the sealed one opens.
pub fn file_group(bytes: &[u8]) -> bool {
    let (good, leaves) = sealed(SIZE);
    let opener = Opener::of_one_group(&reference(SIZE, leaves.root().expect("a leaf"))).expect("the root is right");
    let mut given = bytes.to_vec();
    let is_open = opener.open(0, &mut given).is_ok();
    assert!(is_open == (bytes == good), "a group opens that was not sealed");
    is_open
}

/// The leaves of a file of many groups: only those of the root are taken.
pub fn file_leaves(bytes: &[u8]) -> bool {
    let Ok(leaves) = Leaves::parse(bytes) else { return false };
    let Some(root) = leaves.root() else { return false };
    let size = leaves.len() * GROUP_BYTES as u64 / 2;
    // Whatever size is claimed: as many leaves as groups, or none is taken.
    let shape = Shape::of(size).expect("a fuzzer's input is short");
    assert!(Opener::new(&reference(size, root), leaves.clone()).is_ok() == (leaves.len() == shape.groups()));
    assert!(Opener::new(&reference(size, Root([9; 32])), leaves).is_err());
    true
}

/// A name: what is shown is one harmless part of a path, and stays as it is.
pub fn file_name(bytes: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(bytes) else { return false };
    let shown = show_name(name);
    assert!(!shown.text.is_empty() && shown.text.len() <= 255);
    assert!(!shown.text.contains(['/', '\\', ':']) && !shown.text.chars().any(char::is_control));
    assert!(!shown.text.starts_with('.') && show_name(&shown.text) == shown);
    true
}

/// The sealed group.
pub fn file_group_seeds() -> Vec<Seed> {
    vec![Seed::new("sealed", sealed(SIZE).0)]
}

/// Leaves of one group and of several.
pub fn file_leaves_seeds() -> Vec<Seed> {
    let of = |groups: u64| sealed((groups - 1) * GROUP_BYTES as u64).1.as_bytes().to_vec();
    vec![Seed::new("one", of(1)), Seed::new("seven", of(7))]
}

/// Names that mean harm.
pub fn file_name_seeds() -> Vec<Seed> {
    vec![
        Seed::new("plain", "photo.jpg"),
        Seed::new("path", "../../etc/passwd"),
        Seed::new("turned", "holiday\u{202e}gpj.exe"),
        Seed::new("padded", "invoice.pdf          .scr"),
        Seed::new("device", "NUL.txt"),
    ]
}
