//! The script's descriptors and the target's.

use std::collections::BTreeMap;

/// A number that no descriptor has: what stands for one that the script has not opened.
const NEVER_OPEN: i32 = i32::MAX;

/// Which live descriptor each of the script's is. A number may be used again after close.
#[derive(Debug, Default)]
pub(crate) struct Descriptors {
    live: BTreeMap<i32, i32>,
}

impl Descriptors {
    /// The live descriptor; one that is not open for a number that the script has not opened, and a negative number as it is.
    pub(crate) fn live(&self, script: i32) -> i32 {
        if script < 0 { script } else { self.live.get(&script).copied().unwrap_or(NEVER_OPEN) }
    }

    /// The script's number for a live descriptor.
    pub(crate) fn script(&self, live: i32) -> Option<i32> {
        self.live.iter().find(|(_, known)| **known == live).map(|(script, _)| *script)
    }

    /// A descriptor is new.
    ///
    /// # Errors
    /// If the script uses its number already.
    pub(crate) fn open(&mut self, script: i32, live: i32) -> Result<(), String> {
        if self.live.contains_key(&script) {
            return Err(format!("duplicate fd {script} in script"));
        }
        self.live.insert(script, live);
        Ok(())
    }

    /// A descriptor is closed; gives the live one.
    pub(crate) fn close(&mut self, script: i32) -> Option<i32> {
        self.live.remove(&script)
    }
}
