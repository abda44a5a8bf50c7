//! Signals of a file that goes from device to device, in a message: the limits of FILES.md s.7.

use crate::direct::{Address, Path};
use wire::Malformed;
use wire::id::{AttemptId, MsgId};
use wire::limit::{FILES_MAX, PATH_ADDRESSES_MAX};
use wire::proto::content as raw;

/// One signal about one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// The message with the file.
    pub msg_id: MsgId,
    /// The file's place in it, from 0.
    pub index: u32,
    /// What is said.
    pub signal: DirectSignal,
}

/// What a device says about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectSignal {
    /// Wants it: the end that asks for groups.
    Ask(AttemptId, Path),
    /// Has it: the end that gives them.
    Answer(AttemptId, Path),
    /// This device has all of it.
    Complete,
    /// The node has all of it.
    Stored,
    /// A signal of a later version.
    Unknown,
}

impl Direct {
    /// Checks every limit.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if usize::try_from(self.index).is_ok_and(|index| index >= FILES_MAX) {
            return Err(Malformed::Value { field: "index" });
        }
        match &self.signal {
            DirectSignal::Ask(_, path) | DirectSignal::Answer(_, path) => path.check(),
            DirectSignal::Complete | DirectSignal::Stored | DirectSignal::Unknown => Ok(()),
        }
    }

    pub(super) fn parse(direct: raw::Direct) -> Result<Self, Malformed> {
        use raw::direct::Signal as Raw;
        let attempt = || AttemptId::parse(&direct.attempt);
        let signal = match direct.signal {
            Some(Raw::Ask(path)) => DirectSignal::Ask(attempt()?, parse_path(path)?),
            Some(Raw::Answer(path)) => DirectSignal::Answer(attempt()?, parse_path(path)?),
            Some(Raw::Complete(raw::Complete {})) => DirectSignal::Complete,
            Some(Raw::Stored(raw::Stored {})) => DirectSignal::Stored,
            None => DirectSignal::Unknown,
        };
        Ok(Self { msg_id: MsgId::parse(&direct.msg_id)?, index: direct.index, signal })
    }

    pub(super) fn to_proto(&self) -> raw::Direct {
        use raw::direct::Signal as Raw;
        let (attempt, signal) = match &self.signal {
            DirectSignal::Ask(attempt, path) => (super::copy(attempt), Some(Raw::Ask(encode_path(path)))),
            DirectSignal::Answer(attempt, path) => (super::copy(attempt), Some(Raw::Answer(encode_path(path)))),
            DirectSignal::Complete => (bytes::Bytes::new(), Some(Raw::Complete(raw::Complete {}))),
            DirectSignal::Stored => (bytes::Bytes::new(), Some(Raw::Stored(raw::Stored {}))),
            DirectSignal::Unknown => (bytes::Bytes::new(), None),
        };
        raw::Direct { msg_id: super::copy(&self.msg_id), index: self.index, attempt, signal }
    }
}

fn parse_path(path: raw::Path) -> Result<Path, Malformed> {
    super::at_most("addresses", path.addresses.len(), PATH_ADDRESSES_MAX)?;
    let fingerprint = path.fingerprint.as_ref().try_into().map_err(|_| Malformed::Length {
        field: "fingerprint",
        expected: 32,
        found: path.fingerprint.len(),
    })?;
    let address = |address: raw::Address| {
        let port = u16::try_from(address.port).map_err(|_| Malformed::Value { field: "port" })?;
        Ok(Address { host: address.host, port, is_reflexive: address.reflexive })
    };
    let addresses = path.addresses.into_iter().map(address).collect::<Result<_, Malformed>>()?;
    Ok(Path { ufrag: path.ufrag, pwd: path.pwd, fingerprint, addresses })
}

fn encode_path(path: &Path) -> raw::Path {
    raw::Path {
        ufrag: path.ufrag.clone(),
        pwd: path.pwd.clone(),
        fingerprint: super::copy(&path.fingerprint),
        addresses: path.addresses.iter().map(encode_address).collect(),
    }
}

