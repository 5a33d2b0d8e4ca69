//! The spool's promises, on clocks, a journal and printers of paper and pencil.

use super::super::job::tests::{boot, since, ticket};
use super::*;

const DAY: Date = jiff::civil::date(2026, 11, 20);

fn now(mono_ms: u64) -> Now {
    Now {
        at: since(1, mono_ms).at,
        mono: Duration::from_millis(mono_ms),
    }
}

fn rule(name: &str, fallback: Option<&str>) -> PrinterRule {
    PrinterRule {
        name: name.to_owned(),
        fallback: fallback.map(str::to_owned),
    }
}

/// The kitchen's printer and the bar's, which takes the kitchen's place.
fn spool(run: u128) -> Spool {
    let printers = vec![rule("kitchen", Some("bar")), rule("bar", None)];
    let mut spool = Spool::new(Settings::new(printers), boot(run));
    spool.day(Some(DAY));
    spool
}

fn begin(device: &str) -> Step {
    Step::Begin(device.to_owned())
}

/// Writes what the spool wants written, as long as it wants that, and gives the steps by job. What is to
/// be taken back, the printer had some of.
fn write_all(spool: &mut Spool, now: Now) -> Vec<(u64, Step)> {
    write_with(spool, now, Some(Outcome::Interrupted))
}

/// The same with printers that give back so, or do not answer.
fn write_with(spool: &mut Spool, now: Now, gives_back: Option<Outcome>) -> Vec<(u64, Step)> {
    let mut written = Vec::new();
    while let Some(next) = spool.next(now) {
        if let Do::TakeBack(device, job) = &next
            && let Some(outcome) = gives_back
        {
            spool.ended(device, job.no, outcome, now);
        }
        if let Do::Write(id, step) = next {
            let job = spool
                .jobs
                .values()
                .find(|job| job.id == id)
                .unwrap()
                .clone();
            written.push((job.no, step.clone()));
            spool.put(
                job.after(step, crate::devices::spool::since(now, spool.boot))
                    .unwrap(),
            );
        }
        assert!(written.len() < 1_000, "the spool goes round in circles");
    }
    written
}

#[test]
fn nothing_is_sent_before_its_beginning_is_written() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1)]);
    let Some(Do::Write(id, step)) = spool.next(now(2)) else {
        panic!("a write comes first")
    };
    assert_eq!((id, &step), (ticket(1).id, &begin("kitchen")));
    let asked_again = spool.next(now(2));
    assert_eq!(
        asked_again,
        Some(Do::Write(id, step.clone())),
        "until it is written"
    );
    let begun = ticket(1).after(step, since(1, 2)).unwrap();
    spool.put(begun.clone());
    let sent = Do::Send("kitchen".to_owned(), Box::new(begun));
    assert_eq!(spool.next(now(2)), Some(sent));
    assert_eq!(spool.next(now(2)), None, "and sent once");
}

#[test]
fn jobs_go_one_at_a_time_in_their_order() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1), ticket(2), ticket(3)]);
    for no in 1..=3 {
        assert_eq!(write_all(&mut spool, now(2)), [(no, begin("kitchen"))]);
        spool.ended("kitchen", no, Outcome::Printed, now(3));
        let printed = spool.next(now(3));
        assert_eq!(printed, Some(Do::Write(ticket(no).id, Step::Printed)));
        let job = spool.jobs[&no]
            .clone()
            .after(Step::Printed, since(1, 3))
            .unwrap();
        spool.put(job);
    }
    assert_eq!(write_all(&mut spool, now(4)), []);
}

#[test]
fn a_failure_makes_the_printer_rest_longer_each_time_and_success_forgets_it() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(0));
    spool.load(vec![ticket(1)]);
    let mut at = 1_000;
    for pause in [1_000, 2_000, 4_000] {
        assert_eq!(write_all(&mut spool, now(at)), [(1, begin("kitchen"))]);
        spool.ended("kitchen", 1, Outcome::Untouched, now(at));
        assert_eq!(
            write_all(&mut spool, now(at + pause - 1)),
            [(1, Step::Untouched)]
        );
        let deadline = spool.deadline(now(at + pause - 1)).unwrap();
        assert_eq!(deadline, Duration::from_millis(at + pause));
        at += pause;
    }
    assert_eq!(write_all(&mut spool, now(at)), [(1, begin("kitchen"))]);
    assert!(
        !spool.jobs[&1].copy,
        "nothing of it ever reached the printer"
    );
}

