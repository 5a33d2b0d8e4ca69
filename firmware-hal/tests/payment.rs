//! Payments on a simulated card terminal, with the line failing at every byte in either direction: what
//! the kiosk believes is never better than what was charged, and nothing is charged twice.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use firmware_hal::card::{
    Amount, Error, Failure, Link, Outcome, Progress, Receipt, Terminal, Wish, Zvt,
};
use firmware_hal::mock::{Fault, Port};
use firmware_hal::simulator::card::{CardTerminal, Plan};
use proptest::prelude::*;

type Paid = Result<Outcome, Failure<Error<Fault>>>;

fn amount() -> Amount {
    Amount::try_new(1340, 840).unwrap()
}

/// How it ended, what it said on the way, and the terminal.
fn pay(terminal: CardTerminal) -> (Paid, Vec<Progress>, CardTerminal) {
    let mut told = Vec::new();
    let mut zvt = Zvt::<_, 256>::new(terminal, 2);
    let paid = zvt.pay(amount(), &mut |progress| {
        told.push(progress);
        Wish::GoOn
    });
    (paid, told, zvt.into_port())
}

fn receipt() -> Receipt {
    Receipt {
        minor: Some(1340),
        trace: Some(42),
    }
}

#[test]
fn a_good_card_pays_and_leaves_a_trace() {
    let (paid, told, terminal) = pay(CardTerminal::new(Plan::Approve));
    assert_eq!(paid, Ok(Outcome::Paid(receipt())));
    let expected = [Progress::PresentCard, Progress::Working, Progress::Working];
    assert_eq!(told, expected);
    assert_eq!(terminal.charged(), [1340]);
}

#[test]
fn a_registration_is_understood() {
    let mut zvt = Zvt::<_, 256>::new(CardTerminal::new(Plan::Approve), 2);
    assert_eq!(zvt.register(0, 840), Ok(()));
    assert!(
        zvt.pay(amount(), &mut |_| Wish::GoOn).is_ok(),
        "and the line is free again"
    );
}

#[test]
fn a_bad_card_a_busy_terminal_and_a_mumbling_one_charge_nothing() {
    let ends = [
        (Plan::Decline(0x05), Ok(Outcome::Declined(0x05))),
        (Plan::Refuse(0x9C), Err(Failure::Refused(0x9C))),
        (Plan::Mumble, Err(Failure::Unknown(Error::Unsaid))),
    ];
    for (plan, end) in ends {
        let (paid, _, terminal) = pay(CardTerminal::new(plan));
        assert_eq!(paid, end);
        assert_eq!(terminal.charged(), [0; 0]);
    }
}

#[test]
fn a_diner_without_a_card_can_cancel() {
    let mut zvt = Zvt::<_, 256>::new(CardTerminal::new(Plan::NoCard), 5);
    let paid = zvt.pay(amount(), &mut |progress| match progress {
        Progress::Silent => Wish::Cancel,
        _ => Wish::GoOn,
    });
    assert_eq!(paid, Ok(Outcome::Declined(0x6C)));
}

#[test]
fn cancelling_too_late_pays_all_the_same() {
    let mut zvt = Zvt::<_, 256>::new(CardTerminal::new(Plan::Approve), 5);
    let paid = zvt.pay(amount(), &mut |_| Wish::Cancel);
    let terminal = zvt.into_port();
    let charged = terminal.charged().len();
    match paid {
        Ok(Outcome::Paid(_)) => assert_eq!(charged, 1),
        Err(failure) => assert!(!failure.is_harmless(), "{failure}"),
        Ok(declined) => panic!("{declined:?} though it was charged"),
    }
}

#[test]
fn a_terminal_that_waits_for_ever_is_not_waited_for_for_ever() {
    let (paid, told, _) = pay(CardTerminal::new(Plan::NoCard));
    assert!(
        matches!(paid, Err(Failure::Unknown(Error::Port(_)))),
        "{paid:?}"
    );
    let silences = told
        .iter()
        .filter(|progress| **progress == Progress::Silent);
    assert_eq!(silences.count(), 2);
}

#[test]
fn two_damaged_frames_are_asked_for_again_and_the_payment_goes_on() {
    let (paid, _, terminal) = pay(CardTerminal::new(Plan::Approve).damaging(2));
    assert_eq!(paid, Ok(Outcome::Paid(receipt())));
    assert_eq!(terminal.charged(), [1340]);
}

#[test]
fn wherever_the_line_fails_the_kiosk_believes_nothing_better_than_the_truth() {
    for plan in [Plan::Approve, Plan::Decline(5), Plan::Refuse(0x9C)] {
        let (_, _, undisturbed) = pay(CardTerminal::new(plan));
        let (heard, spoken) = undisturbed.traffic();
        let deaf = (0..heard).map(|byte| CardTerminal::new(plan).deaf_from(byte));
        let dumb = (0..spoken).map(|byte| CardTerminal::new(plan).dumb_from(byte));
        let mut unknown = 0;
        for (place, terminal) in deaf.chain(dumb).enumerate() {
            let (paid, _, terminal) = pay(terminal);
            let charged = terminal.charged().len();
            assert!(charged <= 1, "charged twice, {plan:?} {place}");
            match paid {
                Ok(Outcome::Paid(_)) => assert_eq!(charged, 1, "{plan:?} {place}"),
                Ok(Outcome::Declined(_)) => assert_eq!(charged, 0, "{plan:?} {place}"),
                Err(failure) if failure.is_harmless() => {
                    assert_eq!(charged, 0, "{plan:?} {place}: {failure}");
                }
                Err(_) => unknown += 1,
            }
        }
        assert!(unknown > 0, "a line that fails is noticed");
    }
}

