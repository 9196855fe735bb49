//! `limpid read`: a capture as tcpdump's text.

use crate::error::{CliError, plain};
use std::path::PathBuf;

/// Print a pcap or pcapng file as `tcpdump -r` does
#[derive(clap::Args, Debug)]
pub(crate) struct ReadArgs {
    /// The capture; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl ReadArgs {
    /// Prints the file.
    pub(crate) fn run(self) -> Result<(), CliError> {
        let file = std::fs::File::open(&self.file)
            .map_err(|e| CliError::run(self.file.display(), plain(&e)).hint("give a pcap or pcapng file"))?;
        std::io::copy(&mut std::io::Read::take(file, 0), &mut std::io::stdout()).map_err(CliError::stdout)?;
        Err(CliError::run(self.file.display(), "reading captures is not built yet"))
    }
}
