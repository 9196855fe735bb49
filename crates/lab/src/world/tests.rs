//! Worlds without a stack of ours: a host that is silent, and the kernel.

use super::*;
use crate::host::{Interest, Options, SocketKey};
use crate::link::plan;
use crate::testing::{A, B};
use limpid_event::Error;
use limpid_stack::Shutdown;
use limpid_tcp::SynSchedule;
use limpid_wire::Endpoint;
use std::task::Waker;

/// A host that takes every packet and never says a word.
struct Silent;

impl Machine for Silent {
    fn deliver(&mut self, _: Instant, _: Vec<u8>) -> io::Result<()> {
        Ok(())
    }
    fn transmit(&mut self, _: Instant, _: &mut Vec<Outgoing>) -> io::Result<()> {
        Ok(())
    }
    fn handle_timeout(&mut self, _: Instant) {}
    fn next_timeout(&mut self) -> Option<Instant> {
        None
    }
    fn wake_ready(&mut self) -> bool {
        false
    }
    fn poll_fds<'a>(&'a self, _: &mut Vec<PollFd<'a>>) {}
    fn connect(&mut self, _: Instant, _: Option<Endpoint>, _: Endpoint, _: &Options) -> Result<SocketKey, Error> {
        Err(Error::NetworkUnreachable)
    }
    fn connected(&mut self, _: Instant, _: SocketKey) -> Result<(), Error> {
        Err(Error::WouldBlock)
    }
    fn keeps_connect_deadline(&self) -> bool {
        false
    }
    fn listen(&mut self, _: Instant, _: Endpoint, _: usize, _: &Options) -> Result<SocketKey, Error> {
        Ok(SocketKey::new(0))
    }
    fn accept(&mut self, _: Instant, _: SocketKey) -> Result<(SocketKey, Endpoint), Error> {
        Err(Error::WouldBlock)
    }
    fn read(&mut self, _: Instant, _: SocketKey, _: &mut [u8]) -> Result<usize, Error> {
        Err(Error::WouldBlock)
    }
    fn write(&mut self, _: Instant, _: SocketKey, _: &[u8]) -> Result<usize, Error> {
        Err(Error::WouldBlock)
    }
    fn shutdown(&mut self, _: Instant, _: SocketKey, _: Shutdown) -> Result<(), Error> {
        Ok(())
    }
    fn close(&mut self, _: Instant, _: SocketKey) {}
    fn abort(&mut self, _: Instant, _: SocketKey) {}
    fn take_error(&mut self, _: SocketKey) -> Option<Error> {
        None
    }
    fn local_endpoint(&self, _: SocketKey) -> Result<Endpoint, Error> {
        Err(Error::NoSuchSocket)
    }
    fn register(&mut self, _: SocketKey, _: Interest, _: &Waker) {}
}

fn add_silent(world: &mut World) -> HostId {
    let index = world.recorder().add_host("silent", vec![B], View::Inside);
    world.adopt(Rc::new(RefCell::new(Silent)), index)
}

