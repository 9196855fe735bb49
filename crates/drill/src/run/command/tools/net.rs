//! `ip`, `tc` and `ethtool`.

use super::super::words::{Word, unsupported};
use super::super::{Action, NotSupported};
use super::Answer;
use crate::target::Setting;
use limpid_device::namespace::{Queue, RouteMetrics};
use limpid_wire::{Cidr, IpAddr};
use std::slice::Iter;
use std::str::FromStr;
use std::time::Duration;

/// The words behind a command's name, one after the other.
struct Words<'a> {
    rest: Iter<'a, Word>,
    /// The last that was taken, for messages.
    last: &'a Word,
}

impl<'a> Words<'a> {
    fn new(name: &'a Word, arguments: &'a [Word]) -> Words<'a> {
        Words { rest: arguments.iter(), last: name }
    }

    fn next(&mut self) -> Option<&'a str> {
        self.last = self.rest.next()?;
        Some(&self.last.text)
    }

    /// What stands behind a keyword.
    fn value(&mut self) -> Answer<&'a str> {
        let keyword = self.last;
        self.next().ok_or_else(|| unsupported(keyword.at, format!("'{}' without a value", keyword.text)))
    }

    fn number<T: FromStr>(&mut self) -> Answer<T> {
        let text = self.value()?;
        text.parse().map_err(|_| self.odd())
    }

    /// The last word is not understood.
    fn odd(&self) -> NotSupported {
        unsupported(self.last.at, format!("'{}' is not understood here", self.last.text))
    }

    fn nothing_more(&mut self) -> Answer<()> {
        match self.next() {
            Some(_) => Err(self.odd()),
            None => Ok(()),
        }
    }
}

fn one(setting: Setting) -> Action {
    Action::Set { settings: vec![setting], lenient: false }
}

/// `ip tcp_metrics flush [all]`, `ip [-4|-6] route change|replace …`, `ip route flush cache`.
pub(super) fn ip(name: &Word, arguments: &[Word]) -> Answer<Action> {
    let mut words = Words::new(name, arguments);
    let mut object = words.value()?;
    let v6 = match object {
        "-4" | "-6" => {
            let v6 = object == "-6";
            object = words.value()?;
            Some(v6)
        }
        _ => None,
    };
    match object {
        "tcp_metrics" | "tcpmetrics" | "tcp_metric" => {
            if !matches!(words.value()?, "flush" | "f") {
                return Err(words.odd());
            }
            if words.next().is_some_and(|all| all != "all") {
                return Err(words.odd());
            }
            words.nothing_more()?;
            Ok(one(Setting::FlushMetrics))
        }
        "route" | "ro" | "r" => route(&mut words, v6),
        _ => Err(words.odd()),
    }
}

fn route(words: &mut Words<'_>, v6: Option<bool>) -> Answer<Action> {
    match words.value()? {
        "change" | "chg" | "replace" | "repl" => {}
        "flush" if words.value()? == "cache" => {
            words.nothing_more()?;
            return Ok(one(Setting::FlushRoutes));
        }
        _ => return Err(words.odd()),
    }
    let destination = match words.value()? {
        "default" => None,
        text => Some(network(text).filter(|to| v6.is_none_or(|v6| v6 != to.addr.is_v4())).ok_or_else(|| words.odd())?),
    };
    let mut metrics = RouteMetrics::default();
    while let Some(word) = words.next() {
        match word {
            // What the route itself is: a script has one device and one peer.
            "dev" | "via" | "src" | "proto" | "scope" | "metric" | "table" => {
                words.value()?;
            }
            "mtu" => {
                let next = words.value()?;
                let locked = next == "lock";
                let mtu = if locked { words.number()? } else { next.parse().map_err(|_| words.odd())? };
                metrics.mtu = Some((mtu, locked));
            }
            "advmss" => metrics.advmss = Some(words.number()?),
            "initcwnd" => metrics.initcwnd = Some(words.number()?),
            "initrwnd" => metrics.initrwnd = Some(words.number()?),
            "quickack" => metrics.quickack = Some(words.number::<u32>()? != 0),
            "fastopen_no_cookie" => metrics.fastopen_no_cookie = Some(words.number::<u32>()? != 0),
            "congctl" => metrics.congctl = Some(words.value()?.to_owned()),
            "features" if words.value()? == "ecn" => metrics.ecn = Some(true),
            "rto_min" => metrics.rto_min = Some(time(words)?),
            _ => return Err(words.odd()),
        }
    }
    Ok(one(Setting::Route { destination, metrics }))
}