#[test]
fn a_stopped_printer_gives_its_jobs_to_its_fallback_after_a_while_and_in_order() {
    let mut spool = spool(1);
    for device in ["kitchen", "bar"] {
        spool.prints(device, true, now(1));
    }
    spool.load((1..=4).map(ticket).collect());
    assert_eq!(write_all(&mut spool, now(2)), [(1, begin("kitchen"))]);
    spool.prints("kitchen", false, now(1_000));
    assert_eq!(write_all(&mut spool, now(5_999)), []);
    assert_eq!(spool.deadline(now(5_999)), Some(Duration::from_secs(6)));
    let moved = write_all(&mut spool, now(6_000));
    assert_eq!(
        moved,
        [(1, Step::Interrupted(Why::Interrupted)), (1, begin("bar"))]
    );
    assert!(
        spool.jobs[&1].copy,
        "it may come out of the first printer yet"
    );
    spool.ended("bar", 1, Outcome::Printed, now(6_100));
    assert_eq!(
        write_all(&mut spool, now(6_100)),
        [(1, Step::Printed), (2, begin("bar"))]
    );
}

#[test]
fn when_the_printer_is_back_it_takes_what_still_waits() {
    let mut spool = spool(1);
    spool.prints("bar", true, now(1));
    spool.prints("kitchen", false, now(1));
    spool.load((1..=3).map(ticket).collect());
    assert_eq!(write_all(&mut spool, now(5_001)), [(1, begin("bar"))]);
    spool.prints("kitchen", true, now(5_100));
    assert_eq!(write_all(&mut spool, now(5_100)), [(2, begin("kitchen"))]);
    assert!(!spool.jobs[&2].copy);
}

#[test]
fn a_job_that_was_given_up_and_then_confirmed_is_printed_if_it_was_not_begun_again() {
    let mut spool = spool(1);
    for device in ["kitchen", "bar"] {
        spool.prints(device, true, now(1));
    }
    spool.load(vec![
        Job {
            device: "bar".to_owned(),
            ..ticket(1)
        },
        ticket(2),
    ]);
    write_all(&mut spool, now(2));
    spool.prints("kitchen", false, now(10));
    // The bar is busy with its own job, so the kitchen's, which nobody gives back, waits there as a copy.
    assert_eq!(write_with(&mut spool, now(5_010), None), []);
    assert_eq!(
        spool.deadline(now(5_010)),
        Some(Duration::from_millis(8_010))
    );
    assert_eq!(
        write_with(&mut spool, now(8_010), None),
        [(2, Step::Interrupted(Why::Interrupted))]
    );
    spool.ended("kitchen", 2, Outcome::Printed, now(8_020));
    assert_eq!(write_all(&mut spool, now(8_020)), [(2, Step::Printed)]);

    // Begun again, the late word changes nothing: what comes out of the bar says that it is a copy.
    let mut spool = self::spool(1);
    for device in ["kitchen", "bar"] {
        spool.prints(device, true, now(1));
    }
    spool.load(vec![ticket(1)]);
    write_all(&mut spool, now(2));
    spool.prints("kitchen", false, now(10));
    write_with(&mut spool, now(5_010), None);
    write_with(&mut spool, now(8_010), None);
    spool.ended("kitchen", 1, Outcome::Printed, now(8_020));
    assert_eq!(write_all(&mut spool, now(8_020)), []);
    assert_eq!(spool.jobs[&1].sent_to.as_deref(), Some("bar"));
}

#[test]
fn what_a_stopped_printer_has_not_begun_goes_to_its_fallback_as_the_original() {
    let mut spool = spool(1);
    for device in ["kitchen", "bar"] {
        spool.prints(device, true, now(1));
    }
    spool.load(vec![ticket(1)]);
    write_all(&mut spool, now(2));
    spool.prints("kitchen", false, now(10));
    let steps = write_with(&mut spool, now(5_010), Some(Outcome::Untouched));
    assert_eq!(steps, [(1, Step::Untouched), (1, begin("bar"))]);
    assert!(!spool.jobs[&1].copy);
}

