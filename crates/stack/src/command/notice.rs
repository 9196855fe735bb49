//! What an application has asked to be told of, beside readiness: when writes left and were acknowledged, ICMP errors.

use crate::flow::{Over, Phase};
use crate::stack::Stack;
use crate::{IcmpNotice, Notice, SocketId, Stamps};
use limpid_event::{Error, Instant, Observer};

impl<O: Observer> Stack<O> {
    /// Watches the last byte that was written ([`Stamps`]); with `zero_copy`, the last write gets a number, and there is a
    /// notice when the peer has all of it. Does nothing where there is no connection.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn watch_write(&mut self, socket: SocketId, stamps: Stamps, zero_copy: bool) -> Result<(), Error> {
        let index = self.stream(socket)?;
        if let Phase::Connection(connection) = &mut self.flows[index].phase {
            connection.watch_write(stamps, zero_copy);
        }
        Ok(())
    }

    /// The oldest notice of what was watched. While there is one, a socket is [`NOTICE`](crate::Readiness::NOTICE).
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn take_notice(&mut self, socket: SocketId) -> Result<Option<Notice>, Error> {
        let index = self.stream(socket)?;
        Ok(match &mut self.flows[index].phase {
            Phase::Connection(connection) => connection.take_notice(),
            Phase::Over(Over::Remnant(remnant)) => remnant.take_notice(),
            _ => None,
        })
    }

    /// The ICMP error that ended the open, once.
    ///
    /// # Errors
    /// [`Error::NoSuchSocket`] if there is none.
    pub fn take_icmp_notice(&mut self, socket: SocketId) -> Result<Option<IcmpNotice>, Error> {
        let index = self.stream(socket)?;
        Ok(self.flows[index].rare.as_mut().and_then(|rare| rare.icmp.take()))
    }

    /// When the data came that can be read.
    ///
    /// # Errors
    /// [`Error::NotConnected`] if there never was a connection.
    pub fn last_data_at(&self, socket: SocketId) -> Result<Instant, Error> {
        match self.flow_of(socket)?.phase.awake(&mut None) {
            Phase::Connection(connection) => Ok(connection.last_data_at()),
            Phase::Over(Over::Remnant(remnant)) => Ok(remnant.last_data_at()),
            _ => Err(Error::NotConnected),
        }
    }
}
