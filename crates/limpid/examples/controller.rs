//! A congestion controller of one's own: additive increase by two segments a round trip, and a cut by a quarter.
//!
//! `cargo run -p limpid --example controller`

use limpid::congestion::{AckSample, Controller, ControllerFactory, LossSample, Start};
use limpid::device::{Memory, MemoryConfig};
use limpid::{Config, Host, TcpListener, TcpStream};
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::thread;

/// Windows are in segments.
#[derive(Debug)]
struct Gentle {
    window: u32,
    ssthresh: u32,
    /// Segments acknowledged that have not opened the window yet.
    credit: u32,
    /// Window and threshold before the last cut.
    before: (u32, u32),
}

impl Gentle {
    fn cut(&mut self) {
        self.before = (self.window, self.ssthresh);
        self.ssthresh = (self.window - self.window / 4).max(2);
    }
}

impl Controller for Gentle {
    fn on_ack(&mut self, sample: &AckSample) {
        // A window that is not used must not grow, nor one that recovery brings down.
        if sample.in_recovery || !sample.cwnd_limited {
            return;
        }
        if self.window < self.ssthresh {
            self.window = self.window.saturating_add(sample.delivered).min(self.ssthresh);
            return;
        }
        self.credit = self.credit.saturating_add(2 * sample.delivered);
        self.window = self.window.saturating_add(self.credit / self.window);
        self.credit %= self.window;
    }

    fn on_loss(&mut self, _sample: &LossSample) {
        self.cut();
    }

    fn on_recovered(&mut self, _sample: &LossSample) {
        self.window = self.ssthresh;
    }

    fn on_rto(&mut self, _sample: &LossSample, again: bool) {
        if !again {
            self.cut();
        }
        self.window = 1;
    }

    fn on_undo(&mut self) {
        self.window = self.window.max(self.before.0);
        self.ssthresh = self.ssthresh.max(self.before.1);
    }

    fn window(&self) -> u32 {
        self.window
    }

    fn ssthresh(&self) -> u32 {
        self.ssthresh
    }

    fn name(&self) -> &'static str {
        "gentle"
    }
}

#[derive(Debug)]
struct MakesGentle;

impl ControllerFactory for MakesGentle {
    fn name(&self) -> &'static str {
        "gentle"
    }

    fn make(&self, start: &Start) -> Box<dyn Controller> {
        let (window, ssthresh) = (start.window, start.ssthresh);
        Box::new(Gentle { window, ssthresh, credit: 0, before: (window, ssthresh) })
    }
}

fn main() -> io::Result<()> {
    let (left, right) = Memory::pair(MemoryConfig::default())?;
    let mut config = Config::default();
    config.register_controller(Arc::new(MakesGentle));
    let names: Vec<_> = config.congestion_names().collect();
    println!("there are {}", names.join(", "));
    // For every connection of the host; a socket can choose otherwise by `TcpStream::configure`.
    config.congestion = config.congestion_named("gentle").expect("it was registered");
    let client = Host::builder().memory(left).address("10.0.0.1/24").tcp(config).build()?;
    let server = Host::builder().memory(right).address("10.0.0.2/24").build()?;

    let listener = TcpListener::bind(&server, "10.0.0.2:9")?;
    let sink = thread::spawn(move || -> io::Result<usize> {
        let (mut stream, _) = listener.accept()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)
    });
    let mut stream = TcpStream::connect(&client, "10.0.0.2:9")?;
    stream.write_all(&vec![0; 4 << 20])?;
    let info = stream.info()?;
    println!("the window is {} segments, the rate {} bytes a second", info.snd_cwnd, info.delivery_rate);
    drop(stream);
    println!("{} bytes arrived", sink.join().expect("the server does not panic")?);
    Ok(())
}
