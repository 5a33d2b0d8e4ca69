//! What stands on a slip, without a word about dots.

/// A width of paper, in printable dots at 8 per millimetre.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    dots: u16,
}

impl Paper {
    /// 58 mm: 384 dots, 32 characters.
    pub const MM58: Self = Self { dots: 384 };
    /// 80 mm: 576 dots, 48 characters.
    pub const MM80: Self = Self { dots: 576 };

    /// The paper in a printer of so many dots; at least as wide as a number in the largest size.
    #[must_use]
    pub fn of_dots(dots: u16) -> Self {
        Self {
            dots: dots.max(Self::LEAST),
        }
    }

    /// Six of the largest letters: less is a label, not a receipt.
    const LEAST: u16 = 288;

    /// Printable width in dots.
    #[must_use]
    pub const fn dots(self) -> u16 {
        self.dots
    }

    /// How many cells of this size stand side by side.
    #[must_use]
    pub fn columns(self, size: Size) -> usize {
        usize::from(self.dots) / (crate::cells::WIDTH * size.across())
    }
}

/// How large letters are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Size {
    /// 12 × 24 dots; twice as wide for Chinese.
    #[default]
    Plain,
    /// Twice as high.
    Tall,
    /// Twice as high and wide.
    Large,
    /// Four times as high and wide: a number that is read across a room.
    Huge,
}

impl Size {
    /// How many plain cells one is wide.
    #[must_use]
    pub const fn across(self) -> usize {
        match self {
            Self::Plain | Self::Tall => 1,
            Self::Large => 2,
            Self::Huge => 4,
        }
    }

    /// How many plain cells one is high.
    #[must_use]
    pub const fn down(self) -> usize {
        match self {
            Self::Plain => 1,
            Self::Tall | Self::Large => 2,
            Self::Huge => 4,
        }
    }
}

/// How a row of text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Look {
    /// How large.
    pub size: Size,
    /// Heavy.
    pub bold: bool,
    /// In the middle.
    pub centred: bool,
    /// White on black.
    pub inverted: bool,
    /// Struck through: it was meant and is no more.
    pub struck: bool,
}

/// A part of a slip. Made by the functions of this crate; a look put on a group is put on all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block(pub(crate) Kind);

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Row(Row),
    Rule,
    Space,
    Qr(String),
    Cut,
    All(Vec<Block>),
}

/// Text from the left, and something at the right edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) start: String,
    pub(crate) end: String,
    /// Cells that every line of it stands in from the left.
    pub(crate) indent: usize,
    /// Cells that its second line and those after stand in further.
    pub(crate) hang: usize,
    pub(crate) look: Look,
}

/// A slip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    pub(crate) language: String,
    pub(crate) title: String,
    pub(crate) blocks: Vec<Block>,
}

impl Sheet {
    /// A slip in a language (BCP 47), with the title that a screen shows it under.
    pub fn new(
        language: impl Into<String>,
        title: impl Into<String>,
        blocks: impl IntoIterator<Item = Block>,
    ) -> Self {
        Self {
            language: language.into(),
            title: title.into(),
            blocks: blocks.into_iter().collect(),
        }
    }

    /// What a screen shows it under.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Its language.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.language
    }
}

/// Text that goes on in the next line where it has to.
pub fn text(text: impl Into<String>) -> Block {
    pair(text, "")
}

/// Text from the left, and something short at the right edge of its first line.
pub fn pair(start: impl Into<String>, end: impl Into<String>) -> Block {
    Block(Kind::Row(Row {
        start: start.into(),
        end: end.into(),
        ..Row::default()
    }))
}

/// White on black, large, in the middle: not to be overlooked.
pub fn banner(words: impl Into<String>) -> Block {
    text(words).large().bold().centred().inverted()
}

/// A line across the paper.
#[must_use]
pub const fn rule() -> Block {
    Block(Kind::Rule)
}

/// An empty line.
#[must_use]
pub const fn space() -> Block {
    Block(Kind::Space)
}

/// A QR code in the middle. What is too long for one is printed as text.
pub fn qr(content: impl Into<String>) -> Block {
    Block(Kind::Qr(content.into()))
}

/// Where the paper is cut.
#[must_use]
pub const fn cut() -> Block {
    Block(Kind::Cut)
}

/// Several parts as one.
pub fn all(blocks: impl IntoIterator<Item = Block>) -> Block {
    Block(Kind::All(blocks.into_iter().collect()))
}

/// A part that is there only if something is so.
#[must_use]
pub fn when(so: bool, block: Block) -> Block {
    if so { block } else { all([]) }
}

/// A part that is there only if there is something to say.
pub fn maybe<T>(what: Option<T>, block: impl FnOnce(T) -> Block) -> Block {
    what.map_or_else(|| all([]), block)
}

impl Block {
    /// Twice as high.
    #[must_use]
    pub fn tall(self) -> Self {
        self.rows(|row| row.look.size = Size::Tall)
    }

    /// Twice as high and wide.
    #[must_use]
    pub fn large(self) -> Self {
        self.rows(|row| row.look.size = Size::Large)
    }

    /// Four times as high and wide.
    #[must_use]
    pub fn huge(self) -> Self {
        self.rows(|row| row.look.size = Size::Huge)
    }

    /// Heavy.
    #[must_use]
    pub fn bold(self) -> Self {
        self.rows(|row| row.look.bold = true)
    }

    /// In the middle.
    #[must_use]
    pub fn centred(self) -> Self {
        self.rows(|row| row.look.centred = true)
    }

    /// White on black.
    #[must_use]
    pub fn inverted(self) -> Self {
        self.rows(|row| row.look.inverted = true)
    }

    /// Struck through.
    #[must_use]
    pub fn struck(self) -> Self {
        self.rows(|row| row.look.struck = true)
    }

    /// So many cells further in from the left.
    #[must_use]
    pub fn indented(self, cells: usize) -> Self {
        self.rows(|row| row.indent += cells)
    }

    /// With all lines but the first so many cells further in.
    #[must_use]
    pub fn hanging(self, cells: usize) -> Self {
        self.rows(|row| row.hang = cells)
    }

    fn rows(mut self, change: impl Fn(&mut Row) + Copy) -> Self {
        match &mut self.0 {
            Kind::Row(row) => change(row),
            Kind::All(blocks) => {
                let inner = std::mem::take(blocks).into_iter();
                *blocks = inner.map(|block| block.rows(change)).collect();
            }
            Kind::Rule | Kind::Space | Kind::Qr(_) | Kind::Cut => {}
        }
        self
    }
}
