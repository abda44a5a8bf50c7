//! Account, address, device certificates (PROTOCOL.md s.2.1).