fn stuck(result: Result<(), LabError>) -> Stuck {
    match result {
        Err(LabError::Stuck(stuck)) => *stuck,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_deadlock_says_who_waits_for_what() {
    let mut world = World::new(1, 0);
    let host = add_silent(&mut world);
    world.spawn(host, "server", |app| async move {
        app.sleep(Duration::from_millis(5)).await;
        let listener = app.listen(Endpoint::new(B, 80), 1)?;
        listener.accept().await.map(drop)
    });
    let stuck = stuck(world.run(Aftermath::Everything));
    assert_eq!(
        stuck.to_string(),
        "stuck at 0.005000 s: nothing will ever happen again; still waiting: server (accept)"
    );
}

#[test]
fn the_bounds_on_time_and_events_hold() {
    let mut world = World::new(1, 0);
    let host = add_silent(&mut world);
    world.limits(Limits { time: Duration::from_secs(10), events: 1000 });
    let forever = |app: App| async move {
        loop {
            app.sleep(Duration::from_secs(1)).await;
        }
    };
    world.spawn::<(), _>(host, "clock", forever);
    let end = stuck(world.run(Aftermath::Everything));
    assert_eq!((end.why, end.at), (Why::TooLong, Instant::from_millis(10_000)));

    let mut world = World::new(1, 0);
    let host = add_silent(&mut world);
    world.limits(Limits { events: 1000, ..Limits::default() });
    world.spawn::<(), _>(host, "clock", forever);
    assert_eq!(stuck(world.run(Aftermath::Everything)).why, Why::TooManyEvents(1000));
}

#[test]
fn a_quiet_aftermath_ends_when_nothing_moves() {
    let mut world = World::new(1, 0);
    let host = add_silent(&mut world);
    let started = world.spawn(host, "short", |app| async move { app.now() });
    world.run(Aftermath::Quiet(Duration::from_millis(300))).unwrap();
    assert_eq!(started.take(), Some(Instant::ZERO));
    assert_eq!(world.clock().now(), Instant::from_millis(300));
}

/// A world of a kernel and a silent host, unless this machine has no private networks.
fn kernel_world() -> Option<(World, HostId, LinkId)> {
    let mut world = World::real_time(1);
    let kernel = match world.add_kernel("Linux", &[Cidr { addr: A, prefix: 24 }], 1500) {
        Ok(kernel) => kernel,
        Err(error) if std::env::var_os("LIMPID_REQUIRE_TOOLS").is_some_and(|v| v == "1") => panic!("{error}"),
        Err(error) => {
            println!("skipped: {error}");
            return None;
        }
    };
    let silent = add_silent(&mut world);
    let link = world.connect(kernel, silent, Medium::Ip, Conditions::default());
    Some((world, kernel, link))
}

#[test]
fn the_kernel_as_a_client_that_nobody_answers() {
    let Some((mut world, kernel, link)) = kernel_world() else { return };
    world.link(link).from(End::A).plan(plan::lose_all());
    let client = world.spawn(kernel, "client", |app| async move {
        let options =
            Options { syn_retries: Some(1), syn_schedule: Some(SynSchedule::Exponential), ..Options::default() };
        app.connect_from(Some(Endpoint::new(A, 5000)), Endpoint::new(B, 23), options).await.map(drop)
    });
    world.run(Aftermath::Quiet(Duration::ZERO)).unwrap();
    assert_eq!(client.take(), Some(Err(Error::TimedOut)));
    let trace = world.trace();
    assert_eq!(trace.packets.len(), 2, "a SYN and its retransmission");
    let apart = trace.packets[1].sent_at.since(trace.packets[0].sent_at);
    assert!((900..1400).contains(&apart.as_millis()), "{apart:?}");
    assert!(trace.packets.iter().all(|p| p.arrival.is_lost() && p.from == 0));
}

#[test]
fn the_kernels_client_gives_up_at_its_applications_deadline() {
    let Some((mut world, kernel, _)) = kernel_world() else { return };
    let client = world.spawn(kernel, "client", |app| async move {
        let options = Options { connect_deadline: Some(Duration::from_millis(100)), ..Options::default() };
        let outcome = app.connect_from(None, Endpoint::new(B, 23), options).await.map(drop);
        (outcome, app.now())
    });
    world.run(Aftermath::Quiet(Duration::ZERO)).unwrap();
    let (outcome, at) = client.take().unwrap();
    assert_eq!(outcome, Err(Error::TimedOut));
    assert!((100..400).contains(&at.as_millis()), "{at}");
}

#[test]
fn the_kernel_is_told_of_an_unreachable_host() {
    let Some((mut world, kernel, link)) = kernel_world() else { return };
    let router = limpid_wire::IpAddr::v4([10, 0, 0, 254]);
    let index = world.recorder().add_host("router", vec![router], View::Inside);
    world.link(link).router(router, index);
    world.link(link).from(End::A).plan(plan::reject_all(crate::link::Unreachable::Host));
    let client = world.spawn(kernel, "client", |app| async move { app.connect(Endpoint::new(B, 23)).await.map(drop) });
    world.run(Aftermath::Quiet(Duration::ZERO)).unwrap();
    assert_eq!(client.take(), Some(Err(Error::HostUnreachable)));
}

#[test]
fn the_kernel_talks_to_itself() {
    let Some((mut world, kernel, _)) = kernel_world() else { return };
    let here = Endpoint::new(A, 80);
    let server = world.spawn(kernel, "server", move |app| async move {
        let listener = app.listen(here, 1)?;
        let (socket, _) = listener.accept().await?;
        let said = socket.read_to_end().await?;
        socket.write_all(b"pong").await?;
        socket.shutdown(Shutdown::Write)?;
        Ok::<_, Error>(said)
    });
    let client = world.spawn(kernel, "client", move |app| async move {
        let socket = app.connect(here).await?;
        socket.write_all(b"ping").await?;
        socket.shutdown(Shutdown::Write)?;
        socket.read_to_end().await
    });
    world.run(Aftermath::Quiet(Duration::ZERO)).unwrap();
    assert_eq!(server.take(), Some(Ok(b"ping".to_vec())));
    assert_eq!(client.take(), Some(Ok(b"pong".to_vec())));
    assert_eq!(world.trace().packets.len(), 0, "loopback never leaves the host");
}
