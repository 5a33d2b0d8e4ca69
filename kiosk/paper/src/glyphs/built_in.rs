//! GNU Unifont, enlarged to the cell.

use unifont::get_glyph;

use crate::canvas::Canvas;

/// Rows of a glyph.
const ROWS: usize = 16;

/// The letter, if the font has it. A dot is black if the middle of its place in the glyph is.
pub(super) fn draw(character: char, width: usize, height: usize) -> Option<Canvas> {
    let glyph = get_glyph(character)?;
    let columns = glyph.get_width();
    let mut canvas = Canvas::new(width, height);
    let source = |place: usize, of: usize, cells: usize| (2 * place + 1) * cells / (2 * of);
    for y in 0..height {
        for x in 0..width {
            if glyph.get_pixel(source(x, width, columns), source(y, height, ROWS)) {
                canvas.set(x, y);
            }
        }
    }
    Some(canvas)
}
