//! What every engine of [`Registers`] passes.

use super::PLENTY;
use crate::registers::{Change, Expect, RegisterKey, Registers, SwapOutcome};
use crate::{REGISTER_KEY_BYTES_MAX, REGISTER_VALUE_BYTES_MAX, SCAN_MAX, StoreError};
use bytes::Bytes;
use std::sync::atomic::{AtomicUsize, Ordering};

fn key(text: &str) -> RegisterKey {
    RegisterKey::new(&[text.as_bytes()]).expect("a good key")
}

fn change(name: &str, expect: Expect, value: Option<&'static str>) -> Change {
    Change { key: key(name), expect, value: value.map(|text| Bytes::from_static(text.as_bytes())) }
}

fn holds(text: &'static str) -> Expect {
    Expect::Value(Bytes::from_static(text.as_bytes()))
}

pub(super) fn a_register_changes_only_as_expected(store: &impl Registers) {
    let get = |name| store.get(&key(name)).expect("reads");
    let swap = |change| store.swap(&[change]).expect("swaps");
    assert_eq!(get("a"), None);
    assert_eq!(swap(change("a", holds("x"), Some("y"))), SwapOutcome::Conflict { index: 0 });
    assert_eq!(swap(change("a", Expect::Absent, Some("x"))), SwapOutcome::Done);
    assert_eq!(swap(change("a", Expect::Absent, Some("y"))), SwapOutcome::Conflict { index: 0 });
    assert_eq!(get("a").as_deref(), Some(&b"x"[..]));
    assert_eq!(swap(change("a", holds("x"), Some("y"))), SwapOutcome::Done);
    assert_eq!(swap(change("a", Expect::Any, Some(""))), SwapOutcome::Done);
    assert_eq!(get("a").as_deref(), Some(&b""[..]), "an empty value is a value");
    assert_eq!(swap(change("a", holds(""), None)), SwapOutcome::Done);
    assert_eq!(get("a"), None);
    assert!(RegisterKey::new(&[&[1; REGISTER_KEY_BYTES_MAX]]).is_ok());
    assert!(RegisterKey::new(&[&[1; REGISTER_KEY_BYTES_MAX + 1]]).is_err());
    assert!(RegisterKey::new(&[]).is_err());
    let sized = |size| Change { key: key("size"), expect: Expect::Any, value: Some(Bytes::from(vec![1; size])) };
    assert_eq!(swap(sized(REGISTER_VALUE_BYTES_MAX)), SwapOutcome::Done);
    assert!(matches!(store.swap(&[sized(REGISTER_VALUE_BYTES_MAX + 1)]), Err(StoreError::Misuse(_))));
}

pub(super) fn a_swap_is_made_as_a_whole_or_not_at_all(store: &impl Registers) {
    let whole = [change("a", Expect::Absent, Some("1")), change("b", Expect::Absent, Some("2"))];
    assert_eq!(store.swap(&whole).expect("swaps"), SwapOutcome::Done);
    let half = [change("c", Expect::Absent, Some("3")), change("b", holds("1"), None)];
    assert_eq!(store.swap(&half).expect("swaps"), SwapOutcome::Conflict { index: 1 });
    assert_eq!(store.get(&key("c")).expect("reads"), None);
    let twice = [change("d", Expect::Any, Some("1")), change("d", Expect::Any, Some("2"))];
    assert!(matches!(store.swap(&twice), Err(StoreError::Misuse(_))));
    assert_eq!(store.swap(&[]).expect("swaps"), SwapOutcome::Done);
}

pub(super) fn a_scan_gives_keys_in_order(store: &impl Registers) {
    for name in ["b/2", "a", "b/1", "b/10", "c", "b"] {
        store.swap(&[change(name, Expect::Absent, Some("v"))]).expect("swaps");
    }
    let scan = |prefix: &str, after: Option<&str>, limit| {
        let found = store.scan(prefix.as_bytes(), after.map(key).as_ref(), limit).expect("scans");
        found.into_iter().map(|(key, _)| String::from_utf8_lossy(key.as_bytes()).into_owned()).collect::<Vec<_>>()
    };
    assert_eq!(scan("b/", None, PLENTY), ["b/1", "b/10", "b/2"]);
    assert_eq!(scan("b/", Some("b/1"), PLENTY), ["b/10", "b/2"]);
    assert_eq!(scan("b/", Some("a"), 1), ["b/1"]);
    assert_eq!(scan("b/", Some("c"), PLENTY), [""; 0]);
    assert_eq!(scan("", None, PLENTY).len(), 6);
    assert_eq!(scan("zzz", None, PLENTY), [""; 0]);
    assert_eq!(scan("", None, 0), [""; 0]);
    for number in 0..SCAN_MAX + 1 {
        let key = RegisterKey::new(&[b"many", &(number as u32).to_be_bytes()]).expect("a good key");
        store.swap(&[Change { key, expect: Expect::Any, value: Some(Bytes::new()) }]).expect("swaps");
    }
    assert_eq!(scan("many", None, PLENTY).len(), SCAN_MAX);
}

pub(super) fn each_value_is_claimed_by_one(store: &impl Registers) {
    const VALUES: usize = 40;
    for number in 0..VALUES {
        let key = RegisterKey::new(&[b"pool", &[number as u8]]).expect("a good key");
        let value = Some(Bytes::from(vec![number as u8]));
        store.swap(&[Change { key, expect: Expect::Absent, value }]).expect("swaps");
    }
    let claimed: Vec<AtomicUsize> = (0..VALUES).map(|_| AtomicUsize::new(0)).collect();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some((key, value)) = store.scan(b"pool", None, 1).expect("scans").pop() {
                    let number = usize::from(value[0]);
                    let claim = Change { key, expect: Expect::Value(value), value: None };
                    if store.swap(&[claim]).expect("swaps") == SwapOutcome::Done {
                        claimed[number].fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert!(claimed.iter().all(|count| count.load(Ordering::Relaxed) == 1));
}
