//! Without a screen: a line for each packet, segment or connection, as they come.

use super::feed::{Delivery, Feed};
use super::json::Json;
use super::limits::Limits;
use super::save::Everything;
use crate::error::{CliError, plain};
use crate::signals::Signals;
use limpid_scope::dump::Printer;
use limpid_scope::words::{count, number};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Write};

/// What is written before it is handed on.
const BUFFER: usize = 64 * 1024;

/// What a line is.
pub(crate) enum Format {
    /// tcpdump's text of a packet.
    Text(Box<Printer>),
    /// An object.
    Json(Box<Json>),
    /// Nothing: packets are only saved.
    Nothing,
}

/// What it came to.
#[derive(Clone, Copy, Default, Debug)]
struct Tally {
    packets: u64,
    dropped: (u64, u64),
}

/// Prints until there are no more packets, a limit is reached, or a signal asks to end.
pub(crate) fn run(
    feed: &Feed,
    signals: &Signals,
    mut format: Format,
    mut everything: Option<Everything>,
    mut limits: Limits,
) -> Result<(), CliError> {
    let mut out = io::BufWriter::with_capacity(BUFFER, io::stdout().lock());
    let mut tally = Tally::default();
    let mut text = Vec::with_capacity(256);
    let mut failure = None;
    let mut goes_on = true;
    while goes_on && !limits.is_over() {
        goes_on = wait(feed, signals, &limits)?;
        feed.acknowledge();
        while let Some(delivery) = feed.take() {
            let batch = match delivery {
                Delivery::Packets(batch) => batch,
                Delivery::Ended(why) => {
                    (failure, goes_on) = (why, false);
                    break;
                }
            };
            for packet in batch.iter().take_while(|_| limits.take()) {
                tally.packets += 1;
                text.clear();
                match &mut format {
                    Format::Text(printer) => {
                        printer.append(&packet, &mut text);
                        text.push(b'\n');
                    }
                    Format::Json(json) => json.packet(&packet, &mut text),
                    Format::Nothing => {}
                }
                out.write_all(&text).map_err(CliError::stdout)?;
                if let Some(everything) = &mut everything {
                    everything.write(&packet)?;
                }
            }
            if limits.is_over() {
                break;
            }
        }
        // Nothing is held back while nothing comes.
        out.flush().map_err(CliError::stdout)?;
        everything.as_mut().map_or(Ok(()), Everything::flush)?;
    }
    if let Format::Json(json) = format {
        text.clear();
        json.finish(&mut text);
        out.write_all(&text).map_err(CliError::stdout)?;
    }
    out.flush().map_err(CliError::stdout)?;
    tally.dropped = feed.dropped();
    if let Some(everything) = everything {
        everything.finish()?;
    }
    tally.tell();
    failure.map_or(Ok(()), Err)
}

/// Waits for packets, as long as the limits allow. False if a signal asks to end.
fn wait(feed: &Feed, signals: &Signals, limits: &Limits) -> Result<bool, CliError> {
    let timeout =
        limits.left().map(|left| Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) });
    let (packets, ends) = (feed.fd(), signals.fd());
    let mut fds = [packets, ends].map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN));
    match poll(&mut fds, timeout.as_ref()) {
        Ok(_) => Ok(fds[1].revents().is_empty()),
        Err(Errno::INTR) => Ok(true),
        Err(error) => Err(CliError::run("waiting for packets", plain(&error.into()))),
    }
}

impl Tally {
    /// On standard error, as tcpdump does.
    fn tell(self) {
        let (kernel, here) = self.dropped;
        let _ = writeln!(
            io::stderr(),
            "{}, {} dropped by the kernel, {} dropped here",
            count(self.packets, "packet"),
            number(kernel),
            number(here)
        );
    }
}
