//! How text looks.
//!
//! Source: Epson ESC/POS Command Reference, character commands `ESC E` (emphasised), `ESC -`
//! (underline), `ESC M` (font), `GS B` (white on black), `GS !` (size) and `ESC a` (justification).

/// A built-in font of the printer.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Font {
    /// 12 × 24 dots, the usual one.
    #[default]
    A,
    /// 9 × 17 dots, for small print.
    B,
}

impl Font {
    /// Width of one character at scale one, in dots.
    #[must_use]
    pub const fn dots(self) -> u16 {
        match self {
            Self::A => 12,
            Self::B => 9,
        }
    }
}

/// Underline of text.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Underline {
    /// None.
    #[default]
    None,
    /// One dot thick.
    Thin,
    /// Two dots thick.
    Thick,
}

/// By how much characters are enlarged in one direction: 1 to 8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Scale(u8);

impl Scale {
    /// Natural size.
    pub const ONE: Self = Self(1);
    /// Twice the natural size.
    pub const TWO: Self = Self(2);
    /// Three times the natural size.
    pub const THREE: Self = Self(3);
    /// Four times the natural size.
    pub const FOUR: Self = Self(4);

    /// A scale from 1 to 8.
    #[must_use]
    pub const fn try_new(times: u8) -> Option<Self> {
        match times {
            1..=8 => Some(Self(times)),
            _ => None,
        }
    }

    /// The factor.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Scale {
    fn default() -> Self {
        Self::ONE
    }
}

/// Everything about the look of text that holds until it is changed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Style {
    /// The font.
    pub font: Font,
    /// Emphasised.
    pub bold: bool,
    /// Underlined.
    pub underline: Underline,
    /// White on black.
    pub inverted: bool,
    /// Enlargement across the paper.
    pub width: Scale,
    /// Enlargement along the paper.
    pub height: Scale,
}

impl Style {
    /// Font A, nothing else: what the printer has after its initialisation.
    pub const PLAIN: Self = Self {
        font: Font::A,
        bold: false,
        underline: Underline::None,
        inverted: false,
        width: Scale::ONE,
        height: Scale::ONE,
    };

    /// This style in bold.
    #[must_use]
    pub const fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    /// This style, underlined.
    #[must_use]
    pub const fn underlined(self, underline: Underline) -> Self {
        Self { underline, ..self }
    }

    /// This style, white on black.
    #[must_use]
    pub const fn inverted(self) -> Self {
        Self {
            inverted: true,
            ..self
        }
    }

    /// This style in another font.
    #[must_use]
    pub const fn font(self, font: Font) -> Self {
        Self { font, ..self }
    }

    /// This style, enlarged.
    #[must_use]
    pub const fn scaled(self, width: Scale, height: Scale) -> Self {
        Self {
            width,
            height,
            ..self
        }
    }

    /// Width of one character, in dots.
    #[must_use]
    pub const fn dots(self) -> u16 {
        self.font.dots() * self.width.0 as u16
    }
}

/// Where lines, pictures and symbols stand between the margins.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Alignment {
    /// At the left margin.
    #[default]
    Left,
    /// In the middle.
    Centre,
    /// At the right margin.
    Right,
}