/// A network, or an address as a network of its own.
fn network(text: &str) -> Option<Cidr> {
    if text.contains('/') {
        return text.parse().ok();
    }
    let addr: IpAddr = text.parse().ok()?;
    Cidr::new(addr, if addr.is_v4() { 32 } else { 128 })
}

/// `200ms`, `1s`, `5000us`; a bare number is in milliseconds.
fn time(words: &mut Words<'_>) -> Answer<Duration> {
    let text = words.value()?;
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().map_err(|_| words.odd())?;
    let number = u64::from(number);
    match &text[digits..] {
        "" | "ms" | "msec" | "msecs" => Ok(Duration::from_millis(number)),
        "s" | "sec" | "secs" => Ok(Duration::from_secs(number)),
        "us" | "usec" | "usecs" => Ok(Duration::from_micros(number)),
        _ => Err(words.odd()),
    }
}

/// `tc qdisc add|replace|change|del dev tun0 root [handle h:] pfifo [limit n] | pfifo_fast | fq`.
pub(super) fn tc(name: &Word, arguments: &[Word]) -> Answer<Action> {
    let mut words = Words::new(name, arguments);
    if words.value()? != "qdisc" {
        return Err(words.odd());
    }
    let removes = match words.value()? {
        "add" | "replace" | "change" => false,
        "del" | "delete" => true,
        _ => return Err(words.odd()),
    };
    let mut queue = None;
    let mut at_root = false;
    while let Some(word) = words.next() {
        match word {
            "dev" | "handle" => {
                words.value()?;
            }
            "root" => at_root = true,
            "pfifo" if !removes => queue = Some(Queue::Fifo { limit: None }),
            "pfifo_fast" | "noqueue" if !removes => queue = Some(Queue::Default),
            "fq" if !removes => queue = Some(Queue::Fair),
            "limit" if matches!(queue, Some(Queue::Fifo { .. })) => {
                queue = Some(Queue::Fifo { limit: Some(words.number()?) });
            }
            _ => return Err(words.odd()),
        }
    }
    let queue = queue.or_else(|| removes.then_some(Queue::Default));
    match queue.filter(|_| at_root) {
        Some(queue) => Ok(one(Setting::Queue(queue))),
        None => Err(unsupported(name.at, "tc without a queue at the root")),
    }
}

/// `ethtool -K tun0 tso off gso off`.
pub(super) fn ethtool(name: &Word, arguments: &[Word]) -> Answer<Action> {
    let mut words = Words::new(name, arguments);
    if !matches!(words.value()?, "-K" | "--offload" | "--features") {
        return Err(words.odd());
    }
    words.value()?;
    let mut allowed = None;
    while let Some(feature) = words.next() {
        let sends = match feature {
            "tso" | "gso" | "tcp-segmentation-offload" | "generic-segmentation-offload" => true,
            // What arrives is as the script says.
            "gro" | "lro" | "generic-receive-offload" | "large-receive-offload" => false,
            _ => return Err(words.odd()),
        };
        let on = match words.value()? {
            "on" => true,
            "off" => false,
            _ => return Err(words.odd()),
        };
        if sends {
            allowed = Some(allowed.unwrap_or(true) && on);
        }
    }
    Ok(match allowed {
        Some(allowed) => one(Setting::Segmentation { allowed }),
        None => Action::Status(true),
    })
}
