//! kill -9 of anybody at any moment loses nothing that was acknowledged, and nothing arrives twice.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;
use tests::{Dice, Node, PATIENCE, Person, meet};

/// Messages of the run.
const COUNT: usize = 10_000;
/// Kills of each of the three.
const KILLS: u64 = 6;

#[test]
fn ten_thousand_messages_survive_every_kill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let mut dice = Dice::new(20_261_122);
    let mut stored = Vec::new();
    let mut kills = 0;
    let started = Instant::now();
    let mut reader = ada.start(&["receive", "--follow", "--timeout", "600"]);
    loop {
        let mut pump = Command::new(env!("CARGO_BIN_EXE_pump"))
            .arg(bob.profile())
            .args([&conversation, &COUNT.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the pump starts");
        let lines = BufReader::new(pump.stdout.take().expect("piped")).lines();
        let limit = 200 + dice.below(1_000);
        let mut seen = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(number) = line.strip_prefix("stored ").and_then(|number| number.parse::<usize>().ok()) {
                stored.push(number);
            }
            seen += 1;
            if seen == limit && kills < 3 * KILLS {
                kills += 1;
                match kills % 3 {
                    0 => node.kill_and_restart(),
                    1 => {
                        let _ = reader.kill();
                        let _ = reader.wait();
                        reader = ada.start(&["receive", "--follow", "--timeout", "600"]);
                    }
                    _ => {
                        let _ = pump.kill();
                    }
                }
                if kills % 3 != 2 {
                    seen = 0;
                }
            }
        }
        if pump.wait().expect("ended").success() {
            break;
        }
        assert!(started.elapsed() < 5 * PATIENCE, "only {} of {COUNT} were stored", stored.len());
    }
    assert!(kills >= KILLS, "the run was long enough to kill somebody: {kills}");
    // Everybody is up: what is still on its way arrives.
    let _ = reader.kill();
    let _ = reader.wait();
    let waited = Instant::now();
    let mut got = Vec::new();
    while got.len() < COUNT && waited.elapsed() < PATIENCE {
        ada.run(&["receive", "--timeout", "5"]);
        got = ada.history(&conversation);
    }
    let expected: Vec<String> = (1..=COUNT).map(|number| format!("text {number}")).collect();
    // What a killed pump had queued is told as stored by the next one, or was stored unseen.
    assert!(stored.len() > COUNT / 2, "the pump told what was stored: {}", stored.len());
    assert!(got == expected, "in order, once, all: {} of {COUNT}, first difference at {:?}", got.len(), {
        got.iter().zip(&expected).position(|(got, expected)| got != expected)
    });
}
