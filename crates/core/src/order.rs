//! The ordering key: events with the same value at a place in their payload go out one after the other.

use crate::json;
use crate::pointer::Pointer;

/// A stable hash of the value at the pointer, stored with each delivery: it must never change.
///
/// FNV-1a, 64 bits, of the value's bytes as they stand in the payload: `7`, `7.0` and `"7"` are three keys. A payload
/// without the value, or a pointer that is none, has the hash of nothing, so such events are in order among
/// themselves. Two values with the same hash only wait for each other without need.
pub fn order_key(payload: &[u8], pointer: &str) -> u64 {
    let range = pointer.parse::<Pointer>().ok().and_then(|pointer| json::locate(payload, &pointer));
    fnv_1a(range.and_then(|range| payload.get(range)).unwrap_or_default())
}

/// Source: draft-eastlake-fnv, FNV-1a for 64 bits.
fn fnv_1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv_1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv_1a(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(fnv_1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn the_bytes_of_the_value_are_the_key() {
        let key = |payload: &str| order_key(payload.as_bytes(), "/invoice/ID");
        assert_eq!(key(r#"{"invoice": {"ID" : 4711 , "n": 1}}"#), fnv_1a(b"4711"));
        assert_eq!(key(r#"{"invoice":{"n":2,"ID":4711}}"#), fnv_1a(b"4711"));
        assert_eq!(key(r#"{"invoice":{"ID":"4711"}}"#), fnv_1a(b"\"4711\""));
        for without in [r#"{"ID":4711}"#, r#"{"invoice":[4711]}"#, "[]", "", "{\"invoice\":{\"ID\":"] {
            assert_eq!(key(without), fnv_1a(b""), "{without}");
        }
        assert_eq!(order_key(b"{}", "no pointer"), fnv_1a(b""));
    }
}
