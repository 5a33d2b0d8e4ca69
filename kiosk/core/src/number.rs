//! Order numbers: short enough to call across a room.

/// The number a diner is called by: the kiosk's prefix and a counter of the business day with at
/// least three digits, A001 … A999, A1000.
#[must_use]
pub fn order_number(prefix: &str, counter: u32) -> String {
    format!("{prefix}{counter:03}")
}

/// The `index`-th prefix of a store. Letters that are taken for digits (I, O) are left out; after
/// the single letters come pairs, so that a number stays callable and no prefix begins a number
/// that another could form.
#[must_use]
pub fn store_prefix(index: usize) -> String {
    const LETTERS: &[u8; 24] = b"ABCDEFGHJKLMNPQRSTUVWXYZ";
    let letter = |i: usize| char::from(LETTERS.get(i % 24).copied().unwrap_or(b'A'));
    let mut prefix = String::new();
    let mut rest = index;
    loop {
        prefix.insert(0, letter(rest));
        if rest < 24 {
            return prefix;
        }
        rest = rest / 24 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn numbers_grow_beyond_three_digits() {
        assert_eq!(order_number("A", 1), "A001");
        assert_eq!(order_number("A", 999), "A999");
        assert_eq!(order_number("B", 1000), "B1000");
    }

    #[test]
    fn prefixes_of_a_store_never_repeat() {
        assert_eq!(store_prefix(0), "A");
        assert_eq!(store_prefix(23), "Z");
        assert_eq!(store_prefix(24), "AA");
        let all: HashSet<_> = (0..10_000).map(store_prefix).collect();
        assert_eq!(all.len(), 10_000);
    }
}
