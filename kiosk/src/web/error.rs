//! What people and programs read when a request is refused: RFC 9457 problem documents.
//!
//! Written once, here. `type` is stable; `detail` says in plain words what to do.

use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kiosk_core::document::Fault;
use kiosk_core::order::{PaymentStatus, Status};
use kiosk_core::pricing::{Quote, Refusal};
use kiosk_core::stock::Shortage;
use serde_json::{Map, Value, json};

use super::api::quotes;
use crate::devices::drawer::Unopened;
use crate::devices::job::State as PrintState;
use crate::journal::{
    ActRefusal, DayRefusal, JournalError, PlaceRefusal, PrintRefusal, StaffRefusal,
};

/// How long a full disk may stay as it is before a retry has a chance: retention is looked after
/// every half minute.
const FULL_DISK_SECONDS: u64 = 30;
/// How long a failing disk, or a kiosk that starts anew, needs before it may answer again.
const FAILING_DISK_SECONDS: u64 = 2;

/// A refused request. Boxed: it travels in every `Result` of a handler, and refusals are rare.
#[derive(Debug, Clone)]
pub struct Problem {
    inner: Box<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    retry_after: Option<u64>,
    more: Map<String, Value>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: &str) -> Self {
        Self {
            inner: Box::new(Inner {
                status,
                kind,
                title,
                detail: detail.to_owned(),
                retry_after: None,
                more: Map::new(),
            }),
        }
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.inner.more.insert(key.to_owned(), value);
        self
    }

    fn retry_after(mut self, seconds: u64) -> Self {
        self.inner.retry_after = Some(seconds);
        self
    }

    /// The stable identity of this kind of refusal, such as `/problems/closed`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        self.inner.kind
    }

    /// The idempotency key is missing or no UUID.
    #[must_use]
    pub fn idempotency_key() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/idempotency-key",
            "An Idempotency-Key is needed",
            "Send a UUID in the header Idempotency-Key, made when the basket opens, and the same \
             one with every retry.",
        )
    }

    /// The body is not JSON.
    #[must_use]
    pub fn malformed(why: &str) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "/problems/malformed",
            "Not JSON",
            &format!("The body must be JSON in UTF-8: {why}."),
        )
    }

    /// The content breaks a rule.
    #[must_use]
    pub fn invalid(faults: &[Fault]) -> Self {
        let count = faults.len();
        let what = if count == 1 {
            "One field is"
        } else {
            "Several fields are"
        };
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/invalid",
            "Not valid",
            &format!("{what} not valid; correct what stands under errors and send it again."),
        )
        .with("errors", json!(faults))
    }

    /// One field breaks a rule.
    #[must_use]
    pub fn invalid_field(pointer: &str, detail: &str) -> Self {
        Self::invalid(&[Fault {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        }])
    }

    /// The key is bound to other content.
    #[must_use]
    pub fn key_reused() -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "/problems/key-reused",
            "Idempotency-Key was used for another order",
            "This key belongs to an order with other content. Make a new key for a new order.",
        )
    }

    fn menu_changed(faults: &[Fault]) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/menu-changed",
            "The menu has changed",
            "Something in this order is not on the menu any more. Load the menu again and choose anew.",
        )
        .with("errors", json!(faults))
    }

    /// It is on the menu, but not at this time: for a cart the same as gone, until its hours come.
    fn not_now(faults: &[Fault]) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/menu-changed",
            "Not served now",
            "Something in this order is served at other times only. Take out what stands under \
             errors and send it again.",
        )
        .with("errors", json!(faults))
        .with("not_now", json!(true))
    }

    /// Less is left than was ordered.
    #[must_use]
    pub fn sold_out(items: &[Shortage]) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/sold-out",
            "Sold out",
            "Less is left than was ordered. Take out what stands under items and send it again.",
        )
        .with("items", json!(items))
    }

    /// The cash drawer was wanted and did not open, nor will it later.
    #[must_use]
    pub fn drawer_unopened(why: Unopened) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/drawer-unopened",
            "The cash drawer did not open",
            "It, or the printer that it hangs on, does not answer. Look after it and try again, or \
             use the key; it will not open by itself later.",
        )
        .with("why", json!(why))
    }

    /// The total differs from what the diner saw.
    #[must_use]
    pub fn price_changed(quote: &Quote) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/price-changed",
            "The price has changed",
            "The total differs from the expected one. Show the new total and ask the diner again.",
        )
        .with("quote", quotes::shown(quote))
    }

    /// That way of paying is not to be had now.
    #[must_use]
    pub fn payment_unavailable(available: &[&str]) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/payment-unavailable",
            "That payment method is not available now",
            "Choose one of those under available.",
        )
        .with("available", json!(available))
    }

    /// The card terminal is at another order.
    #[must_use]
    pub fn terminal_busy(available: &[&str]) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/payment-unavailable",
            "The card terminal is busy",
            "Another order is being paid at it. Try again in a moment, or choose one of those under \
             available.",
        )
        .with("available", json!(available))
        .with("busy", json!(true))
    }

    /// The order's payment is nothing that the card terminal is at, or has to do with.
    #[must_use]
    pub fn payment_elsewhere(status: PaymentStatus) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/illegal-transition",
            "Not possible from here",
            &format!(
                "The order's payment is {}, and the card terminal is not at it; that can't be done \
                 with it now.",
                status.as_str()
            ),
        )
        .with("status", json!(status))
    }

    fn closed() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/closed",
            "Closed",
            "The business day is closed. Orders are taken again when the next day starts or the \
             manager opens it.",
        )
    }

    fn illegal_transition(status: Status) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/illegal-transition",
            "Not possible from here",
            &format!(
                "The order is {}; that can't be done with it now.",
                status.as_str()
            ),
        )
        .with("status", json!(status))
    }

    fn illegal_for_print(state: PrintState) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/illegal-transition",
            "Not possible from here",
            &format!(
                "The print job is {}; that can't be done with it now. A job that is printed can be \
                 printed again as a copy.",
                state.as_str()
            ),
        )
        .with("status", json!(state))
    }

    /// There is nothing to close.
    #[must_use]
    fn none_open() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/illegal-transition",
            "No business day is open",
            "There is no open day to close.",
        )
    }

    /// Not possible among this staff.
    fn staff(cause: &str, why: &str) -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "/problems/staff",
            "Not possible among this staff",
            why,
        )
        .with("cause", json!(cause))
    }

    /// The body is too long.
    #[must_use]
    pub fn too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "Too large",
            &format!("The body may have at most {limit} bytes. Make two smaller requests of it."),
        )
    }

    /// Too much for one event, which has to pass through frames and brokers whole.
    fn too_much() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "/problems/too-large",
            "Too large",
            "There is more in this order than can be kept in one. Shorten the notes, or make two \
             orders of it.",
        )
    }

    /// Too much at once.
    #[must_use]
    pub fn too_many_requests(after_seconds: u64, why: &str) -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "/problems/too-many-requests",
            "Too many requests",
            &format!("{why} Try again in {after_seconds} s."),
        )
        .retry_after(after_seconds)
    }

    /// The disk is full or fails; whether the write happened is not known.
    #[must_use]
    pub fn storage(error: &JournalError) -> Self {
        let (why, seconds) = match error {
            JournalError::TooLarge { .. } => return Self::too_much(),
            JournalError::DiskFull { .. } => ("The kiosk's disk is full.", FULL_DISK_SECONDS),
            JournalError::Stopping => ("The kiosk is stopping.", FAILING_DISK_SECONDS),
            JournalError::Storage(_) | JournalError::Damaged(_) | JournalError::Absent(_) => (
                "The kiosk's disk does not answer as it should.",
                FAILING_DISK_SECONDS,
            ),
        };
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "/problems/storage",
            "Not stored",
            &format!("{why} Try again with the same key; nothing will be charged twice."),
        )
        .retry_after(seconds)
    }

    /// Nobody is signed in.
    #[must_use]
    pub fn unauthorized(why: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "/problems/unauthorized",
            "Sign in first",
            why,
        )
    }

    /// Somebody else's function.
    #[must_use]
    pub fn forbidden(why: &str) -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "/problems/forbidden",
            "Not allowed",
            why,
        )
    }

    /// Nothing is here.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "/problems/not-found",
            "Not found",
            &format!("There is no such {what}."),
        )
    }

    /// The path is there, the method is not.
    #[must_use]
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "/problems/method-not-allowed",
            "Method not allowed",
            "This path does not know that method; the header Allow names those it knows.",
        )
    }

    /// A page could not be made.
    #[must_use]
    pub fn unavailable(why: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "/problems/unavailable",
            "Not available",
            why,
        )
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let problem = *self.inner;
        let mut body = Map::new();
        body.insert("type".to_owned(), json!(problem.kind));
        body.insert("title".to_owned(), json!(problem.title));
        body.insert("status".to_owned(), json!(problem.status.as_u16()));
        body.insert("detail".to_owned(), json!(problem.detail));
        body.extend(problem.more);
        let mut response = (problem.status, Value::Object(body).to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if let Some(seconds) = problem.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if problem.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<JournalError> for Problem {
    fn from(error: JournalError) -> Self {
        Self::storage(&error)
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Invalid(faults) => Self::invalid(&faults),
            Refusal::MenuChanged(faults) => Self::menu_changed(&faults),
            Refusal::NotNow(faults) => Self::not_now(&faults),
        }
    }
}

