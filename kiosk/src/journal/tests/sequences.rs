//! Whatever is asked in whatever order: what the running journal tells is what the file holds.

use super::*;
use proptest::prelude::*;

#[derive(Debug, Clone)]
enum Step {
    Place { ramen: u32 },
    Repeat,
    Reuse,
    TooLarge,
    Act { order: usize, action: Action },
    Stock { left: Option<u32> },
    Day { close: bool },
    Later { hours: i64 },
    Ack { upto: u64, gap: u64 },
    Restore { upto: u64 },
    Prune,
    Together { steps: Vec<Step> },
}

fn step() -> impl Strategy<Value = Step> {
    let action = prop_oneof![
        Just(Action::Start),
        Just(Action::Ready),
        Just(Action::Collect),
        Just(Action::Void),
        Just(Action::Pay),
        Just(Action::Ask),
        Just(Action::Fail),
        Just(Action::Owe),
        Just(Action::Refund),
    ];
    let one = prop_oneof![
        8 => (0..4_u32).prop_map(|ramen| Step::Place { ramen }),
        1 => Just(Step::Repeat),
        1 => Just(Step::Reuse),
        1 => Just(Step::TooLarge),
        6 => (0..10_usize, action).prop_map(|(order, action)| Step::Act { order, action }),
        2 => prop::option::of(0..5_u32).prop_map(|left| Step::Stock { left }),
        2 => any::<bool>().prop_map(|close| Step::Day { close }),
        1 => (1..40_i64).prop_map(|hours| Step::Later { hours }),
        3 => (0..8_u64, 0..4_u64).prop_map(|(upto, gap)| Step::Ack { upto, gap }),
        1 => (0..20_u64).prop_map(|upto| Step::Restore { upto }),
        2 => Just(Step::Prune),
    ];
    let together = prop::collection::vec(one.clone(), 2..6);
    prop_oneof![4 => one, 1 => together.prop_map(|steps| Step::Together { steps })]
}

/// A desk and what has been asked of it so far.
struct Story {
    desk: Desk,
    placed: Vec<PlaceRequest>,
    acks: u64,
    lineage: u128,
}

impl Story {
    async fn run(&mut self, step: &Step) {
        match step {
            Step::Later { hours } => self.desk.at += hours * HOUR,
            Step::Ack { upto, gap } => self.ack(*upto, *gap).await,
            Step::Restore { upto } => {
                self.lineage += 1;
                self.acks = 0;
                let outbox = self.desk.outbox();
                let upto = (*upto)
                    .min(outbox.next_seq - 1)
                    .max(outbox.retained_from - 1);
                self.confirm(upto, &[]).await;
            }
            Step::Together { steps } => {
                let asked = futures(steps.iter().map(|step| self.ask(step)).collect());
                asked
                    .await
                    .into_iter()
                    .flatten()
                    .for_each(|order| self.placed.push(order));
            }
            step => {
                if let Some(order) = self.ask(step).await {
                    self.placed.push(order);
                }
            }
        }
    }

    /// Gives the request if it placed an order.
    fn ask(&self, step: &Step) -> impl Future<Output = Option<PlaceRequest>> + Send + 'static {
        let desk = &self.desk;
        let journal = desk.journal.clone();
        let request = match step {
            Step::Place { ramen: 0 } => Some(desk.order()),
            Step::Place { ramen } => Some(desk.ramen(*ramen, 6)),
            Step::Repeat => self.placed.last().cloned(),
            Step::Reuse => self.placed.last().map(|known| PlaceRequest {
                content: content_hash(b"other"),
                ..known.clone()
            }),
            Step::TooLarge => {
                let mut order = desk.order();
                order.quote.lines = vec![order.quote.lines[0].clone(); 400];
                Some(order)
            }
            _ => None,
        };
        let act = match step {
            Step::Act { order, action } => self.placed.get(*order).map(|placed| ActRequest {
                stamp: desk.stamp(),
                order: placed.id,
                action: *action,
                reason: None,
                by: None,
                tender: None,
                reference: None,
                refund: None,
            }),
            _ => None,
        };
        let stock = match step {
            Step::Stock { left } => Some(desk.left(*left)),
            _ => None,
        };
        let day = match step {
            Step::Day { close } => Some(desk.day(*close)),
            _ => None,
        };
        let prune = matches!(step, Step::Prune);
        async move {
            if let Some(request) = act {
                let _ = journal.act(request).await;
            }
            if let Some(request) = stock {
                journal.adjust_stock(request).await.unwrap();
            }
            if let Some(request) = day {
                let _ = journal.change_day(request).await;
            }
            if prune {
                journal.prune().await.unwrap();
            }
            let request = request?;
            let placed = journal.place(request.clone()).await;
            placed
                .is_ok_and(|placed| !placed.repeated)
                .then_some(request)
        }
    }

    async fn ack(&mut self, upto: u64, gap: u64) {
        let outbox = self.desk.outbox();
        let last = outbox.next_seq - 1;
        let from = outbox.watermark().max(outbox.retained_from - 1);
        let watermark = (from + upto).min(last);
        let beyond = watermark + gap;
        // What a ledger holds only grows.
        let mut held = outbox.confirmed;
        held.advance(watermark);
        if gap > 1 && beyond < last {
            held.insert(beyond, last);
        }
        self.confirm(held.watermark(), held.beyond()).await;
    }

    async fn confirm(&mut self, watermark: u64, ranges: &[(u64, u64)]) {
        self.acks += 1;
        let mut ack = self.desk.ack(self.acks, watermark, ranges).await;
        ack.generation = generation(self.lineage);
        if watermark + 1 == self.desk.outbox().retained_from {
            // The cloud remembers the hash that pruning took from the events.
            ack.chain = self.anchor_chain().await;
        }
        let outcome = self.desk.confirm(ack).await;
        assert!(
            matches!(
                outcome,
                Confirmed::Taken { .. } | Confirmed::NewGeneration { .. }
            ),
            "{outcome:?}"
        );
    }

    async fn anchor_chain(&self) -> Hash {
        let read = self.desk.journal.read(|reader| {
            let sql = "SELECT anchor_chain FROM head";
            Ok(reader
                .conn()
                .query_row(sql, [], |row| group::hash_column(row, 0))?)
        });
        read.await.unwrap()
    }

    async fn compare(&mut self) {
        self.desk.assert_whole();
        let told = |desk: &Desk| {
            let levels = desk.journal.levels().borrow().clone();
            let day = *desk.journal.day().borrow();
            (desk.outbox(), levels, day)
        };
        let running = told(&self.desk);
        self.desk.reopen().await;
        assert_eq!(running, told(&self.desk));
        let report = self.desk.check();
        assert_eq!(report.orders, self.placed.len() as u64);
    }
}

/// All of them at once, their answers in order.
async fn futures<T: Send + 'static>(all: Vec<impl Future<Output = T> + Send + 'static>) -> Vec<T> {
    let tasks: Vec<_> = all.into_iter().map(tokio::spawn).collect();
    let mut answers = Vec::new();
    for task in tasks {
        answers.push(task.await.unwrap());
    }
    answers
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_is_what_the_file_holds(steps in prop::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let desk = Desk::with(|settings| settings.retention_ms = 20 * HOUR);
            let mut story = Story { desk, placed: Vec::new(), acks: 0, lineage: 1 };
            for step in &steps {
                story.run(step).await;
            }
            story.compare().await;
        });
    }
}
