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
/// To how many projects one browser is logged in at once.
const LOGINS: usize = 8;
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

/// Uses a code up; the cookie to set, or `None` when the code is not good. What the browser is
/// logged in to already it stays logged in to.
pub(crate) async fn redeem(
    app: &App,
    parts: &Parts,
    code: &str,
) -> Result<Option<String>, ApiError> {
    if code.is_empty() || code.len() > SECRET_BYTES {
        return Ok(None);
    }
    let (link, now) = (kept(&app.secrets().keys, code), app.now());
    let taken = app.read(move |store| {
        let Some(grant) = store.grant(&link)? else {
            return Ok::<_, ApiError>(None);
        };
        if grant.purpose != Purpose::Link || grant.expires < now || !store.remove_grant(&link)? {
            return Ok(None);
        }
        Ok(Some(grant.project))
    });
    match taken.await? {
        Some(project) => admit(app, parts, vec![project]).await.map(Some),
        None => Ok(None),
    }
}

/// Logs a browser in to projects, of which it looks at the first; the cookie to set.
pub(crate) async fn admit(
    app: &App,
    parts: &Parts,
    projects: Vec<ProjectId>,
) -> Result<String, ApiError> {
    let (now, key) = (app.now(), app.secrets().keys);
    let expires = Timestamp::from_micros(now.as_micros() + BROWSER_SECONDS * 1_000_000);
    let known = logins(app, parts).await?;
    let admitted = app.read(move |store| {
        let mut secrets = Vec::new();
        for project in &projects {
            let secret = fresh().map_err(|error| ApiError::internal(&error))?;
            let grant = Grant {
                purpose: Purpose::Browser,
                project: project.clone(),
                expires,
            };
            store.add_grant(&kept(&key, &secret), &grant, now)?;
            secrets.push(secret);
        }
        let others = known.into_iter();
        let others = others.filter(|login| !projects.contains(&login.project));
        secrets.extend(others.map(|login| login.secret));
        secrets.truncate(LOGINS);
        Ok::<_, ApiError>(secrets)
    });
    Ok(set_cookie(app, &admitted.await?.join("."), BROWSER_SECONDS))
}

/// Makes another project that the browser is logged in to the one it looks at; the cookie to set,
/// or `None` when it is not logged in to that.
pub(crate) async fn switch(
    app: &App,
    parts: &Parts,
    project: &ProjectId,
) -> Result<Option<String>, ApiError> {
    let mut logins = logins(app, parts).await?;
    let Some(at) = logins.iter().position(|login| login.project == *project) else {
        return Ok(None);
    };
    logins[..=at].rotate_right(1);
    let secrets: Vec<String> = logins.into_iter().map(|login| login.secret).collect();
    Ok(Some(set_cookie(app, &secrets.join("."), BROWSER_SECONDS)))
}

/// The projects that the browser is logged in to, the one it looks at first.
pub(crate) async fn admitted(app: &App, parts: &Parts) -> Result<Vec<ProjectId>, ApiError> {
    let logins = logins(app, parts).await?;
    Ok(logins.into_iter().map(|login| login.project).collect())
}

/// Ends the logins of who asks; the cookie to set.
pub(crate) async fn log_out(app: &App, parts: &Parts) -> Result<String, ApiError> {
    for secret in secrets_in(parts) {
        let browser = kept(&app.secrets().keys, secret);
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
    let mut logins = logins(app, parts).await?.into_iter();
    Ok(logins.next().map(|login| login.project))
}

/// A browser's right to one project, with the secret that it has for it.
struct Login {
    secret: String,
    project: ProjectId,
}

/// What the sender is logged in to, in the order of its cookie.
async fn logins(app: &App, parts: &Parts) -> Result<Vec<Login>, ApiError> {
    let key = app.secrets().keys;
    let secrets: Vec<String> = secrets_in(parts).map(str::to_owned).collect();
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let now = app.now();
    app.read(move |store| {
        let mut logins = Vec::new();
        for secret in secrets {
            let grant = store.grant(&kept(&key, &secret))?;
            let good = |grant: &Grant| grant.purpose == Purpose::Browser && now <= grant.expires;
            if let Some(grant) = grant.filter(good) {
                let project = grant.project;
                logins.push(Login { secret, project });
            }
        }
        Ok::<_, ApiError>(logins)
    })
    .await
}

/// The secrets of the cookie, one for each project.
fn secrets_in(parts: &Parts) -> impl Iterator<Item = &str> {
    let cookie = cookie(parts).unwrap_or_default();
    let secrets = cookie.split('.').filter(|secret| !secret.is_empty());
    secrets.take(LOGINS)
}

fn cookie(parts: &Parts) -> Option<&str> {
    let headers = parts.headers.get_all(header::COOKIE).iter();
    let texts = headers.filter_map(|value| value.to_str().ok());
    let mut pairs = texts.flat_map(|text| text.split(';'));
    pairs.find_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        let fits = !value.is_empty() && value.len() <= (SECRET_BYTES + 1) * LOGINS;
        (name == COOKIE && fits).then_some(value)
    })
}
