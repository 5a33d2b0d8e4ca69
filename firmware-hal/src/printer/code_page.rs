//! Character code tables: which byte prints which character.
//!
//! Numbers as in the Epson ESC/POS Command Reference, `ESC t`; contents as the code pages of that
//! name are published by the Unicode Consortium (vendor mappings). All of them agree with ASCII below
//! 0x80, once `ESC R 0` has chosen the American character set.

/// A character code table. Which of them a printer has stands in its
/// [`Profile`](super::Profile).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum CodePage {
    /// PC437: USA, standard Europe; the page after power-on.
    Pc437,
    /// PC850: multilingual Western Europe.
    Pc850,
    /// PC860: Portuguese.
    Pc860,
    /// PC863: Canadian French.
    Pc863,
    /// PC865: Nordic.
    Pc865,
    /// WPC1252: Windows Latin 1.
    Windows1252,
    /// PC866: Cyrillic.
    Pc866,
    /// PC852: Central Europe.
    Pc852,
    /// PC858: PC850 with the euro sign.
    Pc858,
}

impl CodePage {
    /// The parameter of `ESC t`.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Pc437 => 0,
            Self::Pc850 => 2,
            Self::Pc860 => 3,
            Self::Pc863 => 4,
            Self::Pc865 => 5,
            Self::Windows1252 => 16,
            Self::Pc866 => 17,
            Self::Pc852 => 18,
            Self::Pc858 => 19,
        }
    }

    /// The byte that prints `character`, if this table has it. Control characters are never in a table.
    #[must_use]
    pub fn encode(self, character: char) -> Option<u8> {
        match character {
            ' '..='~' => u8::try_from(character).ok(),
            NOTHING => None,
            _ => {
                let place = self
                    .upper_half()
                    .chars()
                    .position(|known| known == character)?;
                u8::try_from(place).ok()?.checked_add(0x80)
            }
        }
    }

    /// The character that `byte` prints, if it prints any.
    #[must_use]
    pub fn decode(self, byte: u8) -> Option<char> {
        match byte {
            b' '..=b'~' => Some(char::from(byte)),
            0x80.. => {
                let place = usize::from(byte - 0x80);
                self.upper_half()
                    .chars()
                    .nth(place)
                    .filter(|&character| character != NOTHING)
            }
            _ => None,
        }
    }

    const fn upper_half(self) -> &'static str {
        match self {
            Self::Pc437 => PC437,
            Self::Pc850 => PC850,
            Self::Pc860 => PC860,
            Self::Pc863 => PC863,
            Self::Pc865 => PC865,
            Self::Windows1252 => WPC1252,
            Self::Pc866 => PC866,
            Self::Pc852 => PC852,
            Self::Pc858 => PC858,
        }
    }
}

/// Stands in the tables where a byte prints nothing.
const NOTHING: char = '\u{fffd}';

const PC437: &str = concat!(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒ",
    "áíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);
const PC850: &str = concat!(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ",
    "áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐",
    "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀",
    "ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
);
const PC860: &str = concat!(
    "ÇüéâãàÁçêÊèÍÔìÃÂÉÀÈôõòÚùÌÕÜ¢£Ù₧Ó",
    "áíóúñÑªº¿Ò¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);
const PC863: &str = concat!(
    "ÇüéâÂà¶çêëèïî‗À§ÉÈÊôËÏûù¤ÔÜ¢£ÙÛƒ",
    "¦´óú¨¸³¯Î⌐¬½¼¾«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);
const PC865: &str = concat!(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø₧ƒ",
    "áíóúñÑªº¿⌐¬½¼¡«¤░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
);
const WPC1252: &str = concat!(
    "€\u{fffd}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffd}Ž\u{fffd}\u{fffd}‘’“”•–—˜™š›œ\u{fffd}žŸ",
    "\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿",
    "ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞß",
    "àáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
);
const PC866: &str = concat!(
    "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ",
    "абвгдежзийклмноп░▒▓│┤╡╢╖╕╣║╗╝╜╛┐",
    "└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀",
    "рстуфхцчшщъыьэюяЁёЄєЇїЎў°∙·√№¤■\u{a0}",
);
const PC852: &str = concat!(
    "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×č",
    "áíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐",
    "└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀",
    "ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}",
);
const PC858: &str = concat!(
    "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒ",
    "áíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐",
    "└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈ€ÍÎÏ┘┌█▄¦Ì▀",
    "ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}",
);

#[cfg(test)]
mod tests {
    use super::CodePage;

    const ALL: [CodePage; 9] = [
        CodePage::Pc437,
        CodePage::Pc850,
        CodePage::Pc860,
        CodePage::Pc863,
        CodePage::Pc865,
        CodePage::Windows1252,
        CodePage::Pc866,
        CodePage::Pc852,
        CodePage::Pc858,
    ];

    #[test]
    fn every_table_has_128_upper_places() {
        for page in ALL {
            assert_eq!(page.upper_half().chars().count(), 128, "{page:?}");
        }
    }

    #[test]
    fn what_a_byte_prints_is_encoded_as_that_byte() {
        for page in ALL {
            for byte in 0..=u8::MAX {
                if let Some(character) = page.decode(byte) {
                    assert_eq!(page.encode(character), Some(byte), "{page:?} {byte:#04x}");
                }
            }
        }
    }

    #[test]
    fn well_known_places_hold() {
        assert_eq!(CodePage::Pc437.encode('ß'), Some(0xE1));
        assert_eq!(CodePage::Pc858.encode('€'), Some(0xD5));
        assert_eq!(CodePage::Pc850.encode('€'), None);
        assert_eq!(CodePage::Windows1252.encode('€'), Some(0x80));
        assert_eq!(CodePage::Pc852.encode('ł'), Some(0x88));
        assert_eq!(CodePage::Pc866.encode('Я'), Some(0x9F));
        assert_eq!(CodePage::Pc865.encode('ø'), Some(0x9B));
    }

    #[test]
    fn control_characters_and_the_placeholder_are_in_no_table() {
        for page in ALL {
            for character in ('\0'..' ').chain(['\u{7f}', '\u{80}', '\u{9f}', '\u{fffd}']) {
                assert_eq!(page.encode(character), None, "{page:?} {character:?}");
            }
        }
    }
}
