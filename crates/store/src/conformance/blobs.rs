//! What every engine of [`Blobs`] passes.

use super::{HOUR, PLENTY};
use crate::{Blobs, StoreError};
use wire::id::BlobId;
use wire::limit::BLOB_BYTES_MAX;

pub(super) fn a_blob_is_kept_until_its_time(store: &impl Blobs) {
    let (one, two, none) = (BlobId([1; 32]), BlobId([2; 32]), BlobId([3; 32]));
    let bytes: Vec<u8> = (0..100_000_u32).map(|number| number as u8).collect();
    store.put_blob(&one, &bytes, 2 * HOUR).expect("stores");
    store.put_blob(&two, b"two", 2 * HOUR).expect("stores");
    let info = store.blob_info(&one).expect("reads").expect("here");
    assert_eq!((info.size, info.keep_until_s), (100_000, 2 * HOUR));
    assert_eq!(store.blob_info(&none).expect("reads"), None);
    let read = |id, offset, max| store.read_blob(id, offset, max).expect("reads");
    assert_eq!(read(&one, 0, PLENTY).as_deref(), Some(&bytes[..]));
    assert_eq!(read(&one, 99_990, PLENTY).as_deref(), Some(&bytes[99_990..]));
    assert_eq!(read(&one, 10, 5).as_deref(), Some(&bytes[10..15]));
    assert_eq!(read(&one, 100_000, 5).as_deref(), Some(&b""[..]));
    assert_eq!(read(&one, u64::MAX, 5).as_deref(), Some(&b""[..]));
    assert_eq!(read(&none, 0, 5), None);
    assert!(store.keep_blob(&two, 6 * HOUR).expect("keeps"));
    assert!(store.keep_blob(&two, 4 * HOUR).expect("keeps"), "never shorter");
    assert!(!store.keep_blob(&none, 6 * HOUR).expect("keeps"));
    assert!(!store.expire_blobs(HOUR, PLENTY).expect("expires"));
    assert!(store.blob_info(&one).expect("reads").is_some());
    assert!(!store.expire_blobs(3 * HOUR, PLENTY).expect("expires"));
    assert_eq!(store.blob_info(&one).expect("reads"), None);
    assert_eq!(store.blob_info(&two).expect("reads").map(|info| info.keep_until_s), Some(6 * HOUR));
    store.put_blob(&two, b"two", 8 * HOUR).expect("stores again");
    assert!(!store.expire_blobs(7 * HOUR, PLENTY).expect("expires"));
    assert_eq!(read(&two, 0, 5).as_deref(), Some(&b"two"[..]));
    store.put_blob(&one, &bytes, 20 * HOUR).expect("stores what had gone");
    assert_eq!(read(&one, 0, PLENTY).as_deref(), Some(&bytes[..]));
    for number in 10..20 {
        store.put_blob(&BlobId([number; 32]), b"x", 9 * HOUR).expect("stores");
    }
    assert!(store.expire_blobs(10 * HOUR, 4).expect("expires"), "a bounded step");
    while store.expire_blobs(10 * HOUR, 4).expect("expires") {}
    assert!((10..20).all(|number| store.blob_info(&BlobId([number; 32])).expect("reads").is_none()));
}

pub(super) fn a_blob_keeps_its_limits(store: &impl Blobs) {
    let id = BlobId([1; 32]);
    assert!(matches!(store.put_blob(&id, &[], HOUR), Err(StoreError::Misuse(_))));
    assert!(matches!(store.put_blob(&id, &vec![1; BLOB_BYTES_MAX + 1], HOUR), Err(StoreError::Misuse(_))));
    assert_eq!(store.blob_info(&id).expect("reads"), None);
    store.put_blob(&id, &vec![1; BLOB_BYTES_MAX], HOUR).expect("stores");
    assert_eq!(store.blob_info(&id).expect("reads").map(|info| info.size), Some(BLOB_BYTES_MAX as u64));
}
