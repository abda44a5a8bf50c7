//! What must hold of a file between its sealing and its opening, and the bytes of version 1.

use super::*;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::HEXLOWER;
use proptest::prelude::*;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::id::FileId;

const CHUNK: u64 = CHUNK_BYTES as u64;

fn key() -> FileKey {
    FileKey::new([7; 32])
}

fn noise(bytes: u64, seed: u64) -> Vec<u8> {
    let mut text = vec![0; bytes as usize];
    ChaCha20Rng::seed_from_u64(seed).fill_bytes(&mut text);
    text
}

/// A group's buffer with the file's bytes at its beginning and old bytes behind them.
fn buffer(shape: &Shape, text: &[u8], group: u64) -> Vec<u8> {
    let mut bytes = vec![0xee; shape.group_bytes(group)];
    let start = shape.chunk_start(group) as usize;
    let own = &text[start..start + shape.chunk_bytes(group)];
    bytes[..own.len()].copy_from_slice(own);
    bytes
}

struct Sealed {
    reference: Reference,
    groups: Vec<Vec<u8>>,
    leaves: Leaves,
}

fn reference(key: &FileKey, size: u64, root: Root) -> Reference {
    Reference {
        file_id: FileId([1; 32]),
        node_url: None,
        key: key.clone(),
        commit: key.commit(),
        root,
        size,
        name: String::new(),
        media_type: String::new(),
        look: Look::default(),
    }
}

fn seal(key: &FileKey, text: &[u8]) -> Sealed {
    let shape = Shape::of(text.len() as u64).unwrap();
    let sealer = Sealer::new(key, shape);
    let mut leaves = Leaves::default();
    let groups: Vec<Vec<u8>> = (0..shape.groups())
        .map(|group| {
            let mut bytes = buffer(&shape, text, group);
            leaves.push(sealer.seal(group, &mut bytes).unwrap());
            bytes
        })
        .collect();
    let root = Root(blake3::hash(&groups.concat()).into());
    Sealed { reference: reference(key, text.len() as u64, root), groups, leaves }
}

fn open(sealed: &Sealed) -> Result<Vec<u8>, OpenError> {
    let opener = Opener::new(&sealed.reference, sealed.leaves.clone())?;
    let mut text = Vec::new();
    for (group, bytes) in sealed.groups.iter().enumerate() {
        text.extend_from_slice(opener.open(group as u64, &mut bytes.clone())?);
    }
    Ok(text)
}

#[test]
fn published_vector_of_xchacha20_poly1305_comes_out_of_the_library() {
    // draft-irtf-cfrg-xchacha-03, A.3.1.
    let hex = |text: &str| HEXLOWER.decode(text.as_bytes()).unwrap();
    let key: [u8; 32] = std::array::from_fn(|at| 0x80 + at as u8);
    let nonce: [u8; 24] = std::array::from_fn(|at| 0x40 + at as u8);
    let msg = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.";
    let aad = hex("50515253c0c1c2c3c4c5c6c7");
    let sealed = XChaCha20Poly1305::new(&key.into()).encrypt(&XNonce::from(nonce), Payload { msg, aad: &aad }).unwrap();
    assert_eq!(
        HEXLOWER.encode(&sealed),
        "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216\
         cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13\
         b52ec0875924c1c7987947deafd8780acf49"
    );
}

#[test]
fn group_is_the_stream_construction_over_the_library() {
    let text = noise(CHUNK + 100, 1);
    let sealed = seal(&key(), &text);
    let expand = |label: &[u8], bytes: &mut [u8]| {
        // HKDF-Expand by hand: T(1) = HMAC(PRK, label ‖ 1), of which the beginning is taken.
        use sha2::{Digest, Sha512};
        let mut pads = [[0x36u8; 128], [0x5c; 128]];
        pads.iter_mut().for_each(|pad| pad.iter_mut().take(32).for_each(|byte| *byte ^= 7));
        let inner = Sha512::new().chain_update(pads[0]).chain_update(label).chain_update([1]).finalize();
        let outer = Sha512::new().chain_update(pads[1]).chain_update(inner).finalize();
        bytes.copy_from_slice(&outer[..bytes.len()]);
    };
    let (mut aead_key, mut prefix, mut commit) = ([0; 32], [0; 19], [0; 32]);
    expand(b"sottovoce file key 1", &mut aead_key);
    expand(b"sottovoce file nonce 1", &mut prefix);
    expand(b"sottovoce file commit 1", &mut commit);
    assert_eq!(commit, key().commit().0);
    let aead = XChaCha20Poly1305::new(&aead_key.into());
    let mut second = text[CHUNK_BYTES..].to_vec();
    second.resize(sealed.groups[1].len() - TAG_BYTES, 0);
    for (group, chunk) in [(0u8, &text[..CHUNK_BYTES]), (1, &second)] {
        let nonce = [&prefix[..], &[0, 0, 0, group, group]].concat();
        let expected = aead.encrypt(&XNonce::try_from(nonce.as_slice()).unwrap(), chunk).unwrap();
        assert!(expected == sealed.groups[usize::from(group)], "group {group}");
    }
}

