//! How many packets a second a capture holds on loopback, in a private network of its own:
//! `cargo run --release -p limpid-device --example capture_rate -- [PACKETS A SECOND] [SECONDS] [RING IN MIB]`.

use limpid_device::capture::{Capture, CaptureOptions};
use limpid_device::namespace::Namespace;
use std::net::UdpSocket;
use std::time::{Duration, Instant};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u64>());
    let rate = arguments.next().transpose()?.unwrap_or(100_000).max(1);
    let seconds = arguments.next().transpose()?.unwrap_or(5);
    let ring = arguments.next().transpose()?.unwrap_or(16);

    let _namespace = Namespace::enter()?;
    let ring_bytes = usize::try_from(ring)? << 20;
    let mut capture = Capture::open(&CaptureOptions { interface: "lo".into(), ring_bytes, ..Default::default() })?;
    let generator = std::thread::spawn(move || generate(rate, seconds));

    let (mut packets, mut bytes) = (0_u64, 0_u64);
    let began = Instant::now();
    while !generator.is_finished() || capture.statistics().received > packets + capture.statistics().dropped {
        let Some(first) = capture.next(Duration::from_millis(20))? else { continue };
        (packets, bytes) = (packets + 1, bytes + first.data.len() as u64);
        while let Some(frame) = capture.next_waiting() {
            (packets, bytes) = (packets + 1, bytes + frame.data.len() as u64);
        }
    }
    let took = began.elapsed();
    let sent = generator.join().map_err(|_| "the generator failed")??;
    let dropped = capture.statistics().dropped;
    println!("sent {sent}, seen {packets}, dropped {dropped}, in {took:.1?}; {} MB", bytes / 1_000_000);
    println!("{:.0} packets a second", packets as f64 / took.as_secs_f64());
    Ok(())
}

/// Sends datagrams of 100 bytes, a millisecond's worth at a time; answers how many.
fn generate(rate: u64, seconds: u64) -> std::io::Result<u64> {
    let taker = UdpSocket::bind("127.0.0.1:0")?;
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.connect(taker.local_addr()?)?;
    let (began, mut sent) = (Instant::now(), 0);
    while began.elapsed() < Duration::from_secs(seconds) {
        let due = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX).saturating_mul(rate) / 1_000_000;
        while sent < due {
            socket.send(&[0; 100])?;
            sent += 1;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    Ok(sent)
}
