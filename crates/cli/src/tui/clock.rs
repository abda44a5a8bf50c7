//! Times and days where the user is.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

/// A moment where the user is; the epoch for what no calendar holds.
pub fn zoned(zone: &TimeZone, at_ms: u64) -> Zoned {
    let time = i64::try_from(at_ms).ok().and_then(|at_ms| Timestamp::from_millisecond(at_ms).ok());
    time.unwrap_or(Timestamp::UNIX_EPOCH).to_zoned(zone.clone())
}

/// The day of a moment.
pub fn day(zone: &TimeZone, at_ms: u64) -> Date {
    zoned(zone, at_ms).date()
}

/// Hours and minutes.
pub fn time(zone: &TimeZone, at_ms: u64) -> String {
    zoned(zone, at_ms).strftime("%H:%M").to_string()
}
