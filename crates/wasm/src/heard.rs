//! What nodes say that views show: how far a catch-up is, and that one asks for a pause.

use wire::node::{Event, Refusal};

/// A pause shorter than this is not worth a word, milliseconds.
const PAUSE_MS_MIN: u32 = 2_000;

/// Cells of a catch-up: how many came, and how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Came so far.
    pub done: u64,
    /// There were when the lanes were opened.
    pub total: u64,
}

/// What was heard since the last look.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    progress: Progress,
    pause_ms: Option<u32>,
    until_ms: Option<u64>,
}

impl Heard {
    /// Takes note of an event of any connection.
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::Opened { page, .. } => {
                let Some(first) = page.cells.first() else { return };
                let behind = page.next_seq.saturating_sub(first.seq);
                self.progress.total = self.progress.total.saturating_add(behind);
                self.came(page.cells.len());
            }
            Event::Page(page) => self.came(page.cells.len()),
            Event::Refused(Refusal::Busy { retry_after_ms } | Refusal::Full { retry_after_ms })
                if *retry_after_ms >= PAUSE_MS_MIN =>
            {
                self.pause_ms = self.pause_ms.max(Some(*retry_after_ms));
            }
            _ => {}
        }
    }

    /// More can come than there was at first: what arrives meanwhile is read with it.
    fn came(&mut self, cells: usize) {
        self.progress.done = self.progress.done.saturating_add(cells as u64);
        self.progress.total = self.progress.total.max(self.progress.done);
    }

    /// Turns a pause that was heard into the time at which it ends.
    pub(crate) fn note(&mut self, now_ms: u64) {
        if let Some(pause_ms) = self.pause_ms.take() {
            self.until_ms = self.until_ms.max(Some(now_ms.saturating_add(u64::from(pause_ms))));
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress
    }

    pub(crate) fn caught_up(&mut self) {
        self.progress = Progress::default();
    }

    pub(crate) fn paused_until_ms(&self, now_ms: u64) -> Option<u64> {
        self.until_ms.filter(|until_ms| *until_ms > now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use wire::id::Hash;
    use wire::lane::{Cell, CellKind};
    use wire::node::Page;

    fn page(first: u64, cells: u64, next_seq: u64) -> Page {
        let cell = |seq| Cell { seq, gen_before: 0, kind: CellKind::App, attach: Hash::ZERO, body: Bytes::new() };
        Page { first_seq: 1, next_seq, gen_now: 0, cells: (first..first + cells).map(cell).collect(), receipt: None }
    }

    #[test]
    fn catch_up_counts_the_cells_of_all_lanes_to_their_end() {
        let mut heard = Heard::default();
        heard.hear(&Event::Opened { handle: 1, page: page(101, 64, 301) });
        heard.hear(&Event::Opened { handle: 2, page: page(1, 0, 9) });
        heard.hear(&Event::Opened { handle: 3, page: page(5, 5, 10) });
        assert_eq!(heard.progress(), Progress { done: 69, total: 205 });
        heard.hear(&Event::Page(page(165, 64, 301)));
        heard.hear(&Event::Page(page(229, 80, 309)));
        assert_eq!(heard.progress(), Progress { done: 213, total: 213 }, "what came meanwhile");
        heard.caught_up();
        assert_eq!(heard.progress(), Progress::default());
    }

    #[test]
    fn pause_lasts_as_long_as_the_node_said_and_a_short_one_is_none() {
        let mut heard = Heard::default();
        heard.hear(&Event::Refused(Refusal::Busy { retry_after_ms: PAUSE_MS_MIN - 1 }));
        heard.note(1_000);
        assert_eq!(heard.paused_until_ms(1_000), None);
        heard.hear(&Event::Refused(Refusal::Full { retry_after_ms: 5_000 }));
        heard.hear(&Event::Refused(Refusal::Busy { retry_after_ms: 3_000 }));
        heard.note(1_000);
        assert_eq!(heard.paused_until_ms(5_999), Some(6_000));
        assert_eq!(heard.paused_until_ms(6_000), None);
    }
}
