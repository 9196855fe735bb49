//! The thread that waits for a shard's devices and timers.

use crate::shard::Shard;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Starts the driver of one of a host's shards. It ends when the shard says so, or when a device breaks: then the others end, too.
pub(crate) fn start(shards: Arc<[Arc<Shard>]>, which: usize, name: String) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(move || {
        let end = End { shards, which };
        let shard = &end.shards[which];
        if let Err(error) = run(shard) {
            shard.fail(error.kind(), &error.to_string());
        }
    })
}

/// However the thread ends, nobody waits for it any longer.
struct End {
    shards: Arc<[Arc<Shard>]>,
    which: usize,
}

impl Drop for End {
    fn drop(&mut self) {
        let gone = (io::ErrorKind::NotConnected, "the host has gone down".to_owned());
        let (kind, text) = self.shards[self.which].failure().unwrap_or(gone);
        self.shards.iter().for_each(|shard| shard.fail(kind, &text));
    }
}

fn run(shard: &Shard) -> io::Result<()> {
    while let Some(sleep) = shard.drive()? {
        shard.rest(&sleep)?;
    }
    Ok(())
}
