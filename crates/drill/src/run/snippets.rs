//! `%{ … }%`: what the socket under test tells of itself, and what the script says of that.
//!
//! packetdrill runs all snippets as one program when the script is over. Here each runs, after those before it, at its own time:
//! the outcome is the same, but what went wrong first is told first.

use super::sample;
use super::{Runner, Stop};
use crate::eval::{EvalError, Program, Sample, Unsupported};
use crate::script::{Event, Pos, Snippet};
use crate::target::Started;
use limpid_posix::{Call, Output, Return, abi};

/// What is asked of the socket under test: level, option, room, and how it is read.
type Sampled = (i32, i32, usize, fn(&[u8], &mut Sample));
const SAMPLED: [Sampled; 3] = [
    (abi::SOL_TCP, abi::TCP_INFO, sample::TCP_INFO_LEN, sample::tcp_info),
    (abi::SOL_TCP, abi::TCP_CC_INFO, sample::CC_INFO_LEN, sample::cc_info),
    (abi::SOL_SOCKET, abi::SO_MEMINFO, sample::MEMINFO_LEN, sample::meminfo),
];

/// The snippets of a script so far.
#[derive(Debug, Default)]
pub(super) struct Snippets {
    texts: Vec<Snippet>,
    samples: Vec<Sample>,
    /// What they have printed.
    printed: String,
}

impl Runner<'_> {
    /// Runs a snippet with what the socket under test tells now.
    pub(super) fn snippet(&mut self, event: &Event, snippet: &Snippet) -> Result<(), Stop> {
        let sample = self.sample(event.at)?;
        let Snippets { texts, samples, .. } = &mut self.snippets;
        texts.push(snippet.clone());
        samples.push(sample);
        let program = Program::parse(&*texts).map_err(|Unsupported { at, what }| Stop::Unsupported { at, what })?;
        let (printed, result) = match program.run(samples) {
            Ok(printed) => (printed, Ok(())),
            Err(error) => (error.printed.clone(), Err(stop(&program, samples, error))),
        };
        // Those before have printed the same again.
        self.printed.push_str(printed.strip_prefix(&self.snippets.printed).unwrap_or(&printed));
        self.snippets.printed = printed;
        result
    }

    /// What the socket under test tells of itself.
    fn sample(&mut self, at: Pos) -> Result<Sample, Stop> {
        let failure = |what| Stop::fail(at, format!("runtime error in code: {what}"));
        let socket = self.sockets.under_test().ok_or_else(|| failure("no socket to use for code"))?;
        let fd = socket.fd.ok_or_else(|| failure("the socket under test has no descriptor"))?;
        let mut sample = Sample::new();
        for (level, name, len, read) in SAMPLED {
            let call = Call::GetSockOpt { fd, level, name, len };
            let told = self.target.call(call).map_err(|error| Stop::target(error, at))?;
            if let Started::Done(Return { value: Ok(_), output: Output::Bytes(bytes) }) = told {
                read(&bytes, &mut sample);
            }
        }
        Ok(sample)
    }
}

/// Why a program ended early: an assertion failed, or it asked for what is not there.
fn stop(program: &Program, samples: &[Sample], error: EvalError) -> Stop {
    let unknown = |(_, name): &(Pos, &str)| !samples.iter().any(|sample| sample.contains_key(*name));
    match program.unassigned_names().into_iter().find(unknown) {
        Some((at, name)) if !error.is_assertion => Stop::unsupported(at, format!("unknown variable {name}")),
        _ => Stop::fail(error.at, format!("error in code: {}", error.what)),
    }
}
