//! The writer's requests, and how each gets its answer.

use std::sync::Arc;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::Hash;
use kiosk_core::cash::Drawer;
use kiosk_core::event::Fact;
use kiosk_core::order::Order;
use kiosk_core::stock::Level;
use rusqlite::Connection;
use tokio::sync::oneshot;
use uuid::Uuid;

use super::draft::Draft;
use super::error::Refusal;
use super::group::Group;
use super::place::known;
use super::{
    ActRefusal, ActRequest, CashRequest, Confirmed, DayClosed, DayRefusal, DayRequest,
    JournalError, KeptSetting, KeptSwitch, NoticeRequest, PlaceRefusal, Placed, PrintRefusal,
    PrintRequest, SettingRequest, StaffRefusal, StaffRequest, Stamp, StockRequest, SwitchRequest,
};

use crate::devices::job::Job as PrintJob;

type Reply<T> = oneshot::Sender<T>;

/// A request and where its answer goes.
pub(super) enum Job {
    Place(Box<Draft>, Reply<Result<Placed, PlaceRefusal>>),
    Act(ActRequest, Reply<Result<Arc<Order>, ActRefusal>>),
    Stock(StockRequest, Reply<Result<Level, JournalError>>),
    Day(DayRequest, Reply<Result<DayClosed, DayRefusal>>),
    Cash(CashRequest, Reply<Result<Drawer, DayRefusal>>),
    Note(Stamp, Fact, Reply<Result<(), JournalError>>),
    Confirm(Box<(Ack, Vec<u8>)>, Reply<Result<Confirmed, JournalError>>),
    Probe(Reply<Result<(), JournalError>>),
    Prune(Reply<Result<u64, JournalError>>),
    Staff(Box<StaffRequest>, Reply<Result<(), StaffRefusal>>),
    Print(Box<PrintRequest>, Reply<Result<PrintJob, PrintRefusal>>),
    Switch(Box<SwitchRequest>, Reply<Result<KeptSwitch, JournalError>>),
    Notice(Box<NoticeRequest>, Reply<Result<(), JournalError>>),
    Setting(
        Box<SettingRequest>,
        Reply<Result<Option<KeptSetting>, JournalError>>,
    ),
    Keep(String, Option<String>, Reply<Result<(), JournalError>>),
    Stop(Reply<()>),
}

/// What became of the transaction.
pub(super) enum Verdict<'a> {
    /// All of it is on the disk.
    Committed,
    /// None of it is, and the file says what became of each order before.
    Undone(&'a Connection, JournalError),
    /// Nothing can be said; asking again with the same key is safe.
    Unknown(JournalError),
}

