//! The batch tree is RFC 9162's, and a receipt stands for one leaf at one place of one batch.

use ed25519_dalek::{Signer, SigningKey};
use wire::id::{Hash, LaneId, NodeKey};
use wire::limit::{BATCH_LEAVES_MAX, PATH_HASHES_MAX};
use wire::receipt::{BatchTree, Receipt, ReceiptError, fold_path, leaf, node, signed_bytes};

/// Every size up to this one is compared with the definition.
const SIZES: usize = 300;

fn leaves(size: usize) -> Vec<Hash> {
    (0..size as u64).map(|at| Hash::of(&[&at.to_be_bytes()])).collect()
}

/// The largest power of two below `size`.
fn split(size: usize) -> usize {
    size.next_power_of_two() / 2
}

/// MTH of RFC 9162 s.2.1.1.
fn defined_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [one] => *one,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&defined_root(left), &defined_root(right))
        }
    }
}

/// PATH of RFC 9162 s.2.1.3.1.
fn defined_path(index: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let at = split(leaves.len());
    let (left, right) = leaves.split_at(at);
    let (mut path, sibling) = if index < at {
        (defined_path(index, left), defined_root(right))
    } else {
        (defined_path(index - at, right), defined_root(left))
    };
    path.push(sibling);
    path
}

#[test]
fn roots_are_those_of_the_certificate_transparency_vectors() {
    // The eight inputs and roots that the reference implementations of RFC 6962 and 9162 test with.
    let inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let leaves: Vec<Hash> = inputs
        .iter()
        .map(|input| Hash::of(&[&[0], &data_encoding::HEXLOWER.decode(input.as_bytes()).unwrap()]))
        .collect();
    for (size, root) in (1..).zip(roots) {
        assert_eq!(BatchTree::new(leaves[..size].to_vec()).unwrap().root().to_hex(), root, "{size} leaves");
    }
}

#[test]
fn roots_and_paths_are_the_recursive_definition_s_for_every_size_up_to_300() {
    for size in 1..=SIZES {
        let leaves = leaves(size);
        let tree = BatchTree::new(leaves.clone()).unwrap();
        let root = defined_root(&leaves);
        assert_eq!(tree.root(), root, "{size}");
        assert_eq!(tree.size() as usize, size);
        for (index, leaf) in leaves.iter().enumerate() {
            let path = tree.path(index as u32);
            assert_eq!(path, defined_path(index, &leaves), "leaf {index} of {size}");
            assert_eq!(fold_path(*leaf, index as u32, size as u32, &path), Ok(root), "leaf {index} of {size}");
        }
    }
}

#[test]
fn another_index_sibling_or_leaf_does_not_lead_to_the_root() {
    for size in 1..=70u32 {
        let leaves = leaves(size as usize);
        let tree = BatchTree::new(leaves.clone()).unwrap();
        for index in 0..size {
            let (leaf, path) = (leaves[index as usize], tree.path(index));
            let reaches = |leaf: Hash, index: u32, path: &[Hash]| fold_path(leaf, index, size, path) == Ok(tree.root());
            assert!(reaches(leaf, index, &path));
            assert!(!reaches(Hash::of(&[&leaf.0]), index, &path), "another leaf at {index} of {size}");
            for other in (0..size + 2).filter(|other| *other != index) {
                assert!(!reaches(leaf, other, &path), "{index} passed for {other} of {size}");
            }
            for at in 0..path.len() {
                let mut altered = path.clone();
                altered[at].0[31] ^= 1;
                assert!(!reaches(leaf, index, &altered), "sibling {at} of {index} of {size}");
            }
            let longer = [path.as_slice(), &[Hash::ZERO]].concat();
            assert_eq!(fold_path(leaf, index, size, &longer), Err(ReceiptError::Path));
            if let Some((_, shorter)) = path.split_last() {
                assert_eq!(fold_path(leaf, index, size, shorter), Err(ReceiptError::Path));
            }
        }
    }
}

