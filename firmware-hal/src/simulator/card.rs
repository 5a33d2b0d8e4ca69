//! A card terminal made of software, which speaks ZVT as [`crate::card::Zvt`] expects it.
//!
//! Its owner says beforehand how the next payment goes, and what befalls the line: bytes that are lost in
//! either direction from some byte on, and frames that arrive damaged. It keeps what it has charged, which
//! is what counts in the end.

use crate::card::{Deframer, Event, checksum};
use crate::mock;
use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write};

/// How the next payment goes.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Plan {
    /// The card is good.
    #[default]
    Approve,
    /// The bank says no, with this number.
    Decline(u8),
    /// The terminal does not even begin, with this number.
    Refuse(u8),
    /// It waits for a card until [`CardTerminal::present_card`] or until the payment is cancelled.
    NoCard,
    /// It completes the payment without a word about the result.
    Mumble,
}

const ACK: u8 = 0x06;
const NAK: u8 = 0x15;
const UNDERSTOOD: [u8; 3] = [0x80, 0, 0];

/// The number of the first payment it makes.
const FIRST_TRACE: u64 = 42;

/// It is at something else.
const BUSY: u8 = 0x9C;
/// There is nothing to tell of.
const NO_RECEIPT: u8 = 0x64;
/// A payment that somebody or the time has ended.
const CANCELLED: u8 = 0x6C;

/// The terminal, with its end of the line.
#[derive(Clone, Debug)]
pub struct CardTerminal {
    plan: Plan,
    deframer: Deframer<256>,
    to_say: VecDeque<Vec<u8>>,
    said: Vec<u8>,
    on_the_line: VecDeque<u8>,
    charged: Vec<u64>,
    /// The digits of the payment that waits for a card.
    waits_for_card: Option<[u8; 6]>,
    heard: usize,
    spoken: usize,
    deaf_from: Option<usize>,
    dumb_from: Option<usize>,
    damages: usize,
}

