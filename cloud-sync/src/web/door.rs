//! The door: signing in and out with a form that needs no script.

use std::net::IpAddr;

use askama::Template;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};

use super::words::Words;
use super::{assets, rendered};
use crate::cloud::Cloud;
use crate::http::access::COOKIE;
use crate::http::input::{self, form};
use crate::http::problem::Problem;
use crate::http::sessions::{self, SignIn};
use crate::ledger::users;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Door<'a> {
    words: &'static Words,
    languages: &'static [Words],
    assets: &'static str,
    anybody: bool,
    name: &'a str,
    fault: Option<String>,
}

/// The form, perhaps with what went wrong.
pub(crate) fn closed(
    words: &'static Words,
    anybody: bool,
    name: &str,
    fault: Option<String>,
    status: StatusCode,
) -> Response {
    let page = Door {
        words,
        languages: Words::all(),
        assets: assets::version(),
        anybody,
        name,
        fault,
    };
    (status, rendered(&page)).into_response()
}

pub(crate) async fn sign_in(
    State(cloud): State<Cloud>,
    mut request: Request,
) -> Result<Response, Problem> {
    let client: IpAddr = sessions::peer(&mut request).await;
    let words = Words::for_request(request.headers());
    let body = input::body(request.into_body(), input::JSON_LIMIT).await?;
    let pairs = form(&String::from_utf8_lossy(&body));
    let field = |name: &str| {
        let pair = pairs.iter().find(|(key, _)| key == name);
        pair.map_or(String::new(), |(_, value)| value.clone())
    };
    let (name, password) = (field("name"), field("password"));
    let (fault, status) = match sessions::check(&cloud, client, &name, password).await? {
        SignIn::Right(user) => {
            let (_, session) = sessions::begun(&cloud, &user).await?;
            return Ok(([(header::SET_COOKIE, session)], Redirect::to("/")).into_response());
        }
        SignIn::Wrong => (words.t("wrong"), StatusCode::UNAUTHORIZED),
        SignIn::Wait(seconds) => (
            words.t1("wait", "seconds", seconds),
            StatusCode::TOO_MANY_REQUESTS,
        ),
    };
    let anybody = cloud.ledger.read(users::any).await?;
    Ok(closed(words, anybody, &name, Some(fault), status))
}

pub(crate) async fn sign_out(
    State(cloud): State<Cloud>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    sessions::forget(&cloud, &headers).await?;
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}