#[test]
fn no_job_overtakes_the_one_that_is_being_given_back() {
    let mut spool = spool(1);
    for device in ["kitchen", "bar"] {
        spool.prints(device, true, now(1));
    }
    spool.load((1..=3).map(ticket).collect());
    write_all(&mut spool, now(2));
    spool.prints("kitchen", false, now(10));
    assert_eq!(write_with(&mut spool, now(5_010), None), []);
    spool.ended("kitchen", 1, Outcome::Interrupted, now(5_500));
    assert_eq!(
        write_all(&mut spool, now(5_500)),
        [(1, Step::Interrupted(Why::Interrupted)), (1, begin("bar"))]
    );
}

#[test]
fn what_a_stopped_printer_has_in_hand_is_taken_back_and_held_when_its_time_is_over() {
    let tomorrow = DAY.tomorrow().unwrap();
    for (day, at, why) in [
        (DAY, 600_000, Why::TooOld),
        (tomorrow, 20_000, Why::DayOver),
    ] {
        for (outcome, copy) in [(Outcome::Interrupted, true), (Outcome::Untouched, false)] {
            let mut spool = spool(1);
            spool.prints("bar", true, now(1));
            let job = Job {
                device: "bar".to_owned(),
                ..ticket(1)
            };
            spool.load(vec![job]);
            write_all(&mut spool, now(2));
            spool.prints("bar", false, now(10));
            assert_eq!(write_all(&mut spool, now(19_999)), [], "it may go on");
            spool.day(Some(day));
            let steps = write_with(&mut spool, now(at), Some(outcome));
            assert_eq!(steps.last(), Some(&(1, Step::Hold(why))), "{outcome:?}");
            let marked = steps.contains(&(1, Step::Interrupted(Why::Interrupted)));
            assert_eq!(marked, copy, "a copy only if the printer had some of it");
        }
    }
}

#[test]
fn what_is_being_printed_is_let_be_however_old_it_is() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1)]);
    write_all(&mut spool, now(599_000));
    spool.day(DAY.tomorrow().ok());
    assert_eq!(write_all(&mut spool, now(601_000)), []);
}

#[test]
fn without_a_fallback_the_job_in_hand_stays_and_is_printed_once_when_paper_is_back() {
    let mut spool = spool(1);
    spool.prints("bar", true, now(1));
    spool.load(vec![Job {
        device: "bar".to_owned(),
        ..ticket(1)
    }]);
    write_all(&mut spool, now(2));
    spool.prints("bar", false, now(10));
    assert_eq!(write_all(&mut spool, now(500_000)), []);
    spool.ended("bar", 1, Outcome::Printed, now(500_001));
    assert_eq!(write_all(&mut spool, now(500_001)), [(1, Step::Printed)]);
}

#[test]
fn last_nights_jobs_are_held_in_the_morning() {
    for (waited_ms, held) in [(599_999, false), (600_000, true), (43_200_000, true)] {
        let mut spool = spool(2);
        spool.prints("kitchen", true, now(1));
        spool.load(vec![ticket(1)]);
        let morning = Now {
            at: since(1, waited_ms).at,
            mono: Duration::from_secs(1),
        };
        let step = if held {
            Step::Hold(Why::TooOld)
        } else {
            begin("kitchen")
        };
        assert_eq!(write_all(&mut spool, morning), [(1, step)], "{waited_ms}");
    }
}

#[test]
fn a_job_of_another_run_whose_age_nobody_can_tell_is_held() {
    let mut spool = spool(2);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1)]);
    let set_back = Now {
        at: WallTime::from_millis(since(1, 0).at.as_millis() - 60_000),
        mono: Duration::from_secs(1),
    };
    assert_eq!(
        write_all(&mut spool, set_back),
        [(1, Step::Hold(Why::TooOld))]
    );
}

#[test]
fn in_one_run_a_jump_of_the_wall_clock_holds_nothing() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1)]);
    let jumped = Now {
        at: WallTime::from_millis(since(1, 0).at.as_millis() + 86_400_000),
        mono: Duration::from_secs(1),
    };
    assert_eq!(write_all(&mut spool, jumped), [(1, begin("kitchen"))]);
}

#[test]
fn a_new_business_day_holds_what_is_left_of_the_old_one_and_not_the_other_way_round() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    let next = Job {
        business_date: DAY.tomorrow().ok(),
        ..ticket(2)
    };
    spool.load(vec![ticket(1), next]);
    spool.day(DAY.tomorrow().ok());
    let steps = write_all(&mut spool, now(2));
    assert_eq!(
        steps,
        [(1, Step::Hold(Why::DayOver)), (2, begin("kitchen"))]
    );
    // The news of the day may come after its first job.
    let mut spool = self::spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![Job {
        business_date: DAY.tomorrow().ok(),
        ..ticket(2)
    }]);
    assert_eq!(write_all(&mut spool, now(2)), [(2, begin("kitchen"))]);
}

