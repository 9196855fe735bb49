//! Buffers that size themselves, beside buffers of a fixed size, on a long fast path (RFC 7323 §1.1; Linux's dynamic
//! right-sizing).

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::{Ended, Scene};
use crate::host::Options;
use crate::link::Conditions;
use limpid_event::Error;
use limpid_scope::trace::Packet;
use limpid_wire::tcp::TcpHeader;
use limpid_wire::{IpPacket, TcpFlags, TcpOptions};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "window-autotuning",
    summary: "buffers that size themselves fill a long fast path; fixed ones do not",
    look_for: &[
        "100 Mb/s over 100 ms: 1.25 MB must be under way to fill the path. The first window offers 64 KB.",
        "First run: what is read in a round trip doubles, and so does the window, before the sender needs it. The send",
        "buffer follows the congestion window.",
        "Second run: SO_RCVBUF was set, to 64 KiB. The window stays, and with it the flight: most of the path is idle.",
        "In neither run does the right edge of the window ever move back.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

/// What the client sends.
const BYTES: usize = 375 * WRITE;

/// In writes of so many bytes.
const WRITE: usize = 16_000;

/// SO_RCVBUF where it is set, bytes.
const FIXED: usize = 65_536;

/// The path, unless the user asks for another.
const DELAY: Duration = Duration::from_millis(50);
const RATE: u64 = 100_000_000;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let settings = &on_a_long_path(settings);
    let none = Options::default();
    let mut auto = run_one(settings, none)?;
    let mut fixed = run_one(settings, Options { recv_buffer: Some(FIXED), ..none })?;
    let slower = fixed.took.as_secs_f64() / auto.took.as_secs_f64();
    let bdp = (RATE / 8) as f64 * 2.0 * DELAY.as_secs_f64();
    auto.ended.check.that(auto.widest > bdp as u32, format!("the window never was more than {} bytes", auto.widest));
    fixed.ended.check.that(fixed.widest < 4 * FIXED as u32, format!("a fixed window became {}", fixed.widest));
    fixed.ended.check.that(slower > 3.0, format!("a fixed receive buffer took only {slower:.1} times as long"));
    let fixed = fixed.ended.run("SO_RCVBUF 64 KiB: the window stays small");
    Ok(vec![auto.ended.run("buffers that size themselves"), fixed])
}

/// The usual link is too short and has no rate that could be filled.
fn on_a_long_path(settings: &Settings) -> Settings {
    let mut settings = settings.clone();
    if settings.link.rate.is_none() {
        let delay = settings.link.delay.max(DELAY);
        settings.link = Conditions { delay, rate: Some(RATE), queue: 1000, ..settings.link };
    }
    settings
}

struct Transfer {
    ended: Ended,
    took: Duration,
    /// The widest window that was offered, bytes.
    widest: u32,
}

fn run_one(settings: &Settings, server: Options) -> Result<Transfer, LabError> {
    let mut scene = Scene::new(settings)?;
    let to = scene.server_at(7000);
    let server = scene.server(move |app| async move {
        let (socket, _) = app.listen_with(to, 1, server)?.accept().await?;
        let (begin, mut read, mut buf) = (app.now(), 0, vec![0; 1 << 20]);
        while read < BYTES {
            match socket.read(&mut buf).await? {
                0 => break,
                n => read += n,
            }
        }
        Ok::<_, Error>((read, app.now().since(begin)))
    });
    let client = scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        // In small writes: one large one fills up what leaves while it lasts, whatever the buffer (as on Linux).
        for _ in 0..BYTES / WRITE {
            socket.write_all(&[7; WRITE]).await?;
        }
        socket.close();
        Ok::<_, Error>(())
    });
    let mut ended = scene.play(Duration::from_secs(1))?;
    ended.check.value("the client", client.take(), ());
    let (read, took) = server.take().and_then(Result::ok).unwrap_or_default();
    ended.check.equal("bytes that arrived", &read, &BYTES);
    let (widest, steady) = windows(&ended);
    ended.check.that(steady, "the right edge of a window moved back");
    Ok(Transfer { ended, took, widest })
}

/// The widest window that the server offered, and whether its right edge never moved back.
fn windows(ended: &Ended) -> (u32, bool) {
    let (mut shift, mut widest, mut edge, mut steady) = (0, 0, None, true);
    for (header, options) in ended.trace.packets.iter().filter(|packet| packet.from == 1).filter_map(segment) {
        if header.flags.contains(TcpFlags::SYN) {
            shift = options.window_scale.unwrap_or(0);
            continue;
        }
        let window = u32::from(header.window) << shift;
        let right = header.ack + window;
        steady &= edge.is_none_or(|before| right.after_eq(before));
        edge = Some(right);
        widest = widest.max(window);
    }
    (widest, steady)
}

fn segment(packet: &Packet) -> Option<(TcpHeader, TcpOptions)> {
    let ip = IpPacket::parse(&packet.bytes).ok()?;
    let tcp = packet.bytes.get(ip.payload)?;
    let (header, _) = TcpHeader::parse(tcp).ok()?;
    let options = tcp.get(20..usize::from(header.header_len))?;
    Some((header, TcpOptions::parse(options)))
}
