//! TCP options: no byte is lost by the iterator, and what the engine read it can write and read again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use limpid_wire::tcp::{MAX_OPTIONS_LEN, TcpOption, TcpOptions};

fuzz_target!(|bytes: &[u8]| {
    let bytes = &bytes[..bytes.len().min(MAX_OPTIONS_LEN)];
    let mut options = TcpOption::iter(bytes);
    let mut left = options.rest().len();
    while options.next().is_some() {
        assert!(options.rest().len() < left);
        left = options.rest().len();
    }
    assert_eq!(left, 0);

    let parsed = TcpOptions::parse(bytes);
    let mut out = [0; MAX_OPTIONS_LEN];
    let len = parsed.emit(&mut out);
    let mut expected = parsed.clone();
    expected.sack.truncate(parsed.encoded_sack_blocks());
    let again = TcpOptions::parse(&out[..len]);
    if again.user_timeout.is_none() {
        expected.user_timeout = None;
    }
    assert_eq!(again, expected);
});
