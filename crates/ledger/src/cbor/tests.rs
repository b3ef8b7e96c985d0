#![expect(clippy::unwrap_used, reason = "a test that can't go on should stop")]

use proptest::prelude::*;

use super::*;

/// The integers of RFC 8949, appendix A, that fit an `i64`.
#[test]
fn writes_and_reads_the_integers_of_rfc_8949() {
    for (number, expect) in [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (100, "1864"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (-1, "20"),
        (-10, "29"),
        (-100, "3863"),
        (-1000, "3903e7"),
        (i64::MAX, "1b7fffffffffffffff"),
        (i64::MIN, "3b7fffffffffffffff"),
    ] {
        let mut bytes = Vec::new();
        Writer(&mut bytes).integer(number);
        assert_eq!(hex(&bytes), expect, "{number}");
        assert_eq!(Reader::new(&bytes).integer(), Ok(number));
    }
}

#[test]
fn refuses_longer_forms_other_types_and_short_input() {
    for (bytes, expect) in [
        (&[0x18, 23][..], CborFault::Form),
        (&[0x19, 0, 0xff], CborFault::Form),
        (&[0x1a, 0, 0, 0xff, 0xff], CborFault::Form),
        (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], CborFault::Form),
        (&[0x1c], CborFault::Form),
        (&[0x1f], CborFault::Form),
        (&[0x20], CborFault::Form),
        (&[], CborFault::Short),
        (&[0x18], CborFault::Short),
        (&[0x1b, 1, 2, 3], CborFault::Short),
    ] {
        assert_eq!(Reader::new(bytes).unsigned(), Err(expect), "{bytes:02x?}");
    }
    let endless = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert_eq!(Reader::new(&endless).bytes(), Err(CborFault::Short));
    assert_eq!(Reader::new(&[0x62, 0xff, 0xfe]).text(), Err(CborFault::Form));
    assert_eq!(Reader::new(&[0x3b, 0xff, 0, 0, 0, 0, 0, 0, 0]).integer(), Err(CborFault::Form));
    assert_eq!(Reader::new(&[0xf6]).boolean(), Err(CborFault::Form));
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

proptest! {
    /// Another implementation reads the same values from the writer's output.
    #[test]
    fn minicbor_reads_what_was_written(
        number: i64, unsigned: u64, text: String, run: Vec<u8>, truth: bool,
    ) {
        let mut bytes = Vec::new();
        let mut writer = Writer(&mut bytes);
        writer.integer(number);
        writer.unsigned(unsigned);
        writer.text(&text);
        writer.bytes(&run);
        writer.boolean(truth);
        let mut other = minicbor::Decoder::new(&bytes);
        prop_assert_eq!(other.i64().unwrap(), number);
        prop_assert_eq!(other.u64().unwrap(), unsigned);
        prop_assert_eq!(other.str().unwrap(), text);
        prop_assert_eq!(other.bytes().unwrap(), &run[..]);
        prop_assert_eq!(other.bool().unwrap(), truth);
        prop_assert_eq!(other.position(), bytes.len());
    }
}
