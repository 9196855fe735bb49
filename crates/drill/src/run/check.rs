//! What can be said of a script before it runs: whether it asks for anything that is not there. So a script is told to be
//! unsupported wherever that stands in it, and not to have failed before.

use super::options::Options;
use super::{Descriptors, Stop, calls, command, icmp, values, wire};
use crate::eval::{Program, Unsupported};
use crate::script::{EventKind, Packet, PacketBody, Script, SystemCall};

/// Looks at every event of a script.
///
/// # Errors
/// [`Stop::Unsupported`] and [`Stop::Invalid`].
pub(super) fn check(script: &Script, options: &Options) -> Result<(), Stop> {
    let mut around = script.init.iter().chain(&script.cleanup);
    around.try_for_each(commands)?;
    let snippets = script.events.iter().filter_map(|event| match &event.kind {
        EventKind::Snippet(snippet) => Some(snippet),
        _ => None,
    });
    Program::parse(snippets).map_err(|Unsupported { at, what }| Stop::Unsupported { at, what })?;
    for event in &script.events {
        match &event.kind {
            EventKind::Call(call) => system_call(call, options)?,
            EventKind::Command(command) => commands(command)?,
            EventKind::Snippet(_) => {}
            EventKind::Packet(Packet { body, .. }) => match body {
                PacketBody::Tcp(text) => {
                    wire::options(text).map_err(|why| Stop::invalid(event.at, why))?;
                }
                PacketBody::Icmp(message) => {
                    icmp::kind_and_code(message, options.network.local.is_v4(), event.at)?;
                }
                PacketBody::Other { protocol, .. } => {
                    return Err(Stop::unsupported(event.at, format!("packets of {protocol}")));
                }
            },
        }
    }
    Ok(())
}

fn commands(command: &crate::script::Command) -> Result<(), Stop> {
    match command::parse(command) {
        Ok(_) => Ok(()),
        Err(command::NotSupported { at, what }) => Err(Stop::Unsupported { at, what }),
    }
}

/// Which descriptors will be open does not matter to what can be bound.
fn system_call(call: &SystemCall, options: &Options) -> Result<(), Stop> {
    calls::bind(call, options, &Descriptors::default())?;
    values::number(&call.result)?;
    call.errno.iter().try_for_each(|name| values::errno(call.result.at, name).map(|_| ()))
}