#[test]
fn sealed_files_have_their_golden_roots() {
    let input = |bytes: u64| -> Vec<u8> { (0..bytes).map(|at| (at % 251) as u8).collect() };
    let roots: Vec<String> = [0, 1, 1_008, CHUNK - 1, CHUNK, CHUNK + 1, 1_000_000]
        .into_iter()
        .map(|bytes| HEXLOWER.encode(&seal(&key(), &input(bytes)).reference.root.0))
        .collect();
    // The first two are one: a byte that is zero looks like padding, and the message tells which it is.
    let golden = [
        "dc6a89d1297789316d9c1a395448a6b9387aa9d7b15d62b9beeaefa5bbb9ec2a",
        "dc6a89d1297789316d9c1a395448a6b9387aa9d7b15d62b9beeaefa5bbb9ec2a",
        "df501b7ded4cf46f4d319cd4e8005fe7b424db65d37896f967de1dccb98b2801",
        "600f6d68b3f2da300c58cd02e768743a9f2b781823b255d53e21697579d931f6",
        "1c84933fa2330c915bf37ba5319455082db5e9fb7da12afd50442381260ee96f",
        "8e9e946f1ca7edb183053abece8fb09caae1544b4ad5df5be1588b83561cc0a6",
        "d644c756dcfce4ff057e89e1028595eeea7d1b2bd10f762f6f931bef78c097ea",
    ];
    assert_eq!(roots, golden);
    assert_eq!(HEXLOWER.encode(&key().commit().0), "76a2eff7756db7cf9e0678bb61a2e6b6dc4459dd028cba6a55759d77f4a33934");
}

#[test]
fn growing_file_is_sealed_as_one_of_known_size() {
    for size in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 5 * CHUNK + 5] {
        let text = noise(size, 2);
        let known = seal(&key(), &text);
        let mut growing = GrowingSealer::new(&key());
        let mut groups = Vec::new();
        // One chunk is held back: all whole ones but the last.
        for chunk in text.chunks(CHUNK_BYTES).take((size.div_ceil(CHUNK).max(1) - 1) as usize) {
            let mut bytes = chunk.to_vec();
            bytes.resize(GROUP_BYTES, 0xee);
            growing.seal_next(&mut bytes).unwrap();
            groups.push(bytes);
        }
        let (sealer, mut leaves) = growing.finish(size).unwrap();
        for group in leaves.len()..sealer.shape().groups() {
            let mut bytes = buffer(sealer.shape(), &text, group);
            leaves.push(sealer.seal(group, &mut bytes).unwrap());
            groups.push(bytes);
        }
        assert!(groups == known.groups && leaves == known.leaves, "{size}");
    }
    // The last one is sealed as one in between: refused, for its nonce would protect two texts.
    let mut growing = GrowingSealer::new(&key());
    growing.seal_next(&mut vec![0; GROUP_BYTES]).unwrap();
    assert_eq!(growing.finish(CHUNK).unwrap_err(), SealError::WrongGroup { group: 1 });
}

#[test]
fn changed_file_is_not_sealed_under_the_same_nonce() {
    let text = noise(3 * CHUNK, 3);
    let sealed = seal(&key(), &text);
    let sealer = Sealer::new(&key(), Shape::of(text.len() as u64).unwrap());
    let mut bytes = buffer(sealer.shape(), &text, 1);
    assert_eq!(sealer.seal_again(1, &mut bytes, &sealed.leaves.get(1).unwrap()), Ok(()));
    assert!(bytes == sealed.groups[1]);
    let mut bytes = buffer(sealer.shape(), &text, 1);
    bytes[5] ^= 1;
    assert_eq!(sealer.seal_again(1, &mut bytes, &sealed.leaves.get(1).unwrap()), Err(SealError::Changed));
    assert!(bytes.iter().all(|byte| *byte == 0), "no second ciphertext is left");
    assert_eq!(sealer.seal(9, &mut bytes).unwrap_err(), SealError::WrongGroup { group: 9 });
    assert_eq!(sealer.seal(0, &mut bytes[1..]).unwrap_err(), SealError::WrongGroup { group: 0 });
}

#[test]
fn one_blob_does_not_open_as_two_files() {
    let sealed = seal(&key(), &noise(100, 4));
    let other = FileKey::new([8; 32]);
    // Another key with its own commitment: the tag fails; with the first one's commitment: nothing is opened at all.
    let forged = Reference { key: other.clone(), commit: other.commit(), ..sealed.reference.clone() };
    let opener = Opener::of_one_group(&forged).unwrap();
    assert_eq!(opener.open(0, &mut sealed.groups[0].clone()), Err(OpenError::Dishonest { group: 0 }));
    let swapped = Reference { key: other, ..sealed.reference.clone() };
    assert_eq!(Opener::of_one_group(&swapped).unwrap_err(), OpenError::WrongKey);
}

