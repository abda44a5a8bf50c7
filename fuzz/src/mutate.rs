//! Deterministic mutations: what libFuzzer does first, in an order that is the same on every machine.

/// Calls `visit` with each mutation of `input` at no more than `places_max` places; `other` is another input of the
/// same target.
pub fn each(input: &[u8], other: &[u8], places_max: usize, mut visit: impl FnMut(&[u8])) {
    visit(&[]);
    for at in places(input.len(), places_max) {
        visit(&input[..at]);
        visit(&input[at..]);
        for altered in [input[at] ^ 1, input[at] ^ 0x80, 0, 0xFF, input[at].wrapping_add(1)] {
            let mut mutated = input.to_vec();
            mutated[at] = altered;
            visit(&mutated);
        }
        // A length or a number that is far too large, in fixed and in variable coding.
        for insert in [&[0xFF; 4][..], &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01], &[0]] {
            visit(&[&input[..at], insert, &input[at..]].concat());
            let end = input.len().min(at + insert.len());
            visit(&[&input[..at], insert, &input[end..]].concat());
        }
        visit(&[&input[..at], &other[at.min(other.len())..]].concat());
    }
    visit(&[input, input].concat());
    visit(&[input, other].concat());
}

/// All places of a short input; of a long one its begin and its end, and some between.
fn places(length: usize, places_max: usize) -> Vec<usize> {
    if length <= places_max {
        return (0..length).collect();
    }
    let third = places_max / 3;
    let between = (1..=third).map(|nth| third + nth * (length - 2 * third) / (third + 1));
    let mut places: Vec<usize> = (0..third).chain(between).chain(length - third..length).collect();
    places.dedup();
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mutations_are_the_same_each_time_and_differ_from_the_input() {
        let collect = || {
            let mut all = Vec::new();
            each(b"abcdefgh", b"12345678", 96, |mutated| all.push(mutated.to_vec()));
            all
        };
        let all = collect();
        assert_eq!(all, collect());
        assert!(all.iter().filter(|mutated| **mutated != b"abcdefgh").count() > 90, "{}", all.len());
    }

    #[test]
    fn places_are_in_bounds_and_few() {
        for length in [0, 1, 96, 97, 1_000, 65_536] {
            let places = places(length, 96);
            assert!(places.len() <= 96 && places.iter().all(|at| *at < length), "{length}");
            assert!(places.is_sorted(), "{length}");
        }
    }
}
