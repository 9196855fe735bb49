//! How long the two ends keep what nobody acknowledges, told to each other (RFC 5482).

#[cfg(test)]
mod tests;

use crate::Config;
use crate::connection::time_of_data_retries;
use core::time::Duration;
use limpid_wire::tcp::UserTimeout;

/// What we tell the peer (§3.1's ADV_UTO): the timeout that the application has set, or as long as retransmissions go on without
/// one. `None` if the option is off. It is rounded up, and never the reserved zero.
pub(crate) fn advertised(config: &Config) -> Option<UserTimeout> {
    config.user_timeout_option.then(|| {
        let timeout = config.user_timeout.unwrap_or_else(|| time_of_data_retries(config));
        let seconds = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
        UserTimeout::from_seconds(u32::try_from(seconds).unwrap_or(u32::MAX).max(1))
    })
}

/// The timeout in force: the application's own; if it has none, what follows from the peer's advice (§3.1), but no less than a
/// retransmission timeout.
pub(crate) fn in_force(config: &Config, remote: Option<UserTimeout>, rto: Duration) -> Option<Duration> {
    if config.user_timeout.is_some() {
        return config.user_timeout;
    }
    let remote = Duration::from_secs(remote?.seconds().into());
    let ours = Duration::from_secs(advertised(config)?.seconds().into());
    Some(ours.max(remote).max(config.user_timeout_min).max(rto).min(config.user_timeout_max.max(rto)))
}

/// The advice in an option that arrived, if it is heeded: zero is reserved.
pub(crate) fn heeded(config: &Config, option: Option<UserTimeout>) -> Option<UserTimeout> {
    option.filter(|timeout| config.user_timeout_option && timeout.seconds() > 0)
}
