//! A capture file, or standard input, as a source: at its own pace, faster, slower, or at once.

use super::batch::Batch;
use super::feed::{PATIENCE, Source};
use crate::error::{CliError, plain, without_errno};
use crate::input::Filter;
use limpid_scope::capture::{CaptureError, Reader};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

/// A capture being played.
pub(crate) struct Replay {
    reader: Reader<Box<dyn Read + Send>>,
    name: String,
    /// The input itself where it may keep us waiting: a pipe, a terminal.
    pipe: Option<File>,
    filter: Option<Filter>,
    snaplen: usize,
    /// Seconds of the capture in a second; `None` for at once.
    speed: Option<f64>,
    /// When the first packet was played, and its time.
    start: Option<(Instant, i64)>,
    /// The packet at hand has to wait for its time.
    waits: bool,
    ended: bool,
}

impl Replay {
    /// Opens a capture; `-` is standard input.
    pub(crate) fn open(
        path: &Path,
        filter: Option<Filter>,
        speed: Option<f64>,
        snaplen: usize,
    ) -> Result<Replay, CliError> {
        let (input, itself, name): (Box<dyn Read + Send>, _, _) = if path.as_os_str() == "-" {
            let itself = io::stdin().as_fd().try_clone_to_owned().map(File::from);
            (Box::new(io::stdin()), itself, "standard input".to_owned())
        } else {
            let name = path.display().to_string();
            let file = File::open(path).map_err(|error| {
                CliError::run(&name, plain(&error)).hint("give a pcap or pcapng file that you may read")
            })?;
            let itself = file.try_clone();
            (Box::new(file), itself, name)
        };
        let pipe = itself.ok().filter(|itself| itself.metadata().is_ok_and(|metadata| !metadata.is_file()));
        let reader = Reader::new(input).map_err(|error| failure(&name, &error))?;
        Ok(Replay { reader, name, pipe, filter, snaplen, speed, start: None, waits: false, ended: false })
    }

    /// True if to read on may take long: what there is should be shown before. What the reader has in store already is
    /// not known here; it makes small batches, nothing worse.
    fn may_block(&self) -> bool {
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        self.pipe.as_ref().is_some_and(|pipe| poll(&mut [PollFd::new(pipe, PollFlags::IN)], Some(&now)) == Ok(0))
    }

    /// How long until a packet of `time` is due.
    fn wait(&mut self, time: i64) -> Duration {
        let Some(speed) = self.speed else { return Duration::ZERO };
        let (start, first) = *self.start.get_or_insert((Instant::now(), time));
        let after = Duration::from_nanos(u64::try_from(time.saturating_sub(first)).unwrap_or(0));
        after.div_f64(speed).saturating_sub(start.elapsed())
    }
}

impl Source for Replay {
    fn fill(&mut self, batch: &mut Batch) -> Result<bool, CliError> {
        let deadline = Instant::now() + PATIENCE;
        while !batch.is_full() {
            if !self.waits && !self.reader.advance().map_err(|error| failure(&self.name, &error))? {
                self.ended = true;
                return Ok(false);
            }
            let Some(time) = self.reader.current().map(|packet| packet.time) else { return Ok(false) };
            let wait = self.wait(time);
            self.waits = !wait.is_zero();
            if self.waits {
                if batch.is_empty() {
                    std::thread::sleep(wait.min(deadline.saturating_duration_since(Instant::now())));
                }
                if !batch.is_empty() || Instant::now() >= deadline {
                    return Ok(true);
                }
                continue;
            }
            let Some(packet) = self.reader.current() else { return Ok(false) };
            let is_wanted = match &mut self.filter {
                Some(filter) => filter.matches(&packet)?,
                None => true,
            };
            if is_wanted {
                batch.push(&packet, self.snaplen);
            }
            if !batch.is_empty() && self.may_block() {
                return Ok(true);
            }
        }
        Ok(true)
    }

    fn now(&self) -> Option<i64> {
        let (start, first) = self.start.filter(|_| !self.ended)?;
        let nanos = start.elapsed().mul_f64(self.speed?).as_nanos();
        Some(first.saturating_add(i64::try_from(nanos).unwrap_or(i64::MAX)))
    }

    fn dropped_by_kernel(&mut self) -> u64 {
        0
    }

    fn is_live(&self) -> bool {
        false
    }
}

fn failure(name: &str, error: &CaptureError) -> CliError {
    CliError::run(name, without_errno(&error.to_string())).hint(error.hint())
}
