//! A file on the way: sizes, keys, sealing, checking, names (docs/spec/FILES.md).
//!
//! Pure and without allocation per group: a caller brings buffers of [`GROUP_BYTES`] and moves them wherever it
//! likes. The same code seals and opens natively, in a browser and between two devices.
//!
//! | module | holds |
//! |---|---|
//! | `shape` | sizes: what a node sees of a file |
//! | `key` | the key and what follows from it |
//! | `tree` | leaves and root: BLAKE3 over the ciphertext |
//! | `seal` | plaintext to ciphertext, with the leaf of each group |
//! | `open` | ciphertext from anywhere to verified plaintext |
//! | `reference` | what a message says of a file |
//! | `name` | file names as a user may see them |

mod key;
mod name;
mod open;
mod reference;
mod seal;
mod shape;
#[cfg(test)]
mod tests;
mod tree;

pub use key::{Commit, FileKey};
pub use name::{ShownName, show_name};
pub use open::{OpenError, Opener};
pub use reference::{Look, Reference};
pub use seal::{GrowingSealer, SealError, Sealer};
pub use shape::{CHUNK_BYTES, FILE_BYTES_MAX, GROUP_BYTES, Shape, TAG_BYTES, TooLarge};
pub use tree::{LEAF_BYTES, Leaf, Leaves, Root};