/// An answer that waits for the commit.
pub(super) type Answer = Box<dyn FnOnce(&Verdict<'_>) + Send>;

/// What a request gave, and the error if it ends the whole transaction.
pub(super) type Ran = (Answer, Option<JournalError>);

/// Runs one request. `full` has the free bytes when they are below the reserve.
pub(super) fn run(group: &mut Group<'_>, job: Job, full: Option<u64>) -> Ran {
    match job {
        Job::Place(request, reply) => {
            let (key, content) = (request.key, request.content);
            let result = match full {
                Some(free) => group.only_known(key, content, free),
                None => group.place(*request),
            };
            let ends = ends(&result);
            (place_answer(key, content, result, reply), ends)
        }
        Job::Act(request, reply) => ran(group.in_savepoint(|group| group.act(request)), reply),
        Job::Stock(request, reply) => ran(group.in_savepoint(|group| group.adjust(request)), reply),
        Job::Day(request, reply) => {
            ran(group.in_savepoint(|group| group.change_day(request)), reply)
        }
        Job::Cash(request, reply) => {
            ran(group.in_savepoint(|group| group.count_cash(request)), reply)
        }
        Job::Note(stamp, fact, reply) => ran(
            group.in_savepoint(|group| group.append(stamp, None, fact).map(drop)),
            reply,
        ),
        Job::Confirm(ack, reply) => ran(
            group.in_savepoint(|group| group.confirm(&ack.0, &ack.1)),
            reply,
        ),
        Job::Probe(reply) => ran(group.in_savepoint(|group| group.probe()), reply),
        Job::Prune(reply) => ran(group.in_savepoint(Group::prune), reply),
        Job::Staff(request, reply) => ran(
            group.in_savepoint(|group| group.change_staff(*request)),
            reply,
        ),
        Job::Print(request, reply) => ran(group.in_savepoint(|group| group.print(*request)), reply),
        Job::Notice(request, reply) => ran(
            group.in_savepoint(|group| group.keep_notice(*request)),
            reply,
        ),
        Job::Switch(request, reply) => ran(
            group.in_savepoint(|group| group.turn_switch(*request)),
            reply,
        ),
        Job::Setting(request, reply) => ran(
            group.in_savepoint(|group| group.change_setting(*request)),
            reply,
        ),
        Job::Keep(name, value, reply) => ran(
            group.in_savepoint(|group| group.keep(&name, value.as_deref())),
            reply,
        ),
        Job::Stop(reply) => stopped(reply),
    }
}

/// The answer for a request that was never begun.
pub(super) fn refuse(job: Job, error: JournalError) -> Answer {
    match job {
        Job::Place(request, reply) => {
            let refusal = Err(PlaceRefusal::Journal(error));
            place_answer(request.key, request.content, refusal, reply)
        }
        Job::Act(_, reply) => ran(Err(ActRefusal::Journal(error)), reply).0,
        Job::Stock(_, reply) => ran(Err(error), reply).0,
        Job::Day(_, reply) => ran(Err(DayRefusal::Journal(error)), reply).0,
        Job::Cash(_, reply) => ran(Err(DayRefusal::Journal(error)), reply).0,
        Job::Note(_, _, reply) | Job::Keep(_, _, reply) => ran(Err(error), reply).0,
        Job::Staff(_, reply) => ran(Err(StaffRefusal::Journal(error)), reply).0,
        Job::Confirm(_, reply) => ran(Err(error), reply).0,
        Job::Probe(reply) => ran(Err(error), reply).0,
        Job::Prune(reply) => ran(Err(error), reply).0,
        Job::Print(_, reply) => ran(Err(PrintRefusal::Journal(error)), reply).0,
        Job::Switch(_, reply) => ran(Err(error), reply).0,
        Job::Setting(_, reply) => ran(Err(error), reply).0,
        Job::Notice(_, reply) => ran(Err(error), reply).0,
        Job::Stop(reply) => stopped(reply).0,
    }
}

fn stopped(reply: Reply<()>) -> Ran {
    let answer = move |_: &Verdict<'_>| {
        let _ = reply.send(());
    };
    (Box::new(answer), None)
}

fn ends<T, E: Refusal>(result: &Result<T, E>) -> Option<JournalError> {
    result.as_ref().err()?.ends_transaction().cloned()
}

/// An answer that holds if the transaction does.
fn ran<T: Send + 'static, E: Refusal>(result: Result<T, E>, reply: Reply<Result<T, E>>) -> Ran {
    let ends = ends(&result);
    let answer = move |verdict: &Verdict<'_>| {
        let result = match verdict {
            Verdict::Committed => result,
            Verdict::Undone(_, error) | Verdict::Unknown(error) => Err(E::from(error.clone())),
        };
        // Whoever asked may have gone; what was done is done.
        let _ = reply.send(result);
    };
    (Box::new(answer), ends)
}

/// The answer to a diner: if the transaction doesn't hold, it is what the file says of the key.
fn place_answer(
    key: Uuid,
    content: Hash,
    result: Result<Placed, PlaceRefusal>,
    reply: Reply<Result<Placed, PlaceRefusal>>,
) -> Answer {
    Box::new(move |verdict| {
        let result = match verdict {
            Verdict::Committed => result,
            Verdict::Undone(conn, error) => match known(conn, key, content) {
                Ok(Some(placed)) => Ok(placed),
                Ok(None) => Err(PlaceRefusal::Journal(error.clone())),
                Err(refusal) => Err(refusal),
            },
            Verdict::Unknown(error) => Err(PlaceRefusal::Journal(error.clone())),
        };
        let _ = reply.send(result);
    })
}
