//! Print jobs commit with the event they belong to.

use super::*;
use crate::devices::job::{Job, Kind, Since, State, Step, Why};
use crate::devices::routing::{Route, Routing};

fn routing() -> Routing {
    let route = |device: &str, receipts, stations: &[&str]| Route {
        device: device.to_owned(),
        receipts,
        stations: stations.iter().map(|&name| name.to_owned()).collect(),
    };
    Routing {
        routes: vec![route("counter", true, &[]), route("kitchen", false, &["*"])],
        kitchen_language: Some("zh-Hans".to_owned()),
    }
}

fn desk() -> Desk {
    Desk::with(|settings| settings.routing = Arc::new(routing()))
}

fn now(desk: &Desk) -> Since {
    desk.stamp().since(desk.settings.boot)
}

async fn jobs(desk: &Desk) -> Vec<Job> {
    let filter = PrintFilter {
        limit: 100,
        ..PrintFilter::default()
    };
    let mut jobs = desk
        .journal
        .read(move |reader| reader.prints(&filter))
        .await
        .unwrap();
    jobs.reverse();
    jobs
}

async fn step(desk: &Desk, job: &Job, step: Step) -> Result<Job, PrintRefusal> {
    let wish = PrintWish::Step(job.id, step);
    let now = now(desk);
    desk.journal.print(PrintRequest { now, wish }).await
}

fn told(jobs: &[Job]) -> Vec<(Kind, State, bool)> {
    jobs.iter()
        .map(|job| (job.kind, job.state, job.copy))
        .collect()
}

#[tokio::test]
async fn an_order_and_its_jobs_commit_together_and_a_retry_makes_none() {
    let desk = desk();
    let request = desk.order();
    let placed = desk.journal.place(request.clone()).await.unwrap();
    let again = desk.journal.place(request).await.unwrap();
    assert!(again.repeated);
    let jobs = jobs(&desk).await;
    assert_eq!(
        told(&jobs),
        [
            (Kind::Ticket, State::Queued, false),
            (Kind::Receipt, State::Queued, false)
        ]
    );
    assert_eq!(jobs[0].language, "zh-Hans", "the kitchen's");
    assert_eq!(jobs[1].language, "en", "the diner's");
    assert_eq!(jobs[0].order, Some(placed.order.id));
    assert_eq!(jobs[0].number.as_deref(), Some("A001"));
    assert_eq!(*desk.journal.prints().borrow(), 1);
}

#[tokio::test]
async fn an_order_that_is_refused_prints_nothing() {
    let desk = desk();
    desk.journal.place(desk.ramen(1, 1)).await.unwrap();
    desk.journal.place(desk.ramen(1, 1)).await.unwrap_err();
    assert_eq!(jobs(&desk).await.len(), 2);
}

#[tokio::test]
async fn jobs_survive_the_process_and_are_open_again() {
    let mut desk = desk();
    desk.place().await;
    let begun = step(
        &desk,
        &jobs(&desk).await[0],
        Step::Begin("kitchen".to_owned()),
    )
    .await;
    let begun = begun.unwrap();
    desk.reopen().await;
    let open = desk
        .journal
        .read(|reader| reader.open_prints())
        .await
        .unwrap();
    assert_eq!(open[0], begun);
    assert_eq!(open.len(), 2);
}

#[tokio::test]
async fn a_step_that_the_table_forbids_changes_nothing() {
    let desk = desk();
    desk.place().await;
    let job = jobs(&desk).await.remove(0);
    let refused = step(&desk, &job, Step::Untouched).await.unwrap_err();
    assert!(matches!(refused, PrintRefusal::Illegal(illegal) if illegal.0 == State::Queued));
    assert_eq!(jobs(&desk).await[0], job);
    let nobody = Job {
        id: crate::devices::job::PrintId(Uuid::nil()),
        ..job
    };
    let refused = step(&desk, &nobody, Step::Printed).await.unwrap_err();
    assert_eq!(refused, PrintRefusal::NotFound);
}

#[tokio::test]
async fn a_void_cancels_a_ticket_that_waits_and_keeps_the_receipt() {
    let desk = desk();
    let placed = desk.place().await;
    desk.act(placed.order.id, Action::Void).await.unwrap();
    let jobs = jobs(&desk).await;
    assert_eq!(
        told(&jobs),
        [
            (Kind::Ticket, State::Cancelled, false),
            (Kind::Receipt, State::Queued, false)
        ]
    );
    assert_eq!(jobs[0].why, Some(Why::Voided));
}

