//! A code to scan, drawn with half blocks.

use qrcode::{Color, EcLevel, QrCode};

/// White around the code, modules on each side; four are asked for, two are enough on a screen.
const QUIET: usize = 2;

/// The rows of a code for a text, two modules a row; nothing for what no code can hold. Drawn dark on light whatever
/// the terminal's ground: a full block is light.
pub fn rows(text: &str) -> Vec<String> {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::L) else { return Vec::new() };
    let width = code.width();
    let side = width + 2 * QUIET;
    let is_dark = |x: usize, y: usize| {
        let inside = |at: usize| (QUIET..QUIET + width).contains(&at);
        inside(x) && inside(y) && code[(x - QUIET, y - QUIET)] == Color::Dark
    };
    (0..side)
        .step_by(2)
        .map(|y| {
            (0..side)
                .map(|x| match (is_dark(x, y), y + 1 >= side || is_dark(x, y + 1)) {
                    (false, false) => '█',
                    (false, true) => '▀',
                    (true, false) => '▄',
                    (true, true) => ' ',
                })
                .collect()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_has_its_three_eyes_and_light_around_it() {
        let rows = rows("https://node.example/i#0123456789");
        let side = rows[0].chars().count();
        assert_eq!(rows.len(), side.div_ceil(2));
        assert_eq!(rows[0], "█".repeat(side), "light above");
        let (last, all_but_last) = rows.split_last().expect("there are rows");
        assert_eq!(*last, "▀".repeat(side), "an odd number of rows ends with half a row");
        assert!(all_but_last.iter().all(|row| row.starts_with("██") && row.ends_with("██")), "light at the sides");
        // An eye's upper edge: seven dark modules over its hollow ring.
        let eye = " ▄▄▄▄▄ ";
        let first: String = rows[1].chars().collect();
        assert!(first.starts_with(&format!("██{eye}")) && first.ends_with(&format!("{eye}██")), "{first}");
        assert!(rows[rows.len() - 5].starts_with(&format!("██{eye}")), "{rows:?}");
    }

    #[test]
    fn what_no_code_can_hold_is_none() {
        assert!(rows(&"x".repeat(4_000)).is_empty());
    }
}
