//! Making the calls of a script: when they begin and end, what they gave, and what they did to sockets and descriptors.

use super::calls::{self, Bound, Effect};
use super::time::Due;
use super::{GRACE, LONGEST_HOLD_UP, Runner, Stop, values};
use crate::script::{Event, Pos, SystemCall};
use crate::target::{CallId, Started};
use limpid_event::Instant;
use limpid_posix::{Call, Errno, Output, Return};

/// A call that waits.
pub(super) struct InFlight {
    pub(super) id: CallId,
    pub(super) made: Made,
    /// When it should end; `None` if the script does not say that it blocks.
    pub(super) end: Option<Due>,
}

/// A call that was made, and what is left to do when it ends.
pub(super) struct Made {
    pub(super) at: Pos,
    call: SystemCall,
    bound: Bound,
}

impl Runner<'_> {
    pub(super) fn call(&mut self, event: &Event, call: &SystemCall, due: &Due) -> Result<(), Stop> {
        let deadline = self.now().max(due.at).saturating_add(GRACE);
        self.wait_for_idle(deadline)?;
        if self.in_flight.is_some() {
            let what = "blocking system call while another blocking system call is already in progress";
            return Err(runtime_error(event.at, call, what));
        }
        self.wait_for(event, due, "system call start")?;
        let bound = calls::bind(call, &self.options, &self.fds)?;
        if let Effect::Connect(fd, port) = bound.effect {
            self.sockets.connects(fd, port);
        }
        let made = Made { at: event.at, call: call.clone(), bound };
        let end = call.until.map(|until| due.end_of_call(until));
        match self.target.call(made.bound.call.clone()).map_err(|error| Stop::target(error, call.at))? {
            Started::Done(gave) => {
                let now = self.target.now();
                self.checked(made, end, now, &gave)
            }
            Started::Waits(id) => {
                self.in_flight = Some(InFlight { id, made, end });
                if end.is_some() { Ok(()) } else { self.held_up(event, call) }
            }
        }
    }

    /// A call that is not written as a blocking one holds up the script until it ends.
    fn held_up(&mut self, event: &Event, call: &SystemCall) -> Result<(), Stop> {
        let deadline = self.now() + LONGEST_HOLD_UP;
        self.wait_for_idle(deadline)?;
        if self.in_flight.is_none() {
            return Ok(());
        }
        let what = "it waits, and is not written as a blocking call (+0...0.1)";
        Err(runtime_error(event.at, call, what))
    }

    pub(super) fn ended(&mut self, call: InFlight, when: Instant, gave: &Return) -> Result<(), Stop> {
        self.checked(call.made, call.end, when, gave)
    }

    /// A call has ended: compares what it gave and when, and keeps what it did.
    fn checked(&mut self, made: Made, end: Option<Due>, when: Instant, gave: &Return) -> Result<(), Stop> {
        let Made { at, call, bound: Bound { call: tried, result, effect, filled } } = made;
        let differs = |why: String| runtime_error(at, &call, &why);
        calls::check_result(&call, result, gave)?.map_err(|why| match missing_option(&tried, gave) {
            Some(option) => Stop::unsupported(call.at, format!("{option}: {why}")),
            None => differs(why),
        })?;
        if let Some(filled) = filled {
            let seen = calls::Seen {
                fds: &self.fds,
                wall_clock: self.target.wall_clock(self.epoch.0),
                options: &self.options,
            };
            filled(gave, &seen).map_err(differs)?;
        }
        self.keep(&effect, &call, gave)?.map_err(differs)?;
        match end {
            Some(end) => {
                let happened = self.epoch.script(when);
                end.check(happened, "system call return", &self.options).map_err(|why| Stop::fail(at, why))
            }
            None => Ok(()),
        }
    }

    /// What a call did to sockets and descriptors.
    fn keep(&mut self, effect: &Effect, call: &SystemCall, gave: &Return) -> Result<Result<(), String>, Stop> {
        let Ok(value) = gave.value else { return Ok(Ok(())) };
        let fd = i32::try_from(value).unwrap_or(-1);
        let kept = match *effect {
            Effect::None | Effect::Connect(..) => Ok(()),
            Effect::Open => self.fds.open(values::int(&call.result)?, fd),
            Effect::Socket => {
                self.sockets.opened(fd);
                self.fds.open(values::int(&call.result)?, fd)
            }
            Effect::Bind(fd, port) => {
                self.sockets.bound(fd, port);
                Ok(())
            }
            Effect::Listen(fd) => {
                self.sockets.listens(fd);
                Ok(())
            }
            Effect::Accept => {
                let peer = match &gave.output {
                    Output::Address(address) => address.endpoint(),
                    _ => None,
                };
                let script = values::int(&call.result)?;
                self.fds.open(script, fd).and_then(|()| self.sockets.accepted(peer, fd))
            }
            Effect::Close(script) => {
                if let Some(live) = self.fds.close(script) {
                    self.sockets.closed(live);
                }
                Ok(())
            }
            Effect::Pipe(script) => match gave.output {
                Output::Pair(live) => {
                    script.into_iter().zip(live).try_for_each(|(script, live)| self.fds.open(script, live))
                }
                _ => Err("pipe() gave no descriptors".to_owned()),
            },
        };
        Ok(kept)
    }
}

/// A socket option that the target does not have, where the script expects something of it.
fn missing_option(call: &Call, gave: &Return) -> Option<String> {
    match *call {
        Call::GetSockOpt { level, name, .. } | Call::SetSockOpt { level, name, .. }
            if gave.value == Err(Errno::ENOPROTOOPT) =>
        {
            Some(format!("socket option {name} of level {level}"))
        }
        _ => None,
    }
}

/// A failure of a call, in packetdrill's words.
fn runtime_error(at: Pos, call: &SystemCall, why: &str) -> Stop {
    Stop::fail(at, format!("runtime error in {} call: {why}", call.name))
}
