//! The stage of most experiments: a client, a server, and a link between them.

use super::{Check, Peer, Role, Run, Settings, Story, story};
use crate::LabError;
use crate::executor::JoinHandle;
use crate::host::App;
use crate::link::{End, Link, Pipe, Plan};
use crate::world::{Aftermath, HostId, HostPlan, Limits, LinkId, World};
use limpid_scope::trace::{Trace, View};
use limpid_stack::{Medium, StackConfig};
use limpid_wire::{Cidr, Endpoint, IpAddr};
use std::cell::RefMut;
use std::future::Future;
use std::time::Duration;

/// What virtual worlds show as the time of their beginning: 2026-01-01 07:42:21 UTC.
pub const EPOCH: u64 = 1_767_253_341_000_000_000;

/// How long nothing must move before a run in real time is over, unless the experiment says otherwise: more than a
/// delayed ACK takes.
const REAL_QUIET: Duration = Duration::from_millis(300);
/// A run in real time ends after so long in any case.
const REAL_LIMIT: Duration = Duration::from_secs(150);
/// Largest IP packet on the link.
const MTU: u16 = 1500;

/// A client, a server, a link.
pub struct Scene {
    world: World,
    client: HostId,
    server: HostId,
    link: LinkId,
    settings: Settings,
}

/// A scene that was played.
pub struct Ended {
    /// What happened.
    pub trace: Trace,
    /// The same, in a few words.
    pub story: Story,
    /// What differs so far: that the world was stuck, if it was.
    pub check: Check,
    /// What it shows, in sentences with figures.
    pub findings: Vec<String>,
    /// Packets, events and remarks that were more than are kept.
    pub left_out: u64,
    settings: Settings,
}

impl Scene {
    /// The stage that `settings` ask for.
    ///
    /// # Errors
    /// If the kernel is wanted and this machine does not allow it.
    pub fn new(settings: &Settings) -> Result<Scene, LabError> {
        Scene::with(settings, |_| {})
    }

    /// The same, with other settings of the stacks.
    pub fn with(settings: &Settings, tweak: impl FnOnce(&mut StackConfig)) -> Result<Scene, LabError> {
        let mut config = StackConfig::default();
        tweak(&mut config);
        let mut world = match settings.peer {
            Peer::Limpid => World::new(settings.seed, EPOCH),
            Peer::Kernel(_) => World::real_time(settings.seed),
        };
        if world.clock().is_real() {
            world.limits(Limits { time: REAL_LIMIT, ..Limits::default() });
        }
        let mut add = |role| {
            let addresses = [address(role, settings.ipv6)];
            let name = match role {
                Role::Client => "client",
                Role::Server => "server",
            };
            match settings.peer {
                Peer::Kernel(kernel) if kernel == role => world.add_kernel(&format!("Linux {name}"), &addresses, MTU),
                _ => world.add_host(HostPlan {
                    name,
                    addresses: &addresses,
                    mtu: MTU,
                    medium: Medium::Ip,
                    config: config.clone(),
                }),
            }
        };
        let (client, server) = (add(Role::Client)?, add(Role::Server)?);
        let link = world.connect(client, server, Medium::Ip, settings.link);
        world.link(link).from(End::A).lose(settings.lose.iter().cloned());
        Ok(Scene { world, client, server, link, settings: settings.clone() })
    }

    /// True if a kernel takes part, and time is real.
    pub fn is_real(&self) -> bool {
        self.world.clock().is_real()
    }

    /// `in_virtual` in virtual time; in real time, where somebody waits for it, `in_real`.
    pub fn pause(&self, in_virtual: Duration, in_real: Duration) -> Duration {
        if self.is_real() { in_real } else { in_virtual }
    }

    /// A port of the client.
    pub fn client_at(&self, port: u16) -> Endpoint {
        Endpoint::new(address(Role::Client, self.settings.ipv6).addr, port)
    }

    /// A port of the server.
    pub fn server_at(&self, port: u16) -> Endpoint {
        Endpoint::new(address(Role::Server, self.settings.ipv6).addr, port)
    }

    /// Starts the client's application.
    pub fn client<T: 'static, F: Future<Output = T> + 'static>(&mut self, app: impl FnOnce(App) -> F) -> JoinHandle<T> {
        self.world.spawn(self.client, "client", app)
    }

    /// Starts the server's application.
    pub fn server<T: 'static, F: Future<Output = T> + 'static>(&mut self, app: impl FnOnce(App) -> F) -> JoinHandle<T> {
        self.world.spawn(self.server, "server", app)
    }