impl CardTerminal {
    /// A terminal at rest.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            deframer: Deframer::new(),
            to_say: VecDeque::new(),
            said: Vec::new(),
            on_the_line: VecDeque::new(),
            charged: Vec::new(),
            waits_for_card: None,
            heard: 0,
            spoken: 0,
            deaf_from: None,
            dumb_from: None,
            damages: 0,
        }
    }

    /// From this byte on, it hears nothing.
    #[must_use]
    pub const fn deaf_from(mut self, byte: usize) -> Self {
        self.deaf_from = Some(byte);
        self
    }

    /// From this byte on, nothing it says arrives.
    #[must_use]
    pub const fn dumb_from(mut self, byte: usize) -> Self {
        self.dumb_from = Some(byte);
        self
    }

    /// So many of its frames arrive damaged, the first ones.
    #[must_use]
    pub const fn damaging(mut self, frames: usize) -> Self {
        self.damages = frames;
        self
    }

    /// Says how the payments after this one go.
    pub const fn set_plan(&mut self, plan: Plan) {
        self.plan = plan;
    }

    /// Whether a payment waits for a card.
    #[must_use]
    pub const fn waits_for_card(&self) -> bool {
        self.waits_for_card.is_some()
    }

    /// Somebody presents a good card: whatever waits for it is charged.
    pub fn present_card(&mut self) {
        if let Some(digits) = self.waits_for_card.take() {
            let result = self.charge(digits);
            self.to_say.extend([result, vec![0x06, 0x0F, 0]]);
            self.go_on();
        }
    }

    /// Somebody presses the terminal's own cancel key, or nobody comes for a minute.
    pub fn press_cancel(&mut self) {
        if self.waits_for_card.take().is_some() {
            self.to_say.push_back(vec![0x06, 0x1E, 1, CANCELLED]);
            self.go_on();
        }
    }

    /// The line is a new one: what was on the old one is lost, and so is what was not said yet.
    pub fn replug(&mut self) {
        self.deframer = Deframer::new();
        self.on_the_line.clear();
        self.to_say.clear();
        self.said.clear();
    }

    /// What it has charged, in minor units, oldest first.
    #[must_use]
    pub fn charged(&self) -> &[u64] {
        &self.charged
    }

    /// How many bytes it has heard and said.
    #[must_use]
    pub const fn traffic(&self) -> (usize, usize) {
        (self.heard, self.spoken)
    }

    fn utter(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.dumb_from.is_none_or(|from| self.spoken < from) {
                self.on_the_line.push_back(byte);
            }
            self.spoken += 1;
        }
    }

    /// Says the next message, if it is its turn.
    fn go_on(&mut self) {
        if let Some(message) = self.to_say.pop_front() {
            self.said = message;
            self.repeat();
        }
    }

    fn repeat(&mut self) {
        let mut frame = vec![0x10, 0x02];
        for &byte in &self.said {
            frame.push(byte);
            if byte == 0x10 {
                frame.push(byte);
            }
        }
        let [low, mut high] = checksum(&self.said).to_le_bytes();
        if self.damages > 0 {
            self.damages -= 1;
            high ^= 1;
        }
        frame.extend([0x10, 0x03, low, high]);
        self.utter(&frame);
    }

    fn hear(&mut self, byte: u8) {
        match self.deframer.push(byte) {
            Event::Pending => {}
            // The register has it. Its own answer to a message comes as a message.
            Event::Acknowledged => {
                if self.said == UNDERSTOOD {
                    self.go_on();
                }
            }
            Event::Refused => self.repeat(),
            Event::Damaged(_) => self.utter(&[NAK]),
            Event::Message => {
                self.utter(&[ACK]);
                let message = self.deframer.message().to_vec();
                self.understand(&message);
            }
        }
    }

    fn understand(&mut self, message: &[u8]) {
        match *message {
            [0x80, 0, ..] => self.go_on(),
            [0x06, 0xB0, ..] if self.waits_for_card.take().is_some() => {
                self.answer(vec![vec![0x06, 0x1E, 1, CANCELLED]]);
            }
            // Too late, or nothing to cancel.
            [0x06, 0xB0, ..] => {
                self.to_say.push_front(UNDERSTOOD.to_vec());
                if self.said.is_empty() {
                    self.go_on();
                }
            }
            _ if self.waits_for_card.is_some() => self.refuse(BUSY),
            [0x06, 0x00, ..] | [0x05, 0x01, ..] => self.answer(vec![vec![0x06, 0x0F, 0]]),
            [0x06, 0x01, _, 0x04, a, b, c, d, e, f, ..] => self.pay([a, b, c, d, e, f]),
            [0x06, 0x20, ..] => match self.last() {
                Some(result) => self.answer(vec![result, vec![0x06, 0x0F, 0]]),
                None => self.answer(vec![vec![0x06, 0x1E, 1, NO_RECEIPT]]),
            },
            _ => self.refuse(0x83),
        }
    }

    fn refuse(&mut self, code: u8) {
        self.said = vec![0x84, code, 0];
        self.repeat();
    }

    fn charge(&mut self, digits: [u8; 6]) -> Vec<u8> {
        let minor = digits.iter().fold(0, |sum, pair| {
            sum * 100 + u64::from(pair >> 4) * 10 + u64::from(pair & 0x0F)
        });
        self.charged.push(minor);
        self.last().unwrap_or_default()
    }

    /// The status information of the last payment.
    fn last(&self) -> Option<Vec<u8>> {
        let minor = *self.charged.last()?;
        let trace = FIRST_TRACE + u64::try_from(self.charged.len()).unwrap_or_default() - 1;
        let digits = |number: u64, bytes: u32| {
            (0..bytes).rev().map(move |place| {
                let pair = number / 100_u64.pow(place) % 100;
                u8::try_from(pair / 10 * 16 + pair % 10).unwrap_or_default()
            })
        };
        let mut result = vec![0x04, 0x0F, 13, 0x27, 0, 0x04];
        result.extend(digits(minor, 6));
        result.push(0x0B);
        result.extend(digits(trace, 3));
        Some(result)
    }

    /// Takes a command on; the rest follows message by message.
    fn answer(&mut self, rest: Vec<Vec<u8>>) {
        self.to_say = rest.into();
        self.said = UNDERSTOOD.to_vec();
        self.repeat();
    }

    fn pay(&mut self, digits: [u8; 6]) {
        let present_card = vec![0x04, 0xFF, 1, 0x0A];
        let wait = vec![0x04, 0xFF, 1, 0x0E];
        let completed = vec![0x06, 0x0F, 0];
        match self.plan {
            Plan::Refuse(code) => self.refuse(code),
            Plan::Approve => {
                let result = self.charge(digits);
                self.answer(vec![present_card, wait, result, completed]);
            }
            Plan::Decline(code) => {
                let result = vec![0x04, 0x0F, 2, 0x27, code];
                let aborted = vec![0x06, 0x1E, 1, code];
                self.answer(vec![present_card, wait, result, aborted]);
            }
            Plan::NoCard => {
                self.waits_for_card = Some(digits);
                self.answer(vec![present_card]);
            }
            Plan::Mumble => self.answer(vec![present_card, completed]),
        }
    }
}

impl ErrorType for CardTerminal {
    type Error = mock::Fault;
}

impl Write for CardTerminal {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, mock::Fault> {
        for &byte in bytes {
            if self.deaf_from.is_none_or(|from| self.heard < from) {
                self.hear(byte);
            }
            self.heard += 1;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), mock::Fault> {
        Ok(())
    }
}

impl Read for CardTerminal {
    /// An empty line is a time-out.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, mock::Fault> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.on_the_line.is_empty() {
            return Err(mock::Fault(ErrorKind::TimedOut));
        }
        let count = buffer.len().min(self.on_the_line.len());
        for (place, byte) in buffer.iter_mut().zip(self.on_the_line.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl ReadReady for CardTerminal {
    fn read_ready(&mut self) -> Result<bool, mock::Fault> {
        Ok(!self.on_the_line.is_empty())
    }
}
