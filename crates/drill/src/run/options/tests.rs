use super::*;
use crate::parse::parse;

fn of(lines: &str, more: &[(&str, Option<&str>)]) -> Result<Options, Verdict> {
    let script = parse(&format!("{lines}\n0 close(3) = 0"), &Default::default()).unwrap_or_else(|e| panic!("{e}"));
    let options = more.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    Ok(Options::of(&script, &Settings { options, ..Settings::default() })?)
}

#[test]
fn the_defaults_are_packetdrills() {
    let options = of("", &[]).unwrap();
    assert_eq!((options.tolerance, options.tolerance_percent), (Duration::from_millis(4), 12.5));
    assert_eq!((options.bind_port, options.connect_port, options.gso_size), (8080, 8080, 0));
    let Network { local, prefix, remote, mtu, .. } = options.network;
    assert_eq!(
        (local.to_string(), prefix, remote.to_string(), mtu),
        ("192.168.0.1".into(), 16, "192.0.2.1".into(), 1500)
    );
    assert_eq!(options.bind_address(), Sockaddr::of("192.168.0.1:8080".parse().unwrap()));
}

#[test]
fn the_command_line_wins() {
    let options = of(
        "--tolerance_usecs=10000\n--mtu=1520\n--strict_segments\n--tcp_ts_tick_usecs=1000",
        &[("tolerance_usecs", Some("20000")), ("mss", Some("1000")), ("non_fatal", Some("packet"))],
    )
    .unwrap();
    assert_eq!((options.tolerance, options.network.mtu), (Duration::from_millis(20), 1520));
    assert!(options.strict_segments && options.non_fatal_packets);
    assert_eq!((options.ts_tick, options.gso_size), (Duration::from_millis(1), 1000));
}

#[test]
fn versions_of_ip() {
    let v6 = of("--ip_version=ipv6\n--local_ip=fd3d:0a0b:17d6::1\n--remote_ip=fd3d:fa7b:d17d::1", &[]).unwrap();
    assert_eq!(v6.bind_address().family(), Some(limpid_posix::abi::AF_INET6));
    assert_eq!((v6.network.local.to_string(), v6.network.prefix), ("fd3d:a0b:17d6::1".into(), 48));
    let mapped =
        of("--ip_version=ipv4-mapped-ipv6\n--remote_ip=198.51.100.1/24\n--netmask_ip=255.255.255.0", &[]).unwrap();
    assert!(mapped.network.remote.is_v4());
    assert_eq!(mapped.network.prefix, 24);
    assert_eq!(mapped.connect_address(), Sockaddr::v6("198.51.100.1:8080".parse().unwrap()));
}

#[test]
fn what_can_not_be_followed_is_said() {
    let told: Vec<String> = [
        "--frob",
        "--wire_client",
        "--is_anyip",
        "--dry_run",
        "--so_filename=x.so",
        "--code_format=perl",
        "--non_fatal=syscall",
        "--mtu=10",
        "--mtu",
        "--tolerance_percent=inf",
        "--ip_version=ipv5",
        "--local_ip=192.0.2",
        "--local_ip=fe80::1",
        "--netmask_ip=255.0.255.0",
        "--bind_port=0",
        "--strict_segments=perhaps",
    ]
    .iter()
    .map(|line| match of(line, &[]).unwrap_err() {
        Verdict::Unsupported { at, what } => format!("UNSUPPORTED {}:{} {what}", at.line, at.column),
        Verdict::Invalid { at, what } => format!("INVALID {}:{} {what}", at.line, at.column),
        other => panic!("{other:?}"),
    })
    .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_has_no_effect_is_remarked() {
    let options = of("--speed=100\n--verbose\n--code_command=python3", &[]).unwrap();
    assert_eq!(options.remarks, ["--speed has no effect here", "--code_command has no effect here"]);
}
