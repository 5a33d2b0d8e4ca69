//! The cash register interface of card terminals.
//!
//! Source: ZVT, documents PA00P015 (commands) and PA00P016 (serial transport): registration `06 00`,
//! authorisation `06 01`, repetition of the last receipt `06 20`, status enquiry `05 01`, abort `06 B0` from
//! the register; intermediate status `04 FF`, status information
//! `04 0F`, completion `06 0F` and abort `06 1E` from the terminal; each answered with `80 00 00`.

use super::bitmap::{self, Fields, decimal, nibbles};
use super::{
    Amount, Error, ErrorKind, Failure, Link, Outcome, Progress, Receipt, Terminal, Undelivered,
    Wish,
};
use embedded_io::{Read, Write};

const UNDERSTOOD: [u8; 3] = [0x80, 0, 0];
const CANCEL: [u8; 3] = [0x06, 0xB0, 0];

/// The terminal sends intermediate statuses; it prints its receipts itself.
const CONFIGURATION: u8 = 0x08;

/// Messages of one payment at most: a status every half a second for half an hour.
const MOST_MESSAGES: usize = 3600;

/// Messages of a payment before the line was cut that are still heard.
const MOST_REMAINS: usize = 16;

/// A card terminal that speaks ZVT; its messages have up to `N` bytes, of which 1,024 are enough.
#[derive(Debug)]
pub struct Zvt<T, const N: usize> {
    link: Link<T, N>,
    patience: u16,
    password: [u8; 3],
}

/// What a message from the terminal means.
enum Said {
    Understood,
    Refused(u8),
    Progress(Progress),
    Result(Told),
    Completed,
    Aborted(u8),
    Other,
}

/// How a command ended.
enum End {
    Completed(Told),
    Aborted(u8),
}

/// What a status information tells.
#[derive(Clone, Copy)]
struct Told {
    code: Option<u8>,
    receipt: Receipt,
}

impl<T, const N: usize> Zvt<T, N> {
    /// A terminal on a line. `patience` says how many of the port's time-outs in a row a payment waits
    /// through; people need a minute for a forgotten number, banks another.
    pub const fn new(port: T, patience: u16) -> Self {
        Self {
            link: Link::new(port),
            patience,
            password: [0; 3],
        }
    }

    /// Gives the port back.
    pub fn into_port(self) -> T {
        self.link.into_port()
    }
}

impl<T: Read + Write, const N: usize> Zvt<T, N> {
    /// Tells the terminal who is there: needed once, before the first payment. The password has six
    /// digits and guards settings, no money.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing is ever charged here.
    pub fn register(
        &mut self,
        password: u32,
        currency: u16,
    ) -> Result<(), Failure<Error<T::Error>>> {
        self.password = nibbles(password.into());
        let [a, b, c] = self.password;
        let [high, low] = nibbles(currency.into());
        let message = [0x06, 0x00, 6, a, b, c, CONFIGURATION, high, low];
        self.link.send(&message).map_err(Failure::NotBegun)?;
        match self.await_end(&mut |_| Wish::GoOn)? {
            End::Completed(_) => Ok(()),
            End::Aborted(code) => Err(Failure::Refused(code)),
        }
    }

    /// Asks whether the terminal is there and idle.
    ///
    /// # Errors
    ///
    /// [`Failure`]; nothing is ever charged here.
    pub fn enquire(&mut self) -> Result<(), Failure<Error<T::Error>>> {
        match self.command([0x05, 0x01])? {
            End::Completed(_) => Ok(()),
            End::Aborted(code) => Err(Failure::Refused(code)),
        }
    }

    /// Ends what the terminal may still be at since a line that was cut, if it is not too late for that, and
    /// hears it out.
    pub fn abort(&mut self) {
        let _ = self.link.deliver(&CANCEL, 1);
        for _ in 0..MOST_REMAINS {
            match self.hear() {
                Ok(Said::Completed | Said::Aborted(_) | Said::Refused(_)) | Err(_) => return,
                Ok(_) => {}
            }
        }
    }

    /// A command of nothing but the password.
    fn command(&mut self, [class, instruction]: [u8; 2]) -> Result<End, Failure<Error<T::Error>>> {
        let [a, b, c] = self.password;
        let sent = self.link.send(&[class, instruction, 3, a, b, c]);
        sent.map_err(Failure::NotBegun)?;
        self.await_end(&mut |_| Wish::GoOn)
    }

    /// Hears the terminal out: first whether it takes the command on, then how it ended.
    fn await_end(
        &mut self,
        told: &mut dyn FnMut(Progress) -> Wish,
    ) -> Result<End, Failure<Error<T::Error>>> {
        let (mut begun, mut cancelled, mut silent) = (false, false, 0);
        let mut known = Told {
            code: None,
            receipt: Receipt {
                minor: None,
                trace: None,
            },
        };
        let mut crossed = false;
        for _ in 0..MOST_MESSAGES {
            let heard = match core::mem::take(&mut crossed) {
                true => self.hear_crossed(),
                false => self.hear(),
            };
            let progress = match heard {
                Ok(Said::Refused(code)) if !begun => return Err(Failure::Refused(code)),
                // Too late to cancel, or an answer to that.
                Ok(Said::Understood | Said::Refused(_)) => {
                    begun = true;
                    silent = 0;
                    continue;
                }
                Ok(Said::Aborted(code)) => return Ok(End::Aborted(code)),
                Ok(Said::Completed) => return Ok(End::Completed(known)),
                Ok(Said::Result(result)) => {
                    known = result;
                    Progress::Working
                }
                Ok(Said::Progress(progress)) => progress,
                Ok(Said::Other) => Progress::Working,
                Err(error) if error.kind() == ErrorKind::Timeout && silent < self.patience => {
                    silent += 1;
                    Progress::Silent
                }
                Err(error) => return Err(Failure::Unknown(error)),
            };
            if progress != Progress::Silent {
                silent = 0;
            }
            // Once it has told the result, there is nothing to cancel.
            if told(progress) == Wish::Cancel && !cancelled && known.code.is_none() {
                // If it does not arrive it is said again, and the end of the payment is heard all the
                // same; so is what the terminal said meanwhile.
                match self.link.deliver(&CANCEL, 1) {
                    Ok(()) => cancelled = true,
                    Err(undelivered) => crossed = matches!(undelivered.error, Error::Crossed),
                }
            }
        }
        Err(Failure::Unknown(Error::Noise))
    }

