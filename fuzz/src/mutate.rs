//! Deterministic mutations: what libFuzzer does first, in an order that is the same on every machine.

/// Places in an input that are cut or altered, at most.
const PLACES_MAX: usize = 96;

/// Calls `visit` with each mutation of `input`; `other` is another input of the same target.
pub fn each(input: &[u8], other: &[u8], mut visit: impl FnMut(&[u8])) {
    visit(&[]);
    for at in places(input.len()) {
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
fn places(length: usize) -> Vec<usize> {
    if length <= PLACES_MAX {
        return (0..length).collect();
    }
    let third = PLACES_MAX / 3;
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
            each(b"abcdefgh", b"12345678", |mutated| all.push(mutated.to_vec()));
            all
        };
        let all = collect();
        assert_eq!(all, collect());
        assert!(all.iter().filter(|mutated| **mutated != b"abcdefgh").count() > 90, "{}", all.len());
    }

    #[test]
    fn places_are_in_bounds_and_few() {
        for length in [0, 1, PLACES_MAX, PLACES_MAX + 1, 1_000, 65_536] {
            let places = places(length);
            assert!(places.len() <= PLACES_MAX && places.iter().all(|at| *at < length), "{length}");
            assert!(places.is_sorted(), "{length}");
        }
    }
}
