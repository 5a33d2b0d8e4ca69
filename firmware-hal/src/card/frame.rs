//! Frames out of bytes.

pub(super) const STX: u8 = 0x02;
pub(super) const ETX: u8 = 0x03;
pub(super) const ACK: u8 = 0x06;
pub(super) const DLE: u8 = 0x10;
pub(super) const NAK: u8 = 0x15;

/// The checksum of a message: CRC-16 with the polynomial x¹⁶ + x¹² + x⁵ + 1, lowest bit first, starting from
/// zero (ITU-T V.41, known as CRC-16/KERMIT), over the message and the `ETX` after it.
#[must_use]
pub fn checksum(message: &[u8]) -> u16 {
    const REVERSED_POLYNOMIAL: u16 = 0x8408;
    message.iter().chain(&[ETX]).fold(0, |sum, &byte| {
        (0..8).fold(sum ^ u16::from(byte), |sum, _| {
            if sum & 1 == 1 {
                (sum >> 1) ^ REVERSED_POLYNOMIAL
            } else {
                sum >> 1
            }
        })
    })
}

/// What is wrong with a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Damage {
    /// The checksum does not match.
    Checksum,
    /// More bytes than there is room for.
    TooLong,
    /// It stopped before its end, or an escape inside it is none.
    CutShort,
}

impl core::fmt::Display for Damage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::Checksum => "a frame with a wrong checksum",
            Self::TooLong => "a frame that is too long",
            Self::CutShort => "a frame that was cut short",
        })
    }
}

/// What a byte led to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Event {
    /// Nothing yet.
    Pending,
    /// The other side has taken a message.
    Acknowledged,
    /// The other side wants a message again.
    Refused,
    /// A message is complete: [`Deframer::message`] has it until the next byte.
    Message,
    /// A frame ended damaged.
    Damaged(Damage),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    Outside,
    OutsideEscaped,
    Inside,
    InsideEscaped,
    ChecksumLow,
    ChecksumHigh(u8),
}

/// Makes messages of up to `N` bytes out of what arrives. Bytes outside frames that are no
/// acknowledgement are noise and ignored.
#[derive(Clone, Copy, Debug)]
pub struct Deframer<const N: usize> {
    state: State,
    message: [u8; N],
    length: usize,
    overflown: bool,
}

