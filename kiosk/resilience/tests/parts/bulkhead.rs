use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use resilience::bulkhead::{Bulkhead, Place, Settings, Waiting};

use crate::secs;

#[derive(Default)]
struct Bell(AtomicUsize);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn bulkhead(calls: u32, waiting: u32) -> Bulkhead {
    Bulkhead::new(Settings { calls, waiting }).expect("at least one place")
}

fn poll(waiting: &mut Waiting, bell: &Arc<Bell>) -> Option<Place> {
    let waker = Waker::from(Arc::clone(bell));
    match pin!(waiting).poll(&mut Context::from_waker(&waker)) {
        Poll::Ready(place) => Some(place),
        Poll::Pending => None,
    }
}

fn full(bulkhead: &Bulkhead) -> (u32, u32) {
    let seen = bulkhead.snapshot();
    (seen.in_use, seen.waiting)
}

#[test]
fn so_many_enter_and_no_more() {
    let bulkhead = bulkhead(3, 0);
    let inside: Vec<_> = (0..3).map(|_| bulkhead.try_acquire().unwrap()).collect();
    assert!(bulkhead.try_acquire().is_err() && bulkhead.acquire().is_err());
    assert_eq!(bulkhead.snapshot().refused, 2);
    drop(inside);
    assert_eq!(full(&bulkhead), (0, 0));
}

#[test]
fn without_places_there_is_no_bulkhead() {
    assert!(
        Bulkhead::new(Settings {
            calls: 0,
            waiting: 5
        })
        .is_err()
    );
    let bulkhead = bulkhead(1, 0);
    assert!(
        bulkhead
            .retune(Settings {
                calls: 0,
                waiting: 0
            })
            .is_err()
    );
    assert!(bulkhead.try_acquire().is_ok());
}

#[test]
fn waiters_are_served_in_order_and_nobody_overtakes_them() {
    let (bulkhead, bell) = (bulkhead(1, 2), Arc::new(Bell::default()));
    let inside = bulkhead.try_acquire().unwrap();
    let (mut first, mut second) = (bulkhead.acquire().unwrap(), bulkhead.acquire().unwrap());
    assert!(bulkhead.acquire().is_err(), "the queue is full");
    assert!(poll(&mut second, &bell).is_none() && poll(&mut first, &bell).is_none());
    drop(inside);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1, "one place, one woken");
    assert!(
        bulkhead.try_acquire().is_err(),
        "the place belongs to the first in the queue"
    );
    assert!(poll(&mut second, &bell).is_none());
    let place = poll(&mut first, &bell).expect("its turn");
    drop(place);
    assert!(poll(&mut second, &bell).is_some());
    assert_eq!(full(&bulkhead), (0, 0));
}

#[test]
fn a_waiter_that_gives_up_passes_its_place_on() {
    let (bulkhead, bell) = (bulkhead(1, 3), Arc::new(Bell::default()));
    let inside = bulkhead.try_acquire().unwrap();
    let (first, second) = (bulkhead.acquire().unwrap(), bulkhead.acquire().unwrap());
    let mut third = bulkhead.acquire().unwrap();
    assert!(poll(&mut third, &bell).is_none());
    drop(second);
    assert_eq!(full(&bulkhead), (1, 2));
    drop(inside);
    drop(first);
    assert_eq!(bell.0.load(Ordering::SeqCst), 1);
    assert!(poll(&mut third, &bell).is_some());
    assert_eq!(full(&bulkhead), (0, 0));
}

#[test]
fn more_places_are_handed_out_at_once_fewer_as_they_come_back() {
    let (bulkhead, bell) = (bulkhead(1, 5), Arc::new(Bell::default()));
    let inside = bulkhead.try_acquire().unwrap();
    let mut waiting: Vec<_> = (0..4).map(|_| bulkhead.acquire().unwrap()).collect();
    for waiter in &mut waiting {
        assert!(poll(waiter, &bell).is_none());
    }
    bulkhead
        .retune(Settings {
            calls: 3,
            waiting: 0,
        })
        .unwrap();
    assert_eq!(bell.0.load(Ordering::SeqCst), 2);
    let more: Vec<_> = waiting
        .drain(..2)
        .map(|w| w.try_now().expect("granted"))
        .collect();
    assert_eq!(full(&bulkhead), (3, 2), "those in the queue stay in it");
    assert!(bulkhead.acquire().is_err());
    bulkhead
        .retune(Settings {
            calls: 1,
            waiting: 0,
        })
        .unwrap();
    drop(more);
    assert_eq!(
        full(&bulkhead),
        (1, 2),
        "no place until there is room again"
    );
    drop(inside);
    assert_eq!(full(&bulkhead), (1, 1));
    drop(waiting);
    assert_eq!(full(&bulkhead), (0, 0));
}

#[test]
fn under_many_threads_there_are_never_more_inside_than_places() {
    let bulkhead = bulkhead(3, 0);
    let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..2_000 {
                    let Ok(_place) = bulkhead.try_acquire() else {
                        continue;
                    };
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    inside.fetch_sub(1, Ordering::SeqCst);
                }
            });
        }
    });
    assert!(most.into_inner() <= 3);
    assert_eq!(full(&bulkhead), (0, 0));
}

/// A waker that owns a place, as one of a task that was given it does.
struct Holds(#[expect(dead_code, reason = "it is owned, not used")] Place);

impl Wake for Holds {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn a_waker_that_owns_a_place_can_be_replaced() {
    let (done, replaced) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let bulkhead = bulkhead(2, 2);
        let (owned, _kept) = (
            bulkhead.try_acquire().unwrap(),
            bulkhead.try_acquire().unwrap(),
        );
        let mut waiting = bulkhead.acquire().unwrap();
        let holder = Waker::from(Arc::new(Holds(owned)));
        let first = pin!(&mut waiting).poll(&mut Context::from_waker(&holder));
        assert!(first.is_pending());
        drop(holder);
        let bell = Arc::default();
        assert!(poll(&mut waiting, &bell).is_none());
        let served = poll(&mut waiting, &bell).is_some();
        done.send((served, bell.0.load(Ordering::SeqCst))).unwrap();
    });
    assert_eq!(
        replaced.recv_timeout(secs(30)),
        Ok((true, 1)),
        "the place of the old waker comes free and the new one is told"
    );
}
