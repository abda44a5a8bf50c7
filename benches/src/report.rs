//! What a case prints: one JSON object a line, the schema of `benches/README.md`.

use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

/// Who was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// The bare relay.
    Floor,
    /// The node binary.
    Node,
    /// Debian's coturn.
    Coturn,
    /// OpenMLS without our layer.
    Openmls,
    /// Our group layer over OpenMLS.
    Layer,
    /// Both clients, in the bench's own process.
    Client,
    /// The disk below the target folder.
    Machine,
}

/// One measurement. What a case does not measure is absent.
#[derive(Debug, Clone, Serialize)]
pub struct Measurement {
    /// The case's name on the command line.
    pub case: &'static str,
    /// Who was measured.
    pub subject: Subject,
    /// Which round of the run; absent in a summary over all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// What was counted: messages, deliveries, logins, cells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub messages: Option<u64>,
    /// Wall clock time of the measured part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds: Option<f64>,
    /// User and system time of the measured process in that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core_seconds: Option<f64>,
    /// `messages / core_seconds`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_core_second: Option<f64>,
    /// Median latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99th percentile of the latency.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Resident bytes of the measured process at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rss_bytes: Option<u64>,
    /// Bytes of one message from client to server, as sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_bytes: Option<u64>,
    /// This measurement over the floor's of the same round at the same frame size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_floor: Option<f64>,
    /// What only this case has; units last in each name.
    #[serde(flatten)]
    pub more: BTreeMap<&'static str, serde_json::Value>,
}

impl Measurement {
    /// An empty one.
    pub fn new(case: &'static str, subject: Subject) -> Self {
        Self {
            case,
            subject,
            round: None,
            messages: None,
            seconds: None,
            core_seconds: None,
            per_core_second: None,
            p50_ms: None,
            p99_ms: None,
            rss_bytes: None,
            frame_bytes: None,
            ratio_to_floor: None,
            more: BTreeMap::new(),
        }
    }

    /// Sets count, times and their quotient.
    pub fn with_work(mut self, messages: u64, seconds: f64, core_seconds: f64) -> Self {
        self.messages = Some(messages);
        self.seconds = Some(rounded(seconds));
        self.core_seconds = Some(rounded(core_seconds));
        self.per_core_second = (core_seconds > 0.0).then(|| (messages as f64 / core_seconds).round());
        self
    }

    /// Sets both percentiles.
    pub fn with_latencies(mut self, latencies: &mut Latencies) -> Self {
        self.p50_ms = latencies.percentile_ms(50.0);
        self.p99_ms = latencies.percentile_ms(99.0);
        self
    }

    /// Adds a value that only this case has.
    pub fn with(mut self, name: &'static str, value: impl Into<serde_json::Value>) -> Self {
        self.more.insert(name, value.into());
        self
    }

    /// Writes the line.
    pub fn print(&self) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        out.write_all(&line)?;
        Ok(out.flush()?)
    }
}

/// Rounds to a ten-thousandth, for readable lines.
pub fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

/// The middle value; `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Every latency of a run, in microseconds.
#[derive(Debug, Default)]
pub struct Latencies {
    micros: Vec<u32>,
    is_sorted: bool,
}

impl Latencies {
    /// Adds one.
    pub fn add(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        self.is_sorted = false;
    }

    /// Adds another's.
    pub fn merge(&mut self, other: &Self) {
        self.micros.extend_from_slice(&other.micros);
        self.is_sorted = false;
    }

    /// The latency below which `percent` of them lie; `None` of nothing.
    pub fn percentile_ms(&mut self, percent: f64) -> Option<f64> {
        if !self.is_sorted {
            self.micros.sort_unstable();
            self.is_sorted = true;
        }
        let last = self.micros.len().checked_sub(1)?;
        let at = (last as f64 * percent / 100.0).round() as usize;
        Some(f64::from(self.micros[at]) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_latencies() {
        let mut latencies = Latencies::default();
        for millis in (1..=101).rev() {
            latencies.add(Duration::from_millis(millis));
        }
        assert_eq!(latencies.percentile_ms(50.0), Some(51.0));
        assert_eq!(latencies.percentile_ms(99.0), Some(100.0));
        assert_eq!(Latencies::default().percentile_ms(50.0), None);
    }

    #[test]
    fn absent_values_are_left_out_of_the_line() -> anyhow::Result<()> {
        let line = serde_json::to_string(&Measurement::new("idle", Subject::Node).with("connections", 5))?;
        assert_eq!(line, r#"{"case":"idle","subject":"node","connections":5}"#);
        Ok(())
    }
}
