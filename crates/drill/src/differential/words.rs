//! Calls, and what they returned, in a few words that are the same wherever the same happened.

use limpid_posix::abi::{F_DUPFD, SO_COOKIE, SO_MEMINFO, SOL_SOCKET, SOL_TCP, TCP_CC_INFO, TCP_INFO};
use limpid_posix::{Call, Errno, Output, Return};
use limpid_wire::Ecn;

/// A call and its end; `None` for one that says nothing (asking for what is measured in time).
pub(super) fn call(call: &Call, ended: &Return) -> Option<String> {
    if is_measurement(call) {
        return None;
    }
    let value = match ended.value {
        // Descriptors are numbered by each target itself.
        Ok(_) if makes_descriptor(call) => "fd".to_owned(),
        Ok(value) => value.to_string(),
        Err(errno) => format!("-1 {}", errno_name(errno)),
    };
    let output = output(call, &ended.output).map_or(String::new(), |output| format!("  {output}"));
    Some(format!("{}({}) = {value}{output}", name(call), argument(call)))
}

/// TCP_INFO and its kin hold times and sizes that no two runs have in common.
fn is_measurement(call: &Call) -> bool {
    let measured = [(SOL_TCP, TCP_INFO), (SOL_TCP, TCP_CC_INFO), (SOL_SOCKET, SO_MEMINFO), (SOL_SOCKET, SO_COOKIE)];
    matches!(call, Call::GetSockOpt { level, name, .. } if measured.contains(&(*level, *name)))
}

fn makes_descriptor(call: &Call) -> bool {
    match call {
        Call::Socket { .. } | Call::Accept4 { .. } | Call::EpollCreate1 { .. } | Call::Open { .. } => true,
        Call::Fcntl { command, .. } => *command == F_DUPFD,
        _ => false,
    }
}

fn errno_name(errno: Errno) -> String {
    errno.name().map_or_else(|| format!("errno {}", errno.0), str::to_owned)
}

fn name(call: &Call) -> &'static str {
    match call {
        Call::Socket { .. } => "socket",
        Call::Bind { .. } => "bind",
        Call::Listen { .. } => "listen",
        Call::Accept4 { .. } => "accept",
        Call::Connect { .. } => "connect",
        Call::Close { .. } => "close",
        Call::Shutdown { .. } => "shutdown",
        Call::GetSockName { .. } => "getsockname",
        Call::GetPeerName { .. } => "getpeername",
        Call::Read { .. } => "read",
        Call::Readv { .. } => "readv",
        Call::Recv { .. } => "recv",
        Call::RecvFrom { .. } => "recvfrom",
        Call::RecvMsg { .. } => "recvmsg",
        Call::Write { .. } => "write",
        Call::Writev { .. } => "writev",
        Call::Send { .. } => "send",
        Call::SendTo { .. } => "sendto",
        Call::SendMsg { .. } => "sendmsg",
        Call::GetSockOpt { .. } => "getsockopt",
        Call::SetSockOpt { .. } => "setsockopt",
        Call::Fcntl { .. } => "fcntl",
        Call::Ioctl { .. } => "ioctl",
        Call::Poll { .. } => "poll",
        Call::Select { .. } => "select",
        Call::EpollCreate1 { .. } => "epoll_create",
        Call::EpollCtl { .. } => "epoll_ctl",
        Call::EpollWait { .. } => "epoll_wait",
        Call::Pipe2 { .. } => "pipe",
        Call::Open { .. } => "open",
        Call::SendFile { .. } => "sendfile",
        Call::Splice { .. } => "splice",
    }
}

/// What tells a call from others of its name: how many bytes, which option.
fn argument(call: &Call) -> String {
    let sum = |parts: &[Vec<u8>]| parts.iter().map(Vec::len).sum::<usize>();
    match call {
        Call::Read { len, .. } | Call::Recv { len, .. } | Call::RecvFrom { len, .. } => len.to_string(),
        Call::Readv { lens, .. } | Call::RecvMsg { lens, .. } => lens.iter().sum::<usize>().to_string(),
        Call::Write { bytes, .. } | Call::Send { bytes, .. } | Call::SendTo { bytes, .. } => bytes.len().to_string(),
        Call::Writev { parts, .. } | Call::SendMsg { parts, .. } => sum(parts).to_string(),
        Call::SendFile { count, .. } => count.to_string(),
        Call::Splice { len, .. } => len.to_string(),
        Call::GetSockOpt { level, name, .. } | Call::SetSockOpt { level, name, .. } => format!("{level}, {name}"),
        Call::Fcntl { command, .. } => command.to_string(),
        Call::Ioctl { request, .. } => format!("{request:#x}"),
        _ => String::new(),
    }
}

/// What a call filled in, if it can be compared. Addresses are not: they hold ports that each target chooses itself.
fn output(call: &Call, output: &Output) -> Option<String> {
    match output {
        Output::Bytes(bytes) if matches!(call, Call::GetSockOpt { .. }) => Some(hex(bytes)),
        // What scripts write is zeros, and how many there are the return value says.
        Output::Bytes(bytes) if bytes.iter().any(|byte| *byte != 0) => Some(hex(bytes)),
        Output::Message(message) => {
            let kinds = message.control.iter().map(|c| format!(" cmsg {}, {}", c.level, c.kind)).collect::<String>();
            Some(format!("flags {:#x}{kinds}", message.flags))
        }
        Output::Integer(value) => Some(value.to_string()),
        Output::Polled(fds) => Some(list(fds.iter().map(|fd| format!("{:#x}", fd.revents)))),
        Output::Events(events) => Some(list(events.iter().map(|event| format!("{:#x}", event.events)))),
        Output::Selected(sets) => {
            let count = |set: &Option<Vec<i32>>| set.as_ref().map_or("-".to_owned(), |set| set.len().to_string());
            Some(list([&sets.read, &sets.write, &sets.except].into_iter().map(count)))
        }
        Output::Nothing | Output::Bytes(_) | Output::Address(_) | Output::Pair(_) => None,
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(" "))
}

/// At most 32 bytes, and how many there are.
fn hex(bytes: &[u8]) -> String {
    let shown: String = bytes.iter().take(32).map(|byte| format!("{byte:02x}")).collect();
    if bytes.len() > 32 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
}

pub(super) fn ecn(ecn: Ecn) -> &'static str {
    match ecn {
        Ecn::NotEct => "noecn",
        Ecn::Ect0 => "ect0",
        Ecn::Ect1 => "ect1",
        Ecn::Ce => "ce",
    }
}

/// The text with each run of such characters behind `before` as dots.
pub(super) fn blank_behind(text: &str, before: &str, is_part: impl Fn(char) -> bool) -> String {
    let mut parts = text.split(before);
    let mut blanked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(&is_part);
        let dots = if rest.len() < part.len() { "..." } else { "" };
        blanked.push_str(&format!("{before}{dots}{rest}"));
    }
    blanked
}
