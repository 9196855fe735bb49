//! An interface as a source.

use super::batch::Batch;
use super::feed::{PATIENCE, Source};
use crate::error::{CliError, without_errno};
use crate::input::Filter;
use limpid_device::capture::{Capture, CaptureError, CaptureOptions, Frame};
use limpid_scope::capture::{LinkType, PacketRef};
use std::time::{SystemTime, UNIX_EPOCH};

/// The bytes of the ring that the kernel fills: a second and more of 100,000 packets.
const RING: usize = 32 << 20;

/// A capture that goes on.
pub(crate) struct Wire {
    capture: Capture,
    name: String,
    link_type: LinkType,
    /// Packets so far.
    count: u64,
    snaplen: usize,
}

impl Wire {
    /// Begins to capture the packets that `filter` lets through.
    pub(crate) fn open(interface: &str, filter: Option<Filter>, snaplen: usize) -> Result<Wire, CliError> {
        let failed = |error: CaptureError| failure(interface, &error);
        let link_type = LinkType(limpid_device::capture::link_type(interface).map_err(failed)?);
        let options = CaptureOptions {
            interface: interface.to_owned(),
            filter: filter.map(|mut filter| filter.program(link_type)).transpose()?,
            snaplen: u32::try_from(snaplen).unwrap_or(u32::MAX),
            ring_bytes: RING,
            ..CaptureOptions::default()
        };
        let capture = Capture::open(&options).map_err(failed)?;
        Ok(Wire { capture, name: interface.to_owned(), link_type, count: 0, snaplen })
    }
}

impl Source for Wire {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, CliError> {
        let (link_type, snaplen) = (self.link_type, self.snaplen);
        let count = &mut self.count;
        let mut push = |frame: Frame<'_>| {
            *count += 1;
            let packet = PacketRef {
                number: *count,
                time: frame.time,
                link_type,
                original_len: frame.original_len,
                data: frame.data,
                comment: None,
                interface: 0,
            };
            batch.push(&packet, snaplen);
            batch.is_full()
        };
        match self.capture.next(PATIENCE) {
            Ok(Some(frame)) => _ = push(frame),
            Ok(None) => return Ok(true),
            // It may come up again.
            Err(CaptureError::Down { .. }) => return Ok(true),
            Err(error) => return Err(failure(&self.name, &error)),
        }
        while let Some(frame) = self.capture.next_waiting() {
            if push(frame) {
                break;
            }
        }
        Ok(true)
    }

    fn now(&self) -> Option<i64> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        i64::try_from(since.as_nanos()).ok()
    }

    fn dropped_by_kernel(&mut self) -> u64 {
        self.capture.statistics().dropped
    }

    fn is_live(&self) -> bool {
        true
    }
}

fn failure(interface: &str, error: &CaptureError) -> CliError {
    CliError::run(format!("capture on {interface}"), without_errno(&error.to_string())).hint(error.hint())
}
