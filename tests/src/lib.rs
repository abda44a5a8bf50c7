//! The real programs, started and killed as a user's machine would: a node, command lines, a tap on the wire.
//!
//! `cargo xtask test` builds the programs before it runs these tests; they are looked for beside this crate's own.

pub mod log;
pub mod tap;
pub mod terminal;

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything here takes on a crowded machine.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// The path of a program of the workspace, built with the profile of the test that asks.
///
/// # Panics
/// When it was not built.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a running test has a path");
    let folder = test.ancestors().find(|folder| folder.ends_with("deps")).and_then(Path::parent);
    let path = folder.expect("tests run from the deps folder").join(name);
    assert!(path.exists(), "{} is not built: run `cargo xtask test build` first", path.display());
    path
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

/// A node process on a port of its own; killed at the end.
pub struct Node {
    child: Child,
    data: PathBuf,
    port: u16,
    log: PathBuf,
}

impl Node {
    /// Starts a node on a data folder and waits until it serves.
    pub fn start(data: &Path) -> Self {
        Self::start_on(data, free_port(), &[])
    }

    /// Starts a node on a port with more arguments and waits until it serves.
    pub fn start_on(data: &Path, port: u16, more: &[&str]) -> Self {
        let log = data.with_extension("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log file");
        let errors = file.try_clone().expect("a log file");
        let mut child = Command::new(program("sottovoce-node"))
            .arg("--data")
            .arg(data)
            .args(["--listen", &format!("127.0.0.1:{port}")])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("the node starts");
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut lines = BufReader::new(stdout).lines();
        let is_serving = lines.by_ref().map_while(Result::ok).any(|line| {
            let mut log = &file;
            let _ = writeln!(log, "{line}");
            line.starts_with("listening on ")
        });
        assert!(is_serving, "the node says where it listens; its log: {}", log.display());
        Self { child, data: data.to_owned(), port, log }
    }

    /// `kill -9`, then the same node again on the same port.
    pub fn kill_and_restart(&mut self) {
        self.kill();
        *self = Self::start_on(&self.data.clone(), self.port, &[]);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Its address on loopback.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Everything that it wrote.
    pub fn log_file(&self) -> &Path {
        &self.log
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What a command line said.
#[derive(Debug)]
pub struct Said {
    /// The exit status; none if it was killed.
    pub status: Option<i32>,
    /// The objects of `--json`, in order.
    pub objects: Vec<Value>,
    /// Standard error.
    pub errors: String,
}

impl Said {
    /// Asserts that it went well.
    pub fn ok(self) -> Self {
        assert_eq!(self.status, Some(0), "{self:?}");
        self
    }

    /// The objects of one type.
    pub fn of(&self, kind: &str) -> Vec<&Value> {
        self.objects.iter().filter(|object| object["type"] == kind).collect()
    }

    /// The texts of the messages that it shows.
    pub fn texts(&self) -> Vec<String> {
        self.of("message").iter().filter_map(|object| object["text"].as_str().map(Into::into)).collect()
    }

    /// A field of the first object of a type.
    pub fn field(&self, kind: &str, name: &str) -> String {
        let found = self.of(kind).first().and_then(|object| object[name].as_str().map(String::from));
        found.unwrap_or_else(|| panic!("no {name} in any {kind}: {self:?}"))
    }
}

/// Somebody with a profile and a command line.
pub struct Person {
    profile: PathBuf,
    /// A root certificate in PEM that this machine trusts.
    root: Option<PathBuf>,
    /// The address of the session bus, where there is a keyring; never that of whoever runs the tests.
    bus: Option<String>,
}

impl Person {
    /// Makes an account at a node.
    pub fn new(folder: &Path, name: &str, node_url: &str) -> Self {
        Self { profile: folder.join(name), root: None, bus: None }.register(name, node_url)
    }

    /// Makes an account at a node, on a machine that trusts another root.
    pub fn new_trusting(folder: &Path, name: &str, node_url: &str, root: &Path) -> Self {
        Self { profile: folder.join(name), root: Some(root.to_owned()), bus: None }.register(name, node_url)
    }

    /// Makes an account at a node, on a machine with a session bus.
    pub fn new_on_bus(folder: &Path, name: &str, node_url: &str, bus: &str) -> Self {
        Self { profile: folder.join(name), root: None, bus: Some(bus.to_owned()) }.register(name, node_url)
    }

    /// The same person once the session is over.
    pub fn without_bus(self) -> Self {
        Self { bus: None, ..self }
    }

    fn register(self, name: &str, node_url: &str) -> Self {
        self.run(&["new", "--node", node_url, "--name", name]).ok();
        self
    }

    /// The profile's folder.
    pub fn profile(&self) -> &Path {
        &self.profile
    }

    /// A command that was not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("sottovoce"));
        command.arg("--profile").arg(&self.profile).arg("--json").args(arguments).stdin(Stdio::null());
        command.env_remove("XDG_RUNTIME_DIR").env_remove("DBUS_SESSION_BUS_ADDRESS");
        command.envs(self.bus.iter().map(|bus| ("DBUS_SESSION_BUS_ADDRESS", bus)));
        if let Some(root) = &self.root {
            command.env("SSL_CERT_FILE", root);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().expect("the command line starts");
        let text = String::from_utf8(output.stdout).expect("output is UTF-8");
        let objects = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not one JSON object: {line}")))
            .collect();
        Said { status: output.status.code(), objects, errors: String::from_utf8_lossy(&output.stderr).into_owned() }
    }

    /// Starts a command and leaves it running.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the command line starts")
    }

    /// The account's text.
    pub fn account(&self) -> String {
        self.run(&["whoami"]).ok().field("account", "account")
    }

    /// `account@node`.
    pub fn address(&self) -> String {
        self.run(&["whoami"]).ok().field("account", "address")
    }

    /// The texts of a conversation, oldest first.
    pub fn history(&self, conversation: &str) -> Vec<String> {
        self.run(&["history", conversation, "--limit", "100000"]).ok().texts()
    }

    /// Fetches until a condition holds.
    ///
    /// # Panics
    /// When it does not hold in time.
    pub fn receive_until(&self, what: &str, mut holds: impl FnMut(&Said) -> bool) -> Vec<String> {
        let started = Instant::now();
        let mut texts = Vec::new();
        loop {
            let said = self.run(&["receive"]);
            texts.extend(said.texts());
            if holds(&said) {
                return texts;
            }
            assert!(started.elapsed() < PATIENCE, "{what} did not come; got {} texts, last {said:?}", texts.len());
        }
    }
}

/// Lets two people meet by an invite link; the conversation's id.
pub fn meet(inviter: &Person, acceptor: &Person) -> String {
    let link = inviter.run(&["invite"]).ok().field("invite", "link");
    let conversation = acceptor.run(&["accept", &link]).ok().field("conversation", "id");
    inviter.receive_until("the new conversation", |_| {
        inviter.run(&["conversations"]).ok().of("conversation").iter().any(|object| object["id"] == conversation)
    });
    conversation
}

/// A small deterministic generator for moments to kill at.
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound.max(1)
    }
}
