//! Letters as dots, for whatever a printer has no letters for.
//!
//! Two sources, in this order:
//!
//! * **An installed font**, drawn at exactly the size in which it is printed. Debian's package
//!   `fonts-noto-cjk` (SIL Open Font Licence 1.1) has half-wide Latin and full-wide Chinese letters in one
//!   face, as receipts have them. Its file has nineteen megabytes: it is read when a slip holds a letter
//!   that was not drawn before, and let go again, so that a kiosk does not carry it in memory all day.
//! * **GNU Unifont** (crate `unifont`; the glyphs since version 13.0.04 under the SIL Open Font Licence
//!   1.1), built in: 16 dots high, enlarged. Coarse, but every Chinese letter of the basic plane is
//!   there, on a machine without any font too.
//!
//! A letter that neither has is a box, and told once in the log.

mod built_in;
mod outline;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::canvas::Canvas;
use crate::cells;
use crate::sheet::Size;

use self::outline::Outlines;

/// Where distributions put the font.
const PLACES: [&str; 4] = [
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-sans-mono-cjk-vf-fonts/NotoSansMonoCJK-VF.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
];

/// Drawn letters that are kept. A menu has some hundreds; beyond this it starts anew.
const KEPT: usize = 4096;

/// Draws letters and keeps them. Shared by all threads that print.
#[derive(Debug)]
pub struct Glyphs {
    file: Option<PathBuf>,
    kept: Mutex<HashMap<(char, Size), Arc<Canvas>>>,
    strange: Mutex<HashSet<char>>,
}

impl Glyphs {
    /// With the letters that are built in, and nothing else.
    #[must_use]
    pub fn built_in() -> Self {
        Self::with(None)
    }

    /// With the installed font, if there is one.
    #[must_use]
    pub fn installed() -> Self {
        let found = PLACES
            .iter()
            .map(PathBuf::from)
            .find(|place| place.exists());
        if found.is_none() {
            tracing::info!(
                "no Chinese font is installed; slips are drawn with the coarse built-in letters. Install fonts-noto-cjk for better ones"
            );
        }
        Self::with(found)
    }

    /// With a font file: OpenType or TrueType, alone or in a collection.
    #[must_use]
    pub fn from_file(file: &Path) -> Self {
        Self::with(Some(file.to_owned()))
    }

    fn with(file: Option<PathBuf>) -> Self {
        Self {
            file,
            kept: Mutex::default(),
            strange: Mutex::default(),
        }
    }

    /// The font file that letters come from, if not only the built-in ones.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The letters that were asked for and are in no font, in order.
    #[must_use]
    pub fn missing(&self) -> Vec<char> {
        let strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        let mut missing: Vec<char> = strange.iter().copied().collect();
        missing.sort_unstable();
        missing
    }

    /// Draws what of these is not yet drawn, with the font file read once.
    pub(crate) fn prepare(&self, letters: impl Iterator<Item = (char, Size)>) {
        let wanted: HashSet<_> = letters.filter(|(character, _)| *character != ' ').collect();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let new: Vec<_> = wanted
            .into_iter()
            .filter(|letter| !kept.contains_key(letter))
            .collect();
        if new.is_empty() {
            return;
        }
        if kept.len() + new.len() > KEPT {
            kept.clear();
        }
        let bytes = self.read();
        let outlines = bytes.as_deref().and_then(Outlines::of);
        for letter in new {
            kept.insert(letter, Arc::new(self.draw(letter, outlines.as_ref())));
        }
    }

    /// The letter in a cell of its own, or in two.
    pub(crate) fn glyph(&self, character: char, size: Size) -> Arc<Canvas> {
        self.prepare(std::iter::once((character, size)));
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let found = kept.get(&(character, size)).cloned();
        found.unwrap_or_else(|| Arc::new(Canvas::new(0, 0)))
    }

    fn read(&self) -> Option<Vec<u8>> {
        let file = self.file.as_ref()?;
        let read = std::fs::read(file);
        if let Err(error) = &read {
            tracing::warn!(file = %file.display(), %error, "the font can't be read; the built-in letters stand in");
        }
        read.ok()
    }

