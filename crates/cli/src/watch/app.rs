//! The live view at work: one loop over keys, signals and packets, which draws at most ten times a second and only if
//! something has changed.

use super::batch::Batch;
use super::feed::{Delivery, Feed};
use super::limits::Limits;
use super::model::Model;
use super::save::{self, Everything};
use super::screen::Screen;
use super::update::{Effect, message, update};
use super::view;
use crate::error::{CliError, plain};
use crate::signals::Signals;
use limpid_scope::flows::FlowNumber;
use ratatui::crossterm::event;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io;
use std::time::{Duration, Instant};

/// The least time between two pictures.
const FRAME: Duration = Duration::from_millis(100);
/// After a key the next picture does not wait that long.
const KEY_FRAME: Duration = Duration::from_millis(20);
/// Ages and what counts down change once a second.
const TICK: Duration = Duration::from_secs(1);
/// The most batches taken in before keys are looked at again.
const BATCHES: usize = 32;

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Ready {
    keys: bool,
    ends: bool,
    stops: bool,
    resizes: bool,
}

/// The view while it runs.
pub(crate) struct App {
    model: Model,
    /// `None` once there are no more packets.
    feed: Option<Feed>,
    ends: Signals,
    stops: Signals,
    resizes: Signals,
    everything: Option<Everything>,
    limits: Limits,
    /// Something has changed since the last picture: when the next is due.
    due: Option<Instant>,
    drawn: Instant,
    /// Why there are no more packets, if that is a failure.
    failure: Option<CliError>,
    /// The person wants to leave, or has to.
    leaves: bool,
}

impl App {
    pub(crate) fn new(
        model: Model,
        feed: Feed,
        ends: Signals,
        everything: Option<Everything>,
        limits: Limits,
    ) -> io::Result<App> {
        let drawn = Instant::now();
        Ok(App {
            model,
            feed: Some(feed),
            ends,
            stops: Signals::stop()?,
            resizes: Signals::resize()?,
            everything,
            limits,
            due: Some(drawn),
            drawn,
            failure: None,
            leaves: false,
        })
    }

    /// Shows the view until the person leaves. Answers what it came to, and what has failed meanwhile.
    pub(crate) fn run(mut self) -> Result<(Model, Option<CliError>), CliError> {
        let failed = |error: io::Error| CliError::run("terminal", plain(&error)).hint("--lines needs none");
        let mut screen = Screen::enter().map_err(failed)?;
        while !self.leaves {
            let ready = self.wait(&screen).map_err(failed)?;
            if ready.ends {
                break;
            }
            if ready.stops {
                self.stops.clear();
                self.suspend(&mut screen).map_err(failed)?;
            }
            if ready.resizes {
                self.resizes.clear();
                self.change(Duration::ZERO);
            }
            if ready.keys {
                self.obey_keys(&mut screen).map_err(failed)?;
            }
            self.take_packets()?;
            if self.due.is_some_and(|due| due <= Instant::now()) && !self.leaves {
                self.draw(&mut screen).map_err(failed)?;
            }
        }
        drop(screen);
        self.take_rest()?;
        self.model.pause = None;
        self.bring_up_to_date();
        let failure = self.everything.and_then(|everything| everything.finish().err());
        Ok((self.model, self.failure.or(failure)))
    }

