//! The cloud's HTTP calls: one function per call, each giving an answer or the reason why not.

use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::notice::UNCONFIRMED_HEADER;
use cloud_sync_wire::signed::PAYLOAD_LIMIT;
use kiosk_core::ids::JournalId;
use kiosk_core::menu::DOCUMENT_LIMIT;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderValue, IF_NONE_MATCH, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use resilience::breaker::Outcome;

use self::faith::Faith;
use super::clerk::open_ack;
use super::endpoint::{self, BadEndpoint};
use super::tls;
use crate::downlink::notices::NOTICE_LIMIT;
use crate::protect::Verdict;

pub(super) mod faith;

/// A signed ack with its header and signature.
const ACK_LIMIT: usize = PAYLOAD_LIMIT + 1024;
/// A problem document is short.
const PROBLEM_LIMIT: usize = 16 * 1024;
/// When the cloud asks to be left alone without saying for how long, or in words we don't read.
const PAUSE: Duration = Duration::from_secs(5);
/// No pause is longer, whatever a proxy on the way says.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Shorter than any proxy's or NAT's patience.
const IDLE_CONNECTION: Duration = Duration::from_secs(50);

/// The cloud, as one kiosk reaches it over HTTP.
#[derive(Debug, Clone)]
pub struct Cloud {
    client: Client,
    kiosk: Url,
    menu: Url,
    token: HeaderValue,
    faith: Faith,
}

/// What the cloud says is durable, and the bytes that prove it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAck {
    /// What it says.
    pub ack: Ack,
    /// The signed bytes.
    pub bytes: Vec<u8>,
}

/// The cloud's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MenuAnswer {
    /// A document.
    Document {
        /// Its bytes.
        bytes: Vec<u8>,
        /// Its entity tag, as it came.
        etag: Option<String>,
    },
    /// The one whose tag was given.
    Unchanged,
    /// None has been published.
    None,
}

/// What headquarters says of switches or remote calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeAnswer {
    /// Signed bytes. Not verified.
    Bytes(Vec<u8>),
    /// The notice whose tag was given.
    Unchanged,
    /// This cloud has no such notices.
    None,
}

/// Why a call brought no answer that can be used.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody answered.
    #[error("can't be reached: {0}")]
    Unreachable(String),
    /// Nobody answered in time.
    #[error("no answer within {0:?}")]
    Timeout(Duration),
    /// A status that makes no sense here, 5xx above all.
    #[error("answered with status {0}")]
    Status(u16),
    /// A success whose body is not what it must be.
    #[error("answered with something else: {0}")]
    Nonsense(String),
    /// The cloud asks to be left alone for so long.
    #[error("overloaded, asks to wait {0:?}")]
    Overloaded(Duration),
    /// The credential is not accepted.
    #[error("credential refused with status {0}")]
    Refused(u16),
    /// It wants a hello first.
    #[error("the cloud wants a hello first")]
    HelloFirst,
    /// It can't use the frame as it is.
    #[error("the frame was refused with status {0}")]
    BadFrame(u16),
}

impl CallError {
    /// What it means for the cloud's breakers: its word on what was sent is no sign of its health;
    /// everything else but a proper answer or a request to wait is a failure.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::Is(match self {
            Self::Unreachable(_) | Self::Timeout(_) | Self::Status(_) | Self::Nonsense(_) => {
                Outcome::Fail
            }
            Self::Overloaded(wait) => return Verdict::Overloaded(*wait),
            Self::Refused(_) => Outcome::Ignored,
            Self::HelloFirst | Self::BadFrame(_) => Outcome::Ok,
        })
    }
}

/// Why there can be no cloud.
#[derive(Debug, thiserror::Error)]
pub enum BadCloud {
    /// Its URL can't be used.
    #[error(transparent)]
    Endpoint(#[from] BadEndpoint),
    /// The client can't be made.
    #[error("the HTTP client can't be made: {0}")]
    Client(String),
}

impl Cloud {
    /// The cloud that a credential names.
    ///
    /// # Errors
    /// [`BadCloud`] if its URL can't be used.
    pub fn new(credential: &Credential, insecure_plain: bool) -> Result<Self, BadCloud> {
        let base = endpoint::cloud(&credential.cloud, insecure_plain)?;
        let unusable = |error: &dyn std::error::Error| BadCloud::Client(error.to_string());
        let tls =
            tls::client(base.scheme() == "https", credential).map_err(|error| unusable(&error))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .pool_idle_timeout(IDLE_CONNECTION)
            .pool_max_idle_per_host(4)
            .user_agent(concat!("stillopen-kiosk/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| unusable(&error))?;
        let (store, kiosk) = (&credential.store, &credential.kiosk);
        let join = |path: String| base.join(&path).map_err(|error| unusable(&error));
        let bearer = format!("Bearer {}", credential.device_secret.access_token());
        let mut token = HeaderValue::from_str(&bearer).map_err(|error| unusable(&error))?;
        token.set_sensitive(true);
        Ok(Self {
            client,
            kiosk: join(format!("api/v1/kiosks/{store}/{kiosk}/"))?,
            menu: join(format!("api/v1/stores/{store}/menu"))?,
            token,
            faith: Faith::new(credential.cloud_key),
        })
    }

    /// Says hello.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn hello(
        &self,
        journal: JournalId,
        body: Vec<u8>,
        request: &str,
    ) -> Result<SignedAck, CallError> {
        let call = self.client.post(self.of_kiosk("hello")?).body(body);
        self.acked(journal, call, request).await
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn events(
        &self,
        journal: JournalId,
        frame: Vec<u8>,
        request: &str,
    ) -> Result<SignedAck, CallError> {
        let call = self.client.post(self.of_kiosk("events")?).body(frame);
        self.acked(journal, call, request).await
    }

    /// Asks what is durable, and says how many events are unconfirmed here.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn ack(
        &self,
        journal: JournalId,
        unconfirmed: u64,
        request: &str,
    ) -> Result<SignedAck, CallError> {
        let mut url = self.of_kiosk("ack")?;
        url.set_query(Some(&format!("journal={journal}")));
        let call = self.client.get(url).header(UNCONFIRMED_HEADER, unconfirmed);
        self.acked(journal, call, request).await
    }

    /// Fetches the store's menu unless it is the one of that tag.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn menu(&self, etag: Option<&str>, request: &str) -> Result<MenuAnswer, CallError> {
        let mut call = self.client.get(self.menu.clone());
        if let Some(etag) = etag {
            call = call.header(IF_NONE_MATCH, etag);
        }
        let response = self.send(call, request).await?;
        match response.status() {
            StatusCode::OK => {
                let etag = response.headers().get(ETAG);
                let etag = etag.and_then(|tag| tag.to_str().ok()).map(str::to_owned);
                let bytes = read(response, DOCUMENT_LIMIT).await?;
                Ok(MenuAnswer::Document { bytes, etag })
            }
            StatusCode::NOT_MODIFIED => Ok(MenuAnswer::Unchanged),
            StatusCode::NOT_FOUND => Ok(MenuAnswer::None),
            _ => Err(refusal(response).await),
        }
    }

