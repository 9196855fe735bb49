//! What scripts are run with.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches, ValueEnum};
use std::str::FromStr;

/// `NAME=VALUE` of `-D`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) value: String,
}

impl FromStr for Definition {
    type Err = String;

    fn from_str(text: &str) -> Result<Definition, String> {
        let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
        let is_word = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(format!("'{name}' is no name: letters, digits and _"));
        }
        if value.is_empty() {
            return Err(format!("{name} has no value"));
        }
        Ok(Definition { name: name.to_owned(), value: value.to_owned() })
    }
}

/// How sockets and packets go together.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mode {
    /// AF_INET sockets, IPv4 packets
    #[value(name = "ipv4")]
    V4,
    /// AF_INET6 sockets, IPv6 packets
    #[value(name = "ipv6")]
    V6,
    /// AF_INET6 sockets, IPv4 packets
    #[value(name = "ipv4-mapped-ipv6")]
    Mapped,
}

impl Mode {
    /// As it is written.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Mode::V4 => "ipv4",
            Mode::V6 => "ipv6",
            Mode::Mapped => "ipv4-mapped-ipv6",
        }
    }

    /// The options that packetdrill's own suites run a mode with. IPv6's larger MTU leaves the MSS what it is with IPv4.
    pub(crate) const fn options(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Mode::V4 => &[
                ("ip_version", "ipv4"),
                ("local_ip", "192.168.0.1"),
                ("gateway_ip", "192.168.0.2"),
                ("netmask_ip", "255.255.0.0"),
                ("remote_ip", "192.0.2.1"),
            ],
            Mode::V6 => &[
                ("ip_version", "ipv6"),
                ("mtu", "1520"),
                ("local_ip", "fd3d:0a0b:17d6::1"),
                ("gateway_ip", "fd3d:0a0b:17d6:8888::1"),
                ("remote_ip", "fd3d:fa7b:d17d::1"),
            ],
            Mode::Mapped => &[
                ("ip_version", "ipv4-mapped-ipv6"),
                ("local_ip", "192.168.0.1"),
                ("gateway_ip", "192.168.0.2"),
                ("netmask_ip", "255.255.0.0"),
                ("remote_ip", "192.0.2.1"),
            ],
        }
    }

    /// Names that scripts for several modes use for what differs between them.
    pub(crate) const fn definitions(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Mode::V4 => &[("CMSG_LEVEL_IP", "SOL_IP"), ("CMSG_TYPE_RECVERR", "IP_RECVERR")],
            Mode::V6 | Mode::Mapped => &[("CMSG_LEVEL_IP", "SOL_IPV6"), ("CMSG_TYPE_RECVERR", "IPV6_RECVERR")],
        }
    }
}

/// packetdrill's own options, written as its users write them: `--ip_version=ipv6`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct ScriptOptions(pub(crate) Vec<(String, Option<String>)>);

/// Name, value and meaning. A value whose name is in brackets may be left out.
const OPTIONS: &[(&str, &str, &str)] = &[
    ("ip_version", "VERSION", "ipv4, ipv6 or ipv4-mapped-ipv6"),
    ("local_ip", "ADDRESS", "The target's address"),
    ("remote_ip", "ADDRESS", "The script's address"),
    ("gateway_ip", "ADDRESS", "The other end of the link"),
    ("netmask_ip", "MASK", "The link's netmask"),
    ("bind_port", "PORT", "Where bind(…, ..., ...) binds"),
    ("connect_port", "PORT", "Where connect(…, ..., ...) connects to"),
    ("mtu", "BYTES", "The link's MTU"),
    ("mss", "BYTES", "Longer inbound packets stand for several segments of this size"),
    ("tolerance_usecs", "MICROS", "By how much a time may be missed"),
    ("tolerance_percent", "PERCENT", "The same, in per cent of the time since the event before"),
    ("tcp_ts_tick_usecs", "MICROS", "Compare outbound timestamps, in ticks of this length"),
    ("tcp_ts_ecr_scaled", "[BOOL]", "Inbound echo replies may be any"),
    ("strict_segments", "[BOOL]", "Do not merge outbound segments"),
    ("non_fatal", "WHAT", "What is only remarked if it is wrong: packet"),
    ("init_scripts", "FILE,…", "Commands before everything else"),
    ("speed", "BITS", "Without effect here"),
    ("code_command", "COMMAND", "Without effect here"),
    ("code_format", "FORMAT", "Without effect here"),
    ("code_sockopt", "NAME", "Without effect here"),
    ("persistent_tun_dev", "[BOOL]", "Without effect here"),
    ("send_omit_free", "[BOOL]", "Without effect here"),
];

impl Args for ScriptOptions {
    fn augment_args(command: Command) -> Command {
        OPTIONS.iter().fold(command, |command, (name, value, help)| {
            let optional = value.starts_with('[');
            let arg = Arg::new(*name)
                .long(*name)
                .value_name(value.trim_matches(['[', ']']))
                .help(*help)
                .help_heading("Options of scripts, as packetdrill's; they win over a script's own")
                .hide_short_help(true)
                .hide(*help == "Without effect here")
                .num_args(if optional { 0..=1 } else { 1..=1 })
                .require_equals(optional)
                .action(ArgAction::Append);
            command.arg(arg)
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        ScriptOptions::augment_args(command)
    }
}

impl FromArgMatches for ScriptOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<ScriptOptions, Error> {
        let mut given: Vec<(usize, (String, Option<String>))> = Vec::new();
        for (name, ..) in OPTIONS {
            let Some(indices) = matches.indices_of(name) else { continue };
            let values = matches.get_many::<String>(name).into_iter().flatten().cloned().map(Some);
            let values = values.chain(std::iter::repeat(None));
            given.extend(indices.zip(values).map(|(index, value)| (index, ((*name).to_owned(), value))));
        }
        // In the order of the command line: the last one wins.
        given.sort_by_key(|(index, _)| *index);
        Ok(ScriptOptions(given.into_iter().map(|(_, option)| option).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = ScriptOptions::from_arg_matches(matches)?;
        Ok(())
    }
}