    fn draw(&self, (character, size): (char, Size), outlines: Option<&Outlines<'_>>) -> Canvas {
        let width = cells::of(character) * cells::WIDTH * size.across();
        let height = cells::HEIGHT * size.down();
        outlines
            .and_then(|outlines| outlines.draw(character, width, height))
            .or_else(|| built_in::draw(character, width, height))
            .unwrap_or_else(|| self.stand_in(character, width, height))
    }

    fn stand_in(&self, character: char, width: usize, height: usize) -> Canvas {
        let mut strange = self.strange.lock().unwrap_or_else(PoisonError::into_inner);
        if strange.len() < KEPT && strange.insert(character) {
            tracing::warn!(%character, code = %character.escape_unicode(), "no font has this letter; slips show a box");
        }
        let mut canvas = Canvas::new(width, height);
        let (left, top, right, bottom) = (1, height / 8, width - 2, height - height / 8);
        canvas.fill(left, top, right - left, 1);
        canvas.fill(left, bottom, right - left, 1);
        canvas.fill(left, top, 1, bottom - top);
        canvas.fill(right, top, 1, bottom - top + 1);
        canvas
    }
}

#[cfg(test)]
mod tests {
    use super::{Glyphs, KEPT};
    use crate::canvas::Canvas;
    use crate::sheet::Size;
    use std::path::Path;

    fn black(canvas: &Canvas) -> usize {
        canvas
            .bits()
            .iter()
            .map(|byte| byte.count_ones() as usize)
            .sum()
    }

    #[test]
    fn chinese_letters_are_there_without_any_font() {
        let glyphs = Glyphs::built_in();
        let noodle = glyphs.glyph('面', Size::Plain);
        assert_eq!((noodle.width(), noodle.height()), (24, 24));
        assert!(black(&noodle) > 60, "{noodle:?}");
        assert_ne!(noodle, glyphs.glyph('麵', Size::Plain));
        assert!(glyphs.missing().is_empty());
    }

    #[test]
    fn larger_letters_have_more_dots() {
        for glyphs in [Glyphs::built_in(), Glyphs::installed()] {
            let dots = |size| black(&glyphs.glyph('拉', size));
            assert!(dots(Size::Plain) < dots(Size::Tall));
            assert!(dots(Size::Tall) < dots(Size::Large));
            assert!(dots(Size::Large) < dots(Size::Huge));
        }
    }

    #[test]
    fn a_letter_that_no_font_has_is_a_box_and_told_once() {
        let glyphs = Glyphs::built_in();
        let one = glyphs.glyph('\u{1f363}', Size::Plain);
        let other = glyphs.glyph('\u{1f35c}', Size::Plain);
        assert_eq!(one, other);
        assert!(black(&one) > 40);
        let _ = glyphs.glyph('\u{1f363}', Size::Large);
        assert_eq!(glyphs.missing(), ['\u{1f35c}', '\u{1f363}']);
    }

    #[test]
    fn the_installed_font_is_finer_than_the_built_in_one() {
        let glyphs = Glyphs::installed();
        assert!(
            glyphs.file().is_some(),
            "install fonts-noto-cjk, as tests/run does"
        );
        for letter in ['拉', 'g', '€'] {
            assert_ne!(
                glyphs.glyph(letter, Size::Plain),
                Glyphs::built_in().glyph(letter, Size::Plain)
            );
        }
        assert!(glyphs.missing().is_empty());
    }

    #[test]
    fn a_font_that_is_gone_or_broken_leaves_the_built_in_letters() {
        let gone = Glyphs::from_file(Path::new("no-such-font.ttc"));
        let broken = Glyphs::from_file(Path::new(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/Cargo.toml"
        )));
        for glyphs in [gone, broken] {
            assert_eq!(
                glyphs.glyph('面', Size::Plain),
                Glyphs::built_in().glyph('面', Size::Plain)
            );
        }
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let glyphs = Glyphs::built_in();
        let letters = (0x4e00..=0x9fff_u32).filter_map(char::from_u32);
        letters
            .take(KEPT + 10)
            .for_each(|letter| drop(glyphs.glyph(letter, Size::Plain)));
        assert!(glyphs.kept.lock().unwrap().len() <= KEPT);
    }
}
