//! Which printers get what of an order: the diner's receipt, and each station's lines.

use kiosk_core::cart::Method;
use kiosk_core::order::{Order, PaymentStatus};

use super::job::{Draft, Job, Kind};

/// What a printer is for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Route {
    /// The printer.
    pub device: String,
    /// Whether diners' receipts come out of it.
    pub receipts: bool,
    /// The stations whose tickets come out of it; `*` stands for those that no printer names, and for
    /// lines of no station.
    pub stations: Vec<String>,
}

/// The printers in the order of the configuration; the first one that fits is taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Routing {
    /// What each printer is for.
    pub routes: Vec<Route>,
    /// The kitchen's language; none for the diner's.
    pub kitchen_language: Option<String>,
}

/// Stands for every station that no printer names.
pub const OTHERS: &str = "*";

impl Routing {
    /// Whether nothing is ever printed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }

    /// The jobs of an order that has just been placed: tickets first, because the kitchen waits.
    #[must_use]
    pub fn placed(&self, order: &Order) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::new();
        for (index, line) in (0..).zip(&order.lines) {
            let station = line.station.as_deref();
            let Some(device) = self.kitchen(station) else {
                continue;
            };
            let same =
                |draft: &&mut Draft| draft.device == device && draft.station.as_deref() == station;
            match drafts.iter_mut().find(same) {
                Some(draft) => draft.lines.push(index),
                None => drafts.push(Draft {
                    kind: Kind::Ticket,
                    station: station.map(str::to_owned),
                    language: self.kitchen_language.clone(),
                    device: device.to_owned(),
                    lines: vec![index],
                    copy: false,
                }),
            }
        }
        // A receipt says how the money came: it waits for a card that is under way.
        let by_card = order.payment.method == Method::Card;
        if !by_card || order.payment.status != PaymentStatus::Pending {
            drafts.extend(self.receipt());
        }
        drafts
    }

    /// What the diner takes along.
    #[must_use]
    pub fn receipt(&self) -> Option<Draft> {
        let route = self.routes.iter().find(|route| route.receipts)?;
        Some(Draft {
            kind: Kind::Receipt,
            station: None,
            language: None,
            device: route.device.clone(),
            lines: Vec::new(),
            copy: false,
        })
    }

    /// The printer of a station.
    fn kitchen(&self, station: Option<&str>) -> Option<&str> {
        let names = |name: &str| {
            let mut routes = self.routes.iter();
            routes.find(|route| route.stations.iter().any(|named| named == name))
        };
        let own = station.and_then(names);
        own.or_else(|| names(OTHERS))
            .map(|route| route.device.as_str())
    }
}

/// The tickets that make another one void: one for each printer that has it, or may have.
#[must_use]
pub fn voids_of(ticket: &Job) -> Vec<Draft> {
    let void = |device: &str| Draft {
        kind: Kind::VoidTicket,
        station: ticket.station.clone(),
        language: Some(ticket.language.clone()),
        device: device.to_owned(),
        lines: ticket.lines.clone(),
        copy: false,
    };
    ticket.places().into_iter().map(void).collect()
}

/// The same once more, on paper as a copy.
#[must_use]
pub fn copy_of(job: &Job, device: Option<String>) -> Draft {
    Draft {
        kind: job.kind,
        station: job.station.clone(),
        language: Some(job.language.clone()),
        device: device.unwrap_or_else(|| job.device.clone()),
        lines: job.lines.clone(),
        copy: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(stations: &[Option<&str>]) -> Order {
        let lines: Vec<serde_json::Value> = stations
            .iter()
            .map(|station| {
                serde_json::json!({
                    "item": "x", "name": {"en": "X"}, "quantity": 1, "unit_price": 1, "total": 1,
                    "tax_rate": "0", "tax": 0, "station": station,
                })
            })
            .collect();
        serde_json::from_value(serde_json::json!({
            "id": uuid::Uuid::from_u128(1), "number": "A001", "business_date": "2026-11-20",
            "placed_at": "2026-11-20T12:00:00.000Z", "status": "placed", "version": 1,
            "service": "eat_in", "language": "en", "currency": "USD", "menu_version": "m",
            "lines": lines, "subtotal": 1, "tax": 0, "total": 1,
            "payment": {"method": "counter", "status": "due"},
        }))
        .unwrap()
    }

    fn route(device: &str, receipts: bool, stations: &[&str]) -> Route {
        Route {
            device: device.to_owned(),
            receipts,
            stations: stations.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn told(drafts: &[Draft]) -> Vec<(&str, Kind, &[u32])> {
        drafts
            .iter()
            .map(|draft| (draft.device.as_str(), draft.kind, draft.lines.as_slice()))
            .collect()
    }

    #[test]
    fn each_station_gets_its_lines_and_the_diner_one_receipt() {
        let routing = Routing {
            routes: vec![
                route("counter", true, &["drinks"]),
                route("kitchen", true, &["noodle", OTHERS]),
            ],
            kitchen_language: Some("zh-Hans".to_owned()),
        };
        let order = order(&[
            Some("noodle"),
            Some("drinks"),
            Some("noodle"),
            Some("fry"),
            None,
        ]);
        let drafts = routing.placed(&order);
        assert_eq!(
            told(&drafts),
            [
                ("kitchen", Kind::Ticket, [0, 2].as_slice()),
                ("counter", Kind::Ticket, &[1]),
                ("kitchen", Kind::Ticket, &[3]),
                ("kitchen", Kind::Ticket, &[4]),
                ("counter", Kind::Receipt, &[]),
            ]
        );
        let languages: Vec<_> = drafts
            .iter()
            .map(|draft| draft.language.as_deref())
            .collect();
        assert_eq!(languages[0], Some("zh-Hans"));
        assert_eq!(languages[4], None, "the diner's own");
    }

    #[test]
    fn a_station_without_a_printer_has_only_its_screen() {
        let routing = Routing {
            routes: vec![route("counter", true, &[])],
            kitchen_language: None,
        };
        let drafts = routing.placed(&order(&[Some("noodle"), None]));
        assert_eq!(told(&drafts), [("counter", Kind::Receipt, [].as_slice())]);
        assert_eq!(Routing::default().placed(&order(&[None])), []);
    }
}