fn encode_address(address: &Address) -> raw::Address {
    raw::Address { host: address.host.clone(), port: u32::from(address.port), reflexive: address.is_reflexive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Content, Kind};
    use prost::Message as _;
    use wire::limit::{CELL_SIZES, ICE_WORD_BYTES_MAX, PATH_HOST_BYTES_MAX};

    fn path() -> Path {
        let address = Address { host: "192.0.2.1".into(), port: 9, is_reflexive: false };
        Path { ufrag: "abcd".into(), pwd: "p".repeat(22), fingerprint: [7; 32], addresses: vec![address] }
    }

    fn round_trips(index: u32, signal: DirectSignal) -> bool {
        let direct = Direct { msg_id: MsgId([1; 16]), index, signal };
        let content = Content { sent_ms: 1, timer_s: 0, kind: Kind::Direct(direct.clone()) };
        let raw = raw::Message { sent_ms: 1, timer_s: 0, kind: Some(raw::message::Kind::Direct(direct.to_proto())) };
        let (encoded, parsed) = (content.encode(), Content::parse(&raw.encode_to_vec()));
        assert_eq!(encoded.is_ok(), parsed.is_ok(), "what is not sent is not taken either");
        if let (Ok(bytes), Ok(parsed)) = (encoded, parsed) {
            assert_eq!((bytes, &parsed), (raw.encode_to_vec(), &content));
            return true;
        }
        false
    }

    fn with(change: impl Fn(&mut Path)) -> DirectSignal {
        let mut path = path();
        change(&mut path);
        DirectSignal::Ask(AttemptId([2; 16]), path)
    }

    fn with_host(host: &str) -> DirectSignal {
        with(|path| path.addresses[0].host = host.into())
    }

    #[test]
    fn every_signal_is_taken_at_its_limits_and_refused_one_past_them() {
        assert!(round_trips(31, with(|_| ())) && !round_trips(32, with(|_| ())));
        let good = [
            DirectSignal::Answer(AttemptId([3; 16]), path()),
            DirectSignal::Complete,
            DirectSignal::Stored,
            DirectSignal::Unknown,
            with(|path| path.ufrag = "+/aZ".repeat(ICE_WORD_BYTES_MAX / 4)),
            with(|path| path.addresses = vec![path.addresses[0].clone(); PATH_ADDRESSES_MAX]),
            with(|path| path.addresses.clear()),
            with_host("2001:db8::1"),
            with_host("0b4f6a5e-1111-4222-8333-444455556666.local"),
        ];
        let bad = [
            with(|path| path.ufrag = "abc".into()),
            with(|path| path.ufrag = "a".repeat(ICE_WORD_BYTES_MAX + 1)),
            with(|path| path.pwd = "p".repeat(21)),
            with(|path| path.pwd = "line\r\nof another kind, long".into()),
            with(|path| path.addresses = vec![path.addresses[0].clone(); PATH_ADDRESSES_MAX + 1]),
            with(|path| path.addresses[0].port = 0),
            with_host(""),
            with_host("192.0.2.1\r\na=x"),
            with_host("host.example"),
            with_host(&format!("{}.local", "a".repeat(PATH_HOST_BYTES_MAX))),
        ];
        for signal in good {
            assert!(round_trips(0, signal.clone()), "{signal:?}");
        }
        for (at, signal) in bad.into_iter().enumerate() {
            assert!(!round_trips(0, signal), "{at}");
        }
    }

    #[test]
    fn ask_with_the_addresses_of_a_usual_machine_leaves_room_in_the_smallest_cell() {
        let signal = with(|path| {
            let host = "0b4f6a5e-1111-4222-8333-444455556666.local";
            let local = Address { host: host.into(), port: 54_321, is_reflexive: false };
            let outer = Address { host: "203.0.113.200".into(), port: 54_321, is_reflexive: true };
            path.addresses = vec![local.clone(), local, outer];
        });
        let direct = Direct { msg_id: MsgId([1; 16]), index: 0, signal };
        let bytes = Content { sent_ms: 1_800_000_000_000, timer_s: 0, kind: Kind::Direct(direct) }.encode().unwrap();
        // MLS, the signature and what is seen take less than half of it.
        assert!(bytes.len() < CELL_SIZES[0] / 2, "{}", bytes.len());
    }

    #[test]
    fn no_address_and_no_password_is_shown() {
        let text = format!("{:?}", Direct { msg_id: MsgId([1; 16]), index: 0, signal: with(|_| ()) });
        assert!(!text.contains("192") && !text.contains("ppp"), "{text}");
    }
}
