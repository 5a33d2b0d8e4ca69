use kiosk_core::event::{Event, SwitchChanged};

use super::*;

impl Desk {
    pub(super) async fn turn(&self, state: &str, reason: &str) -> KeptSwitch {
        let change = SwitchChanged {
            name: "ordering_cloud".to_owned(),
            state: state.to_owned(),
            reason: reason.to_owned(),
            by: "manager".to_owned(),
            scope: None,
        };
        let stamp = self.stamp();
        let request = SwitchRequest { stamp, change };
        self.journal.turn_switch(request).await.unwrap()
    }

    pub(super) async fn switches(&self) -> Vec<KeptSwitch> {
        self.journal.read(Reader::switches).await.unwrap()
    }
}

#[tokio::test]
async fn a_turned_switch_is_an_event_and_stands_so_after_a_restart() {
    let mut desk = Desk::new();
    let kept = desk.turn("off", "stocktaking").await;
    let events = desk.journal.events(1, 1, 1, 1_000).await.unwrap();
    let event = Event::decode(&events[0].bytes).unwrap();
    assert_eq!(event.fact, Fact::SwitchChanged(kept.change.clone()));
    desk.reopen().await;
    assert_eq!(desk.switches().await, [kept]);
}

#[tokio::test]
async fn a_switch_that_stands_so_already_makes_no_event() {
    let desk = Desk::new();
    let first = desk.turn("off", "stocktaking").await;
    assert_eq!(desk.turn("off", "stocktaking").await, first);
    let other = desk.turn("off", "flood").await;
    assert_eq!((first.seq, other.seq), (1, 2));
    assert_eq!(desk.switches().await, [other]);
}