impl From<PlaceRefusal> for Problem {
    fn from(refusal: PlaceRefusal) -> Self {
        match refusal {
            PlaceRefusal::KeyReused => Self::key_reused(),
            PlaceRefusal::SoldOut(items) => Self::sold_out(&items),
            PlaceRefusal::Closed => Self::closed(),
            PlaceRefusal::Journal(error) => Self::storage(&error),
        }
    }
}

impl From<ActRefusal> for Problem {
    fn from(refusal: ActRefusal) -> Self {
        match refusal {
            ActRefusal::NotFound => Self::not_found("order"),
            ActRefusal::Illegal(status) => Self::illegal_transition(status),
            ActRefusal::Changed(status) => Self::illegal_transition(status),
            ActRefusal::Refund(error) => Self::invalid_field("/lines", &error.to_string()),
            ActRefusal::Journal(error) => Self::storage(&error),
        }
    }
}

impl From<PrintRefusal> for Problem {
    fn from(refusal: PrintRefusal) -> Self {
        match refusal {
            PrintRefusal::NotFound => Self::not_found("print job"),
            PrintRefusal::Illegal(illegal) => Self::illegal_for_print(illegal.0),
            PrintRefusal::Journal(error) => Self::storage(&error),
        }
    }
}

impl From<DayRefusal> for Problem {
    fn from(refusal: DayRefusal) -> Self {
        match refusal {
            DayRefusal::NoneOpen => Self::none_open(),
            DayRefusal::Journal(error) => Self::storage(&error),
        }
    }
}

impl From<StaffRefusal> for Problem {
    fn from(refusal: StaffRefusal) -> Self {
        match refusal {
            StaffRefusal::NotFound => Self::not_found("person"),
            StaffRefusal::NameTaken => {
                Self::invalid_field("/name", "is somebody's already; choose another")
            }
            StaffRefusal::TooMany => Self::staff(
                "too-many",
                "As many people have PINs as can be. Revoke the PIN of somebody who has left.",
            ),
            StaffRefusal::LastManager => Self::staff(
                "last-manager",
                "Nobody would be left who can sign in as manager. Give somebody else a manager's PIN \
                 first.",
            ),
            StaffRefusal::NotFirst => Self::staff(
                "not-first",
                "The manager has a PIN already. Sign in with it to change it.",
            ),
            StaffRefusal::Journal(error) => Self::storage(&error),
        }
    }
}
