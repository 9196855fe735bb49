use super::*;

#[test]
fn it_is_always_within_bounds() {
    assert_eq!(Rto::new(Duration::ZERO).duration(), Rto::MIN);
    assert_eq!(Rto::new(Duration::MAX).duration(), Rto::MAX);
    assert_eq!(Rto::new(Duration::from_millis(201)).duration(), Duration::from_millis(201));
    assert_eq!(Rto::default(), Rto::INITIAL);
    assert_eq!(Rto::bounded(Duration::from_micros(210_001), Rto::MAX).duration(), Duration::from_millis(211));
    assert_eq!(Rto::bounded(Duration::ZERO, Duration::ZERO).duration(), LEAST);
}

#[test]
fn it_doubles_until_the_bound() {
    let seconds: Vec<u64> = (0..9).map(|n| Rto::INITIAL.backed_off(n, Rto::MAX).as_secs()).collect();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 120, 120]);
    for n in [31, 32, 33, 64, u32::MAX] {
        assert_eq!(Rto::INITIAL.backed_off(n, Rto::MAX), Rto::MAX);
    }
}

use alloc::vec::Vec;
