use proptest::prelude::*;

use super::*;

/// Distances for which "before" and "after" have a meaning.
fn near() -> impl Strategy<Value = u32> {
    prop_oneof![1..1000u32, 1..1u32 << 31, ((1u32 << 31) - 1000)..(1u32 << 31)]
}

/// Numbers, more often than by chance close to where they wrap.
fn seq() -> impl Strategy<Value = SeqNum> {
    prop_oneof![any::<u32>(), 0..10u32, (u32::MAX - 10)..=u32::MAX, (1u32 << 31) - 5..(1 << 31) + 5].prop_map(SeqNum)
}

proptest! {
    #[test]
    fn before_and_after_mirror_each_other(a in seq(), n in near()) {
        let b = a + n;
        prop_assert!(a.before(b) && b.after(a) && !b.before(a) && !a.after(b));
        prop_assert!(a.before_eq(b) && b.after_eq(a) && !b.before_eq(a) && !a.after_eq(b));
        prop_assert!(!a.before(a) && !a.after(a) && a.before_eq(a) && a.after_eq(a));
    }

    #[test]
    fn before_is_transitive_within_half_the_circle(a in seq(), m in 1..1u32 << 30, n in 1..1u32 << 30) {
        let (b, c) = (a + m, a + m + n);
        prop_assert!(a.before(b) && b.before(c) && a.before(c));
    }

    #[test]
    fn adding_and_subtracting_undo_each_other(a in seq(), n: u32) {
        prop_assert_eq!(a + n - n, a);
        prop_assert_eq!((a + n) - a, n);
        let mut c = a;
        c += n;
        prop_assert_eq!(c, a + n);
    }

    #[test]
    fn the_signed_distance_has_the_right_sign(a in seq(), n in near()) {
        let b = a + n;
        prop_assert_eq!(i64::from(b.offset_from(a)), i64::from(n));
        prop_assert_eq!(i64::from(a.offset_from(b)), -i64::from(n));
        prop_assert_eq!(a.later(b), b);
        prop_assert_eq!(b.later(a), b);
        prop_assert_eq!(a.earlier(b), a);
        prop_assert_eq!(b.earlier(a), a);
    }

    #[test]
    fn within_is_a_half_open_range(low in seq(), len: u32, n: u32) {
        let high = low + len;
        prop_assert_eq!((low + n).within(low, high), n < len);
        prop_assert!(!low.within(low, low));
        prop_assert!(!high.within(low, high));
    }
}
