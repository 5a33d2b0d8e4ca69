//! Whole receipts and tickets, as bytes for a printer, read by a decoder that knows the printer's
//! commands from their published reference alone, and held against the picture of the same slip.

// Helpers beside the tests count as test code too.
#![cfg(test)]

mod decoder;

use decoder::{Fault, Item, LINE, decode, real_time_commands};
use kiosk::devices::layout::{self, Slip, Ticket, sample};
use kiosk::menus;
use kiosk_paper::{Glyphs, Letters, Line, Paper, Printing, Sheet, Size, Symbols};

const LANGUAGES: [&str; 2] = ["en", "zh-Hans"];
const PAPERS: [Paper; 2] = [Paper::MM58, Paper::MM80];

/// What a picture has around the slip.
const MARGIN: usize = 32;

/// Every kind of slip in a language: receipt, ticket, void ticket, copy, report, test page.
fn slips(language: &str, paper: Paper) -> Vec<Sheet> {
    let menu = menus::load(None).unwrap().menu;
    let at = "2026-11-20T17:21:00.000Z".parse().unwrap();
    let order = sample::order(&menu, language, at).unwrap();
    let slip = |copy| Slip {
        order: &order,
        menu: &menu,
        language,
        copy,
    };
    let lines: Vec<_> = order.lines.iter().collect();
    let ticket = |void| {
        layout::ticket(
            &slip(false),
            &Ticket {
                station: Some("noodle"),
                lines: &lines,
                void,
            },
        )
    };
    let day = kiosk_core::report::day_report(
        order.business_date,
        menu.currency,
        &menu.time_zone,
        [&order],
        &[],
    );
    vec![
        layout::receipt(&slip(false)),
        layout::receipt(&slip(true)),
        ticket(false),
        ticket(true),
        layout::report(&day, &menu, language, at, true),
        layout::trial("bar", paper, &menu, language, at),
    ]
}

fn every_slip(check: impl Fn(&Sheet, Paper)) {
    for language in LANGUAGES {
        for paper in PAPERS {
            slips(language, paper)
                .iter()
                .for_each(|sheet| check(sheet, paper));
        }
    }
}

#[test]
fn a_printer_understands_every_byte_of_every_slip() {
    let glyphs = Glyphs::built_in();
    every_slip(|sheet, paper| {
        for letters in [Letters::Printer, Letters::Drawn] {
            for symbols in [Symbols::Drawn, Symbols::Printer] {
                let printing = Printing {
                    letters,
                    symbols,
                    ..Printing::on(paper)
                };
                let bytes = sheet.to_escpos(&printing, &glyphs).unwrap();
                let items =
                    decode(&bytes).unwrap_or_else(|fault| panic!("{}: {fault:?}", sheet.title()));
                assert_eq!(items.iter().filter(|item| **item == Item::Cut).count(), 1);
                assert_eq!(items.last(), Some(&Item::Cut));
                assert_eq!(real_time_commands(&bytes), 0, "{}", sheet.title());
            }
        }
    });
}

#[test]
fn the_decoder_notices_a_single_missing_byte() {
    let sheet = &slips("zh-Hans", Paper::MM58)[0];
    let bytes = sheet
        .to_escpos(&Printing::on(Paper::MM58), &Glyphs::built_in())
        .unwrap();
    let whole = decode(&bytes);
    let picture = bytes
        .windows(3)
        .position(|three| three == b"\x1dv0")
        .unwrap();
    for missing in picture..picture + 8 {
        let mut torn = bytes.clone();
        torn.remove(missing);
        assert_ne!(decode(&torn), whole, "byte {missing}");
    }
    let fault: Fault = decode(&bytes[..bytes.len() - 1]).unwrap_err();
    assert_eq!(fault.what, "the bytes end inside a command");
}

#[test]
fn lines_stand_on_paper_in_order_as_text_or_as_picture() {
    let glyphs = Glyphs::built_in();
    every_slip(|sheet, paper| {
        let bytes = sheet.to_escpos(&Printing::on(paper), &glyphs).unwrap();
        let mut items = decode(&bytes).unwrap().into_iter();
        for line in sheet.lines(paper) {
            let item = items.next().unwrap();
            match (&line, item) {
                (Line::Words(words), Item::Text(pieces)) => {
                    let text: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
                    assert_eq!(text, words.padded(paper), "{}", sheet.title());
                    let look = pieces.last().unwrap().look;
                    let size = words.look.size;
                    assert_eq!(
                        (usize::from(look.width) + 1, usize::from(look.height) + 1),
                        (size.across(), size.down())
                    );
                    assert_eq!(
                        (look.bold, look.inverted),
                        (words.look.bold, words.look.inverted)
                    );
                    assert!(
                        !words.look.struck,
                        "printers strike nothing through: {text}"
                    );
                }
                (Line::Words(words), Item::Dots { stride, .. }) => {
                    let known = |letter: char| letter.is_ascii() || "…›“”–×•".contains(letter);
                    let text = words.padded(paper);
                    let foreign = text.chars().any(|letter| !known(letter));
                    assert!(foreign || words.look.struck, "{text} could be text");
                    assert!(stride * 8 <= usize::from(paper.dots()));
                }
                (Line::Rule, Item::Text(pieces)) => {
                    assert_eq!(pieces[0].text, "─".repeat(paper.columns(Size::Plain)));
                }
                (Line::Space, Item::Text(pieces)) => assert!(pieces.is_empty()),
                (Line::Qr(_), Item::Dots { .. }) => skip_bands(&mut items, &line, paper),
                (Line::Cut, Item::Cut) => {}
                (line, item) => panic!("{line:?} is on paper as {item:?}"),
            }
        }
        assert_eq!(items.next(), None);
    });
}