#[test]
fn a_printer_that_is_configured_no_more_holds_its_jobs() {
    let mut spool = spool(1);
    spool.load(vec![Job {
        device: "gone".to_owned(),
        ..ticket(1)
    }]);
    assert_eq!(
        write_all(&mut spool, now(1)),
        [(1, Step::Hold(Why::NoPrinter))]
    );
}

#[test]
fn a_job_that_never_gets_through_is_held_in_the_end() {
    let mut spool = spool(1);
    spool.load(vec![ticket(1)]);
    let mut begun = 0;
    for turn in 1..100 {
        let now = now(turn * 1_000);
        spool.prints("kitchen", true, now);
        for (_, step) in write_all(&mut spool, now) {
            match step {
                Step::Begin(_) => begun += 1,
                Step::Hold(why) => {
                    assert_eq!((why, begun), (Why::GivenUp, 5));
                    return;
                }
                _ => {}
            }
        }
        spool.ended("kitchen", 1, Outcome::Interrupted, now);
    }
    panic!("it was tried for ever");
}

#[test]
fn a_test_page_never_goes_to_another_printer() {
    let mut spool = spool(1);
    spool.prints("bar", true, now(1));
    spool.prints("kitchen", false, now(1));
    spool.load(vec![Job {
        kind: Kind::Test,
        ..ticket(1)
    }]);
    assert_eq!(write_all(&mut spool, now(60_000)), []);
}

#[test]
fn while_the_journal_has_trouble_nothing_is_done_and_then_the_same() {
    let mut spool = spool(1);
    spool.prints("kitchen", true, now(1));
    spool.load(vec![ticket(1)]);
    let first = spool.next(now(2));
    spool.trouble(now(2));
    assert_eq!(spool.next(now(3)), None);
    assert_eq!(spool.deadline(now(3)), Some(Duration::from_millis(1_002)));
    assert_eq!(spool.next(now(1_002)), first);
}

/// Where the run of [`World::run`] is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// The process dies; what the printer has taken, it prints.
    Process,
    /// The printer dies and loses what is not on paper; it is back a second later.
    Printer,
    /// The printer stops for a minute, with all it has taken kept.
    Paper,
}

/// Bytes of a slip; the last one cuts it off.
const BYTES: usize = 4;

/// Paper: which job, whether marked as a copy, how many of its bytes.
#[derive(Debug, Default)]
struct Paper {
    slips: Vec<(u64, bool, usize)>,
}

/// A journal, a spool and two printers, with one cut after so many operations.
struct World {
    journal: BTreeMap<u64, Job>,
    paper: BTreeMap<String, Paper>,
    spool: Spool,
    mono_ms: u64,
    run: u128,
    /// Operations until the cut; none once it has come.
    left: Option<usize>,
    cut: Cut,
    stopped_until: Option<u64>,
}

/// The cut has come.
struct HasCome;

impl World {
    fn new(cut: Cut, after: usize) -> Self {
        let journal = (1..=3).map(|no| (no, ticket(no))).collect();
        let mut world = Self {
            journal,
            paper: BTreeMap::new(),
            spool: spool(1),
            mono_ms: 10,
            run: 1,
            left: Some(after),
            cut,
            stopped_until: None,
        };
        world.start();
        world
    }

    fn now(&self) -> Now {
        now(self.mono_ms)
    }

    fn start(&mut self) {
        self.spool = spool(self.run);
        self.spool.prints("kitchen", true, now(self.mono_ms));
        self.spool.prints("bar", true, now(self.mono_ms));
        let open = self.journal.values().filter(|job| job.state.is_open());
        self.spool.load(open.cloned().collect());
    }

    /// One operation more, or the cut.
    fn tick(&mut self) -> Result<(), HasCome> {
        self.mono_ms += 1;
        match self.left {
            None => Ok(()),
            Some(0) => {
                self.left = None;
                Err(HasCome)
            }
            Some(left) => {
                self.left = Some(left - 1);
                Ok(())
            }
        }
    }

    /// Runs to the end; gives whether the cut came at all.
    fn run(&mut self) -> bool {
        for _ in 0..500 {
            if self.turn().is_err() {
                // Only a dead process forgets what it was about to do.
                assert_eq!(self.cut, Cut::Process);
                self.run += 1;
                self.start();
            }
            if self.journal.values().all(|job| job.state == State::Printed) {
                return self.left.is_none();
            }
        }
        panic!("it never ends: {:?}", self.journal);
    }