#[tokio::test]
async fn a_void_tells_the_station_that_has_the_ticket_once() {
    let desk = desk();
    let placed = desk.place().await;
    let ticket = jobs(&desk).await.remove(0);
    step(&desk, &ticket, Step::Begin("fallback".to_owned()))
        .await
        .unwrap();
    step(&desk, &ticket, Step::Printed).await.unwrap();
    let wish = PrintWish::Copy(ticket.id, None);
    let now = now(&desk);
    let copy = desk
        .journal
        .print(PrintRequest { now, wish })
        .await
        .unwrap();
    assert!(copy.copy);
    desk.act(placed.order.id, Action::Void).await.unwrap();
    let jobs = jobs(&desk).await;
    let voids: Vec<&Job> = jobs
        .iter()
        .filter(|job| job.kind == Kind::VoidTicket)
        .collect();
    let places: Vec<&str> = voids.iter().map(|void| void.device.as_str()).collect();
    assert_eq!(places, ["fallback"], "where the ticket came out");
    assert_eq!(jobs[2].state, State::Cancelled, "the copy that waited");
}

#[tokio::test]
async fn a_void_tells_every_printer_that_may_have_the_ticket() {
    let desk = desk();
    let placed = desk.place().await;
    let ticket = jobs(&desk).await.remove(0);
    let begin = |device: &str| Step::Begin(device.to_owned());
    step(&desk, &ticket, begin("kitchen")).await.unwrap();
    let lost = Step::Interrupted(Why::Interrupted);
    step(&desk, &ticket, lost).await.unwrap();
    step(&desk, &ticket, begin("fallback")).await.unwrap();
    step(&desk, &ticket, Step::Printed).await.unwrap();
    desk.act(placed.order.id, Action::Void).await.unwrap();
    let jobs = jobs(&desk).await;
    let voids = jobs.iter().filter(|job| job.kind == Kind::VoidTicket);
    let places: Vec<&str> = voids.map(|void| void.device.as_str()).collect();
    assert_eq!(places, ["kitchen", "fallback"]);
}

#[tokio::test]
async fn a_ticket_that_was_under_way_at_the_void_is_not_printed_after_it() {
    for lost in [
        Step::Untouched,
        Step::Interrupted(Why::Interrupted),
        Step::Hold(Why::TooOld),
    ] {
        let desk = desk();
        let placed = desk.place().await;
        let ticket = jobs(&desk).await.remove(0);
        let begin = Step::Begin("kitchen".to_owned());
        step(&desk, &ticket, begin).await.unwrap();
        desk.act(placed.order.id, Action::Void).await.unwrap();
        let after = step(&desk, &ticket, lost).await.unwrap();
        assert_eq!(
            (after.state, after.why),
            (State::Cancelled, Some(Why::Voided))
        );
        let released = step(&desk, &ticket, Step::Release(None)).await;
        assert!(released.is_err(), "{released:?}");
        let jobs = jobs(&desk).await;
        let voids = jobs.iter().filter(|job| job.kind == Kind::VoidTicket);
        assert_eq!(voids.count(), 1);
    }
}

#[tokio::test]
async fn without_printers_an_order_makes_no_jobs() {
    let desk = Desk::new();
    desk.place().await;
    assert_eq!(jobs(&desk).await, []);
    assert_eq!(*desk.journal.prints().borrow(), 0);
}

#[tokio::test]
async fn lists_are_newest_first_by_state_and_page_by_page() {
    let desk = desk();
    desk.place().await;
    desk.place().await;
    let all = jobs(&desk).await;
    step(&desk, &all[1], Step::Hold(Why::TooOld)).await.unwrap();
    let list = |states: &[State], before, limit| {
        let filter = PrintFilter {
            states: states.to_vec(),
            before,
            limit,
        };
        let journal = desk.journal.clone();
        async move {
            let jobs = journal
                .read(move |reader| reader.prints(&filter))
                .await
                .unwrap();
            jobs.iter().map(|job| job.no).collect::<Vec<_>>()
        }
    };
    assert_eq!(list(&[], None, 2).await, [4, 3]);
    assert_eq!(list(&[], Some(3), 2).await, [2, 1]);
    assert_eq!(list(&[State::Held], None, 9).await, [2]);
    assert_eq!(
        list(&[State::Held, State::Queued], None, 9).await,
        [4, 3, 2, 1]
    );
    let stuck = desk.journal.read(|reader| reader.stuck_prints()).await;
    assert_eq!(stuck, Ok(1));
}