#[test]
fn a_batch_holds_one_to_65536_leaves() {
    assert!(BatchTree::new(Vec::new()).is_none());
    assert!(BatchTree::new(vec![Hash::ZERO; BATCH_LEAVES_MAX + 1]).is_none());
    let tree = BatchTree::new(leaves(BATCH_LEAVES_MAX)).unwrap();
    let last = BATCH_LEAVES_MAX as u32 - 1;
    let path = tree.path(last);
    assert_eq!(path.len(), PATH_HASHES_MAX);
    assert_eq!(fold_path(leaves(BATCH_LEAVES_MAX)[last as usize], last, last + 1, &path), Ok(tree.root()));
    assert_eq!(fold_path(Hash::ZERO, last, last + 2, &path), Err(ReceiptError::Path), "one leaf more");
    for (index, size) in [(0, 0), (1, 1), (u32::MAX, u32::MAX), (0, u32::MAX)] {
        assert_eq!(fold_path(Hash::ZERO, index, size, &[]), Err(ReceiptError::Path), "{index} of {size}");
    }
}

/// Receipts for a batch of `size` cells of one lane.
fn receipts(key: &SigningKey, lane_id: &LaneId, size: u32) -> Vec<Receipt> {
    let head = |index: u32| Hash::of(&[&index.to_be_bytes()]);
    let leaves = (0..size).map(|index| leaf(lane_id, u64::from(index) + 1, 7, &head(index))).collect();
    let tree = BatchTree::new(leaves).expect("at least one leaf");
    let sig = key.sign(&signed_bytes(size, &tree.root())).to_bytes();
    (0..size)
        .map(|index| Receipt {
            seq: u64::from(index) + 1,
            gen_before: 7,
            head: head(index),
            index,
            size,
            path: tree.path(index),
            sig,
        })
        .collect()
}

#[test]
fn a_receipt_holds_for_what_was_signed_and_for_nothing_else() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let node_key = NodeKey(key.verifying_key().to_bytes());
    let (lane_id, other_lane) = (LaneId([2; 32]), LaneId([3; 32]));
    let other_node = NodeKey(SigningKey::from_bytes(&[4; 32]).verifying_key().to_bytes());
    for size in 1..=13 {
        for receipt in receipts(&key, &lane_id, size) {
            assert_eq!(receipt.verify(&node_key, &lane_id), Ok(()), "{receipt:?}");
            let refused = |what: &str, change: &dyn Fn(&mut Receipt)| {
                let mut altered = receipt.clone();
                change(&mut altered);
                assert!(altered.verify(&node_key, &lane_id).is_err(), "{what} of {receipt:?}");
            };
            refused("seq", &|altered| altered.seq += 1);
            refused("gen", &|altered| altered.gen_before += 1);
            refused("head", &|altered| altered.head.0[0] ^= 1);
            refused("signature", &|altered| altered.sig[0] ^= 1);
            refused("signature's second half", &|altered| altered.sig[40] ^= 1);
            for other in (0..size + 3).filter(|other| *other != receipt.index) {
                refused("index", &|altered| altered.index = other);
            }
            for other in (0..size + 20).filter(|other| *other != size) {
                refused("size", &|altered| altered.size = other);
            }
            for at in 0..receipt.path.len() {
                refused("sibling", &|altered| altered.path[at].0[0] ^= 1);
            }
            assert!(receipt.verify(&node_key, &other_lane).is_err());
            assert_eq!(receipt.verify(&other_node, &lane_id), Err(ReceiptError::Signature));
        }
    }
}

#[test]
fn a_key_that_is_no_point_or_of_small_order_signs_nothing() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let lane_id = LaneId([2; 32]);
    let receipt = receipts(&key, &lane_id, 1).remove(0);
    let mut identity = [0; 32];
    identity[0] = 1;
    for weak in [[0; 32], identity, [0xFF; 32]] {
        assert_eq!(receipt.verify(&NodeKey(weak), &lane_id), Err(ReceiptError::Signature));
    }
}
