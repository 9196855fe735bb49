//! Why a private namespace could not be made or furnished, and what to do about it.

use std::io;

/// Why a private namespace could not be made or furnished.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamespaceError {
    /// Neither as root nor by a user namespace may this process have a network of its own.
    #[error(
        "no private network namespace: not allowed to make one directly ({direct}), nor inside a user namespace ({user})"
    )]
    NotAllowed {
        /// What `unshare(CLONE_NEWNET)` said.
        direct: io::Error,
        /// What `unshare(CLONE_NEWUSER | CLONE_NEWNET)`, or filling its maps, said.
        user: io::Error,
    },
    /// A user namespace is the only way, but Linux lets only a single-threaded process enter one.
    #[error(
        "no private network namespace: without root it takes a user namespace, which a process with several threads may not enter"
    )]
    SeveralThreads,
    /// The calling thread has moved to another network namespace since.
    #[error("{what}: this thread has left the private network namespace")]
    Left {
        /// What was to be done.
        what: String,
    },
    /// `/dev/net/tun` can't be opened.
    #[error("/dev/net/tun: {0}")]
    NoTun(io::Error),
    /// A step of the set-up failed.
    #[error("{what}: {error}")]
    Step {
        /// What was to be done.
        what: String,
        /// Why it was not.
        error: io::Error,
    },
}

impl NamespaceError {
    /// What a person can do about it, as the end of a sentence.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            NamespaceError::NotAllowed { .. } => Some(
                "run as root, or allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, \
                 user.max_user_namespaces above 0, kernel.apparmor_restrict_unprivileged_userns=0)",
            ),
            NamespaceError::SeveralThreads => Some("enter it before starting threads, or run as root"),
            NamespaceError::NoTun(error) => Some(match error.kind() {
                io::ErrorKind::NotFound => "load the tun module (modprobe tun), or give the container /dev/net/tun",
                _ => "run as root, or open the device to yourself (chmod 666 /dev/net/tun)",
            }),
            NamespaceError::Left { .. } | NamespaceError::Step { .. } => None,
        }
    }

    /// For `map_err`: `what` was to be done.
    pub(crate) fn step(what: impl Into<String>) -> impl FnOnce(io::Error) -> NamespaceError {
        let what = what.into();
        move |error| NamespaceError::Step { what, error }
    }
}

impl From<NamespaceError> for io::Error {
    fn from(error: NamespaceError) -> io::Error {
        let kind = match &error {
            NamespaceError::NotAllowed { .. } | NamespaceError::SeveralThreads => io::ErrorKind::PermissionDenied,
            NamespaceError::Left { .. } => io::ErrorKind::Other,
            NamespaceError::NoTun(error) | NamespaceError::Step { error, .. } => error.kind(),
        };
        io::Error::new(kind, error)
    }
}