/// Tall pictures go out in bands of 128 rows; a QR code of a receipt is two.
fn skip_bands(items: &mut std::vec::IntoIter<Item>, line: &Line, paper: Paper) {
    let content = match line {
        Line::Qr(content) => content,
        other => panic!("{other:?}"),
    };
    let rest = items
        .as_slice()
        .iter()
        .take_while(|item| matches!(item, Item::Dots { .. }))
        .count();
    assert!(rest <= 1, "{content} on {} dots", paper.dots());
    (0..rest).for_each(|_| drop(items.next()));
}

#[test]
fn paper_shows_dot_for_dot_what_the_picture_shows() {
    for glyphs in [Glyphs::built_in(), Glyphs::installed()] {
        every_slip(|sheet, paper| {
            let printing = Printing {
                letters: Letters::Drawn,
                ..Printing::on(paper)
            };
            let bytes = sheet.to_escpos(&printing, &glyphs).unwrap();
            let paper_rows = on_paper(&decode(&bytes).unwrap(), paper);
            let picture = picture(&sheet.to_png(paper, &glyphs).unwrap());
            assert_eq!(picture.width, usize::from(paper.dots()) + 2 * MARGIN);
            let black = paper_rows.iter().flatten().filter(|dot| **dot).count();
            assert!(black > 2000, "{black}");
            let mut added = 0;
            for (y, row) in paper_rows.iter().enumerate() {
                for (x, dot) in row.iter().enumerate() {
                    let shown = picture.is_black(x + MARGIN, y + MARGIN);
                    assert!(
                        *dot || !shown,
                        "{}: ({x}, {y}) is missing on paper",
                        sheet.title()
                    );
                    added += usize::from(*dot && !shown);
                }
            }
            // Single dots that keep a picture from being obeyed as a command.
            assert!(added <= 3, "{}: {added} dots more on paper", sheet.title());
        });
    }
}

#[test]
fn the_code_on_a_receipt_reads_as_the_orders_id() {
    for paper in PAPERS {
        let sheet = &slips("en", paper)[0];
        let picture = picture(&sheet.to_png(paper, &Glyphs::built_in()).unwrap());
        let luma = |x, y| if picture.is_black(x, y) { 0 } else { 255 };
        let mut image =
            rqrr::PreparedImage::prepare_from_greyscale(picture.width, picture.height, luma);
        let codes = image.detect_grids();
        assert_eq!(codes.len(), 1);
        let (_, content) = codes[0].decode().unwrap();
        assert_eq!(content, "019a9c3e-57a0-7000-8000-000000000042");
    }
}

#[test]
fn the_printers_own_code_holds_the_orders_id() {
    let sheet = &slips("en", Paper::MM80)[0];
    let printing = Printing {
        symbols: Symbols::Printer,
        ..Printing::on(Paper::MM80)
    };
    let items = decode(&sheet.to_escpos(&printing, &Glyphs::built_in()).unwrap()).unwrap();
    let code = Item::Code(b"019a9c3e-57a0-7000-8000-000000000042".to_vec());
    assert!(items.contains(&code));
}

/// The dots of everything before the cut.
fn on_paper(items: &[Item], paper: Paper) -> Vec<Vec<bool>> {
    let dots = usize::from(paper.dots());
    let mut rows = Vec::new();
    for item in items {
        match item {
            Item::Text(pieces) => {
                assert!(pieces.is_empty(), "everything is drawn");
                rows.extend(std::iter::repeat_n(vec![false; dots], LINE));
            }
            Item::Dots {
                stride,
                rows: bytes,
            } => rows.extend(bytes.chunks(*stride).map(|bytes| {
                let dot = |x: usize| {
                    bytes
                        .get(x / 8)
                        .is_some_and(|byte| byte & (0x80 >> (x % 8)) != 0)
                };
                (0..dots).map(dot).collect::<Vec<_>>()
            })),
            Item::Code(_) => panic!("everything is drawn"),
            Item::Cut => break,
        }
    }
    rows
}

struct Picture {
    width: usize,
    height: usize,
    stride: usize,
    bytes: Vec<u8>,
}

impl Picture {
    /// In a PNG of one bit, zero is black.
    fn is_black(&self, x: usize, y: usize) -> bool {
        self.bytes[y * self.stride + x / 8] & (0x80 >> (x % 8)) == 0
    }
}

fn picture(png: &[u8]) -> Picture {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png))
        .read_info()
        .unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut bytes).unwrap();
    Picture {
        width: info.width as usize,
        height: info.height as usize,
        stride: info.line_size,
        bytes,
    }
}