impl<const N: usize> Default for Deframer<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Deframer<N> {
    /// Nothing has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::Outside,
            message: [0; N],
            length: 0,
            overflown: false,
        }
    }

    /// Whether a frame has begun and not ended.
    #[must_use]
    pub const fn is_inside(&self) -> bool {
        !matches!(self.state, State::Outside | State::OutsideEscaped)
    }

    /// Forgets an unfinished frame.
    pub const fn forget(&mut self) {
        self.state = State::Outside;
    }

    /// The message that the last byte completed.
    #[must_use]
    pub fn message(&self) -> &[u8] {
        self.message.get(..self.length).unwrap_or_default()
    }

    /// Takes the next byte.
    pub fn push(&mut self, byte: u8) -> Event {
        match (self.state, byte) {
            (State::Outside, ACK) => Event::Acknowledged,
            (State::Outside, NAK) => Event::Refused,
            (State::Outside | State::OutsideEscaped, DLE) => self.becomes(State::OutsideEscaped),
            (State::OutsideEscaped | State::InsideEscaped, STX) => {
                self.length = 0;
                self.overflown = false;
                self.becomes(State::Inside)
            }
            (State::Outside | State::OutsideEscaped, _) => self.becomes(State::Outside),
            (State::Inside, DLE) => self.becomes(State::InsideEscaped),
            (State::Inside, _) => self.keep(byte),
            (State::InsideEscaped, DLE) => self.keep(byte),
            (State::InsideEscaped, ETX) => self.becomes(State::ChecksumLow),
            (State::InsideEscaped, _) => {
                self.state = State::Outside;
                Event::Damaged(Damage::CutShort)
            }
            (State::ChecksumLow, _) => self.becomes(State::ChecksumHigh(byte)),
            (State::ChecksumHigh(low), _) => self.conclude(u16::from_le_bytes([low, byte])),
        }
    }

    const fn becomes(&mut self, state: State) -> Event {
        self.state = state;
        Event::Pending
    }

    fn keep(&mut self, byte: u8) -> Event {
        match self.message.get_mut(self.length) {
            Some(place) => {
                *place = byte;
                self.length += 1;
            }
            None => self.overflown = true,
        }
        self.becomes(State::Inside)
    }

    fn conclude(&mut self, sent: u16) -> Event {
        self.state = State::Outside;
        if self.overflown {
            Event::Damaged(Damage::TooLong)
        } else if checksum(self.message()) == sent {
            Event::Message
        } else {
            Event::Damaged(Damage::Checksum)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Damage, Deframer, Event, checksum};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn frame(message: &[u8]) -> Vec<u8> {
        let mut frame = alloc::vec![0x10, 0x02];
        for &byte in message {
            frame.push(byte);
            if byte == 0x10 {
                frame.push(0x10);
            }
        }
        frame.extend([0x10, 0x03]);
        frame.extend(checksum(message).to_le_bytes());
        frame
    }

    fn events(bytes: &[u8]) -> (Vec<Event>, Deframer<32>) {
        let mut deframer = Deframer::new();
        let events = bytes.iter().map(|&byte| deframer.push(byte));
        let events: Vec<Event> = events.filter(|event| *event != Event::Pending).collect();
        (events, deframer)
    }

    #[test]
    fn published_frames_have_these_checksums() {
        assert_eq!(checksum(&[0x80, 0x00, 0x00]), 0x1FF5);
        assert_eq!(checksum(&[0x84, 0x9C, 0x00]), 0x41C3);
    }

    #[test]
    fn acknowledgements_are_heard_between_frames_only() {
        let message = [0x06, 0x15, 0x06];
        let bytes = [b"\x06\x15".as_slice(), &frame(&message)].concat();
        let (events, deframer) = events(&bytes);
        assert_eq!(
            events,
            [Event::Acknowledged, Event::Refused, Event::Message]
        );
        assert_eq!(deframer.message(), message);
    }

    #[test]
    fn a_frame_that_begins_inside_another_takes_its_place() {
        let bytes = [b"\x10\x02\x80\x00".as_slice(), &frame(&[1, 2])].concat();
        let (events, deframer) = events(&bytes);
        assert_eq!(events, [Event::Message]);
        assert_eq!(deframer.message(), [1, 2]);
    }

    #[test]
    fn damage_is_told_apart() {
        assert_eq!(
            events(b"\x10\x02\x80\x10\x07").0,
            [Event::Damaged(Damage::CutShort)]
        );
        assert_eq!(
            events(&frame(&[7; 33])).0,
            [Event::Damaged(Damage::TooLong)]
        );
        let mut wrong = frame(&[7; 32]);
        *wrong.last_mut().unwrap() ^= 0x80;
        assert_eq!(events(&wrong).0, [Event::Damaged(Damage::Checksum)]);
    }

    proptest! {
        #[test]
        fn every_message_arrives(
            message in proptest::collection::vec(prop_oneof![Just(0x10), 0..8_u8, any::<u8>()], 0..32),
        ) {
            let (events, deframer) = events(&frame(&message));
            prop_assert_eq!(events, [Event::Message]);
            prop_assert_eq!(deframer.message(), message);
        }

        #[test]
        fn no_flipped_bit_inside_a_frame_goes_unnoticed(
            message in proptest::collection::vec(any::<u8>(), 1..32),
            place: prop::sample::Index,
            bit in 0..8_u8,
        ) {
            let mut bytes = frame(&message);
            let place = place.index(bytes.len());
            let flipped = bytes[place] ^ 1 << bit;
            // A flip that moves the frame's edges leaves chance to decide, one in 65,536.
            prop_assume!(place > 1 && bytes[place] != 0x10 && flipped != 0x10);
            bytes[place] = flipped;
            let (events, deframer) = events(&bytes);
            let arrived = events.contains(&Event::Message);
            prop_assert!(!arrived || deframer.message() == message);
        }

        #[test]
        fn after_any_noise_two_frames_bring_one_message(
            noise in proptest::collection::vec(any::<u8>(), 0..100),
        ) {
            let good = frame(&[0x80, 0, 0]);
            let (events, deframer) = events(&[noise.as_slice(), &good, &good].concat());
            prop_assert_eq!(events.last(), Some(&Event::Message));
            prop_assert_eq!(deframer.message(), [0x80, 0, 0]);
        }
    }
}
