//! What the cloud's shells do in the product: giving what arrives to a replica, and its word back.

use cloud_sync::replica::{Given, Refusal};
use cloud_sync_wire::control::{Ask as Wish, Control};
use cloud_sync_wire::signed;

use super::broker::Down;
use super::checks::{Checked, Invariant, harness};
use super::cloud::{Doom, Place, serve};
use super::network::Way;
use super::sabotage::Sabotage;
use super::uplink::{Answer, Ask, Letter};
use super::world::{Due, World};

impl World {
    /// Something arrives at the cloud and is given to one of the replicas.
    pub(super) fn arrives(&mut self, letter: Letter) -> Checked {
        let living = self.cloud.replicas.iter().enumerate();
        let living = living.filter(|(_, place)| !matches!(place, Place::Dead));
        let living: Vec<usize> = living.map(|(at, _)| at).collect();
        let Some(chosen) = self.dice.pick(&living).copied() else {
            self.answer(&letter, Answer::Failing);
            return Ok(());
        };
        if let Some(Place::Frozen(_, waiting)) = self.cloud.replicas.get_mut(chosen) {
            waiting.push(letter);
            return Ok(());
        }
        self.served(chosen, letter)
    }

    /// A replica deals with something.
    pub(super) fn served(&mut self, chosen: usize, letter: Letter) -> Checked {
        let is_frame = matches!(letter.ask, Ask::Frame(_));
        let doom = self.cloud.doom.take_if(|_| is_frame);
        if doom == Some(Doom::BeforeCommit) {
            self.kill_replica(chosen);
            return Ok(());
        }
        if let Some(Doom::Within(operation)) = doom {
            self.cloud.disk.cut_at_operation(operation);
        }
        let undone = self.setup.sabotage == Some(Sabotage::AckBeforeCommit)
            && is_frame
            && self.dice.below(6) == 0;
        let before = undone.then(|| self.cloud.disk.snapshot());
        let Some(given) = self.given(chosen, &letter) else {
            return Ok(());
        };
        if self.cloud.disk.is_off() {
            self.says(|| format!("replica {chosen} dies in the midst of it"));
            return self.ledger_cut();
        }
        if matches!(doom, Some(Doom::Within(_))) {
            self.cloud.disk.heal();
        }
        if let Some(before) = before {
            self.cloud.replace(before, true, &mut self.memory)?;
        }
        self.cloud.catch_up(&mut self.memory)?;
        if self.cloud.disk.is_off() {
            return self.ledger_cut();
        }
        if matches!(letter.ask, Ask::Hello(_)) {
            self.cloud.learn_fences()?;
        }
        if doom == Some(Doom::AfterCommit) {
            self.says(|| format!("replica {chosen} dies before its ack"));
            self.kill_replica(chosen);
            return Ok(());
        }
        self.tell(chosen, &letter, given)
    }

    fn given(&mut self, chosen: usize, letter: &Letter) -> Option<Result<Given, Refusal>> {
        let Some(Place::Up(replica)) = self.cloud.replicas.get(chosen) else {
            return None;
        };
        let name = &self.nodes.get(letter.name)?.credential;
        let serving = serve(replica, name, letter.journal, letter.ask.clone());
        Some(self.runtime.block_on(serving))
    }

    /// What a replica made of something goes back.
    fn tell(&mut self, chosen: usize, letter: &Letter, given: Result<Given, Refusal>) -> Checked {
        let mut given = match given {
            Ok(given) => given,
            Err(refusal) => {
                let at = letter.from.0;
                self.says(|| format!("cloud to kiosk {at}: {refusal}"));
                match refusal {
                    Refusal::HelloFirst => {
                        self.ask_hello(chosen, letter)?;
                        self.answer(letter, Answer::HelloFirst);
                    }
                    Refusal::Bad(_) => self.answer(letter, Answer::BadFrame),
                    Refusal::Foreign => self.answer(letter, Answer::Refused),
                    Refusal::Failing(_) => self.answer(letter, Answer::Failing),
                }
                return Ok(());
            }
        };
        self.count(letter, &mut given)?;
        self.sabotage_ledger(chosen, &mut given)?;
        self.cloud.check(&given.ack)?;
        self.memory.acks(&given.ack)?;
        self.report.acks += 1;
        let (at, ack) = (letter.from.0, &given.ack);
        let told = (ack.ack_no, ack.watermark, ack.ranges.len(), ack.forked);
        self.says(|| format!("ack to kiosk {at}: {told:?}"));
        self.remember_ack(&given.signed);
        self.answer(letter, Answer::Ack(given.signed));
        Ok(())
    }

    /// Every event of a frame has exactly one outcome.
    fn count(&mut self, letter: &Letter, given: &mut Given) -> Checked {
        let Ask::Frame(bytes) = &letter.ask else {
            return Ok(());
        };
        if self.setup.sabotage == Some(Sabotage::DropQuietly) && self.dice.below(20) == 0 {
            given.outcomes.pop();
        }
        let frame = cloud_sync_wire::frame::decode(bytes).map_err(harness)?;
        let journal = frame.sender.journal;
        let key = self.nodes.iter().find_map(|node| {
            let on = node.on.as_ref()?;
            (on.journal.id() == journal).then(|| on.journal.key().public())
        });
        let Some(key) = key else {
            return Ok(());
        };
        let sent = frame.verify(&key).map_err(harness)?.len();
        let told = given.outcomes.len();
        Invariant::NoSilentDrop.holds(sent == told, || {
            format!("a frame of {sent} events has {told} outcomes")
        })?;
        let again = given.outcomes.iter().filter(|said| **said == "duplicate");
        self.report.duplicates += again.count() as u64;
        Ok(())
    }

    fn ask_hello(&mut self, chosen: usize, letter: &Letter) -> Checked {
        let Some(Place::Up(replica)) = self.cloud.replicas.get(chosen) else {
            return Ok(());
        };
        if letter.call.is_some() {
            return Ok(());
        }
        let control = Control {
            journal: letter.journal,
            ask: Wish::Hello,
            at: self.wall(letter.from.0),
        };
        let bytes = signed::sign(&control, replica.key()).map_err(harness)?;
        self.deliver(letter.from.0, Down::Control(bytes));
        Ok(())
    }

    /// Sends an answer back the way its question came.
    fn answer(&mut self, letter: &Letter, answer: Answer) {
        let (at, run) = letter.from;
        match (letter.call, answer) {
            (Some(id), answer) => {
                let line = self.nodes.get(at).map(|node| node.line).unwrap_or_default();
                if let Some(trip) = line.carry(Way::Down, &mut self.dice).first() {
                    self.after(*trip, Due::Answers((at, run), id, answer));
                }
            }
            (None, Answer::Ack(bytes)) => self.deliver(letter.name, Down::Ack(bytes)),
            (None, _) => {}
        }
    }
}
