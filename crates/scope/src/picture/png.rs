//! Drawings as PNG, by resvg and a font that comes with us: the machine's fonts are not asked.

use resvg::{tiny_skia, usvg};
use std::sync::Arc;

const FONTS: [&[u8]; 2] =
    [include_bytes!("../../fonts/DejaVuSansCondensed.ttf"), include_bytes!("../../fonts/DejaVuSansCondensed-Bold.ttf")];

/// The most pixels a picture has: 4 bytes each while it is made.
pub const MAX_PIXELS: u64 = 100_000_000;
/// The tallest drawing that is shown whole, in its own pixels: many viewers take no picture of 2^15 or more.
pub const MAX_HEIGHT: f64 = 32_000.0;

/// Why there is no PNG.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PngError {
    /// The drawing can't be read.
    #[error("the drawing is not valid: {0}")]
    Svg(String),
    /// It would have more than [`MAX_PIXELS`].
    #[error("the picture would have {width} × {height} pixels, which is too many")]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// It can't be written down as PNG.
    #[error("the picture can't be written: {0}")]
    Encoding(String),
}

/// Renders `svg` (of [`Theme::Light`](super::Theme::Light) or [`Theme::Dark`](super::Theme::Dark)) `scale` times as large,
/// or less where that would be too many pixels. Let a [`Drawing`](super::Drawing) be
/// [at most](super::Drawing::at_most) [`MAX_HEIGHT`] tall.
///
/// # Errors
/// If `svg` is none, or has more than [`MAX_PIXELS`] as it is.
pub fn render(svg: &str, scale: f32) -> Result<Vec<u8>, PngError> {
    let mut fonts = usvg::fontdb::Database::new();
    FONTS.iter().for_each(|font| fonts.load_font_data(font.to_vec()));
    let family = "DejaVu Sans Condensed";
    fonts.set_sans_serif_family(family);
    let options = usvg::Options { font_family: family.into(), fontdb: Arc::new(fonts), ..usvg::Options::default() };
    let tree = usvg::Tree::from_str(svg, &options).map_err(|error| PngError::Svg(error.to_string()))?;
    let area = (f64::from(tree.size().width()) * f64::from(tree.size().height())).max(1.0);
    let fits = (MAX_PIXELS as f64 / area).sqrt().min(MAX_HEIGHT / f64::from(tree.size().height()));
    let scale = scale.min(fits.max(1.0) as f32);
    let size = tree.size().to_int_size().scale_by(scale).ok_or(PngError::TooLarge { width: 0, height: 0 })?;
    let (width, height) = (size.width(), size.height());
    let pixels = (u64::from(width) * u64::from(height) <= MAX_PIXELS).then(|| tiny_skia::Pixmap::new(width, height));
    let mut pixels = pixels.flatten().ok_or(PngError::TooLarge { width, height })?;
    resvg::render(&tree, tiny_skia::Transform::from_scale(scale, scale), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| PngError::Encoding(error.to_string()))
}
