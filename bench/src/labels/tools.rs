//! What each tool says of each packet, and how its words are read. docs/labels.md says why that reading is fair.

use crate::capture::Capture;
use crate::kind::{Kind, Labels};
use limpid_scope::capture::CapturedPacket;
use limpid_scope::flows::{Cause, Flows, FlowsOptions, Kind as Purpose, Place, Sighting};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::process::Command;

/// A tool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tool {
    Limpid,
    Tshark,
    Tcptrace,
}

impl Tool {
    pub(crate) const ALL: [Tool; 3] = [Tool::Limpid, Tool::Tshark, Tool::Tcptrace];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Tool::Limpid => "limpid",
            Tool::Tshark => "tshark",
            Tool::Tcptrace => "tcptrace",
        }
    }

    /// Whether it has a word for this.
    pub(crate) const fn tells(self, kind: Kind) -> bool {
        match self {
            Tool::Limpid => true,
            Tool::Tshark => !matches!(kind, Kind::Probe | Kind::Copy),
            // Its graphs mark what was sent again, what came out of order, and probes of a closed window.
            Tool::Tcptrace => matches!(kind, Kind::Again | Kind::Overtaken | Kind::WindowProbe),
        }
    }

    /// Its labels of each packet; `None` if it is not installed.
    pub(crate) fn label(self, capture: &Capture, dir: &Path) -> io::Result<Option<Vec<Labels>>> {
        match self {
            Tool::Limpid => Ok(Some(limpid(&capture.packets))),
            Tool::Tshark => tshark(capture, dir),
            Tool::Tcptrace => tcptrace(capture, dir),
        }
    }
}

/// Ours, of nothing but the packets.
pub(crate) fn limpid(packets: &[CapturedPacket]) -> Vec<Labels> {
    let mut flows = Flows::new(FlowsOptions::default());
    let mut labels = vec![Labels::default(); packets.len()];
    for (index, packet) in packets.iter().enumerate() {
        let Some(sighting) = flows.handle_packet(&packet.lend()) else { continue };
        labels[index] = of_sighting(&sighting);
        // Said later of one before.
        let earlier = sighting.needless.and_then(|number| usize::try_from(number).ok()).and_then(|n| n.checked_sub(1));
        if let Some(earlier) = earlier.and_then(|earlier| labels.get_mut(earlier)) {
            earlier.add(Kind::Needless);
        }
        while flows.poll_ended().is_some() {}
    }
    labels
}

fn of_sighting(sighting: &Sighting) -> Labels {
    let mut labels = Labels::default();
    match sighting.kind {
        Purpose::DuplicateAck => labels.add(Kind::DuplicateAck),
        Purpose::KeepAlive => labels.add(Kind::KeepAlive),
        Purpose::WindowProbe => labels.add(Kind::WindowProbe),
        _ => {}
    }
    if sighting.place == Place::Overtaken {
        labels.add(Kind::Overtaken);
    }
    let Some(again) = sighting.again else { return labels };
    let kinds: &[Kind] = match again.cause {
        Cause::Copy => &[Kind::Copy],
        Cause::NoAnswer => &[Kind::Again, Kind::Syn],
        Cause::Rto => &[Kind::Again, Kind::Timer, Kind::Rto],
        Cause::Probe => &[Kind::Again, Kind::Timer, Kind::Probe],
        Cause::Fast | Cause::PartialAck | Cause::Rack => &[Kind::Again, Kind::Fast],
        _ => &[Kind::Again],
    };
    kinds.iter().for_each(|kind| labels.add(*kind));
    labels
}

fn file(capture: &Capture, dir: &Path) -> io::Result<std::path::PathBuf> {
    let path = dir.join("labels.pcap");
    capture.write(&path)?;
    Ok(path)
}

/// What `command` prints; `None` if it is not installed.
fn output(command: &mut Command) -> io::Result<Option<String>> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned())),
        Ok(output) => Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The fields of tshark that are asked for, in this order.
const FIELDS: [&str; 9] = [
    "frame.number",
    "tcp.flags.syn",
    "tcp.analysis.retransmission",
    "tcp.analysis.fast_retransmission",
    "tcp.analysis.spurious_retransmission",
    "tcp.analysis.out_of_order",
    "tcp.analysis.duplicate_ack",
    "tcp.analysis.keep_alive",
    "tcp.analysis.zero_window_probe",
];

