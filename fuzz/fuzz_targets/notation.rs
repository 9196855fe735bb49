//! Segment notation: any text is parsed or refused, and what was parsed is printed to a text of the same meaning.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_wire::notation::SegmentText;

fuzz_target!(|text: &str| {
    if let Ok(segment) = text.parse::<SegmentText>() {
        assert_eq!(segment.to_string().parse(), Ok(segment));
    }
});
