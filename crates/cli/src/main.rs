//! The `limpid` command: a file for each subcommand.
//!
//! A subcommand is a struct of its arguments (clap's derive) with a `run(self) -> Result<(), CliError>`. Results go to
//! standard output, everything else to standard error. See [`error`] for the exit codes and the shape of messages.

#![forbid(unsafe_code)]

mod diff;
mod draw;
mod drill;
mod error;
mod explain;
mod export;
mod input;
mod lab;
mod list;
mod listen;
mod live;
mod picture;
mod read;
mod report;
mod signals;
mod telnet;
mod watch;

use clap::{CommandFactory, Parser, Subcommand};
use error::CliError;
use std::process::ExitCode;

/// TCP that you can watch: traces, experiments, and a TCP/IP host of its own.
#[derive(Parser, Debug)]
#[command(name = "limpid", version, max_term_width = 100, propagate_version = true)]
#[command(arg_required_else_help = true, subcommand_required = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The subcommands, a module each.
#[derive(Subcommand, Debug)]
enum Command {
    Lab(Box<lab::LabArgs>),
    Drill(Box<drill::DrillArgs>),
    Read(read::ReadArgs),
    Export(export::ExportArgs),
    Draw(draw::DrawArgs),
    Explain(explain::ExplainArgs),
    Diff(diff::DiffArgs),
    Watch(Box<watch::WatchArgs>),
    List(list::ListArgs),
    Telnet(telnet::TelnetArgs),
    Listen(listen::ListenArgs),
}

/// True if it is the name of one.
fn is_subcommand(word: &str) -> bool {
    Cli::command().find_subcommand(word).is_some()
}

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => match cli.command {
            Command::Lab(args) => args.run(),
            Command::Drill(args) => args.run(),
            Command::Read(args) => args.run(),
            Command::Export(args) => args.run(),
            Command::Draw(args) => args.run(),
            Command::Explain(args) => args.run(),
            Command::Diff(args) => args.run(),
            Command::Watch(args) => args.run(),
            Command::List(args) => args.run(),
            Command::Telnet(args) => args.run(),
            Command::Listen(args) => args.run(),
        },
        Err(error) => Err(CliError::from(error)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => error.report(),
    }
}
