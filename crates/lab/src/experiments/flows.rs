//! What experiments of congestion control have in common: flows that send as fast as they may over one bottleneck, for a
//! while.

use super::Settings;
use crate::LabError;
use crate::executor::JoinHandle;
use crate::experiment::{Ended, Scene};
use crate::host::{App, Options};
use crate::link::{Conditions, End};
use limpid_event::{Error, Event, Instant};
use limpid_scope::figures;
use limpid_scope::trace::What;
use limpid_tcp::Algorithm;
use limpid_wire::Endpoint;
use std::sync::Arc;
use std::time::Duration;

/// Largest packet, bytes.
const PACKET: u64 = 1500;

/// A bottleneck, and how long it is used.
#[derive(Clone, Copy)]
pub(super) struct Bottleneck {
    /// Bits a second, if the settings say nothing of it.
    pub(super) rate: u64,
    /// Added to the link's delay, one way.
    pub(super) farther: Duration,
    /// Packets that may wait, as a multiple of what the path holds.
    pub(super) queue: u32,
    /// How long each flow sends.
    pub(super) time: Duration,
}

/// What came of it.
pub(super) struct Played {
    pub(super) ended: Ended,
    /// The controller of each flow.
    names: Vec<String>,
    /// What the bottleneck sends, bits a second.
    rate: f64,
    /// The path's own round trip.
    pub(super) path: Duration,
    /// What each flow got through in its time, bits a second.
    pub(super) goodputs: Vec<f64>,
    /// What the link carries, if nothing but its rate and delay is in the way.
    pub(super) link: Option<f64>,
}

impl Bottleneck {
    /// Plays one flow for each of `algorithms`, of which each begins `apart` after the one before.
    pub(super) fn play(
        self,
        settings: &Settings,
        algorithms: &[Algorithm],
        apart: Duration,
    ) -> Result<Played, LabError> {
        let mut scene = Scene::with(settings, |config| {
            let tcp = Arc::make_mut(&mut config.tcp);
            (tcp.send_buffer, tcp.recv_buffer) = (4 << 20, 4 << 20);
        })?;
        let own = settings.link.rate.is_none();
        let rate = settings.link.rate.unwrap_or(self.rate);
        let delay = settings.link.delay + self.farther;
        let pipe = rate as f64 * 2.0 * delay.as_secs_f64() / 8.0 / PACKET as f64;
        // What the settings say of the queue holds; else it is in proportion to the path.
        let given = settings.link.queue != Conditions::default().queue || settings.link.queue_bytes.is_some();
        let queue = if given { settings.link.queue } else { (self.queue * pipe as u32).max(10) as usize };
        let forth = Conditions { rate: Some(rate), queue, delay, ..settings.link };
        scene.link().from(End::A).conditions = forth;
        scene.link().from(End::B).conditions = Conditions { delay, ..settings.link };
        if !settings.packets {
            scene.keep_events_only();
        }
        let (to, flows) = (scene.server_at(7000), algorithms.len());
        let server = scene.server(move |app| async move {
            let listener = app.listen(to, flows)?;
            let mut readers = Vec::new();
            for _ in 0..flows {
                let (socket, _) = listener.accept().await?;
                readers.push(app.spawn("reader", async move {
                    let (mut buf, mut all) = (vec![0; 1 << 16], 0);
                    // Until the sender's reset, when its time is over.
                    while let Ok(n @ 1..) = socket.read(&mut buf).await {
                        all += n as u64;
                    }
                    all
                }));
            }
            let mut received = Vec::new();
            for reader in readers {
                received.push(reader.await);
            }
            Ok::<_, Error>(received)
        });
        let clients: Vec<JoinHandle<Result<(), Error>>> = (0u32..)
            .zip(algorithms)
            .map(|(n, algorithm)| {
                let algorithm = *algorithm;
                scene.client(move |app| send(app, to, algorithm, apart * n, self.time))
            })
            .collect();
        let mut ended = scene.play(Duration::from_secs(1))?;
        for client in clients {
            ended.check.value("a client", client.take(), ());
        }
        let received = server.take().and_then(Result::ok).unwrap_or_default();
        ended.check.that(received.len() == flows, "not every flow was received");
        let seconds = self.time.as_secs_f64();
        let goodputs = received.iter().map(|bytes| *bytes as f64 * 8.0 / seconds).collect();
        let clean =
            own && Settings { link: Conditions { rate: None, ..settings.link }, ..settings.clone() }.clean_link();
        let names = algorithms.iter().map(|algorithm| title(*algorithm)).collect();
        Ok(Played {
            ended,
            names,
            goodputs,
            rate: rate as f64,
            path: 2 * delay,
            link: clean.then_some(rate as f64 * 1448.0 / 1500.0),
        })
    }
}