    /// Fetches a notice unless it is the one of that tag: `switches` or `settings`.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn notice(
        &self,
        which: &str,
        etag: Option<&str>,
        request: &str,
    ) -> Result<NoticeAnswer, CallError> {
        let mut call = self.client.get(self.of_kiosk(which)?);
        if let Some(etag) = etag {
            call = call.header(IF_NONE_MATCH, etag);
        }
        let response = self.send(call, request).await?;
        match response.status() {
            StatusCode::OK => Ok(NoticeAnswer::Bytes(read(response, NOTICE_LIMIT).await?)),
            StatusCode::NOT_MODIFIED => Ok(NoticeAnswer::Unchanged),
            StatusCode::NOT_FOUND => Ok(NoticeAnswer::None),
            _ => Err(refusal(response).await),
        }
    }

    fn of_kiosk(&self, call: &str) -> Result<Url, CallError> {
        let joined = self.kiosk.join(call);
        joined.map_err(|error| CallError::Unreachable(error.to_string()))
    }

    async fn send(&self, call: RequestBuilder, request: &str) -> Result<Response, CallError> {
        let response = call
            .header(AUTHORIZATION, self.token.clone())
            .header("x-request-id", request)
            .send()
            .await;
        response.map_err(|error| CallError::Unreachable(causes(&error)))
    }

    async fn acked(
        &self,
        journal: JournalId,
        call: RequestBuilder,
        request: &str,
    ) -> Result<SignedAck, CallError> {
        let call = call.header(CONTENT_TYPE, "application/octet-stream");
        let response = self.send(call, request).await?;
        if response.status() != StatusCode::OK {
            return Err(refusal(response).await);
        }
        let bytes = read(response, ACK_LIMIT).await?;
        self.catch_up(&bytes).await;
        let opened = open_ack(&self.key(), journal, bytes);
        opened.map_err(|reason| CallError::Nonsense(reason.to_owned()))
    }
}

/// What a status other than success means.
async fn refusal(response: Response) -> CallError {
    let status = response.status();
    let pause = response.headers().get(RETRY_AFTER).map(retry_after);
    match (status, pause) {
        (StatusCode::TOO_MANY_REQUESTS, pause) => CallError::Overloaded(pause.unwrap_or(PAUSE)),
        (StatusCode::SERVICE_UNAVAILABLE, Some(pause)) => CallError::Overloaded(pause),
        (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, _) => {
            CallError::Refused(status.as_u16())
        }
        (StatusCode::PAYLOAD_TOO_LARGE | StatusCode::UNPROCESSABLE_ENTITY, _) => {
            CallError::BadFrame(status.as_u16())
        }
        (StatusCode::CONFLICT, _) => match read(response, PROBLEM_LIMIT).await {
            Ok(problem) if names(&problem, "/problems/unknown-journal") => CallError::HelloFirst,
            _ => CallError::Status(status.as_u16()),
        },
        _ => CallError::Status(status.as_u16()),
    }
}

fn names(problem: &[u8], kind: &str) -> bool {
    let document = serde_json::from_slice::<serde_json::Value>(problem).ok();
    document.is_some_and(|document| document.get("type").is_some_and(|found| found == kind))
}

fn retry_after(value: &HeaderValue) -> Duration {
    let seconds = value
        .to_str()
        .ok()
        .and_then(|text| text.trim().parse().ok());
    seconds
        .map_or(PAUSE, Duration::from_secs)
        .clamp(Duration::from_secs(1), PAUSE_MAX)
}

async fn read(mut response: Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if bytes.len() + chunk.len() <= limit => bytes.extend(chunk),
            Ok(Some(_)) => {
                let detail = format!("more than {limit} bytes");
                return Err(CallError::Nonsense(detail));
            }
            Ok(None) => return Ok(bytes),
            Err(error) => return Err(CallError::Unreachable(causes(&error))),
        }
    }
}

/// An error with what caused it: the client's own first line never says enough.
fn causes(error: &reqwest::Error) -> String {
    let mut text = String::from(if error.is_connect() {
        "no connection"
    } else {
        "call failed"
    });
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
