//! Why an Ethernet device could not be opened, and what to do about it.

use std::io;

/// Why an Ethernet device could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// The process lacks the capability.
    #[error("{what}: not allowed")]
    NotAllowed {
        /// What was to be done.
        what: &'static str,
    },
    /// There is no such device.
    #[error("there is no network device '{name}'")]
    UnknownInterface {
        /// The name asked for.
        name: String,
    },
    /// The device carries no Ethernet frames.
    #[error("'{name}' is no Ethernet device")]
    NotEthernet {
        /// Its name.
        name: String,
    },
    /// The device can't be had in this mode of AF_XDP.
    #[error("'{name}' by AF_XDP ({mode}): {source}")]
    NoMode {
        /// Its name.
        name: String,
        /// The mode asked for, or the last that was tried.
        mode: crate::xdp::XdpMode,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a step.
    #[error("{what}: {source}")]
    Step {
        /// What was to be done.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl PacketError {
    /// For `map_err`: `what` was to be done.
    pub(crate) fn step(what: &'static str) -> impl Fn(io::Error) -> PacketError {
        move |source| match source.kind() {
            io::ErrorKind::PermissionDenied => PacketError::NotAllowed { what },
            _ => PacketError::Step { what, source },
        }
    }

    /// What a person can do about it, as the end of a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            PacketError::NotAllowed { what: "AF_XDP" } => Some(
                "run it with sudo, or give the program the capabilities once (sudo setcap cap_net_raw,cap_net_admin,cap_bpf+ep PROGRAM)",
            ),
            PacketError::NotAllowed { .. } => Some(
                "run it with sudo, or give the program the capability once (sudo setcap cap_net_raw,cap_net_admin+ep PROGRAM)",
            ),
            PacketError::UnknownInterface { .. } => Some("see 'ip link' for those there are"),
            PacketError::NotEthernet { .. } => Some("use a TUN device for networks of IP packets"),
            PacketError::NoMode { source, .. } => Some(match source.raw_os_error() {
                Some(libc::EBUSY | libc::EEXIST) => "another program is on it: see 'ip link show' for one, and end it",
                Some(libc::ENOBUFS) => "the shared memory may not be locked: ulimit -l unlimited, or fewer frames",
                Some(libc::ERANGE) => "its MTU is too large for XDP: ip link set DEVICE mtu 1500",
                _ => "ask for another mode, or use a packet socket",
            }),
            PacketError::Step { .. } => None,
        }
    }
}
