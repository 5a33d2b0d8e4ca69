//! The outlines of an installed font, filled.

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use ttf_parser::{Face, GlyphId, OutlineBuilder, fonts_in_collection, name_id};

use crate::canvas::Canvas;
use crate::cells;

/// Families that are looked for in a collection, the best first.
const FAMILIES: [&str; 2] = ["Noto Sans Mono CJK SC", "Noto Sans CJK SC"];

/// How much of a dot has to be covered for it to be black. Less than half, because thermal heads print
/// thin strokes thinner.
const COVERED: f32 = 0.42;

/// A face of a font file.
pub(super) struct Outlines<'a> {
    face: Face<'a>,
}

impl<'a> Outlines<'a> {
    /// The face that suits receipts best; `None` if the file is no font.
    pub(super) fn of(bytes: &'a [u8]) -> Option<Self> {
        let count = fonts_in_collection(bytes).unwrap_or(1);
        let faces: Vec<_> = (0..count)
            .filter_map(|index| Face::parse(bytes, index).ok())
            .collect();
        let best = FAMILIES.iter().find_map(|wanted| {
            faces
                .iter()
                .position(|face| family(face).as_deref() == Some(wanted))
        });
        let face = faces.into_iter().nth(best.unwrap_or(0))?;
        Some(Self { face })
    }

    /// The letter in the middle of its cell, if the font has it.
    pub(super) fn draw(&self, character: char, width: usize, height: usize) -> Option<Canvas> {
        let glyph = self
            .face
            .glyph_index(character)
            .filter(|glyph| glyph.0 != 0)?;
        let scale = Scale::of(&self.face, glyph, cells::of(character), (width, height))?;
        let room = height * cells::WITH_TAILS / cells::HEIGHT;
        let mut rasterizer = Rasterizer::new(width, room);
        let mut pen = Pen {
            rasterizer: &mut rasterizer,
            scale,
            first: point(0.0, 0.0),
            last: point(0.0, 0.0),
        };
        self.face.outline_glyph(glyph, &mut pen)?;

        let mut canvas = Canvas::new(width, room);
        rasterizer.for_each_pixel_2d(|x, y, covered| {
            if covered >= COVERED {
                canvas.set(x as usize, y as usize);
            }
        });
        Some(canvas)
    }
}

fn family(face: &Face<'_>) -> Option<String> {
    let names = face.names().into_iter();
    let mut families = names.filter(|name| name.name_id == name_id::FAMILY);
    families.find_map(|name| name.to_string())
}

/// From the units of the font to dots.
#[derive(Clone, Copy)]
struct Scale {
    across: f32,
    down: f32,
    left: f32,
    baseline: f32,
}

impl Scale {
    /// A cell is half as wide as the font's square, or as wide as it, times how far the size is drawn out.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a cell has at most some hundred dots"
    )]
    fn of(
        face: &Face<'_>,
        glyph: GlyphId,
        cells: usize,
        (width, height): (usize, usize),
    ) -> Option<Self> {
        let (width, height) = (width as f32, height as f32);
        let ascender = f32::from(face.typographic_ascender().unwrap_or(face.ascender()));
        let descender = f32::from(face.typographic_descender().unwrap_or(face.descender()));
        let square = (ascender - descender).max(1.0);
        let natural = width / (square * 0.5 * cells as f32);
        let advance = f32::from(face.glyph_hor_advance(glyph)?);
        let (across, left) = if advance * natural <= width + 0.5 {
            (natural, (width - advance * natural) / 2.0)
        } else {
            // Made for a wider cell, as quotation marks and × in a Chinese font: what is black of it
            // stands in the middle, narrowed only if it has to be.
            let ink = face.glyph_bounding_box(glyph)?;
            let black = f32::from(ink.x_max - ink.x_min).max(1.0);
            let across = natural.min(width / black);
            (
                across,
                (width - black * across) / 2.0 - f32::from(ink.x_min) * across,
            )
        };
        Some(Self {
            across,
            down: height / square,
            left,
            baseline: ascender * height / square,
        })
    }

    fn point(self, x: f32, y: f32) -> Point {
        point(self.left + x * self.across, self.baseline - y * self.down)
    }
}

/// Hands the outline on, scaled.
struct Pen<'a> {
    rasterizer: &'a mut Rasterizer,
    scale: Scale,
    first: Point,
    last: Point,
}

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.first = self.scale.point(x, y);
        self.last = self.first;
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let to = self.scale.point(x, y);
        self.rasterizer.draw_line(self.last, to);
        self.last = to;
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let to = self.scale.point(x, y);
        self.rasterizer
            .draw_quad(self.last, self.scale.point(x1, y1), to);
        self.last = to;
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let to = self.scale.point(x, y);
        let (one, two) = (self.scale.point(x1, y1), self.scale.point(x2, y2));
        self.rasterizer.draw_cubic(self.last, one, two, to);
        self.last = to;
    }

    fn close(&mut self) {
        self.rasterizer.draw_line(self.last, self.first);
        self.last = self.first;
    }
}
