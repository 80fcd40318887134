//! Logging a browser in: a link that is good once and for minutes, made by who owns the data
//! directory, and then a cookie that the server knows by its hash alone.
//!
//! The link shows a button first: what looks at links before people do uses none up.

use std::fmt;

use agentops_protocol::{ProjectId, Timestamp};
use agentops_store::{Catalog, Grant, KeyHash, Purpose};
use http::header;
use http::request::Parts;

use super::open::is_open;
use crate::app::App;
use crate::error::ApiError;
use crate::secrets::{self, KeyError, hash};

/// How long a link is good.
const LINK_MICROS: i64 = 10 * 60 * 1_000_000;
/// How long a browser stays logged in.
const BROWSER_SECONDS: i64 = 7 * 24 * 60 * 60;
/// The cookie's name.
const COOKIE: &str = "agentops_login";
/// The longest text that is looked up.
const SECRET_BYTES: usize = 128;

/// The secret part of a login link. `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct LoginCode(String);

impl LoginCode {
    /// The code itself, for the one place that shows it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// The path of the link, to be put behind the server's address.
    #[must_use]
    pub fn path(&self) -> String {
        format!("/login?code={}", self.0)
    }
}

impl fmt::Debug for LoginCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LoginCode(…)")
    }
}

/// Makes a code that logs one browser in to the pages of a project, within ten minutes.
///
/// # Errors
/// An unknown project; a failing storage; a system without randomness.
pub fn create_login(
    catalog: &dyn Catalog,
    project: &ProjectId,
    now: Timestamp,
) -> Result<LoginCode, KeyError> {
    let code = fresh()?;
    let grant = Grant {
        purpose: Purpose::Link,
        project: project.clone(),
        expires: Timestamp::from_micros(now.as_micros() + LINK_MICROS),
    };
    let hash = kept(&secrets::for_keys(catalog)?, &code);
    catalog.add_grant(&hash, &grant, now)?;
    Ok(LoginCode(code))
}

fn fresh() -> Result<String, KeyError> {
    let halves = [secrets::random()?, secrets::random()?];
    Ok(halves.map(|half| half.simple().to_string()).concat())
}

/// API keys are hashed under the same secret: the word in front keeps the two apart.
fn kept(secret: &[u8; 32], text: &str) -> KeyHash {
    hash(secret, &format!("login:{text}"))
}

/// Uses a code up; the cookie to set, or `None` when the code is not good.
pub(crate) async fn redeem(app: &App, code: &str) -> Result<Option<String>, ApiError> {
    if code.is_empty() || code.len() > SECRET_BYTES {
        return Ok(None);
    }
    let (link, now) = (kept(&app.secrets().keys, code), app.now());
    let cookie = fresh().map_err(|error| ApiError::internal(&error))?;
    let browser = kept(&app.secrets().keys, &cookie);
    let taken = app.read(move |store| {
        let Some(grant) = store.grant(&link)? else {
            return Ok::<_, ApiError>(false);
        };
        if grant.purpose != Purpose::Link || grant.expires < now || !store.remove_grant(&link)? {
            return Ok(false);
        }
        let expires = now.as_micros() + BROWSER_SECONDS * 1_000_000;
        let grant = Grant {
            purpose: Purpose::Browser,
            expires: Timestamp::from_micros(expires),
            ..grant
        };
        store.add_grant(&browser, &grant, now)?;
        Ok(true)
    });
    Ok(taken
        .await?
        .then(|| set_cookie(app, &cookie, BROWSER_SECONDS)))
}

/// Ends the login of who asks; the cookie to set.
pub(crate) async fn log_out(app: &App, parts: &Parts) -> Result<String, ApiError> {
    if let Some(cookie) = cookie(parts) {
        let browser = kept(&app.secrets().keys, cookie);
        app.read(move |store| store.remove_grant(&browser)).await?;
    }
    Ok(set_cookie(app, "", 0))
}

fn set_cookie(app: &App, value: &str, seconds: i64) -> String {
    let public = app.public_url();
    let secure = public.map_or(app.scheme() == "https", |url| url.starts_with("https:"));
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

/// The project whose pages the sender may see: that of the login, else the local one for who sits
/// at this machine.
pub(crate) async fn viewer(app: &App, parts: &Parts) -> Result<Option<ProjectId>, ApiError> {
    if let Some(project) = logged_in(app, parts).await? {
        return Ok(Some(project));
    }
    Ok(is_open(app, parts).then(|| app.default_project().clone()))
}

/// The project of a page of ours that asks the API for something to show. A login's cookie is not
/// sent by pages of others; who needs none must be told by the browser to be a page of ours.
pub(crate) async fn page_of_ours(app: &App, parts: &Parts) -> Result<Option<ProjectId>, ApiError> {
    if !parts.method.is_safe() {
        return Ok(None);
    }
    if let Some(project) = logged_in(app, parts).await? {
        return Ok(Some(project));
    }
    let site = parts.headers.get("sec-fetch-site");
    let ours = site.is_some_and(|site| site == "same-origin") && is_open(app, parts);
    Ok(ours.then(|| app.default_project().clone()))
}

async fn logged_in(app: &App, parts: &Parts) -> Result<Option<ProjectId>, ApiError> {
    let Some(cookie) = cookie(parts) else {
        return Ok(None);
    };
    let (hash, now) = (kept(&app.secrets().keys, cookie), app.now());
    let grant = app.read(move |store| store.grant(&hash)).await?;
    let good = grant.filter(|grant| grant.purpose == Purpose::Browser && now <= grant.expires);
    Ok(good.map(|grant| grant.project))
}

fn cookie(parts: &Parts) -> Option<&str> {
    let headers = parts.headers.get_all(header::COOKIE).iter();
    let texts = headers.filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE && !value.is_empty() && value.len() <= SECRET_BYTES).then_some(value)
    })
}
