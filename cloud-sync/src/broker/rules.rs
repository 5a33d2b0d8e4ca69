//! What each client of a broker may do, as a list. The embedded broker decides by it, and files for
//! other brokers are written from it, so that there is one source for both.

use super::Identity;

/// What a grant allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Publishing to the topics that the filter matches.
    Publish,
    /// Receiving what is published there.
    Receive,
}

/// One thing that a client may do; what no grant names is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// What.
    pub act: Act,
    /// Where: a topic, or a filter in which `+` stands for the id of a store or kiosk.
    pub filter: String,
}

/// Everything that `identity` may do.
pub fn grants(identity: &Identity) -> Vec<Grant> {
    let (publishes, receives) = match identity {
        Identity::Kiosk { store, kiosk } => {
            let own = format!("so1/{store}/{kiosk}");
            (
                ["up/events", "up/hello", "status"]
                    .map(|topic| format!("{own}/{topic}"))
                    .to_vec(),
                vec![
                    format!("{own}/down/#"),
                    format!("so1/{store}/config/#"),
                    "so1/fleet/config/#".to_owned(),
                ],
            )
        }
        Identity::Service => (
            vec!["so1/+/+/down/#".to_owned(), "so1/+/config/#".to_owned()],
            vec!["so1/#".to_owned()],
        ),
    };
    let of = |act| move |filter| Grant { act, filter };
    let publishes = publishes.into_iter().map(of(Act::Publish));
    publishes
        .chain(receives.into_iter().map(of(Act::Receive)))
        .collect()
}

/// One fact about the rules, to be checked at every broker that is to obey them.
#[derive(Debug, Clone, Copy)]
pub struct Case {
    /// Who: `store/kiosk`, or none for a part of the cloud.
    pub who: Option<&'static str>,
    /// What it tries.
    pub act: Act,
    /// Where.
    pub topic: &'static str,
    /// Whether it gets its way.
    pub allowed: bool,
}

const fn case(who: Option<&'static str>, act: Act, topic: &'static str, allowed: bool) -> Case {
    Case {
        who,
        act,
        topic,
        allowed,
    }
}

const A: Option<&str> = Some("canal-street/a");

/// The rules by example. Kiosks `canal-street/a`, `canal-street/b` and `harbour/a` are enrolled.
pub const CASES: &[Case] = &[
    case(A, Act::Publish, "so1/canal-street/a/up/events", true),
    case(A, Act::Publish, "so1/canal-street/a/up/hello", true),
    case(A, Act::Publish, "so1/canal-street/a/status", true),
    case(A, Act::Publish, "so1/canal-street/b/up/events", false),
    case(A, Act::Publish, "so1/canal-street/b/up/hello", false),
    case(A, Act::Publish, "so1/canal-street/b/status", false),
    case(A, Act::Publish, "so1/harbour/a/up/events", false),
    case(A, Act::Publish, "so1/canal-street/a/down/ack", false),
    case(A, Act::Publish, "so1/canal-street/b/down/ack", false),
    case(A, Act::Publish, "so1/canal-street/b/down/control", false),
    case(A, Act::Publish, "so1/canal-street/config/menu", false),
    case(A, Act::Publish, "so1/canal-street/config/broker", false),
    case(A, Act::Publish, "so1/fleet/config/keys", false),
    case(A, Act::Publish, "so1/canal-street/a/up/events/x", false),
    case(A, Act::Publish, "so1/canal-street/a/up", false),
    case(A, Act::Publish, "so2/canal-street/a/up/events", false),
    case(A, Act::Publish, "elsewhere", false),
    case(A, Act::Receive, "so1/canal-street/a/down/ack", true),
    case(A, Act::Receive, "so1/canal-street/a/down/control", true),
    case(A, Act::Receive, "so1/canal-street/config/menu", true),
    case(A, Act::Receive, "so1/canal-street/config/broker", true),
    case(A, Act::Receive, "so1/fleet/config/keys", true),
    case(A, Act::Receive, "so1/canal-street/b/down/ack", false),
    case(A, Act::Receive, "so1/canal-street/b/down/control", false),
    case(A, Act::Receive, "so1/harbour/config/menu", false),
    case(A, Act::Receive, "so1/harbour/a/down/ack", false),
    case(None, Act::Publish, "so1/canal-street/a/down/ack", true),
    case(None, Act::Publish, "so1/harbour/a/down/control", true),
    case(None, Act::Publish, "so1/canal-street/config/menu", true),
    case(None, Act::Publish, "so1/fleet/config/keys", true),
    case(None, Act::Publish, "so1/canal-street/a/up/events", false),
    case(None, Act::Publish, "so1/canal-street/a/status", false),
    case(None, Act::Publish, "elsewhere", false),
];
