//! The terminal: taken when the chat begins, given back as it was however the chat ends.

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableBracketedPaste, DisableFocusChange, DisableMouseCapture, EnableBracketedPaste, EnableFocusChange,
    EnableMouseCapture, Event, KeyboardEnhancementFlags, MouseEventKind, PopKeyboardEnhancementFlags,
    PushKeyboardEnhancementFlags,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::style::Print;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, SetTitle, disable_raw_mode, enable_raw_mode,
};
use std::io::{self, Stdout, Write};
use std::sync::Once;
use tokio::sync::mpsc;

/// Inputs that wait for the model at most; then the terminal waits.
const INPUTS_MAX: usize = 256;
/// Bytes that go to the clipboard at most: some terminals take no more.
const CLIPBOARD_BYTES_MAX: usize = 64 << 10;

/// A terminal that is ours; dropping it gives it back.
pub struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    title: String,
}

impl Screen {
    /// Takes the terminal.
    pub fn take() -> io::Result<Self> {
        give_back_on_panic();
        enable_raw_mode()?;
        // From here on whatever fails gives back what was taken.
        let screen =
            Terminal::new(CrosstermBackend::new(io::stdout())).map(|terminal| Self { terminal, title: String::new() });
        let screen = screen.inspect_err(|_| give_back())?;
        execute!(
            io::stdout(),
            // The window's title is laid aside.
            Print("\u{1b}[22;0t"),
            EnterAlternateScreen,
            EnableMouseCapture,
            EnableBracketedPaste,
            EnableFocusChange,
            // Terminals that can tell Shift-Enter from Enter; others ignore it.
            PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES),
        )?;
        Ok(screen)
    }

    /// Columns and rows.
    pub fn size(&self) -> io::Result<(u16, u16)> {
        self.terminal.size().map(|size| (size.width, size.height))
    }

    /// Draws.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(|_| ())
    }

    /// Forgets what is on the screen, so that the next drawing draws it all.
    pub fn clear(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Gives the window a title, if it is another one.
    pub fn set_title(&mut self, title: String) -> io::Result<()> {
        if title != self.title {
            execute!(io::stdout(), SetTitle(&title))?;
            self.title = title;
        }
        Ok(())
    }

    /// Hands a text to the terminal's clipboard (OSC 52); base64, so no text can steer the terminal.
    pub fn copy(&mut self, text: &str) -> io::Result<()> {
        if text.len() > CLIPBOARD_BYTES_MAX {
            return Ok(());
        }
        let text = data_encoding::BASE64.encode(text.as_bytes());
        execute!(io::stdout(), Print(format!("\u{1b}]52;c;{text}\u{7}")))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives everything back; what fails now cannot be mended.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(
        out,
        PopKeyboardEnhancementFlags,
        DisableFocusChange,
        DisableBracketedPaste,
        DisableMouseCapture,
        LeaveAlternateScreen,
        Print("\u{1b}[23;0t"),
        ratatui::crossterm::cursor::Show,
    );
    let _ = disable_raw_mode();
    let _ = out.flush();
}

/// A panic's words belong on a terminal that shows them.
fn give_back_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            before(panic);
        }));
    });
}

/// Everything that the terminal sends, from a thread of its own that ends with the program.
pub fn inputs() -> mpsc::Receiver<Event> {
    let (tx, rx) = mpsc::channel(INPUTS_MAX);
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let is_motion = matches!(&event, Event::Mouse(mouse) if matches!(mouse.kind, MouseEventKind::Moved | MouseEventKind::Drag(_)));
            if !is_motion && tx.blocking_send(event).is_err() {
                return;
            }
        }
    });
    rx
}