/// The controller's name as papers write it.
fn title(algorithm: Algorithm) -> String {
    match algorithm {
        Algorithm::Reno => "Reno".into(),
        other => other.name().to_uppercase(),
    }
}

async fn send(app: App, to: Endpoint, algorithm: Algorithm, wait: Duration, time: Duration) -> Result<(), Error> {
    app.sleep(wait).await;
    let options = Options { congestion: Some(algorithm), ..Options::default() };
    let socket = app.connect_from(None, to, options).await?;
    app.remark(format!("{} begins", algorithm.name()));
    app.label(&socket, title(algorithm));
    let (bytes, end) = (vec![0; 16_384], app.now() + time);
    while app.now() < end {
        let written = app.timeout(end.since(app.now()), socket.write(&bytes)).await;
        if let Some(written) = written {
            written?;
        }
    }
    socket.abort();
    Ok(())
}

impl Played {
    /// Says what each flow got through, and how long the queue kept packets after `since`.
    pub(super) fn tell(&mut self, since: Duration) {
        // What still stood in the queue when its time was over came through a little later.
        let of_link = |goodput: &f64| figures::share((goodput * 1500.0 / 1448.0 / self.rate).min(1.0));
        let mut sentences: Vec<String> = (self.names.iter().zip(&self.goodputs).enumerate())
            .map(|(n, (name, goodput))| {
                let name = if self.names.len() > 1 { format!("Flow {}, {name},", n + 1) } else { name.clone() };
                let (rate, link) = (figures::rate(*goodput), figures::rate(self.rate));
                format!("{name} got {rate} through, {} of the link's {link}.", of_link(goodput))
            })
            .collect();
        let (rtt, path) = (self.median_rtt(since), self.path);
        let (rtt_text, path_text) = (figures::duration(rtt), figures::duration(path));
        sentences.push(match rtt > path + path / 10 {
            true => {
                let queue = figures::duration(rtt.saturating_sub(path));
                format!("The median round trip was {rtt_text} on a path of {path_text}: {queue} of it is the queue.")
            }
            false => format!("The median round trip was {rtt_text} on a path of {path_text}: the queue is short."),
        });
        sentences.into_iter().for_each(|sentence| self.ended.find(sentence));
    }

    /// Of the link, all flows together, if that can be told.
    pub(super) fn utilization(&self) -> Option<f64> {
        self.link.map(|link| self.goodputs.iter().sum::<f64>() / link)
    }

    /// Jain's index: 1 is perfectly even.
    pub(super) fn fairness(&self) -> f64 {
        let sum: f64 = self.goodputs.iter().sum();
        let squares: f64 = self.goodputs.iter().map(|g| g * g).sum();
        if squares > 0.0 { sum * sum / (self.goodputs.len() as f64 * squares) } else { 0.0 }
    }

    /// On a link that does nothing else this must hold.
    pub(super) fn expect(&mut self, holds: bool, otherwise: &str) {
        self.ended.check.that(holds || self.link.is_none(), otherwise);
    }

    /// The median round trip that was measured after `since`.
    pub(super) fn median_rtt(&self, since: Duration) -> Duration {
        let since = Instant::ZERO + since;
        let mut rtts: Vec<Duration> =
            self.ended.trace.notes.iter().filter(|note| note.at >= since).filter_map(rtt).collect();
        rtts.sort_unstable();
        rtts.get(rtts.len() / 2).copied().unwrap_or_default()
    }

    /// The phases that controllers went through, in order.
    pub(super) fn phases(&self) -> Vec<&'static str> {
        let phase = |note: &limpid_scope::trace::Note| match note.what {
            What::Event(Event::ControllerPhase { phase }) => Some(phase),
            _ => None,
        };
        self.ended.trace.notes.iter().filter_map(phase).collect()
    }
}

fn rtt(note: &limpid_scope::trace::Note) -> Option<Duration> {
    match note.what {
        What::Event(Event::RttSample { rtt, .. }) => Some(rtt),
        _ => None,
    }
}
