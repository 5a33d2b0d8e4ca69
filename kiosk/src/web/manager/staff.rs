//! The staff: whose PINs open what, and who is signed in.

use askama::Template;
use fluent_bundle::FluentArgs;

use super::shell::Shell;
use super::store::Store;
use crate::journal::{PEOPLE_LIMIT, Person, PinOf, StaffRole};
use crate::web::sessions::{PIN_DIGITS, Session};
use crate::web::staff::{age, asset, clock_time, icon, local, span};
use crate::web::text::Language;

/// Everybody with a PIN and everybody who is signed in, at one moment.
pub(super) struct Roll {
    /// The roles whose shared PIN is set.
    pub(super) roles: Vec<StaffRole>,
    pub(super) people: Vec<Person>,
    /// Each with whether it is the one of whoever looks.
    pub(super) sessions: Vec<(Session, bool)>,
}

#[derive(Template)]
#[template(path = "manager/staff.html")]
struct Page<'a> {
    shell: Shell<'a>,
    rows: Vec<Row>,
    sessions: Vec<SignedIn>,
    others: bool,
    full: bool,
    digits: String,
}

/// A PIN.
struct Row {
    id: String,
    name: String,
    detail: String,
    role: &'static str,
    role_name: String,
    /// Whether the PIN is one person's.
    personal: bool,
    has_pin: bool,
}

struct SignedIn {
    name: String,
    detail: String,
    own: bool,
}

impl Store {
    pub(super) fn staff_page(
        &self,
        roll: &Roll,
        lang: Option<&str>,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "staff");
        let t = shell.frame.t;
        let roles = [StaffRole::Manager, StaffRole::Kitchen];
        let shared = roles.map(|role| shared(role, roll.roles.contains(&role), t));
        let own = roll.people.iter().map(|person| self.person(person, t));
        let signed_in = roll.sessions.iter();
        Page {
            rows: shared.into_iter().chain(own).collect(),
            sessions: signed_in
                .map(|(one, own)| self.session(one, *own, roll, t))
                .collect(),
            others: roll.sessions.iter().any(|(_, own)| !own),
            full: roll.people.len() >= PEOPLE_LIMIT,
            digits: PIN_DIGITS.to_string(),
            shell,
        }
        .render()
    }

    fn person(&self, person: &Person, t: &Language) -> Row {
        let since = local(person.since, &self.menu.time_zone);
        let since = since.strftime("%Y-%m-%d").to_string();
        Row {
            id: person.id.to_string(),
            name: person.name.clone(),
            detail: t.say_one("staff-since", "date", &since),
            role: person.role.as_str(),
            role_name: role_name(person.role, t),
            personal: true,
            has_pin: true,
        }
    }

    fn session(&self, session: &Session, own: bool, roll: &Roll, t: &Language) -> SignedIn {
        let who = &session.who;
        // A person's role may have changed since they signed in.
        let role = match who.pin_of() {
            PinOf::Person(id) => {
                let known = roll.people.iter().find(|person| person.id == id);
                known.map_or(who.role, |person| person.role)
            }
            PinOf::Role(role) => role,
        };
        let mut args = FluentArgs::new();
        args.set("time", clock_time(session.since, &self.menu.time_zone));
        args.set("span", span(t, age(session.since, self.now)));
        args.set("client", session.client.to_string());
        let name = match &who.name {
            Some(name) => format!("{name} · {}", role_name(role, t)),
            None => role_name(role, t),
        };
        SignedIn {
            name,
            detail: t.say_with("staff-signed-in", &args),
            own,
        }
    }
}

/// The PIN that everybody of a role shares.
fn shared(role: StaffRole, has_pin: bool, t: &Language) -> Row {
    let detail = if has_pin {
        "staff-shared"
    } else {
        "staff-no-pin"
    };
    Row {
        id: role.as_str().to_owned(),
        name: role_name(role, t),
        detail: t.say(detail),
        role: role.as_str(),
        role_name: role_name(role, t),
        personal: false,
        has_pin,
    }
}

pub(super) fn role_name(role: StaffRole, t: &Language) -> String {
    t.say(&format!("role-{}", role.as_str()))
}
