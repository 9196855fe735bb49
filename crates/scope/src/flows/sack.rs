//! What the first of a SACK option's blocks tells (RFC 2883).

/// The first block, if it tells of what arrived twice: it lies below the acknowledgement or inside the second (RFC 2883 §4).
/// Blocks are left and right edges, relative as `ack` is.
#[inline]
pub(crate) fn duplicate(ack: i64, blocks: &[(i64, i64)]) -> Option<(i64, i64)> {
    let &(left, right) = blocks.first()?;
    let is_inside = |&(l, r): &(i64, i64)| l <= left && right <= r;
    (right <= ack || blocks.get(1).is_some_and(is_inside)).then_some((left, right))
}
