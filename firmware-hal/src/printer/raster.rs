//! Pictures, and text that no code page has.
//!
//! Source: Epson ESC/POS Command Reference, `GS v 0` (print raster bit image).

use super::{DLE, Error, GS, Printer, is_real_time};
use embedded_io::Write;

/// Rows sent in one command. Small printers buffer a few kilobytes; and between two commands a fault
/// leaves nothing half sent.
pub(super) const BAND_ROWS: usize = 128;

/// A black-and-white picture: rows from the top, each a whole number of bytes, the highest bit leftmost,
/// set bits black.
#[derive(Clone, Copy, Debug)]
pub struct Bitmap<'a> {
    width: u16,
    data: &'a [u8],
}

impl<'a> Bitmap<'a> {
    /// A picture of `width` dots; `data` has `width / 8` bytes per row, rounded up. `None` if that does
    /// not come out even, or there is nothing to print.
    #[must_use]
    pub const fn try_new(width: u16, data: &'a [u8]) -> Option<Self> {
        let stride = width.div_ceil(8) as usize;
        if stride == 0 || data.is_empty() || !data.len().is_multiple_of(stride) {
            return None;
        }
        Some(Self { width, data })
    }

    /// Width in dots.
    #[must_use]
    pub const fn width(&self) -> u16 {
        self.width
    }

    /// Height in dots.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.data.len() / self.stride() as usize
    }

    const fn stride(&self) -> u16 {
        self.width.div_ceil(8)
    }

    /// The bits of the last byte of a row that belong to the picture.
    const fn last_mask(&self) -> u8 {
        match self.width % 8 {
            0 => 0xFF,
            bits => !(0xFF >> bits),
        }
    }
}

impl<T: Write> Printer<T> {
    /// Prints a picture. Where it holds the bytes of a real-time command, one dot is added (the last of
    /// eight), because printers obey such bytes even here.
    ///
    /// # Errors
    ///
    /// [`Error::TooWide`], [`Error::MidLine`], [`Error::Torn`], or the port's.
    pub fn raster(&mut self, picture: &Bitmap<'_>) -> Result<(), Error<T::Error>> {
        self.at_line_start()?;
        if picture.width > self.profile.dots {
            let (dots, paper) = (picture.width.into(), self.profile.dots);
            return Err(Error::TooWide { dots, paper });
        }
        let stride = usize::from(picture.stride());
        for band in picture.data.chunks(stride * BAND_ROWS) {
            self.band(picture, band, band.len() / stride)?;
        }
        Ok(())
    }

    fn band(
        &mut self,
        picture: &Bitmap<'_>,
        band: &[u8],
        rows: usize,
    ) -> Result<(), Error<T::Error>> {
        let [x_low, x_high] = picture.stride().to_le_bytes();
        let [y_low, y_high, ..] = rows.to_le_bytes();
        let header = [GS, b'v', b'0', 0, x_low, x_high, y_low, y_high];
        self.begin(header.len() + band.len())?;
        self.put(&header)?;

        let stride = usize::from(picture.stride());
        let byte_at = |place: usize| {
            let mask = if (place + 1).is_multiple_of(stride) {
                picture.last_mask()
            } else {
                0xFF
            };
            band.get(place).map(|byte| byte & mask)
        };
        let mut chunk = [0; 64];
        for start in (0..band.len()).step_by(chunk.len()) {
            let mut length = 0;
            for (slot, place) in chunk.iter_mut().zip(start..band.len()) {
                let byte = byte_at(place).unwrap_or_default();
                let dangerous = byte == DLE && byte_at(place + 1).is_some_and(is_real_time);
                *slot = if dangerous { DLE | 1 } else { byte };
                length += 1;
            }
            self.put(chunk.get(..length).unwrap_or_default())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Error, Printer, Profile, holds_real_time_sequence};
    use super::Bitmap;
    use alloc::vec;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn print(width: u16, data: &[u8]) -> Vec<u8> {
        let mut printer = Printer::new(Vec::new(), Profile::MM58);
        printer
            .raster(&Bitmap::try_new(width, data).unwrap())
            .unwrap();
        printer.into_port()
    }

    #[test]
    fn a_small_picture_byte_for_byte() {
        let sent = print(12, &[0xFF, 0xFF, 0x80, 0x10]);
        assert_eq!(
            sent,
            [0x1D, b'v', b'0', 0, 2, 0, 2, 0, 0xFF, 0xF0, 0x80, 0x10]
        );
    }

    #[test]
    fn a_tall_picture_goes_in_bands() {
        let sent = print(8, &vec![0xAA; 300]);
        let (first, rest) = sent.split_at(8 + 128);
        let (second, third) = rest.split_at(8 + 128);
        assert_eq!(first[..8], [0x1D, b'v', b'0', 0, 1, 0, 128, 0]);
        assert_eq!(second[..8], [0x1D, b'v', b'0', 0, 1, 0, 128, 0]);
        assert_eq!(third[..8], [0x1D, b'v', b'0', 0, 1, 0, 44, 0]);
        assert_eq!(third.len(), 8 + 44);
    }

    #[test]
    fn a_picture_wider_than_the_paper_is_refused_unsent() {
        let mut printer = Printer::new(Vec::new(), Profile::MM58);
        let data = [0; 49];
        let refused = printer.raster(&Bitmap::try_new(385, &data).unwrap());
        assert_eq!(
            refused,
            Err(Error::TooWide {
                dots: 385,
                paper: 384
            })
        );
        assert!(printer.into_port().is_empty());
    }

    #[test]
    fn uneven_or_empty_data_is_no_picture() {
        assert!(Bitmap::try_new(9, &[0; 3]).is_none());
        assert!(Bitmap::try_new(0, &[0; 3]).is_none());
        assert!(Bitmap::try_new(8, &[]).is_none());
        assert_eq!(Bitmap::try_new(9, &[0; 4]).unwrap().height(), 2);
    }

    #[test]
    fn a_picture_cannot_open_the_drawer() {
        let sent = print(40, &[0x10, 0x14, 0x01, 0x00, 0x01]);
        assert_eq!(sent[8..], [0x11, 0x14, 0x01, 0x00, 0x01]);
    }

    proptest! {
        #[test]
        fn no_picture_holds_a_real_time_command(
            data in proptest::collection::vec(prop_oneof![Just(0x10), Just(0x14), Just(4), any::<u8>()], 1..600),
        ) {
            prop_assert!(!holds_real_time_sequence(&print(8, &data)));
        }
    }
}
