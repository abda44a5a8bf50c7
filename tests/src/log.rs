//! What lies in a node's store, by size: its log is read as `store::disk` describes it, without its code.

use std::path::Path;

/// Bytes of a frame's header.
const HEADER: usize = 32;
/// Bytes of a lane's record.
const RECORD: usize = 187;
/// Bytes of a stored cell before its body: checksum and header.
const CELL: usize = 8 + 94;
/// The length that says that a key was removed.
const REMOVED: usize = u32::MAX as usize;

/// Everything of clients' making that a node has written down.
#[derive(Debug, Default)]
pub struct Stored {
    /// The lengths of cells' bodies.
    pub cells: Vec<usize>,
    /// Keys with the lengths of their values.
    pub values: Vec<(Vec<u8>, usize)>,
    /// The lengths of blobs.
    pub blobs: Vec<usize>,
}

/// Reads the store of a node's data folder.
///
/// # Panics
/// Where it is not as described.
pub fn read(data: &Path) -> Stored {
    let mut stored = Stored::default();
    for file in files(&data.join("store/log")) {
        let bytes = std::fs::read(&file).expect("a readable segment");
        let mut rest = bytes.as_slice();
        while rest.starts_with(b"SVF1") {
            let end = HEADER + number(&rest[4..8]);
            operations(&rest[HEADER..end], &mut stored);
            rest = &rest[end..];
        }
        assert!(rest.iter().all(|byte| *byte == 0), "{} ends with what is no frame", file.display());
    }
    for file in files(&data.join("store/blobs")) {
        stored.blobs.push(usize::try_from(std::fs::metadata(&file).expect("a blob").len()).expect("a length"));
    }
    stored
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).expect("a readable folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() { waiting.push(path) } else { files.push(path) }
        }
    }
    files
}

/// Big-endian, of as many bytes as there are.
fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn operations(mut rest: &[u8], stored: &mut Stored) {
    let take = |rest: &mut &[u8], bytes: usize| -> Vec<u8> {
        let (taken, left) = rest.split_at(bytes);
        *rest = left;
        taken.to_vec()
    };
    while !rest.is_empty() {
        match take(&mut rest, 1)[0] {
            1 => {
                take(&mut rest, RECORD + 8);
                for _ in 0..number(&take(&mut rest, 4)) {
                    let body = number(&take(&mut rest, 4));
                    take(&mut rest, CELL + body);
                    stored.cells.push(body);
                }
            }
            2 => {
                take(&mut rest, 32);
            }
            3 => {
                let (key, value) = (number(&take(&mut rest, 2)), number(&take(&mut rest, 4)));
                let key = take(&mut rest, key);
                if value != REMOVED {
                    take(&mut rest, value);
                    stored.values.push((key, value));
                }
            }
            other => panic!("an operation {other} that is not described"),
        }
    }
}