    /// Starts a server's application that need not end.
    pub fn server_daemon<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        app: impl FnOnce(App) -> F,
    ) -> JoinHandle<T> {
        self.world.spawn_daemon(self.server, "server", app)
    }

    /// The link.
    pub fn link(&self) -> RefMut<'_, Link> {
        self.world.link(self.link)
    }

    /// Keeps no packets, only events: for transfers of many thousands of segments.
    pub fn keep_events_only(&self) {
        self.world.recorder().keep_events_only();
    }

    /// Sets the plan for what the client sends.
    pub fn plan_from_client(&self, plan: Plan) {
        self.pipe(End::A, |pipe| pipe.plan(plan));
    }

    /// Sets the plan for what the server sends.
    pub fn plan_from_server(&self, plan: Plan) {
        self.pipe(End::B, |pipe| pipe.plan(plan));
    }

    fn pipe(&self, end: End, change: impl FnOnce(&mut Pipe)) {
        change(self.link().from(end));
    }

    /// Puts a router on the link that answers for what a plan rejects.
    pub fn add_router(&mut self) {
        let address = router_address(self.settings.ipv6);
        let index = self.world.recorder().add_host("router", vec![address], View::Inside);
        self.link().router(address, index);
    }

    /// Plays until the applications have ended and `quiet` has passed without a packet.
    pub fn play(self, quiet: Duration) -> Result<Ended, LabError> {
        let quiet = if self.is_real() { quiet.min(REAL_QUIET).max(Duration::from_millis(60)) } else { quiet };
        self.play_until(Aftermath::Quiet(quiet))
    }

    /// Plays until nothing is due any more, TIME-WAIT included; in real time, nobody waits for that.
    pub fn play_to_the_end(self) -> Result<Ended, LabError> {
        let aftermath = if self.is_real() { Aftermath::Quiet(REAL_QUIET) } else { Aftermath::Everything };
        self.play_until(aftermath)
    }

    fn play_until(mut self, aftermath: Aftermath) -> Result<Ended, LabError> {
        let mut check = Check::default();
        match self.world.run(aftermath) {
            Ok(()) => {}
            // What was recorded until then is worth showing.
            Err(LabError::Stuck(stuck)) => check.that(false, stuck.to_string()),
            Err(error) => return Err(error),
        }
        let trace = self.world.trace();
        let left_out = self.world.recorder().left_out();
        Ok(Ended { story: story(&trace), trace, check, findings: Vec::new(), left_out, settings: self.settings })
    }
}

impl Ended {
    /// On a clean link the story must be this, word for word; hosts are called client and server here. On a link with
    /// losses nobody can say.
    pub fn expect_story(&mut self, wanted: &[&str]) {
        if self.settings.clean_link() {
            let told: Vec<String> =
                self.story.words().iter().map(|line| line.trim_start_matches("Linux ").to_owned()).collect();
            let wanted: Vec<String> = wanted.iter().map(|line| (*line).to_owned()).collect();
            self.check.equal("the segments", &told, &wanted);
        }
    }

    /// On a clean link this must hold.
    pub fn expect(&mut self, holds: bool, otherwise: &str) {
        self.check.that(holds || !self.settings.clean_link(), otherwise);
    }

    /// Says what it shows.
    pub fn find(&mut self, sentence: impl Into<String>) {
        self.findings.push(sentence.into());
    }

    /// The run.
    pub fn run(self, title: &str) -> Run {
        Run {
            title: title.into(),
            trace: self.trace,
            findings: self.findings,
            left_out: self.left_out,
            differences: self.check.into_differences(),
        }
    }
}

/// The article's addresses, and their like for IPv6.
fn address(role: Role, ipv6: bool) -> Cidr {
    let last = match role {
        Role::Client => 103,
        Role::Server => 199,
    };
    if ipv6 { Cidr { addr: v6(last), prefix: 64 } } else { Cidr { addr: IpAddr::v4([10, 0, 0, last]), prefix: 24 } }
}

fn router_address(ipv6: bool) -> IpAddr {
    if ipv6 { v6(1) } else { IpAddr::v4([10, 0, 0, 1]) }
}

/// `fd00::a00:103` and its like: the last byte is written as its decimal digits.
fn v6(last: u8) -> IpAddr {
    let [hundreds, tens, ones] = [last / 100, last / 10 % 10, last % 10];
    IpAddr::v6([0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, hundreds, tens << 4 | ones])
}
