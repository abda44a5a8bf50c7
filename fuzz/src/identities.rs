//! What names an account, a device or a node, and the words of recovery.

use crate::Seed;
use protocol::identity::address::{Address, parse_account};
use protocol::identity::certificate::{Certificate, UnverifiedCertificate};
use protocol::identity::device_key::DeviceKey;
use protocol::identity::node_url::NodeUrl;
use protocol::identity::phrase::RecoveryPhrase;
use protocol::identity::root::RootKeys;
use protocol::identity::safety_number::{check_qr, qr_bytes};
use wire::id::{AccountId, DeviceId};

/// A certificate: one that verifies is the very bytes that were issued.
pub fn certificate(bytes: &[u8]) -> bool {
    if UnverifiedCertificate::parse(bytes).is_err() {
        return false;
    }
    match Certificate::from_bytes(bytes) {
        Ok(certificate) => {
            assert!(certificate.as_bytes() == bytes, "other bytes than were signed");
            true
        }
        Err(_) => false,
    }
}

/// `svc1...@https://...`
pub fn address(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    // Typed by a user as well: the account alone.
    let _ = parse_account(text);
    let Ok(address) = Address::parse(text) else { return false };
    assert!(Address::parse(&address.to_string()) == Ok(address), "an address does not read back");
    true
}

/// A node's URL: normalising twice changes nothing.
pub fn node_url(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(url) = NodeUrl::parse(text) else { return false };
    assert!(NodeUrl::parse(url.as_str()) == Ok(url), "a normal form is not normal");
    true
}

/// Twenty-four words.
pub fn phrase(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(phrase) = RecoveryPhrase::parse(text) else { return false };
    assert!(RecoveryPhrase::parse(&phrase.to_text()).is_ok(), "words do not read back");
    true
}

const OURS: AccountId = AccountId([1; 32]);
const THEIRS: AccountId = AccountId([2; 32]);

/// A code scanned from another screen.
pub fn safety_number(bytes: &[u8]) -> bool {
    let accepted = check_qr(&OURS, &THEIRS, bytes).is_ok();
    assert_eq!(accepted, bytes == qr_bytes(&THEIRS, &OURS), "exactly one code is theirs");
    accepted
}

/// A certificate as the root issues it.
pub fn certificate_seeds() -> Vec<Seed> {
    let root = RootKeys::derive(&RecoveryPhrase::from_entropy(&[3; 32]));
    let device = DeviceKey::from_seed(&[4; 32]).public();
    let issued = Certificate::issue(&root, DeviceId([5; 16]), device, 1_900_000_000);
    vec![Seed::new("issued", issued.as_bytes().to_vec())]
}

/// Addresses at several nodes.
pub fn address_seeds() -> Vec<Seed> {
    let address = |url: &str| {
        let node_url = NodeUrl::parse(url).expect("a good URL");
        Address { account_id: OURS, node_url }.to_string()
    };
    vec![
        Seed::new("https", address("https://node.example")),
        Seed::new("loopback", address("http://127.0.0.1:8750")),
        Seed::new("ipv6", address("https://[2001:db8::1]:8443/path")),
    ]
}

/// URLs that need normalising, and some that do not.
pub fn node_url_seeds() -> Vec<Seed> {
    vec![
        Seed::new("plain", "https://node.example"),
        Seed::new("upper", "HTTPS://Node.Example:443/"),
        Seed::new("ipv6", "https://[2001:db8::1]:8443/path"),
        Seed::new("loopback", "http://127.0.0.1:8750"),
    ]
}

/// Words in two spellings.
pub fn phrase_seeds() -> Vec<Seed> {
    let text = RecoveryPhrase::from_entropy(&[6; 32]).to_text();
    vec![Seed::new("words", text.as_bytes()), Seed::new("shouted", text.to_uppercase().replace(' ', "\n"))]
}

/// The one code that fits.
pub fn safety_number_seeds() -> Vec<Seed> {
    vec![Seed::new("theirs", qr_bytes(&THEIRS, &OURS))]
}
