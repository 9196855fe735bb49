//! SYNs of nobody (RFC 4987): the SYN queue is full, cookies take its place, and who is connected notices nothing.

use super::{Experiment, Picture, Run, Settings};
use crate::LabError;
use crate::experiment::Scene;
use crate::host::App;
use limpid_event::{Counter, Error};
use limpid_scope::figures;
use limpid_wire::ip::IpHeader;
use limpid_wire::tcp::{emit_header, header_len, put_checksum};
use limpid_wire::{Endpoint, IpAddr, IpProtocol, Segment, SeqNum, TcpFlags, TcpOptions};
use std::time::Duration;

pub(super) const EXPERIMENT: Experiment = Experiment {
    name: "syn-flood",
    summary: "thousands of SYNs from made-up senders: cookies, and transfers that go on",
    look_for: &[
        "Two downloads: one in peace, one while 4,000 SYNs a second arrive whose senders do not exist.",
        "The SYN queue takes 64 of them, of 128 bytes each. All others are answered with a cookie and forgotten.",
        "The download's curve is the same: an established connection has nothing to do with the queue.",
        "A client that comes in the middle of it gets in: its cookie comes back, and that is proof enough.",
    ],
    picture: Picture::Graph,
    settings: &[],
    kernel: &[],
    run,
};

const BACKLOG: usize = 64;
const SYNS: u32 = 2_000;
const EVERY: Duration = Duration::from_micros(250);
const BYTES: usize = 200_000;

fn run(settings: &Settings) -> Result<Vec<Run>, LabError> {
    let (calm, took_calm) = download(settings, false)?;
    let (mut flooded, took) = download(settings, true)?;
    if let (Some(calm), Some(took)) = (took_calm, took) {
        let (calm, took) = (figures::duration(calm), figures::duration(took));
        flooded.findings.push(format!("The download took {took} in the flood, {calm} in peace."));
    }
    if let (Some(calm), Some(took), true) = (took_calm, took, settings.clean_link())
        && took > calm + calm / 10
    {
        let (took, calm) = (figures::duration(took), figures::duration(calm));
        flooded.differences.push(format!("the flood made the download slower: {took} instead of {calm}"));
    }
    Ok(vec![calm, flooded])
}

/// The download, and how long it took.
fn download(settings: &Settings, flood: bool) -> Result<(Run, Option<Duration>), LabError> {
    let mut scene = Scene::with(settings, |config| config.max_syn_backlog = BACKLOG)?;
    let to = scene.server_at(80);
    let server = scene.server(move |app| async move {
        let listener = app.listen(to, 128)?;
        let (socket, _) = listener.accept().await?;
        if flood {
            app.remark("the flood begins");
            let stranger = app.clone();
            app.spawn("flood", async move { pour(&stranger, to).await });
        }
        socket.write_all(&vec![b'x'; BYTES]).await?;
        socket.close();
        let (late, _) = listener.accept().await?;
        late.write_all(b"welcome\n").await?;
        late.close();
        let begun = app.counter(Counter::TcpExtTCPReqQFullDoCookies);
        Ok::<_, Error>((begun, app.counter(Counter::TcpExtSyncookiesRecv)))
    });
    let client = scene.client(move |app| async move {
        let began = app.now();
        let socket = app.connect(to).await?;
        let got = socket.read_to_end().await?.len();
        let took = app.now().since(began);
        let late = app.connect(to).await?;
        let words = late.read_to_end().await?;
        Ok::<_, Error>((took, got, words))
    });
    let mut ended = scene.play_to_the_end()?;
    let mut took = None;
    match client.take() {
        Some(Ok((time, got, words))) => {
            took = Some(time);
            ended.check.equal("the download", &got, &BYTES);
            ended.check.equal("who came late", &words, &b"welcome\n".to_vec());
        }
        other => ended.check.that(false, format!("the client ended with {other:?}")),
    }
    match server.take() {
        Some(Ok((cookies, returned))) if flood => {
            let returned_once = figures::count(returned, "cookie");
            ended.find(format!(
                "Of {} SYNs, {} were answered with cookies; {returned_once} came back, and that client was let in.",
                figures::number(u64::from(SYNS)),
                figures::number(cookies)
            ));
            ended.expect(cookies > 0, "the SYN queue was never full");
            ended.expect(returned == 1, "who came late did not get in by a cookie");
        }
        Some(Ok((cookies, _))) => ended.expect(cookies == 0, "there were cookies in peace"),
        other => ended.check.that(false, format!("the server ended with {other:?}")),
    }
    Ok((ended.run(if flood { "in the flood" } else { "in peace" }), took))
}

/// SYNs from addresses that nobody has.
async fn pour(app: &App, to: Endpoint) {
    for nth in 0..SYNS {
        app.inject(syn(nth, to));
        app.sleep(EVERY).await;
    }
}

fn syn(nth: u32, to: Endpoint) -> Vec<u8> {
    let [high, low] = [(nth >> 8) as u8, nth as u8];
    let addr = match to.addr.is_v4() {
        true => IpAddr::v4([10, 0, 0, 100 - low % 50]),
        false => IpAddr::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, high, low]),
    };
    let from = Endpoint::new(addr, 1024 + nth as u16);
    let options = TcpOptions { mss: Some(1460), ..TcpOptions::default() };
    let segment = Segment { seq: SeqNum(nth), flags: TcpFlags::SYN, window: 65_535, options, ..Segment::default() };
    let mut tcp = vec![0; header_len(&segment)];
    emit_header(&segment, (from.port, to.port), &mut tcp);
    put_checksum(from.addr, to.addr, &mut tcp, &segment.payload, false);
    let header = IpHeader::new(from.addr, to.addr, IpProtocol::TCP);
    let mut packet = vec![0; header.header_len()];
    header.emit(tcp.len(), &mut packet);
    packet.extend(tcp);
    packet
}
