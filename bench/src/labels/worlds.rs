//! The worlds whose captures are labelled: each a link, what TCP may use, what goes wrong, and a seed.

use limpid_event::{Error, Instant};
use limpid_lab::LabError;
use limpid_lab::experiment::{Scene, Settings};
use limpid_lab::host::Options;
use limpid_lab::host::app::{App, Socket};
use limpid_lab::link::plan::nth;
use limpid_lab::link::{Bursts, Conditions, End, Glimpse, Plan, Verdict};
use limpid_scope::trace::Trace;
use limpid_tcp::KeepAlive;
use limpid_wire::{Endpoint, TcpFlags};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// What TCP may use: its name, SACK, timestamps.
pub(crate) const OPTIONS: [(&str, bool, bool); 4] =
    [("sack+ts", true, true), ("sack", true, false), ("ts", false, true), ("plain", false, false)];

/// Round trips in milliseconds, and rates in Mbit/s.
pub(crate) const PATHS: [(u32, u64); 3] = [(4, 100), (40, 20), (200, 10)];

/// What goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Trial {
    Clean,
    Loss,
    HeavyLoss,
    Bursts,
    Queue,
    Reordering,
    ReorderingAndLoss,
    Copies,
    Standstill,
    Talk,
    TalkWithLoss,
    LostAcks,
    ZeroWindow,
    KeepAlive,
    LostSyn,
    LostSynAck,
}

impl Trial {
    pub(crate) const ALL: [Trial; 16] = [
        Trial::Clean,
        Trial::Loss,
        Trial::HeavyLoss,
        Trial::Bursts,
        Trial::Queue,
        Trial::Reordering,
        Trial::ReorderingAndLoss,
        Trial::Copies,
        Trial::Standstill,
        Trial::Talk,
        Trial::TalkWithLoss,
        Trial::LostAcks,
        Trial::ZeroWindow,
        Trial::KeepAlive,
        Trial::LostSyn,
        Trial::LostSynAck,
    ];
}

/// A world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    pub(crate) trial: Trial,
    pub(crate) options: (&'static str, bool, bool),
    pub(crate) path: (u32, u64),
    pub(crate) seed: u64,
}

impl std::fmt::Display for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let World { trial, options, path: (rtt, rate), seed } = self;
        write!(f, "{trial:?} {} {rtt}ms {rate}Mbit seed {seed}", options.0)
    }
}

/// All worlds for these seeds.
pub(crate) fn all(seeds: Range<u64>) -> Vec<World> {
    let mut worlds = Vec::new();
    for trial in Trial::ALL {
        for options in OPTIONS {
            for path in PATHS {
                worlds.extend(seeds.clone().map(|seed| World { trial, options, path, seed }));
            }
        }
    }
    worlds
}

/// What the clients of bulk worlds send, bytes.
const BULK: usize = 250_000;

impl World {
    /// Plays it.
    pub(crate) fn play(&self) -> Result<Trace, LabError> {
        let (rtt, rate) = self.path;
        let rtt = MS * rtt;
        let link = self.link(rtt, rate);
        let settings = Settings { seed: self.number(), link, ..Settings::default() };
        let (_, sack, timestamps) = self.options;
        let mut scene = Scene::with(&settings, |config| {
            let tcp = Arc::make_mut(&mut config.tcp);
            (tcp.sack, tcp.timestamps) = (sack, timestamps);
        })?;
        self.plans(&scene);
        match self.trial {
            Trial::Talk | Trial::TalkWithLoss => talk(&mut scene, self.seed),
            Trial::ZeroWindow => slow_reader(&mut scene),
            Trial::KeepAlive => idle(&mut scene),
            _ => bulk(&mut scene),
        }
        Ok(scene.play(Duration::from_secs(2))?.trace)
    }

    /// A seed of its own for each world.
    fn number(&self) -> u64 {
        let path = PATHS.iter().position(|path| *path == self.path).unwrap_or(0) as u64;
        let options = OPTIONS.iter().position(|options| *options == self.options).unwrap_or(0) as u64;
        ((self.seed * 100 + self.trial as u64) * 10 + path) * 10 + options
    }

    fn link(&self, rtt: Duration, rate: u64) -> Conditions {
        let clean = Conditions {
            rate: Some(rate * 1_000_000),
            jitter: rtt / 50,
            queue: 400,
            reorder_by: rtt / 4,
            ..Conditions::delay(rtt / 2)
        };
        match self.trial {
            Trial::Loss => Conditions { loss: 0.01, ..clean },
            Trial::HeavyLoss => Conditions { loss: 0.05, ..clean },
            Trial::Bursts => Conditions { bursts: Some(Bursts::of(0.02, 4.0)), ..clean },
            Trial::Queue => Conditions { queue: 12, ..clean },
            Trial::Reordering => Conditions { reorder: 0.03, ..clean },
            Trial::ReorderingAndLoss => Conditions { reorder: 0.03, loss: 0.015, ..clean },
            Trial::Copies => Conditions { duplicate: 0.03, loss: 0.005, ..clean },
            Trial::TalkWithLoss => Conditions { loss: 0.06, ..clean },
            Trial::KeepAlive => Conditions { loss: 0.1, ..clean },
            Trial::ZeroWindow if self.seed.is_multiple_of(2) => Conditions { loss: 0.05, ..clean },
            _ => clean,
        }
    }