fn tshark(capture: &Capture, dir: &Path) -> io::Result<Option<Vec<Labels>>> {
    let file = file(capture, dir)?;
    let mut command = Command::new("tshark");
    command.args(["-n", "-T", "fields", "-E", "occurrence=f", "-r"]).arg(file);
    command.args(FIELDS.iter().flat_map(|field| ["-e", field]));
    let Some(text) = output(&mut command)? else { return Ok(None) };
    let mut labels = vec![Labels::default(); capture.packets.len()];
    for line in text.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = fields.first().and_then(|number| number.parse::<usize>().ok());
        if let Some(labels) = number.and_then(|number| labels.get_mut(number.checked_sub(1)?)) {
            *labels = of_tshark(&fields);
        }
    }
    Ok(Some(labels))
}

fn of_tshark(fields: &[&str]) -> Labels {
    let is = |at: usize| fields.get(at).is_some_and(|value| !value.is_empty() && *value != "0");
    let [syn, again, fast, spurious, late, duplicate, keepalive, probe] = [1, 2, 3, 4, 5, 6, 7, 8].map(is);
    let again = again || fast || spurious;
    // What is neither fast nor of a SYN is its default: it waited long enough for a timer.
    let by_timer = again && !fast && !syn;
    let said = [
        (Kind::Again, again),
        (Kind::Syn, again && syn),
        (Kind::Timer, by_timer),
        (Kind::Rto, by_timer),
        (Kind::Fast, fast),
        (Kind::Needless, spurious && !syn),
        (Kind::Overtaken, late),
        (Kind::DuplicateAck, duplicate),
        (Kind::KeepAlive, keepalive),
        (Kind::WindowProbe, probe),
    ];
    said.into_iter().filter(|(_, said)| *said).map(|(kind, _)| kind).collect()
}

/// tcptrace's figures are sums; its time-sequence graphs mark single segments, with their time (microseconds) and their last
/// number.
fn tcptrace(capture: &Capture, dir: &Path) -> io::Result<Option<Vec<Labels>>> {
    file(capture, dir)?;
    let mut command = Command::new("tcptrace");
    command.args(["-n", "-S", "labels.pcap"]).current_dir(dir);
    if output(&mut command)?.is_none() {
        return Ok(None);
    }
    let mut places: HashMap<(i64, u32), Vec<usize>> = HashMap::new();
    for (index, packet) in capture.packets.iter().enumerate() {
        if let Some(end) = last_number(&packet.data) {
            places.entry((packet.time / 1000, end)).or_default().push(index);
        }
    }
    let mut labels = vec![Labels::default(); capture.packets.len()];
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "xpl") {
            for (time, number, mark) in marks(&std::fs::read_to_string(&path)?) {
                let kind = match mark.as_str() {
                    "R" => Kind::Again,
                    "O" => Kind::Overtaken,
                    "P" => Kind::WindowProbe,
                    _ => continue,
                };
                let there = places.get(&(time, number)).into_iter().flatten();
                if let Some(index) = there.copied().find(|index| !labels[*index].has(kind)) {
                    labels[index].add(kind);
                }
            }
            std::fs::remove_file(path)?;
        }
    }
    Ok(Some(labels))
}

/// Where a TCP segment over IPv4 ends.
fn last_number(bytes: &[u8]) -> Option<u32> {
    let header = usize::from(bytes.first()? & 15) * 4;
    let tcp = bytes.get(header..)?;
    let seq = u32::from_be_bytes(tcp.get(4..8)?.try_into().ok()?);
    let data = tcp.len().saturating_sub(usize::from(tcp.get(12)? >> 4) * 4);
    Some(seq.wrapping_add(data as u32))
}

/// The marks of an xplot file: microseconds, number, text.
fn marks(text: &str) -> Vec<(i64, u32, String)> {
    let mut marks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let mut words = line.split_whitespace();
        if !words.next().is_some_and(|word| word.ends_with("text") && word.len() == 5) {
            continue;
        }
        let time = words
            .next()
            .and_then(|time| time.split_once('.'))
            .and_then(|(seconds, micros)| Some(seconds.parse::<i64>().ok()? * 1_000_000 + micros.parse::<i64>().ok()?));
        let number = words.next().and_then(|number| number.parse().ok());
        if let (Some(time), Some(number), Some(mark)) = (time, number, lines.next()) {
            marks.push((time, number, mark.trim().to_owned()));
        }
    }
    marks
}
