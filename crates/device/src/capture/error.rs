//! Why packets can't be captured (on).

use std::io;

/// Why packets can't be captured, or not further.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// The process lacks the capability.
    #[error("capturing takes the capability CAP_NET_RAW, which this process does not have")]
    NotAllowed,
    /// There is no such interface.
    #[error("there is no interface '{name}'")]
    UnknownInterface {
        /// The name asked for.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// The interface is down, or went down. Capturing goes on when it is up again.
    #[error("the interface '{name}' is down")]
    Down {
        /// Its name.
        name: String,
    },
    /// The interface is gone.
    #[error("the interface '{name}' is gone")]
    Gone {
        /// Its name.
        name: String,
    },
    /// The kernel refused a step.
    #[error("{what}: {source}")]
    Step {
        /// The step.
        what: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
}

impl CaptureError {
    pub(super) fn step(what: &'static str) -> impl Fn(io::Error) -> CaptureError {
        move |source| match source.kind() {
            io::ErrorKind::PermissionDenied => CaptureError::NotAllowed,
            _ => CaptureError::Step { what, source },
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> String {
        match self {
            CaptureError::NotAllowed => {
                let program = std::env::current_exe()
                    .map_or_else(|_| "PROGRAM".to_owned(), |program| program.display().to_string());
                format!("run it with sudo, or give it the capability once: sudo setcap cap_net_raw+ep {program}")
            }
            CaptureError::UnknownInterface { known, .. } => {
                format!("there are: any, {}", known.join(", "))
            }
            CaptureError::Down { name } => format!("set it up: sudo ip link set {name} up"),
            CaptureError::Gone { .. } => "capture on 'any', which outlives interfaces".to_owned(),
            CaptureError::Step { what: "the ring", .. } => "ask for a smaller ring".to_owned(),
            CaptureError::Step { .. } => "see whether tcpdump can capture here".to_owned(),
        }
    }
}
