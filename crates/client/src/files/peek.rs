//! Opens a whole sealed copy in memory, for a picture that is shown and not saved.

use crate::files::download::opener_of_copy;
use crate::files::folder::Folder;
use protocol::file::{GROUP_BYTES, Reference};
use std::fs::File;
use std::io::{Read, Seek};

/// The bytes of a file whose sealed copy is in the profile; `None` where it is not, is damaged, or is longer than this.
pub fn read_copy(reference: &Reference, folder: &Folder, bytes_max: usize) -> Option<Vec<u8>> {
    let size = usize::try_from(reference.size).ok().filter(|size| *size <= bytes_max)?;
    let mut copy = File::open(folder.copy(&reference.file_id)).ok()?;
    let opener = opener_of_copy(reference, &mut copy)?;
    copy.rewind().ok()?;
    let shape = *opener.shape();
    let (mut bytes, mut buffer) = (Vec::with_capacity(size), vec![0; GROUP_BYTES]);
    for group in 0..shape.filled_groups() {
        let sealed = buffer.get_mut(..shape.group_bytes(group))?;
        copy.read_exact(sealed).ok()?;
        bytes.extend_from_slice(opener.open(group, sealed).ok()?);
    }
    Some(bytes)
}
