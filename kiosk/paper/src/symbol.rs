//! QR codes, drawn here, so that they look the same on every printer and screen.

use qrcode::{Color, EcLevel, QrCode};

use crate::canvas::Canvas;
use crate::sheet::Paper;

/// Clear modules that readers need at every side (ISO/IEC 18004 asks for four).
const QUIET: usize = 4;

/// Dots of a module: three quarters of a millimetre at most, a quarter at least.
const LARGEST: usize = 6;
const SMALLEST: usize = 2;

/// The dark and light modules, without the quiet zone.
pub(crate) struct Modules {
    side: usize,
    dark: Vec<bool>,
}

impl Modules {
    /// `None` if it is too long for a code.
    pub(crate) fn of(content: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(content, EcLevel::M).ok()?;
        let side = code.width();
        let dark = code
            .into_colors()
            .into_iter()
            .map(|color| color == Color::Dark);
        Some(Self {
            side,
            dark: dark.collect(),
        })
    }

    /// Modules along one side, with the quiet zone.
    pub(crate) fn outer_side(&self) -> usize {
        self.side + 2 * QUIET
    }

    /// Places of the dark modules, quiet zone counted.
    pub(crate) fn dark(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let dark = self.dark.iter().enumerate().filter(|(_, dark)| **dark);
        dark.map(|(place, _)| (place % self.side + QUIET, place / self.side + QUIET))
    }

    fn module(&self, paper: Paper) -> usize {
        (usize::from(paper.dots()) / self.outer_side()).min(LARGEST)
    }

    /// The code in the middle of the paper.
    pub(crate) fn draw(&self, paper: Paper) -> Canvas {
        let module = self.module(paper);
        let side = self.outer_side() * module;
        let left = (usize::from(paper.dots()) - side.min(paper.dots().into())) / 2;
        let mut canvas = Canvas::new(paper.dots().into(), side);
        for (x, y) in self.dark() {
            canvas.fill(left + x * module, y * module, module, module);
        }
        canvas
    }
}

/// Whether this can be read from the paper as a code.
pub(crate) fn fits(content: &str, paper: Paper) -> bool {
    Modules::of(content).is_some_and(|modules| modules.module(paper) >= SMALLEST)
}