    /// Waits for something to do, or until a picture is due.
    fn wait(&mut self, screen: &Screen) -> io::Result<Ready> {
        if self.feed.is_some() && self.drawn.elapsed() >= TICK {
            self.change(Duration::ZERO);
        }
        let timeout = match (self.due, &self.feed) {
            (Some(due), _) => Some(due),
            (None, Some(_)) => Some(self.drawn + TICK),
            (None, None) => None,
        };
        let timeout = timeout.map(|until| {
            let left = until.saturating_duration_since(Instant::now());
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) }
        });
        let mut fds = vec![screen.keys(), self.ends.fd(), self.stops.fd(), self.resizes.fd()];
        fds.extend(self.feed.as_ref().map(Feed::fd));
        let mut fds: Vec<_> = fds.into_iter().map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
        match poll(&mut fds, timeout.as_ref()) {
            Ok(_) => {
                let ready = |at: usize| !fds[at].revents().is_empty();
                Ok(Ready { keys: ready(0), ends: ready(1), stops: ready(2), resizes: ready(3) })
            }
            Err(Errno::INTR) => Ok(Ready::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Something has changed: a picture is due `after` the last one.
    fn change(&mut self, after: Duration) {
        let due = self.drawn + after;
        self.due = Some(self.due.map_or(due, |earlier| earlier.min(due)));
    }

    fn suspend(&mut self, screen: &mut Screen) -> io::Result<()> {
        screen.suspend()?;
        self.change(Duration::ZERO);
        Ok(())
    }

    fn obey_keys(&mut self, screen: &mut Screen) -> io::Result<()> {
        let mut any = false;
        while event::poll(Duration::ZERO)? {
            any = true;
            let event::Event::Key(key) = event::read()? else { continue };
            let Some(message) = message(&self.model, key) else { continue };
            match update(&mut self.model, message) {
                None => {}
                Some(Effect::Quit) => self.leaves = true,
                Some(Effect::Suspend) => self.suspend(screen)?,
                Some(Effect::Clear) => screen.clear()?,
                Some(Effect::Save(flow)) => self.save(flow),
            }
        }
        // Readable, and nothing to read: the terminal is gone, or crossterm has missed what came.
        if !any {
            self.leaves |= is_gone(screen)?;
            if !self.leaves {
                screen.tell_of_keys_again()?;
            }
        }
        self.change(KEY_FRAME);
        Ok(())
    }

    fn save(&mut self, flow: Option<FlowNumber>) {
        let keep = &self.model.survey.keep;
        let (packets, what, gone) = match flow {
            Some(flow) => (keep.of(flow.0).collect(), flow.to_string(), keep.gone(flow.0)),
            None => (keep.all(), "all".to_owned(), 0),
        };
        self.model.notice = Some(match save::save(packets, &what, &self.model.subject) {
            Ok((path, count)) => {
                let count = limpid_scope::words::count(count as u64, "packet");
                let gone = match gone {
                    0 => String::new(),
                    n => format!("; {} between its first and last are no longer kept", limpid_scope::words::number(n)),
                };
                format!("{count} saved as {}{gone}", path.display())
            }
            Err(error) => format!("not saved: {}", plain(&error)),
        });
    }

    fn take_packets(&mut self) -> Result<(), CliError> {
        let Some(feed) = &self.feed else { return Ok(()) };
        feed.acknowledge();
        let mut batches = 0;
        let mut any = false;
        while let Some(delivery) = feed.take() {
            any = true;
            match delivery {
                Delivery::Packets(batch) => {
                    take_batch(&batch, &mut self.limits, &mut self.model, self.everything.as_mut())?;
                }
                Delivery::Ended(failure) => {
                    self.model.ended = Some(failure.as_ref().map(|error| error.why().to_owned()));
                    self.failure = failure;
                }
            }
            batches += 1;
            if batches == BATCHES {
                feed.remind();
                break;
            }
        }
        if any {
            self.everything.as_mut().map_or(Ok(()), Everything::flush)?;
            self.change(FRAME);
        }
        if self.limits.is_over() && self.model.ended.is_none() {
            self.model.ended = Some(None);
        }
        if self.model.ended.is_some() {
            self.bring_up_to_date();
            self.feed = None;
            self.change(Duration::ZERO);
        }
        Ok(())
    }

    /// What is on its way when the person leaves belongs into the file of everything.
    fn take_rest(&mut self) -> Result<(), CliError> {
        let Some(feed) = self.feed.as_ref().filter(|_| self.everything.is_some()) else { return Ok(()) };
        for batch in feed.stop() {
            take_batch(&batch, &mut self.limits, &mut self.model, self.everything.as_mut())?;
        }
        Ok(())
    }

    fn bring_up_to_date(&mut self) {
        if let Some(feed) = &self.feed {
            self.model.pass(feed.now());
            self.model.dropped = feed.dropped();
        }
        self.model.refresh();
    }

    fn draw(&mut self, screen: &mut Screen) -> io::Result<()> {
        self.bring_up_to_date();
        let mut is_old = false;
        screen.terminal.draw(|frame| is_old = view::draw(frame, &mut self.model))?;
        self.drawn = Instant::now();
        self.due = None;
        if is_old {
            self.change(FRAME);
        }
        Ok(())
    }
}

/// Takes packets in, as far as the limits allow.
fn take_batch(
    batch: &Batch,
    limits: &mut Limits,
    model: &mut Model,
    mut everything: Option<&mut Everything>,
) -> Result<(), CliError> {
    for packet in batch.iter().take_while(|_| limits.take()) {
        model.survey.handle_packet(&packet);
        if let Some(everything) = &mut everything {
            everything.write(&packet)?;
        }
    }
    model.survey.settle();
    Ok(())
}

/// True if keys can't come any more.
fn is_gone(screen: &Screen) -> io::Result<bool> {
    let keys = screen.keys();
    let mut fds = [PollFd::from_borrowed_fd(keys, PollFlags::IN)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut fds, Some(&now))?;
    Ok(fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL))
}
