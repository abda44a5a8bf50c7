//! The database key in a real Secret Service: GNOME Keyring on a session bus of its own.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tests::{Node, Person};

/// A session bus with an unlocked keyring; both end with it.
struct Session {
    bus: Child,
    address: String,
}

impl Session {
    fn start(home: &Path) -> Self {
        let mut bus = Command::new("dbus-daemon")
            .args(["--session", "--nofork", "--print-address"])
            .env("XDG_RUNTIME_DIR", home)
            .env("HOME", home)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon starts");
        let mut address = String::new();
        let stdout = bus.stdout.take().expect("stdout is piped");
        BufReader::new(stdout).read_line(&mut address).expect("the bus says where it listens");
        let session = Self { bus, address: address.trim().to_owned() };
        // Comes back once it is on the bus and unlocked; ends with the bus.
        let mut keyring = Command::new("gnome-keyring-daemon")
            .args(["--unlock", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &session.address)
            .env("XDG_RUNTIME_DIR", home)
            .env("XDG_DATA_HOME", home)
            .env("HOME", home)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("gnome-keyring-daemon starts");
        keyring.stdin.take().expect("stdin is piped").write_all(b"open").expect("it takes a password");
        assert!(keyring.wait().expect("it is our child").success(), "the keyring is unlocked");
        session
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

fn key_file(person: &Person) -> serde_json::Value {
    let text = std::fs::read(person.profile().join("key.json")).expect("a profile has a key file");
    serde_json::from_slice(&text).expect("a key file is JSON")
}

#[test]
fn the_keyring_holds_the_key_where_there_is_one_and_the_file_where_there_is_none() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a home");
    let session = Session::start(&home);

    let ada = Person::new_on_bus(folder.path(), "Ada", &node.url(), &session.address);
    let file = key_file(&ada);
    assert!(file["keyring"].is_string() && file["key"].is_null(), "the file only names the keyring's entry: {file}");
    assert_eq!(ada.run(&["whoami"]).ok().field("account", "name"), "Ada");

    drop(session);
    let ada = ada.without_bus();
    let said = ada.run(&["whoami"]);
    assert_eq!(said.status, Some(2));
    assert!(format!("{said:?}").contains("keyring"), "the refusal says where the key is: {said:?}");

    let ben = Person::new(folder.path(), "Ben", &node.url());
    let file = key_file(&ben);
    assert!(file["keyring"].is_null() && file["key"].is_string());
    assert_eq!(ben.run(&["whoami"]).ok().field("account", "name"), "Ben");
}