    fn plans(&self, scene: &Scene) {
        let which = (self.seed % 3) as u32 + 1;
        let is_syn = |p: &Glimpse<'_>| p.has_any(TcpFlags::SYN);
        match self.trial {
            Trial::Standstill => {
                scene.plan_from_client(standstills(self.seed));
                scene.plan_from_server(standstills(self.seed + 7));
            }
            Trial::LostAcks => scene.link().from(End::B).conditions.loss = 0.3,
            Trial::LostSyn => {
                let mut left = which;
                scene.plan_from_client(Box::new(move |p| lose_first(&mut left, is_syn(p))));
            }
            Trial::LostSynAck => {
                let mut left = which;
                scene.plan_from_server(Box::new(move |p| lose_first(&mut left, is_syn(p))));
            }
            // The last segment of an answer, every now and then.
            Trial::Talk => {
                let mut count = 0;
                scene.plan_from_server(Box::new(move |p| {
                    count += u32::from(p.has_any(TcpFlags::PSH));
                    let lose = p.has_any(TcpFlags::PSH) && count.is_multiple_of(4);
                    if lose { Verdict::Lose } else { Verdict::Pass }
                }));
                // And a FIN.
                scene.plan_from_client(nth(1, |p| p.has_any(TcpFlags::FIN), Verdict::Lose));
            }
            _ => {}
        }
    }
}

fn lose_first(left: &mut u32, it_is: bool) -> Verdict {
    if it_is && *left > 0 {
        *left -= 1;
        return Verdict::Lose;
    }
    Verdict::Pass
}

/// The path stands still for 300 to 900 ms every now and then.
fn standstills(seed: u64) -> Plan {
    let spell = Duration::from_millis(300 + seed * 97 % 600);
    let period = Duration::from_millis(170) + spell;
    let start = Instant::ZERO + MS * (60 + (seed * 31 % 50) as u32);
    Box::new(move |packet: &Glimpse<'_>| {
        let since = packet.at.since(start);
        let into = Duration::from_nanos((since.as_nanos() % period.as_nanos()) as u64);
        let early = packet.at <= start || since > Duration::from_secs(6);
        if early || into >= spell { Verdict::Pass } else { Verdict::Hold(spell - into) }
    })
}

const PORT: u16 = 7000;

async fn accept(app: &App, at: Endpoint, options: Options) -> Result<Socket, Error> {
    Ok(app.listen_with(at, 1, options)?.accept().await?.0)
}

/// The client sends much, and the server a little.
fn bulk(scene: &mut Scene) {
    let to = scene.server_at(PORT);
    scene.server(move |app| async move {
        let socket = accept(&app, to, Options::default()).await?;
        let all = socket.read_to_end().await?;
        socket.write_all(&all[..all.len().min(20_000)]).await
    });
    scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&[7; BULK]).await?;
        socket.shutdown(limpid_stack::Shutdown::Write)?;
        socket.read_to_end().await
    });
}

/// Questions and answers, with pauses: most flights have a tail.
fn talk(scene: &mut Scene, seed: u64) {
    const ROUNDS: usize = 24;
    let to = scene.server_at(PORT);
    let answer = move |round: usize| 300 + (round * 2741 + seed as usize * 977) % 14_000;
    scene.server(move |app| async move {
        let socket = accept(&app, to, Options::default()).await?;
        for round in 0..ROUNDS {
            socket.read_full(&mut [0; 200]).await?;
            socket.write_all(&vec![1; answer(round)]).await?;
        }
        socket.read(&mut [0; 1]).await
    });
    scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        for round in 0..ROUNDS {
            socket.write_all(&[2; 200]).await?;
            socket.read_full(&mut vec![0; answer(round)]).await?;
            app.sleep(MS * [0, 30, 700][round % 3]).await;
        }
        Ok::<_, Error>(())
    });
}

/// The server sleeps now and then, and its buffer is small.
fn slow_reader(scene: &mut Scene) {
    let to = scene.server_at(PORT);
    scene.server(move |app| async move {
        let options = Options { recv_buffer: Some(8192), ..Options::default() };
        let socket = accept(&app, to, options).await?;
        let mut round = 0;
        while socket.read(&mut [0; 3000]).await? > 0 {
            round += 1;
            if round % 6 == 1 {
                app.sleep(MS * (900 + 400 * (round % 4))).await;
            }
        }
        Ok::<_, Error>(())
    });
    scene.client(move |app| async move {
        let socket = app.connect(to).await?;
        socket.write_all(&[7; 70_000]).await
    });
}

/// Nothing is said for long.
fn idle(scene: &mut Scene) {
    let to = scene.server_at(PORT);
    let keepalive = KeepAlive { idle: Duration::from_secs(5), interval: Duration::from_secs(2), count: 5 };
    scene.server(move |app| async move {
        let socket = accept(&app, to, Options::default()).await?;
        socket.write_all(&[1; 5000]).await?;
        socket.read_to_end().await
    });
    scene.client(move |app| async move {
        let options = Options { keepalive: Some(keepalive), ..Options::default() };
        let socket = app.connect_from(None, to, options).await?;
        for pause in [18, 2, 12, 30] {
            socket.write_all(&[3; 1000]).await?;
            app.sleep(Duration::from_secs(pause)).await;
        }
        Ok::<_, Error>(())
    });
}
