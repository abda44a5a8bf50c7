//! How files move: a bar on a terminal, objects for programs, silence elsewhere.

use crate::output::{Output, clean};
use client::files::{Attachment, Progress as Moved};
use client::timeline::Entry;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::IsTerminal;

/// Shows the files of one message.
pub struct Progress<'a> {
    output: &'a Output,
    bars: Option<MultiProgress>,
    shown: BTreeMap<u32, (ProgressBar, u64)>,
}

impl std::fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Progress({})", self.shown.len())
    }
}

impl<'a> Progress<'a> {
    /// Bars only where somebody sees them.
    pub fn new(output: &'a Output) -> Self {
        let has_bars = !output.is_json() && std::io::stderr().is_terminal();
        Self { output, bars: has_bars.then(MultiProgress::new), shown: BTreeMap::new() }
    }

    /// Shows where a file stands; `number` counts from 1.
    pub fn show(&mut self, entry: &Entry, number: u32, file: &Attachment, moved: Option<Moved>) {
        let Some(moved) = moved else { return };
        let bars = &self.bars;
        let (bar, last) = self.shown.entry(number).or_insert_with(|| (bar(bars.as_ref(), file), u64::MAX));
        if *last == moved.done_bytes {
            return;
        }
        *last = moved.done_bytes;
        bar.set_length(moved.total_bytes);
        bar.set_position(moved.done_bytes);
        if self.output.is_json() {
            let object = json!({
                "type": "progress",
                "message": entry.msg_id.to_hex(),
                "file": number,
                "state": file.state.name(),
                "done_bytes": moved.done_bytes,
                "total_bytes": moved.total_bytes,
                "bytes_per_s": moved.bytes_per_s(),
                "left_ms": moved.left_ms(),
            });
            self.output.put(&object, String::new);
        }
    }

    /// Takes the bars away.
    pub fn end(&mut self) {
        for (bar, _) in self.shown.values() {
            bar.finish_and_clear();
        }
        self.shown.clear();
    }
}

fn bar(bars: Option<&MultiProgress>, file: &Attachment) -> ProgressBar {
    let Some(bars) = bars else { return ProgressBar::hidden() };
    let bar = bars.add(ProgressBar::new(file.size));
    if let Ok(style) = ProgressStyle::with_template("{msg:24!} {wide_bar} {bytes:>10} {bytes_per_sec:>12} {eta:>5}") {
        bar.set_style(style);
    }
    bar.set_message(clean(&file.shown_name().text));
    bar
}