#[test]
fn what_is_written_in_the_padding_is_refused() {
    // Sealed as a file of 500 bytes, announced as one of 499: the byte behind it is not zero.
    let sealed = seal(&key(), &[9; 500]);
    let shorter = Reference { size: 499, ..sealed.reference.clone() };
    let opener = Opener::of_one_group(&shorter).unwrap();
    assert_eq!(opener.open(0, &mut sealed.groups[0].clone()), Err(OpenError::Dishonest { group: 0 }));
}

#[test]
fn lies_about_size_leaves_and_root_are_refused() {
    let sealed = seal(&key(), &noise(3 * CHUNK, 5));
    let new = |reference: &Reference, leaves: &Leaves| Opener::new(reference, leaves.clone()).map(|_| ());
    assert_eq!(new(&sealed.reference, &sealed.leaves), Ok(()));
    for size in [0, CHUNK, 9 * CHUNK] {
        let lie = Reference { size, ..sealed.reference.clone() };
        assert_eq!(new(&lie, &sealed.leaves), Err(OpenError::WrongLeaves), "{size}");
    }
    let lie = Reference { size: FILE_BYTES_MAX + 1, ..sealed.reference.clone() };
    assert_eq!(new(&lie, &sealed.leaves), Err(OpenError::TooLarge(TooLarge)));
    let lie = Reference { root: Root([0; 32]), ..sealed.reference.clone() };
    assert_eq!(new(&lie, &sealed.leaves), Err(OpenError::WrongLeaves));
    let bytes = sealed.leaves.as_bytes();
    let (longer, turned) = ([bytes, &[0; 32]].concat(), [&bytes[32..], &bytes[..32]].concat());
    for leaves in [&bytes[..32], &[], &longer, &turned] {
        assert_eq!(new(&sealed.reference, &Leaves::parse(leaves).unwrap()), Err(OpenError::WrongLeaves));
    }
    assert_eq!(Opener::of_one_group(&sealed.reference).unwrap_err(), OpenError::WrongLeaves);
}

#[test]
fn plaintext_of_an_earlier_run_is_told_from_another() {
    let text = noise(CHUNK + 10, 6);
    let sealed = seal(&key(), &text);
    let opener = Opener::new(&sealed.reference, sealed.leaves.clone()).unwrap();
    for group in 0..2 {
        assert!(opener.is_plaintext(group, &mut buffer(opener.shape(), &text, group)));
        let mut other = buffer(opener.shape(), &text, group);
        other[3] ^= 1;
        assert!(!opener.is_plaintext(group, &mut other));
        assert!(other.iter().all(|byte| *byte == 0));
    }
    assert!(!opener.is_plaintext(2, &mut []));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn file_comes_back_as_it_was(size in prop_oneof![0..3_000u64, (0..4u64, 0..3u64).prop_map(|(n, d)| (n * CHUNK + d).saturating_sub(1))]) {
        let text = noise(size, size);
        let sealed = seal(&key(), &text);
        prop_assert_eq!(sealed.leaves.root(), Some(sealed.reference.root));
        prop_assert!(open(&sealed) == Ok(text));
    }

    #[test]
    fn altered_cut_swapped_and_foreign_groups_are_refused_by_place(
        size in 2 * CHUNK..4 * CHUNK,
        at in any::<prop::sample::Index>(),
        bit in 0..8u8,
        cut in any::<prop::sample::Index>(),
    ) {
        let sealed = seal(&key(), &noise(size, 1));
        let opener = Opener::new(&sealed.reference, sealed.leaves.clone()).unwrap();
        let group = at.index(sealed.groups.len());
        let number = group as u64;
        let mut altered = sealed.groups[group].clone();
        let byte = cut.index(altered.len());
        altered[byte] ^= 1 << bit;
        prop_assert_eq!(opener.open(number, &mut altered), Err(OpenError::Damaged { group: number }));
        let mut cut = sealed.groups[group][..byte].to_vec();
        prop_assert_eq!(opener.open(number, &mut cut), Err(OpenError::WrongLength { group: number }));
        let other = (group + 1) % sealed.groups.len();
        let mut swapped = sealed.groups[other].clone();
        prop_assert!(opener.open(number, &mut swapped).is_err());
        let foreign = seal(&FileKey::new([9; 32]), &noise(size, 1));
        let mut bytes = foreign.groups[group].clone();
        prop_assert_eq!(opener.open(number, &mut bytes), Err(OpenError::Damaged { group: number }));
    }
}
