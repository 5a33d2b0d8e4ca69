//! A slip as a picture.

use std::io;

use crate::canvas::Canvas;
use crate::draw;
use crate::glyphs::Glyphs;
use crate::line::Line;
use crate::sheet::{Paper, Sheet};

/// White around the slip, in dots: what paper has beside the printable width.
const MARGIN: usize = 32;

/// Dots per metre, at 8 per millimetre.
const PER_METRE: u32 = 8000;

/// Length of the dashes that show a cut, in dots.
const DASH: usize = 8;

impl Sheet {
    /// The slip as a PNG with one bit a dot: what paper of this width shows.
    ///
    /// # Errors
    /// Only if there is no memory for it.
    pub fn to_png(&self, paper: Paper, glyphs: &Glyphs) -> io::Result<Vec<u8>> {
        encode(&self.drawn(paper, glyphs))
    }

    fn drawn(&self, paper: Paper, glyphs: &Glyphs) -> Canvas {
        let mut slip = Canvas::new(paper.dots().into(), 0);
        for line in self.lines(paper) {
            if line == Line::Cut {
                slip.append(&cut(paper));
            } else {
                slip.append(&draw::line(&line, paper, glyphs));
            }
        }
        let mut framed = Canvas::new(slip.width() + 2 * MARGIN, slip.height() + 2 * MARGIN);
        framed.stamp(&slip, MARGIN, MARGIN);
        framed
    }
}

fn cut(paper: Paper) -> Canvas {
    let dots = usize::from(paper.dots());
    let mut canvas = Canvas::new(dots, MARGIN);
    for left in (0..dots).step_by(2 * DASH) {
        canvas.fill(left, MARGIN - 1, DASH, 1);
    }
    canvas
}

fn encode(canvas: &Canvas) -> io::Result<Vec<u8>> {
    let side = |dots| u32::try_from(dots).map_err(io::Error::other);
    let mut png = Vec::new();
    let mut encoder = png::Encoder::new(&mut png, side(canvas.width())?, side(canvas.height())?);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::One);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: PER_METRE,
        yppu: PER_METRE,
        unit: png::Unit::Meter,
    }));
    // In a PNG a set bit is white.
    let white: Vec<u8> = canvas.bits().iter().map(|bits| !bits).collect();
    let mut writer = encoder.write_header().map_err(io::Error::other)?;
    writer.write_image_data(&white).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    Ok(png)
}
