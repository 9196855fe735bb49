//! (in the making)
use super::Story;
pub(super) fn explain(_story: &mut Story<'_>) {}
