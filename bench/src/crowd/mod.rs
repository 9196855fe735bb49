//! Many connections: what an idle one costs, what others cost that come and go beside them, and what a flood of SYNs does.

pub(crate) mod flood;
pub(crate) mod idle;
pub(crate) mod linux;
mod strangers;
pub(crate) mod tracing;
