//! `cargo xtask`: the developer's tool of the limpid workspace.
#![forbid(unsafe_code)]

mod count;

use clap::{Parser, Subcommand};
use std::process::{Command, ExitCode};

/// Developer's tasks.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Args {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure limpid beside smoltcp (release build). Further arguments go to the benchmark: see `cargo xtask bench --help`,
    /// for goodput over bad links `cargo xtask bench grid --help`; beside tshark and tcptrace, for how well retransmissions are
    /// labelled `cargo xtask bench labels --help`, for how fast captures are read `cargo xtask bench scope --help`,
    /// over TUN and packet sockets, with Linux as the peer, `cargo xtask bench tun --help`, and for how many
    /// packets a second are watched without a drop `cargo xtask bench watch --help`.
    #[command(disable_help_flag = true)]
    Bench {
        /// What to measure, and how.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Run the scripts of tests/packetdrill on our stack and, some or all of them, on this machine's Linux.
    Drill {
        /// All of them on Linux, too: it takes minutes.
        #[arg(long)]
        full: bool,
    },
    /// Count the instructions of the hot paths by callgrind, and say what changed since they were written down in
    /// crates/stack/benches/hot_paths.counts.
    Count {
        /// Write the new counts down.
        #[arg(long)]
        update: bool,
    },
    /// Install what the tests against real programs need (Debian: tcpdump, tshark, tcptrace, redis-server, iproute2, netcat, valgrind).
    Setup,
    /// Everything that continuous integration runs: format, clippy, docs, tests, examples, packages; and what the hot paths cost.
    Ci,
}

/// The packages that the tests against real programs use, each with the program that shows it is there.
const TOOLS: [(&str, &str); 8] = [
    ("tcpdump", "tcpdump"),
    ("tshark", "tshark"),
    ("tcptrace", "tcptrace"),
    ("redis-server", "redis-server"),
    ("iproute2", "ip"),
    ("netcat-openbsd", "nc"),
    ("chromium", "chromium"),
    ("valgrind", "valgrind"),
];

fn main() -> ExitCode {
    let ok = match Args::parse().task {
        Task::Bench { args } => bench(&args),
        Task::Drill { full } => drill(full),
        Task::Count { update } => count::count(update),
        Task::Setup => setup(),
        Task::Ci => ci(),
    };
    if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn bench(args: &[String]) -> bool {
    // The grid is a program of its own: the other benchmarks count every allocation, which costs time.
    let (program, args) = match args {
        [first, rest @ ..] if first == "grid" => ("limpid-grid", rest),
        [first, rest @ ..] if first == "labels" => ("limpid-labels", rest),
        [first, rest @ ..] if first == "tun" => ("limpid-bench-tun", rest),
        [first, rest @ ..] if first == "scope" || first == "watch" => {
            // What is measured is the command itself.
            if !run(&mut cargo(&["build", "--release", "--quiet", "--package", "limpid-cli"])) {
                return false;
            }
            (if first == "scope" { "limpid-bench-scope" } else { "limpid-bench-watch" }, rest)
        }
        _ => ("limpid-bench", args),
    };
    run(cargo(&["run", "--release", "--quiet", "--package", "limpid-bench", "--bin", program, "--"]).args(args))
}

fn drill(full: bool) -> bool {
    let mut tests =
        cargo(&["test", "--package", "limpid-drill", "--test", "collection", "--test", "kernel", "--", "--nocapture"]);
    if full {
        tests.env("LIMPID_DRILL_FULL", "1");
    }
    run(&mut tests)
}

fn setup() -> bool {
    let missing: Vec<&str> =
        TOOLS.iter().filter(|(_, program)| !is_installed(program)).map(|(package, _)| *package).collect();
    if missing.is_empty() {
        println!("setup: everything is installed");
        return true;
    }
    println!("setup: installing {}", missing.join(", "));
    let apt = |args: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
        run(&mut command)
    };
    // A redis-server that Debian's package starts by itself would only hold a port that no test uses.
    let installed = apt(&["update", "-qq"])
        && apt(&[&["install", "-y", "-qq", "--no-install-recommends"], missing.as_slice()].concat());
    if !installed {
        eprintln!("setup: could not install; run as root on Debian or Ubuntu, or install these yourself: {missing:?}");
    }
    installed
}

/// True if `program` is in PATH or in the system administrator's folders, which an ordinary user's PATH leaves out.
fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let system = ["/usr/sbin", "/sbin"].map(std::path::PathBuf::from);
    std::env::split_paths(&path).chain(system).any(|dir| dir.join(program).is_file())
}

fn ci() -> bool {
    step("format", &mut cargo(&["fmt", "--all", "--", "--check"]))
        && step("clippy", &mut cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
        && step(
            "parquet",
            &mut cargo(&[
                "clippy",
                "-p",
                "limpid-cli",
                "--all-targets",
                "--features",
                "parquet",
                "--",
                "-D",
                "warnings",
            ]),
        )
        && step("docs", cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
        && step("tests", &mut cargo(&["test", "--workspace"]))
        && step("the main job", &mut cargo(&["run", "--release", "--", "lab", "handshake"]))
        && {
            println!("== instructions of the hot paths");
            count::count(false)
        }
        && EXAMPLES.iter().all(|(package, example)| {
            step(&format!("example {example}"), &mut cargo(&["run", "--package", package, "--example", example]))
        })
        && step(
            "packages",
            &mut cargo(&[
                "package",
                "--workspace",
                "--exclude",
                "xtask",
                "--exclude",
                "limpid-bench",
                "--no-verify",
                "--quiet",
                "--allow-dirty",
            ]),
        )
}

/// The examples that run by themselves, without rights or a network.
const EXAMPLES: [(&str, &str); 3] = [("limpid", "echo"), ("limpid", "why"), ("limpid-stack", "sans_io")];

fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

fn step(name: &str, command: &mut Command) -> bool {
    println!("== {name}");
    let ok = run(command);
    if !ok {
        eprintln!("== {name}: failed");
    }
    ok
}

fn run(command: &mut Command) -> bool {
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            eprintln!("{}: {error}", command.get_program().display());
            false
        }
    }
}
