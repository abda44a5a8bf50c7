//! The header field `range` (RFC 9110 s.14): one range of bytes, else the whole.

/// What is asked of a blob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// All of it: without the field, and where the field says what one may ignore.
    Whole,
    /// From the first byte up to, not including, the second; never empty.
    Range(u64, u64),
    /// Nothing that the blob has.
    Outside,
}

/// Reads the field's value for a blob of `length` bytes. Several ranges and other units are ignored, as a server may.
pub fn asked(field: Option<&str>, length: u64) -> Asked {
    let Some(set) = field.and_then(|field| field.trim().split_once('=')) else { return Asked::Whole };
    if !set.0.eq_ignore_ascii_case("bytes") || set.1.contains(',') {
        return Asked::Whole;
    }
    let Some((first, last)) = set.1.trim().split_once('-') else { return Asked::Whole };
    match (number(first), number(last)) {
        (Some(first), None) if last.is_empty() => within(first, length, length),
        (None, Some(count)) if first.is_empty() => within(length - count.min(length), length, length),
        (Some(first), Some(last)) if first <= last => within(first, last.saturating_add(1).min(length), length),
        _ => Asked::Whole,
    }
}

fn within(first: u64, end: u64, length: u64) -> Asked {
    if first < length { Asked::Range(first, end) } else { Asked::Outside }
}

/// Digits only; more than a number holds is as much as it holds.
fn number(digits: &str) -> Option<u64> {
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_is_read_as_in_rfc_9110() {
        let cases = [
            ("bytes=0-0", Asked::Range(0, 1)),
            ("bytes=0-99", Asked::Range(0, 100)),
            ("bytes=10-", Asked::Range(10, 100)),
            ("Bytes= 10-19", Asked::Range(10, 20)),
            ("bytes=99-1000", Asked::Range(99, 100)),
            ("bytes=0-99999999999999999999999", Asked::Range(0, 100)),
            ("bytes=-1", Asked::Range(99, 100)),
            ("bytes=-100", Asked::Range(0, 100)),
            ("bytes=-101", Asked::Range(0, 100)),
            ("bytes=-0", Asked::Outside),
            ("bytes=100-", Asked::Outside),
            ("bytes=100-100", Asked::Outside),
            ("bytes=99999999999999999999999-", Asked::Outside),
            ("bytes=2-1", Asked::Whole),
            ("bytes=0-1,5-6", Asked::Whole),
            ("bytes=-", Asked::Whole),
            ("bytes=", Asked::Whole),
            ("bytes=a-b", Asked::Whole),
            ("bytes=+1-2", Asked::Whole),
            ("bytes=1--2", Asked::Whole),
            ("lines=1-2", Asked::Whole),
            ("", Asked::Whole),
        ];
        for (field, expected) in cases {
            assert_eq!(asked(Some(field), 100), expected, "{field}");
        }
        assert_eq!(asked(None, 100), Asked::Whole);
        assert_eq!(asked(Some("bytes=0-"), u64::MAX), Asked::Range(0, u64::MAX));
    }
}
