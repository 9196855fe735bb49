//! A segment's options as events keep them: small, for there are many events and most segments have timestamps alone.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use limpid_wire::TcpOptions;
use limpid_wire::tcp::{SackBlock, Timestamps};

/// The options of a segment.
///
/// Those of a segment with nothing but timestamps, or nothing at all, lie in it; the others are boxed, so that an event with a SYN or
/// with SACK blocks in it allocates.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct OptionsView {
    timestamps: Option<Timestamps>,
    /// All of them, where there are others than timestamps.
    all: Option<Box<TcpOptions>>,
}

impl OptionsView {
    /// Timestamps (RFC 7323).
    pub const fn timestamps(&self) -> Option<Timestamps> {
        self.timestamps
    }

    /// SACK blocks (RFC 2018), the first as the first on the wire.
    pub fn sack(&self) -> &[SackBlock] {
        self.all.as_ref().map_or(&[], |all| &all.sack)
    }

    /// All of them.
    pub fn all(&self) -> Cow<'_, TcpOptions> {
        match &self.all {
            Some(all) => Cow::Borrowed(all),
            None => Cow::Owned(TcpOptions { timestamps: self.timestamps, ..TcpOptions::default() }),
        }
    }
}

impl From<&TcpOptions> for OptionsView {
    #[inline]
    fn from(options: &TcpOptions) -> OptionsView {
        let all = if options.has_only_timestamps() { None } else { Some(Box::new(options.clone())) };
        OptionsView { timestamps: options.timestamps, all }
    }
}

impl From<TcpOptions> for OptionsView {
    fn from(options: TcpOptions) -> OptionsView {
        OptionsView::from(&options)
    }
}

#[cfg(test)]
mod tests;
