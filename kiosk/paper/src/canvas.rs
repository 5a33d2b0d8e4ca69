//! Dots, black or white.

/// A black-and-white picture: rows from the top, each a whole number of bytes, the highest bit leftmost,
/// set bits black.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Canvas {
    width: usize,
    height: usize,
    bits: Vec<u8>,
}

impl Canvas {
    /// All white.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            bits: vec![0; width.div_ceil(8) * height],
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }

    pub(crate) fn height(&self) -> usize {
        self.height
    }

    pub(crate) fn bits(&self) -> &[u8] {
        &self.bits
    }

    pub(crate) fn get(&self, x: usize, y: usize) -> bool {
        let (byte, bit) = self.place(x, y);
        x < self.width && self.bits.get(byte).is_some_and(|bits| bits & bit != 0)
    }

    /// Blackens a dot; one beside the picture is left out.
    pub(crate) fn set(&mut self, x: usize, y: usize) {
        let (byte, bit) = self.place(x, y);
        if x < self.width
            && let Some(bits) = self.bits.get_mut(byte)
        {
            *bits |= bit;
        }
    }

    /// Blackens an area.
    pub(crate) fn fill(&mut self, left: usize, top: usize, width: usize, height: usize) {
        for y in top..top + height {
            for x in left..left + width {
                self.set(x, y);
            }
        }
    }

    /// Turns black into white and white into black.
    pub(crate) fn invert(&mut self, left: usize, top: usize, width: usize, height: usize) {
        for y in top..top + height {
            for x in left..(left + width).min(self.width) {
                let (byte, bit) = self.place(x, y);
                if let Some(bits) = self.bits.get_mut(byte) {
                    *bits ^= bit;
                }
            }
        }
    }

    /// Adds the black dots of another picture.
    pub(crate) fn stamp(&mut self, other: &Self, left: usize, top: usize) {
        for y in 0..other.height {
            for x in 0..other.width {
                if other.get(x, y) {
                    self.set(left + x, top + y);
                }
            }
        }
    }

    /// Puts another picture of the same width below.
    pub(crate) fn append(&mut self, below: &Self) {
        debug_assert_eq!(self.width, below.width, "pictures of one paper");
        self.bits.extend(&below.bits);
        self.height += below.height;
    }

    /// The picture without the white at its right; at least one byte wide.
    pub(crate) fn trimmed(&self) -> Self {
        let stride = self.width.div_ceil(8).max(1);
        let used = |row: &[u8]| {
            row.iter()
                .rposition(|byte| *byte != 0)
                .map_or(0, |last| last + 1)
        };
        let bytes = self.bits.chunks(stride).map(used).max().unwrap_or(0).max(1);
        let rows = self.bits.chunks(stride);
        Self {
            width: (bytes * 8).min(self.width),
            height: self.height,
            bits: rows
                .flat_map(|row| row.iter().take(bytes).copied())
                .collect(),
        }
    }

    fn place(&self, x: usize, y: usize) -> (usize, u8) {
        (y * self.width.div_ceil(8) + x / 8, 0x80 >> (x % 8))
    }
}

#[cfg(test)]
mod tests {
    use super::Canvas;

    #[test]
    fn dots_beside_the_picture_are_left_out() {
        let mut canvas = Canvas::new(12, 2);
        canvas.fill(10, 1, 9, 9);
        assert_eq!(canvas.bits(), [0, 0, 0, 0b0011_0000]);
        assert!(canvas.get(11, 1) && !canvas.get(12, 1) && !canvas.get(11, 2));
    }

    #[test]
    fn white_at_the_right_is_not_sent() {
        let mut canvas = Canvas::new(64, 2);
        canvas.set(9, 1);
        let trimmed = canvas.trimmed();
        assert_eq!(
            (trimmed.width(), trimmed.bits()),
            (16, [0, 0, 0, 0x40].as_slice())
        );
        assert_eq!(Canvas::new(64, 1).trimmed().width(), 8);
    }

    #[test]
    fn inverting_twice_changes_nothing() {
        let mut canvas = Canvas::new(20, 3);
        canvas.set(3, 1);
        let before = canvas.clone();
        canvas.invert(2, 1, 40, 2);
        assert!(!canvas.get(3, 1) && canvas.get(19, 2));
        canvas.invert(2, 1, 40, 2);
        assert_eq!(canvas, before);
    }
}
