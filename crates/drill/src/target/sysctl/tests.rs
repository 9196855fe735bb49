use super::*;
use crate::run::command::LINUX_DEFAULTS;

fn set(name: &str, value: &str) -> (StackConfig, Result<Applied, TargetError>) {
    let mut config = StackConfig::default();
    let applied = Sysctls::default().set(&mut config, name, value);
    (config, applied)
}

fn done(name: &str, value: &str) -> StackConfig {
    let (config, applied) = set(name, value);
    assert_eq!(applied.expect("it is taken"), Applied::Done, "{name} = {value}");
    config
}

fn error(name: &str, value: &str) -> String {
    let (config, applied) = set(name, value);
    let default = StackConfig::default();
    assert_eq!(config.tcp, default.tcp, "{name} = {value} changed something");
    match applied {
        Err(TargetError::Refused(why)) => format!("refused: {why}"),
        Err(TargetError::Unsupported(why)) => format!("unsupported: {why}"),
        other => panic!("{name} = {value}: {other:?}"),
    }
}

#[test]
fn settings_change_what_they_name() {
    assert!(!done("net.ipv4.tcp_sack", "0").tcp.sack);
    assert!(done("net.ipv4.tcp_timestamps", "2").tcp.timestamps);
    assert!(!done("net.ipv4.tcp_slow_start_after_idle", "0").tcp.slow_start_after_idle);
    assert_eq!(done("net.ipv4.tcp_syn_retries", "0x5").tcp.syn_retries, 5);
    let config = done("net.ipv4.tcp_rmem", "4096\t540000  15728640");
    assert_eq!((config.tcp.recv_buffer, config.tcp.recv_buffer_max), (540_000, 15_728_640));
    assert_eq!(done("net.ipv4.ip_local_port_range", "5000 6000").ephemeral_ports, 5000..=6000);
    assert_eq!(done("net.ipv4.tcp_fin_timeout", "7").tcp.fin_timeout.as_secs(), 7);
    assert_eq!(done("net.ipv4.tcp_invalid_ratelimit", "0").tcp.invalid_ratelimit.as_millis(), 0);
    assert_eq!(done("net.ipv4.tcp_congestion_control", "reno").tcp.congestion.name(), "reno");
    let schedule = done("net.ipv4.tcp_syn_linear_timeouts", "0").tcp.syn_schedule;
    assert_eq!(schedule, limpid_tcp::SynSchedule::Exponential);
}

#[test]
fn what_is_wrong_is_said() {
    for (name, value, expected) in [
        ("net.ipv4.tcp_sack", "yes", "refused: net.ipv4.tcp_sack: 'yes' is no number"),
        ("net.ipv4.tcp_sack", "256", "refused: net.ipv4.tcp_sack: 256 is more than 255"),
        ("net.ipv4.tcp_syn_retries", "0", "refused: net.ipv4.tcp_syn_retries: 0 is less than 1"),
        (
            "net.ipv4.tcp_syn_retries",
            "99999999999999999999",
            "refused: net.ipv4.tcp_syn_retries: '99999999999999999999' is no number",
        ),
        (
            "net.ipv4.tcp_rmem",
            "4096",
            "refused: net.ipv4.tcp_rmem: three numbers are expected: least, default and most bytes",
        ),
        ("net.ipv4.tcp_rmem", "", "refused: net.ipv4.tcp_rmem: '' is no number"),
        (
            "net.ipv4.ip_local_port_range",
            "9 8",
            "refused: net.ipv4.ip_local_port_range: two port numbers are expected, the lower first",
        ),
        (
            "net.ipv4.tcp_congestion_control",
            "vegas",
            "unsupported: net.ipv4.tcp_congestion_control = vegas: the stack has reno, bbr and cubic",
        ),
        ("net.ipv4.no_such", "1", "unsupported: net.ipv4.no_such: limpid has no such setting"),
    ] {
        assert_eq!(error(name, value), expected);
    }
}

#[test]
fn what_has_no_effect_is_told_unless_it_is_the_default() {
    let (_, applied) = set("net.ipv4.tcp_autocorking", "1");
    assert_eq!(applied.expect("it is taken"), Applied::Done);
    let (_, applied) = set("net.ipv4.tcp_autocorking", "0");
    let Ok(Applied::NoEffect(why)) = applied else { panic!("{applied:?}") };
    assert!(why.starts_with("net.ipv4.tcp_autocorking = 0 changes nothing: "), "{why}");
}

#[test]
fn values_are_read_back() {
    let mut config = StackConfig::default();
    let mut sysctls = Sysctls::default();
    assert_eq!(sysctls.file(&config, "/proc/sys/net/ipv4/tcp_rmem").unwrap(), "4096 131072 33554432\n");
    assert_eq!(sysctls.file(&config, "/proc/sys/net/ipv4/tcp_sack").unwrap(), "1\n");
    let _ = sysctls.set(&mut config, "net.ipv4.tcp_rmem", "1 2 3").unwrap();
    assert_eq!(sysctls.value(&config, "net.ipv4.tcp_rmem").unwrap(), "1 2 3");
    assert!(sysctls.file(&config, "/proc/sys/net/ipv4/tcp_rmem_").is_err());
    assert!(sysctls.file(&config, "/proc/cpuinfo").is_err());
}

/// A row's default is what the stack starts with: setting it changes nothing, and says nothing. But for the key of
/// Fast Open: where there is none zeros are read, as on Linux, and zeros that are set are a key.
#[test]
fn defaults_are_defaults() {
    let mut names = std::collections::BTreeSet::new();
    for row in table::TABLE {
        assert!(names.insert(row.name), "{} is there twice", row.name);
        let (mut config, mut sysctls) = (StackConfig::default(), Sysctls::default());
        let default = sysctls.value(&config, row.name).expect("it is known");
        let applied = sysctls.set(&mut config, row.name, &default);
        assert_eq!(applied.expect("it is taken"), Applied::Done, "{} = {default}", row.name);
        let pristine = StackConfig::default();
        if row.name == "net.ipv4.tcp_fastopen_key" {
            assert_eq!(default, "00000000-00000000-00000000-00000000");
            assert!(config.fast_open.keys.is_some() && pristine.fast_open.keys.is_none());
            config.fast_open.keys = None;
        }
        assert_eq!(config.tcp, pristine.tcp, "{}", row.name);
        assert_eq!(format!("{config:?}"), format!("{pristine:?}"), "{}", row.name);
    }
}

#[test]
fn the_profile_names_nothing_that_is_unknown() {
    for (name, value) in LINUX_DEFAULTS {
        match set(name, value).1 {
            Ok(_) => {}
            Err(TargetError::Unsupported(why)) => assert!(why.contains(" = "), "{why}"),
            Err(other) => panic!("{name}: {other:?}"),
        }
    }
}
