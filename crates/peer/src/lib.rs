//! A native WebRTC peer on `str0m`: what a browser's `RTCPeerConnection` is to the web app, for programs without one.
//!
//! | module | holds |
//! |---|---|
//! | [`connection`] | one connection: ICE, DTLS, media or a channel. No socket, no clock |
//! | [`frames`] | a call's frames, sealed and opened (SFrame) |
//! | [`media`] | what plays, records and echoes; counts of both |
//! | [`ogg`], [`ivf`] | Opus and VP8 in files |
//! | [`shell`] | sockets and streams around a connection, in one task of tokio |
//!
//! A connection tells its own description and candidates and is told the other's; how they get there is not its
//! business. Nothing here names an account or a conversation.

pub mod connection;
pub mod frames;
pub mod ivf;
pub mod media;
pub mod ogg;
pub mod shell;
mod ways;