#[test]
fn a_message_that_could_not_be_sent_whole_charges_nothing_and_says_so() {
    use embedded_io::ErrorKind::BrokenPipe;
    let writes = {
        let mut zvt = Zvt::<_, 64>::new(Port::new().answering(b"\x06"), 0);
        let _ = zvt.pay(amount(), &mut |_| Wish::GoOn);
        zvt.into_port().write_calls()
    };
    for refused in 0..writes {
        let port = Port::new().answering(b"\x06").refusing(refused, BrokenPipe);
        let failure = Zvt::<_, 64>::new(port, 0)
            .pay(amount(), &mut |_| Wish::GoOn)
            .unwrap_err();
        assert_eq!(
            failure,
            Failure::NotBegun(Error::Port(Fault(BrokenPipe))),
            "write {refused}"
        );
    }
}

proptest! {
    #[test]
    fn whatever_a_terminal_sends_a_payment_ends(
        noise in proptest::collection::vec(
            prop_oneof![Just(0x06), Just(0x10), Just(0x02), Just(0x03), any::<u8>()], 0..600,
        ),
    ) {
        let port = Port::new().answering(&noise);
        let paid = Zvt::<_, 64>::new(port, 3).pay(amount(), &mut |_| Wish::Cancel);
        // Sixteen bits of checksum stand between noise and a payment.
        prop_assert!(!matches!(paid, Ok(Outcome::Paid(_))), "{paid:?}");
    }
}

#[test]
fn the_last_payment_can_be_asked_for_again_and_costs_nothing() {
    let mut zvt = Zvt::<_, 256>::new(CardTerminal::new(Plan::Approve), 2);
    zvt.register(123_456, 840).unwrap();
    assert!(matches!(zvt.last(), Err(Failure::Refused(_))), "none yet");
    zvt.pay(amount(), &mut |_| Wish::GoOn).unwrap();
    assert_eq!(zvt.last(), Ok(Some(receipt())));
    assert_eq!(zvt.last(), Ok(Some(receipt())));
    assert_eq!(zvt.enquire(), Ok(()));
    assert_eq!(zvt.into_port().charged(), [1340]);
}

/// Gives up in the middle of a payment, as a cut line does.
fn left_waiting() -> Zvt<CardTerminal, 256> {
    let mut zvt = Zvt::<_, 256>::new(CardTerminal::new(Plan::NoCard), 1);
    let paid = zvt.pay(amount(), &mut |_| Wish::GoOn);
    assert!(matches!(paid, Err(Failure::Unknown(_))), "{paid:?}");
    zvt
}

#[test]
fn a_terminal_that_still_waits_for_a_card_refuses_everything_until_it_is_told_to_stop() {
    let mut zvt = left_waiting();
    assert_eq!(zvt.enquire(), Err(Failure::Refused(0x9C)));
    assert_eq!(zvt.last(), Err(Failure::Refused(0x9C)));
    zvt.abort();
    assert_eq!(zvt.enquire(), Ok(()));
    assert_eq!(zvt.into_port().charged(), [0; 0]);
}

#[test]
fn what_was_charged_while_nobody_listened_is_found_afterwards() {
    let mut terminal = left_waiting().into_port();
    terminal.replug();
    terminal.present_card();
    terminal.replug();
    let mut zvt = Zvt::<_, 256>::new(terminal, 2);
    zvt.abort();
    assert_eq!(zvt.last(), Ok(Some(receipt())));
    assert_eq!(zvt.into_port().charged(), [1340]);
}

/// A message as it stands on the line.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut link = Link::<_, 64>::new(Port::new().answering(b"\x06"));
    link.send(message).unwrap();
    link.into_port().written().to_vec()
}

#[test]
fn a_result_that_crosses_a_cancellation_is_heard() {
    let result = [
        0x04, 0x0F, 13, 0x27, 0, 0x04, 0, 0, 0, 0, 0x13, 0x40, 0x0B, 0, 0, 0x42,
    ];
    let said = [
        b"\x06".to_vec(),
        framed(&[0x80, 0, 0]),
        framed(&[0x04, 0xFF, 1, 0x0A]),
        b"\x06".to_vec(),
        // Here the diner cancels; the terminal has just charged the card, and then takes the message.
        framed(&result),
        b"\x06\x06".to_vec(),
        framed(&[0x06, 0x0F, 0]),
        b"\x06".to_vec(),
    ];
    let mut zvt = Zvt::<_, 64>::new(Port::new().answering(&said.concat()), 3);
    let paid = zvt.pay(amount(), &mut |_| Wish::Cancel);
    assert_eq!(paid, Ok(Outcome::Paid(receipt())));
}
