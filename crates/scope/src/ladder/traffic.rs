//! Which arrows get into each other's way, whatever they are drawn with.

use super::layout::Arrow;

/// Which of the sloped arrows that `counts` takes are under way while one comes the other way; `overlaps` says if the row
/// where the earlier one arrives is late enough for the row where the other leaves.
pub(super) fn meeting(
    arrows: &[Arrow],
    counts: impl Fn(usize) -> bool,
    overlaps: impl Fn(usize, usize) -> bool,
) -> Vec<bool> {
    let mut meeting = vec![false; arrows.len()];
    let mut order: Vec<usize> =
        (0..arrows.len()).filter(|&i| arrows[i].departs < arrows[i].arrives && counts(i)).collect();
    order.sort_by_key(|&i| arrows[i].departs);
    let mut under_way: Vec<usize> = Vec::new();
    for &new in &order {
        under_way.retain(|&old| overlaps(arrows[old].arrives, arrows[new].departs));
        for &old in under_way.iter().filter(|&&old| arrows[old].from != arrows[new].from) {
            (meeting[old], meeting[new]) = (true, true);
        }
        under_way.push(new);
    }
    meeting
}
