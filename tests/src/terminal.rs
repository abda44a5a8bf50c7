//! A program in a pseudo-terminal: keys go in, a screen comes out.

use crate::{PATIENCE, Person, program};
use pty_process::blocking::{Command, Pty};
use rustix::termios::{LocalModes, tcgetattr};
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

/// What the reading thread shares.
struct Seen {
    parser: vt100::Parser,
    is_over: bool,
}

/// A terminal with the chat of somebody in it; the program is killed at the end.
pub struct Terminal {
    pty: Arc<Pty>,
    child: Child,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

impl Terminal {
    /// Starts `sottovoce tui` for somebody.
    ///
    /// # Panics
    /// When the system has no pseudo-terminal.
    pub fn start(person: &Person, columns: u16, rows: u16) -> Self {
        let (pty, pts) = pty_process::blocking::open().expect("the system has pseudo-terminals");
        pty.resize(pty_process::Size::new(rows, columns)).expect("a terminal has a size");
        let child = Command::new(program("sottovoce"))
            .arg("--profile")
            .arg(person.profile())
            .arg("tui")
            .env_remove("XDG_RUNTIME_DIR")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env("LANG", "C.UTF-8")
            .env_remove("LC_ALL")
            .env_remove("LANGUAGE")
            .env_remove("NO_COLOR")
            .spawn(pts)
            .expect("the chat starts");
        let pty = Arc::new(pty);
        let seen = Seen { parser: vt100::Parser::new(rows, columns, 0), is_over: false };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let (from, to) = (pty.clone(), seen.clone());
        std::thread::spawn(move || read(&from, &to));
        Self { pty, child, seen }
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    pub fn press(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Pastes a text, as terminals do it that say so.
    pub fn paste(&self, text: &str) {
        self.press(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let mut seen = self.seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.parser.screen_mut().set_size(rows, columns);
        drop(seen);
        self.pty.resize(pty_process::Size::new(rows, columns)).expect("a terminal has a size");
    }

    /// Waits until the screen is as wanted, and returns it.
    ///
    /// # Panics
    /// When it does not come to that in time.
    #[track_caller]
    pub fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        self.wait(what, |seen| {
            let screen = seen.parser.screen().contents();
            holds(&screen).then_some(screen)
        })
    }

    /// Waits until a text is on the screen.
    #[track_caller]
    pub fn sees(&self, text: &str) -> String {
        self.until(text, |screen| screen.contains(text))
    }

    #[track_caller]
    fn wait<T>(&self, what: &str, holds: impl Fn(&Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = holds(&seen) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !seen.is_over,
                "{what:?} did not come (ended: {}); the screen:\n{}",
                seen.is_over,
                seen.parser.screen().contents()
            );
            seen = changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends the program with a signal that asks for it.
    pub fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the chat runs");
    }

    /// Waits for the end and asserts that the terminal is again as it was; the exit status.
    pub fn ends(mut self) -> Option<i32> {
        let status = self.child.wait().expect("the chat ends");
        let deadline = Instant::now() + PATIENCE;
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        while !seen.is_over {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "the terminal was closed");
            seen = changed.wait_timeout(seen, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        let screen = seen.parser.screen();
        assert!(!screen.alternate_screen(), "the screen before is back");
        assert!(!screen.hide_cursor(), "the cursor is back");
        assert!(!screen.bracketed_paste(), "pasting is as before");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is the terminal's");
        let modes = tcgetattr(&*self.pty).expect("a terminal has modes").local_modes;
        assert!(modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG), "{modes:?}");
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(mut pty: &Pty, seen: &(Mutex<Seen>, Condvar)) {
    let mut buffer = [0; 4_096];
    loop {
        let count = pty.read(&mut buffer).unwrap_or(0);
        let mut inner = seen.0.lock().unwrap_or_else(PoisonError::into_inner);
        inner.parser.process(&buffer[..count]);
        inner.is_over = count == 0;
        let is_over = inner.is_over;
        drop(inner);
        seen.1.notify_all();
        if is_over {
            return;
        }
    }
}
