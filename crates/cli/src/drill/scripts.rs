//! Files and folders to scripts.

use crate::error::{CliError, plain};
use std::fs;
use std::path::{Path, PathBuf};

/// A script that was found.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Found {
    /// The folder it is in, for people.
    pub(crate) folder: String,
    /// Its path as given or found, for people.
    pub(crate) name: String,
    /// Its path.
    pub(crate) path: PathBuf,
}

/// How deep folders are searched: no collection is deeper.
const DEEPEST: usize = 32;

/// No script is longer, in bytes.
const LONGEST: u64 = 16 << 20;

/// All scripts of files and folders, each folder's sorted, each script once; with filters, those with one of them in their path.
pub(super) fn find(paths: &[PathBuf], filters: &[String]) -> Result<Vec<Found>, CliError> {
    let mut all: Vec<Found> = Vec::new();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| {
            CliError::usage(path.display(), plain(&error)).hint("give scripts or folders of scripts")
        })?;
        let before = all.len();
        if metadata.is_dir() {
            search(path, 0, &mut all)?;
            if all.len() == before {
                let error = CliError::usage(path.display(), "no scripts are in it");
                return Err(error.hint("scripts in folders end in .pkt; a file with another name can be given itself"));
            }
            all[before..].sort();
        } else if !metadata.is_file() {
            return Err(CliError::usage(path.display(), "is neither a file nor a folder"));
        } else if metadata.len() > LONGEST {
            return Err(CliError::usage(path.display(), "is too long for a script: more than 16 MiB"));
        } else {
            all.push(found(path));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    all.retain(|script| seen.insert(script.path.clone()));
    if !filters.is_empty() {
        all.retain(|script| filters.iter().any(|filter| script.name.contains(filter)));
        if all.is_empty() {
            return Err(CliError::usage("--filter", "no script has that in its path").hint("--list shows them"));
        }
    }
    Ok(all)
}

fn search(folder: &Path, depth: usize, all: &mut Vec<Found>) -> Result<(), CliError> {
    if depth > DEEPEST {
        return Ok(());
    }
    let failed = |error| CliError::usage(folder.display(), plain(&error));
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        // A link to a folder is not followed: it may lead in a circle.
        if entry.file_type().map_err(failed)?.is_dir() {
            search(&path, depth + 1, all)?;
        } else if path.extension().is_some_and(|extension| extension == "pkt") && is_script(&path) {
            all.push(found(&path));
        }
    }
    Ok(())
}

/// A file that can be read to its end. One that is not there any more, or a link to nowhere, is told when it is opened.
fn is_script(path: &Path) -> bool {
    fs::metadata(path).map_or(true, |metadata| metadata.is_file() && metadata.len() <= LONGEST)
}

fn found(path: &Path) -> Found {
    let folder = path.parent().map(|parent| parent.display().to_string()).filter(|parent| !parent.is_empty());
    Found { folder: folder.unwrap_or_else(|| ".".to_owned()), name: path.display().to_string(), path: path.to_owned() }
}
