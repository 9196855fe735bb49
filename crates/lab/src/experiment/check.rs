//! Did it end as intended? What differs is collected, not thrown at the first.

use limpid_event::Error;
use std::fmt::Debug;

/// Collects what differs from the intention.
#[derive(Clone, Debug, Default)]
pub struct Check {
    differences: Vec<String>,
}

impl Check {
    /// `what` should have been `wanted`.
    pub fn equal<T: PartialEq + Debug>(&mut self, what: &str, got: &T, wanted: &T) {
        if got != wanted {
            self.differences.push(format!("{what}: {got:?} instead of {wanted:?}"));
        }
    }

    /// It should hold; if not, that is what differs.
    pub fn that(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.differences.push(otherwise.into());
        }
    }

    /// An application's outcome should be this value.
    pub fn value<T: PartialEq + Debug>(&mut self, who: &str, got: Option<Result<T, Error>>, wanted: T) {
        match got {
            Some(Ok(value)) if value == wanted => {}
            Some(Ok(value)) => self.differences.push(format!("{who}: {value:?} instead of {wanted:?}")),
            Some(Err(error)) => self.differences.push(format!("{who} failed: {} ({error})", error.errno())),
            None => self.differences.push(format!("{who} did not end")),
        }
    }

    /// An application should have failed in this way.
    pub fn error<T: Debug>(&mut self, who: &str, got: Option<Result<T, Error>>, wanted: Error) {
        match got {
            Some(Err(error)) if error == wanted => {}
            Some(Err(error)) => {
                self.differences.push(format!("{who} failed with {} instead of {}", error.errno(), wanted.errno()));
            }
            Some(Ok(value)) => self.differences.push(format!("{who}: {value:?} instead of {}", wanted.errno())),
            None => self.differences.push(format!("{who} did not end")),
        }
    }

    pub(super) fn into_differences(self) -> Vec<String> {
        self.differences
    }
}
