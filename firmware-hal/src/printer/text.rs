//! Text, with the code page changed where a character needs it.

use super::{CodePage, ESC, Error, LF, Printer};
use embedded_io::Write;

impl<T: Write> Printer<T> {
    /// Prints text; a line feed ends the line. All of it is checked before any of it is sent.
    ///
    /// # Errors
    ///
    /// [`Error::Unencodable`] for the first character that no code page has, control characters
    /// included; [`Error::Torn`], or the port's.
    pub fn text(&mut self, text: &str) -> Result<(), Error<T::Error>> {
        match self.profile.unencodable(text) {
            Some(character) => Err(Error::Unencodable(character)),
            None => self.put_characters(text.chars()),
        }
    }

    /// Prints text and ends the line. See [`Self::text`].
    ///
    /// # Errors
    ///
    /// As [`Self::text`].
    pub fn line(&mut self, text: &str) -> Result<(), Error<T::Error>> {
        match self.profile.unencodable(text) {
            Some(character) => Err(Error::Unencodable(character)),
            None => self.put_characters(text.chars().chain(['\n'])),
        }
    }

    /// Prints text with `?` for every character that no code page has, and says for how many.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn text_lossy(&mut self, text: &str) -> Result<usize, Error<T::Error>> {
        let pages = self.profile.pages;
        let printable = |character: &char| {
            *character == '\n' || pages.iter().any(|page| page.encode(*character).is_some())
        };
        let replaced = text
            .chars()
            .filter(|character| !printable(character))
            .count();
        self.put_characters(text.chars().map(|c| if printable(&c) { c } else { '?' }))?;
        Ok(replaced)
    }

    fn put_characters(
        &mut self,
        characters: impl Iterator<Item = char>,
    ) -> Result<(), Error<T::Error>> {
        let mut chunk = Chunk::new();
        for character in characters {
            self.mid_line = character != '\n';
            if character == '\n' {
                chunk.push(LF);
            } else if let Some((page, byte)) = self.place(character) {
                if let Some(page) = page {
                    self.page = Some(page);
                    [ESC, b't', page.number()]
                        .into_iter()
                        .for_each(|b| chunk.push(b));
                }
                chunk.push(byte);
            }
            if chunk.is_nearly_full() {
                self.send(chunk.bytes())?;
                chunk = Chunk::new();
            }
        }
        self.send(chunk.bytes())
    }

    /// The page to change to, if any, and the byte. The page in force is kept where it can be.
    fn place(&self, character: char) -> Option<(Option<CodePage>, u8)> {
        if character.is_ascii() {
            return CodePage::Pc437.encode(character).map(|byte| (None, byte));
        }
        if let Some(byte) = self.page.and_then(|page| page.encode(character)) {
            return Some((None, byte));
        }
        let found = |&page: &CodePage| Some((Some(page), page.encode(character)?));
        self.profile.pages.iter().find_map(found)
    }
}

/// Bytes on their way to one write.
struct Chunk {
    bytes: [u8; Self::SIZE],
    length: usize,
}

impl Chunk {
    /// Receipt lines have 32 to 64 characters.
    const SIZE: usize = 64;

    /// A page change and its character.
    const LONGEST_PUSH: usize = 4;

    const fn new() -> Self {
        Self {
            bytes: [0; Self::SIZE],
            length: 0,
        }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.length) {
            *place = byte;
            self.length += 1;
        }
    }

    const fn is_nearly_full(&self) -> bool {
        self.length + Self::LONGEST_PUSH > Self::SIZE
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CodePage, Error, Printer, Profile};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn printer() -> Printer<Vec<u8>> {
        Printer::new(Vec::new(), Profile::MM80)
    }

    #[test]
    fn ascii_needs_no_page() {
        let mut printer = printer();
        printer.line("Total 13.40").unwrap();
        assert_eq!(printer.into_port(), b"Total 13.40\n");
    }

    #[test]
    fn the_page_changes_only_where_it_must() {
        let mut printer = printer();
        printer.text("é€é ł").unwrap();
        let expected = [
            [0x1B, b't', 0, 0x82].as_slice(),
            &[0x1B, b't', 19, 0xD5, 0x82],
            b" ",
            &[0x1B, b't', 18, 0x88],
        ];
        assert_eq!(printer.into_port(), expected.concat());
    }

    #[test]
    fn an_unencodable_character_is_named_and_nothing_sent() {
        let mut printer = printer();
        assert_eq!(printer.text("ramen 拉面"), Err(Error::Unencodable('拉')));
        assert_eq!(printer.line("\u{1b}@"), Err(Error::Unencodable('\u{1b}')));
        assert!(printer.into_port().is_empty());
    }

    #[test]
    fn lossy_text_counts_what_it_replaced() {
        let mut printer = printer();
        assert_eq!(printer.text_lossy("拉面 x\ty\n"), Ok(3));
        assert_eq!(printer.into_port(), b"?? x?y\n");
    }

    #[test]
    fn long_text_goes_out_in_pieces_and_whole() {
        let mut printer = printer();
        let text = "0123456789".repeat(30);
        printer.text(&text).unwrap();
        assert_eq!(printer.into_port(), text.as_bytes());
    }

    proptest! {
        #[test]
        fn no_text_can_smuggle_a_command(text in "\\PC*|[\\x00-\\xff]{0,200}") {
            let mut printer = printer();
            printer.text_lossy(&text).unwrap();
            let sent = printer.into_port();
            let mut rest = sent.as_slice();
            let pages = Profile::MM80.pages;
            while let Some((&byte, after)) = rest.split_first() {
                rest = match (byte, after) {
                    (0x1B, [b't', page, after @ ..]) => {
                        prop_assert!(pages.iter().any(|known| known.number() == *page));
                        after
                    }
                    (b'\n' | b' '..=b'~' | 0x80.., after) => after,
                    _ => return Err(TestCaseError::fail(alloc::format!("{byte:#04x} in {sent:?}"))),
                };
            }
        }

        #[test]
        fn what_is_sent_decodes_to_what_was_asked(text in "[ -~éüñ€łЯøß]{0,150}") {
            let mut printer = printer();
            if printer.text(&text).is_ok() {
                let sent = printer.into_port();
                let mut page = CodePage::Pc437;
                let mut decoded = alloc::string::String::new();
                let mut rest = sent.iter();
                while let Some(&byte) = rest.next() {
                    if byte == 0x1B {
                        rest.next();
                        let number = *rest.next().unwrap();
                        page = *Profile::MM80.pages.iter().find(|p| p.number() == number).unwrap();
                    } else {
                        decoded.push(page.decode(byte).unwrap());
                    }
                }
                prop_assert_eq!(decoded, text);
            }
        }
    }
}