    /// The next message, answered as the terminal expects.
    fn hear(&mut self) -> Result<Said, Error<T::Error>> {
        let said = meaning(self.link.receive()?);
        self.understand(said)
    }

    /// The message that came instead of an acknowledgement.
    fn hear_crossed(&mut self) -> Result<Said, Error<T::Error>> {
        let said = meaning(self.link.crossed());
        self.understand(said)
    }

    fn understand(&mut self, said: Said) -> Result<Said, Error<T::Error>> {
        if !matches!(said, Said::Understood | Said::Refused(_)) {
            match self.link.send(&UNDERSTOOD) {
                // What was said counts, whether or not the terminal hears that it was understood.
                Ok(()) | Err(Error::NotAcknowledged | Error::Crossed) => {}
                Err(error) if matches!(said, Said::Completed | Said::Aborted(_)) => drop(error),
                Err(error) => return Err(error),
            }
        }
        Ok(said)
    }
}

impl<T: Read + Write, const N: usize> Terminal for Zvt<T, N> {
    type Error = Error<T::Error>;

    fn pay(
        &mut self,
        amount: Amount,
        told: &mut dyn FnMut(Progress) -> Wish,
    ) -> Result<Outcome, Failure<Self::Error>> {
        let mut message = [0; 13];
        let [a, b, c, d, e, f] = nibbles(amount.minor());
        let [high, low] = nibbles(amount.currency().into());
        let fields = [
            bitmap::AMOUNT,
            a,
            b,
            c,
            d,
            e,
            f,
            bitmap::CURRENCY,
            high,
            low,
        ];
        let bytes = [0x06, 0x01, 10].into_iter().chain(fields);
        for (place, byte) in message.iter_mut().zip(bytes) {
            *place = byte;
        }
        // Not repeated: the terminal may have it, and what it says must not happen twice.
        match self.link.deliver(&message, 1) {
            Ok(()) => match self.await_end(told)? {
                End::Completed(Told {
                    code: Some(0),
                    receipt,
                }) => Ok(Outcome::Paid(receipt)),
                End::Completed(Told {
                    code: Some(code), ..
                })
                | End::Aborted(code) => Ok(Outcome::Declined(code)),
                End::Completed(Told { code: None, .. }) => Err(Failure::Unknown(Error::Unsaid)),
            },
            Err(Undelivered { error, perhaps }) if perhaps => Err(Failure::Unknown(error)),
            Err(Undelivered { error, .. }) => Err(Failure::NotBegun(error)),
        }
    }

    fn last(&mut self) -> Result<Option<Receipt>, Failure<Self::Error>> {
        match self.command([0x06, 0x20])? {
            End::Completed(Told {
                code: Some(0),
                receipt,
            }) => Ok(Some(receipt)),
            End::Completed(_) => Ok(None),
            End::Aborted(code) => Err(Failure::Refused(code)),
        }
    }
}

fn meaning(message: &[u8]) -> Said {
    match *message {
        [0x80, 0x00, ..] => Said::Understood,
        [0x84, code, ..] => Said::Refused(code),
        [0x04, 0xFF, _, status, ..] => Said::Progress(progress(status)),
        [0x04, 0x0F, ref data @ ..] => Said::Result(result(body(data))),
        [0x06, 0x0F, ..] => Said::Completed,
        [0x06, 0x1E, _, code, ..] => Said::Aborted(code),
        [0x06, 0x1E, ..] => Said::Aborted(0),
        _ => Said::Other,
    }
}

/// What follows the length, which takes one byte or, after `FF`, two.
fn body(data: &[u8]) -> &[u8] {
    match *data {
        [0xFF, _, _, ref body @ ..] | [_, ref body @ ..] => body,
        [] => &[],
    }
}

fn result(data: &[u8]) -> Told {
    let field = |wanted| Fields::of(data).find(|(kind, _)| *kind == wanted);
    let number = |wanted| field(wanted).and_then(|(_, bytes)| decimal(bytes));
    Told {
        code: field(bitmap::RESULT).and_then(|(_, bytes)| bytes.first().copied()),
        receipt: Receipt {
            minor: number(bitmap::AMOUNT),
            trace: number(bitmap::TRACE).and_then(|trace| trace.try_into().ok()),
        },
    }
}

/// As the intermediate statuses are numbered.
const fn progress(status: u8) -> Progress {
    match status {
        0x0A => Progress::PresentCard,
        0x01 | 0x02 => Progress::EnterPin,
        0x04 | 0x0E => Progress::Working,
        0x0B => Progress::TakeCard,
        other => Progress::Other(other),
    }
}
