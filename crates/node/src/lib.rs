//! The server `sottovoce-node`: listeners, one writer, and nothing that decides. What is decided is in `delivery`.
//!
//! | module | holds |
//! |---|---|
//! | [`config`] | flags, environment, file, every limit |
//! | [`folder`] | the data folder's lock, the node's key |
//! | [`run`](mod@run) | start, serve, stop |
//! | [`listen`], [`tls`], [`stall`] | accept, TLS, HTTP/1, peers that take nothing |
//! | [`http`], [`blob`], [`metrics`] | the routes |
//! | [`file`] | files: resumable uploads, ranges, expiry |
//! | [`budget`] | bytes an hour |
//! | [`calls`] | relays calls: sockets around the table of crate `calls` |
//! | [`push`] | rings bells by Web Push |
//! | [`web`] | the web app's files |
//! | [`websocket`], [`socket`] | framing; one connection's task |
//! | [`shared`] | the machine behind its lock |
//! | [`writer`] | the thread that commits |
//! | [`storage`] | the machine's storage over an engine of `store` |

pub mod blob;
pub mod budget;
pub mod calls;
pub mod config;
pub mod file;
pub mod folder;
pub mod http;
pub mod listen;
pub mod metrics;
pub mod push;
pub mod run;
pub mod shared;
pub mod socket;
pub mod stall;
pub mod storage;
pub mod tls;
pub mod web;
pub mod websocket;
pub mod writer;
