//! Software segmentation.

use limpid_stack::Medium;

/// Bytes before the IP header.
pub(crate) const fn link_header_len(medium: Medium) -> usize {
    match medium {
        Medium::Ip => 0,
        Medium::Ethernet(_) => 14,
    }
}
