//! Writing pictures: each file whole, or not at all.

use super::Format;
use crate::error::{CliError, plain};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Where pictures go.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) path: PathBuf,
    pub(crate) format: Format,
}

impl Target {
    /// Writes one picture.
    pub(crate) fn write_one(&self, picture: &[u8]) -> Result<(), CliError> {
        if self.is_stdout() {
            let mut out = io::stdout().lock();
            return out.write_all(picture).and_then(|()| out.flush()).map_err(CliError::stdout);
        }
        put(&self.path, picture)
    }

    /// Writes one picture, or several with their numbers before the ending: `x-1.svg`, `x-2.svg`.
    pub(crate) fn write_each(&self, pictures: &[(u64, Vec<u8>)]) -> Result<(), CliError> {
        match pictures {
            [(_, picture)] => self.write_one(picture),
            _ if self.is_stdout() => Err(CliError::usage("-o -", format!("there are {} pictures", pictures.len()))
                .hint("choose one, as with --connection, or write to a file")),
            pictures => pictures.iter().try_for_each(|(n, picture)| put(&self.numbered(*n), picture)),
        }
    }

    pub(crate) fn is_stdout(&self) -> bool {
        self.path.as_os_str() == "-"
    }

    /// Where picture `n` of several goes.
    pub(crate) fn numbered(&self, n: u64) -> PathBuf {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let name = match self.path.extension() {
            Some(ending) => format!("{stem}-{n}.{}", ending.to_string_lossy()),
            None => format!("{stem}-{n}"),
        };
        self.path.with_file_name(name)
    }
}

/// Writes a file beside its place and moves it there when it is whole. What is no file, as a device, is written to.
fn put(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let failed =
        |error: io::Error| CliError::run(path.display(), plain(&error)).hint("give a file that can be written");
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return fs::write(path, bytes).map_err(failed);
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let beside = path.with_file_name(name);
    let written = fs::write(&beside, bytes).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        let _ = fs::remove_file(&beside);
    }
    written.map_err(failed)
}
