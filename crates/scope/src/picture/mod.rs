//! What every picture is made with, whatever it shows: one [`palette`], one writer of [SVG](svg), one [`font`] to
//! measure by.
//!
//! A drawing names its colours by what they mean ([`Ink`]) and carries classes only; the [`Theme`] decides which
//! stylesheet goes with it. A file of its own follows the reader's light or dark; a page has the rules once for all its
//! drawings; a renderer without variables and media queries gets plain colours.

mod escape;
pub mod font;
pub mod geometry;
pub(crate) mod legible;
pub mod palette;
mod path;
#[cfg(feature = "png")]
pub mod png;
pub mod svg;

#[cfg(test)]
mod tests;

pub use escape::escaped;
pub(crate) use legible::Mark;
pub use palette::{Ink, Theme};
pub use path::Path;
pub use svg::{Anchor, Drawing, Run, Svg, Text};