    fn turn(&mut self) -> Result<(), HasCome> {
        if self
            .stopped_until
            .is_some_and(|until| self.mono_ms >= until)
        {
            self.stopped_until = None;
            self.spool.prints("kitchen", true, self.now());
        }
        let now = self.now();
        match self.spool.next(now) {
            Some(Do::Write(id, step)) => {
                let job = self
                    .journal
                    .values()
                    .find(|job| job.id == id)
                    .unwrap()
                    .clone();
                let job = job
                    .after(step, crate::devices::spool::since(now, boot(self.run)))
                    .unwrap();
                self.fault("kitchen", None)?;
                self.journal.insert(job.no, job.clone());
                self.fault("kitchen", None)?;
                self.spool.put(job);
            }
            Some(Do::Send(device, job)) => self.print(&device, &job)?,
            // The worst printer: what it has taken comes out all the same.
            Some(Do::TakeBack(device, job)) => {
                self.spool.ended(&device, job.no, Outcome::Interrupted, now);
            }
            None => self.mono_ms += 1_000,
        }
        Ok(())
    }

    fn print(&mut self, device: &str, job: &Job) -> Result<(), HasCome> {
        for done in 0..BYTES {
            if self.fault(device, Some((job, done)))? {
                return Ok(());
            }
            let paper = self.paper.entry(device.to_owned()).or_default();
            if done == 0 {
                paper.slips.push((job.no, job.copy, 0));
            }
            paper.slips.last_mut().unwrap().2 += 1;
        }
        if self.fault(device, Some((job, BYTES)))? {
            return Ok(());
        }
        self.spool
            .ended(device, job.no, Outcome::Printed, self.now());
        Ok(())
    }

    /// Lets the cut come if it is time; gives whether the job at hand is over by it.
    fn fault(&mut self, device: &str, at: Option<(&Job, usize)>) -> Result<bool, HasCome> {
        if self.tick().is_ok() {
            return Ok(false);
        }
        match (self.cut, at) {
            (Cut::Process, _) => Err(HasCome),
            (Cut::Printer, Some((job, done))) => {
                let outcome = if done == 0 {
                    Outcome::Untouched
                } else {
                    Outcome::Interrupted
                };
                self.spool.ended(device, job.no, outcome, self.now());
                Ok(true)
            }
            (Cut::Paper, Some((job, done))) => {
                self.spool.prints(device, false, self.now());
                self.stopped_until = Some(self.mono_ms + 60_000);
                // All of it is in the printer; it comes out when there is paper again.
                let paper = self.paper.entry(device.to_owned()).or_default();
                if done == 0 {
                    paper.slips.push((job.no, job.copy, 0));
                }
                paper.slips.last_mut().unwrap().2 = BYTES;
                Ok(true)
            }
            (Cut::Printer | Cut::Paper, None) => Ok(false),
        }
    }

    fn check(&self, what: &str) {
        for no in 1..=3 {
            let slips: Vec<_> = self
                .paper
                .values()
                .flat_map(|paper| &paper.slips)
                .filter(|(of, ..)| *of == no)
                .collect();
            let whole = slips.iter().filter(|(.., bytes)| *bytes == BYTES).count();
            let unmarked = slips.iter().filter(|(_, copy, _)| !copy).count();
            assert!(whole >= 1, "{what}: {no} is lost: {slips:?}");
            assert!(unmarked <= 1, "{what}: {no} is there twice: {slips:?}");
        }
        for paper in self.paper.values() {
            let order: Vec<u64> = paper.slips.iter().map(|(no, ..)| *no).collect();
            assert!(order.is_sorted(), "{what}: {order:?}");
        }
    }
}

#[test]
fn wherever_it_is_cut_each_slip_is_there_once_or_marked_as_a_copy() {
    for cut in [Cut::Process, Cut::Printer, Cut::Paper] {
        let mut points = 0;
        loop {
            let mut world = World::new(cut, points);
            let came = world.run();
            world.check(&format!("{cut:?} after {points}"));
            if !came {
                break;
            }
            points += 1;
            assert!(points < 200, "the run never ends without a cut");
        }
        assert!(points > 3 * BYTES, "{cut:?}: only {points} points");
    }
}
