use kiosk_core::event::{Event, SettingChanged};

use super::*;

impl Desk {
    async fn set(&self, name: &str, value: Option<&str>) -> Option<KeptSetting> {
        let change = SettingChanged {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            by: "Mei".to_owned(),
        };
        let stamp = self.stamp();
        let request = SettingRequest { stamp, change };
        self.journal.change_setting(request).await.unwrap()
    }

    async fn set_here(&self) -> Vec<(String, KeptSetting)> {
        self.journal.read(Reader::set_here).await.unwrap()
    }
}

#[tokio::test]
async fn what_is_set_is_an_event_and_stands_so_after_a_restart() {
    let mut desk = Desk::new();
    let kept = desk.set("late", Some("9")).await.unwrap();
    let events = desk.journal.events(1, 1, 1, 1_000).await.unwrap();
    let Fact::SettingChanged(change) = Event::decode(&events[0].bytes).unwrap().fact else {
        panic!("another event");
    };
    assert_eq!(
        (change.name.as_str(), change.value.as_deref()),
        ("late", Some("9"))
    );
    desk.reopen().await;
    assert_eq!(desk.set_here().await, [("late".to_owned(), kept)]);
    assert_eq!(desk.set("late", None).await, None);
    desk.reopen().await;
    assert_eq!(desk.set_here().await, []);
}

#[tokio::test]
async fn what_stands_so_already_makes_no_event() {
    let desk = Desk::new();
    let first = desk.set("late", Some("9")).await;
    assert_eq!(desk.set("late", Some("9")).await, first);
    assert_eq!(desk.set("early", None).await, None);
    assert_eq!(desk.journal.outbox().borrow().next_seq, 2);
}
