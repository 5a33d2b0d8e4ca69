//! How long a command is.

/// What the bytes at hand begin with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Length {
    /// A command of this many bytes, as far as that can be seen yet. Zero if there is nothing.
    Known(usize),
    /// So many bytes that are no command.
    Unknown(usize),
}

/// The length of the command at the beginning of these bytes. Grows as more of the command is seen.
pub(super) fn length(bytes: &[u8]) -> Length {
    Length::Known(match *bytes {
        [] => 0,
        [0 | b'\n' | b' '..=b'~' | 0x80.., ..] => 1,
        [0x10, ref rest @ ..] => return real_time(rest),
        [0x1B, ref rest @ ..] => return escape(rest),
        [0x1C] | [0x1C, b'.', ..] => 2,
        [0x1D, ref rest @ ..] => return group(rest),
        _ => return Length::Unknown(1),
    })
}

fn real_time(rest: &[u8]) -> Length {
    Length::Known(match *rest {
        [] => 2,
        [0x04 | 0x05, ..] => 3,
        [0x14, 8, ..] => 10,
        [0x14, ..] => 5,
        _ => return Length::Unknown(1),
    })
}

fn escape(rest: &[u8]) -> Length {
    Length::Known(match *rest {
        [] | [0 | b'@', ..] => 2,
        [b't' | b'R' | b'E' | b'-' | b'M' | b'a' | b'd', ..] => 3,
        [b'p', ..] => 5,
        _ => return Length::Unknown(2),
    })
}

fn group(rest: &[u8]) -> Length {
    Length::Known(match *rest {
        // A command torn inside its name and filled with zeros is skipped.
        [] | [0, ..] => 2,
        [b'!' | b'B' | b'h' | b'w' | b'H' | b'a', ..] => 3,
        [b'V', 65 | 66, ..] => 4,
        [b'V', ..] => 3,
        [b'v'] | [b'v', 0, ..] => 3,
        [b'v', b'0', _, x_low, x_high, y_low, y_high, ..] => {
            let size = |low, high| usize::from(u16::from_le_bytes([low, high]));
            8 + size(x_low, x_high) * size(y_low, y_high)
        }
        [b'v', b'0', ..] => 8,
        [b'k'] => 3,
        // The older form of bar codes ends with a zero.
        [b'k', 0..=6, ref content @ ..] => {
            3 + content
                .iter()
                .position(|&byte| byte == 0)
                .unwrap_or(content.len())
                + 1
        }
        [b'k', 65..=73, count, ..] => 4 + usize::from(count),
        [b'k', 65..=73] => 4,
        [b'(', _, low, high, ..] => 5 + usize::from(u16::from_le_bytes([low, high])),
        [b'(', ..] => 5,
        _ => return Length::Unknown(2),
    })
}
