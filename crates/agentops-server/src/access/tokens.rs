//! Session tokens: JWT, HS256, good for one session and 24 hours.
//!
//! A token dies with the key it was issued for. One issued in open mode names no key and is taken
//! only from open requests, as the key was.

use agentops_protocol::{ProjectId, SessionId, Timestamp};
use axum::extract::FromRequestParts;
use http::header;
use http::request::Parts;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::keys::KeyHolder;
use super::open::is_open;
use crate::app::App;
use crate::error::ApiError;
use crate::secrets::TOKENS as KID;

/// How long a token is good.
const SECONDS: i64 = 24 * 60 * 60;
/// The longest text that is read as a token.
const TOKEN_BYTES: usize = 4_096;

#[derive(Serialize, Deserialize)]
struct Claims {
    session_id: SessionId,
    exp: i64,
    project_id: ProjectId,
    key_id: Option<String>,
}

/// A token of `session` for the holder of a key.
pub(crate) fn issue_token(
    app: &App,
    holder: &KeyHolder,
    session: &SessionId,
) -> Result<String, ApiError> {
    let claims = Claims {
        session_id: session.clone(),
        exp: seconds(app.now()) + SECONDS,
        project_id: holder.project.clone(),
        key_id: holder.key_id.clone(),
    };
    let mut header = Header::new(Algorithm::HS256);
    header.kid = Some(KID.to_owned());
    let key = EncodingKey::from_secret(&app.secrets().tokens);
    jsonwebtoken::encode(&header, &claims, &key).map_err(|error| ApiError::internal(&error))
}

fn seconds(at: Timestamp) -> i64 {
    at.as_micros().div_euclid(1_000_000)
}

/// What a token says, if it is ours and its time is not over at `now`.
fn read(secret: &[u8; 32], token: &str, now: Timestamp) -> Option<Claims> {
    if token.len() > TOKEN_BYTES {
        return None;
    }
    let mut validation = Validation::new(Algorithm::HS256);
    // The server's clock decides, and to the second: checked below.
    validation.validate_exp = false;
    validation.required_spec_claims.clear();
    let key = DecodingKey::from_secret(secret);
    let token = jsonwebtoken::decode::<Claims>(token, &key, &validation).ok()?;
    let ours = token.header.kid.as_deref() == Some(KID);
    (ours && seconds(now) < token.claims.exp).then_some(token.claims)
}

/// The sender of a request with a session token.
#[derive(Debug)]
pub(crate) struct TokenHolder {
    /// The session's project.
    pub(crate) project: ProjectId,
    /// The session: the one of the token, whatever the body says.
    pub(crate) session: SessionId,
}

impl TokenHolder {
    /// Both, as a write wants them.
    pub(crate) fn target(self) -> (ProjectId, SessionId) {
        (self.project, self.session)
    }
}

impl FromRequestParts<App> for TokenHolder {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let claims = bearer(parts).and_then(|token| read(&app.secrets().tokens, token, app.now()));
        let claims = claims.ok_or_else(ApiError::invalid_token)?;
        let good = match claims.key_id {
            None => is_open(app, parts),
            Some(id) => {
                let key = app.read(move |store| store.key(&id)).await?;
                key.is_some_and(|key| key.revoked.is_none() && key.project == claims.project_id)
            }
        };
        if !good {
            return Err(ApiError::invalid_token());
        }
        Ok(Self {
            project: claims.project_id,
            session: claims.session_id,
        })
    }
}

fn bearer(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET_BYTES: [u8; 32] = [7; 32];

    fn claims(exp: i64) -> Claims {
        Claims {
            session_id: "s".parse().unwrap(),
            exp,
            project_id: "p".parse().unwrap(),
            key_id: None,
        }
    }

    fn signed(algorithm: Algorithm, kid: Option<&str>, secret: &[u8], exp: i64) -> String {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_owned);
        jsonwebtoken::encode(&header, &claims(exp), &EncodingKey::from_secret(secret)).unwrap()
    }

    fn accepted(token: &str) -> bool {
        read(&SECRET_BYTES, token, Timestamp::from_micros(1_000_000_000)).is_some()
    }

    #[test]
    fn only_our_own_living_hs256_tokens_are_taken() {
        let good = signed(Algorithm::HS256, Some(KID), &SECRET_BYTES, 1_001);
        assert!(accepted(&good));
        let over = signed(Algorithm::HS256, Some(KID), &SECRET_BYTES, 1_000);
        assert!(!accepted(&over), "its time is over at exp");
        assert!(!accepted(&signed(
            Algorithm::HS256,
            Some(KID),
            &[8; 32],
            1_001
        )));
        assert!(!accepted(&signed(
            Algorithm::HS512,
            Some(KID),
            &SECRET_BYTES,
            1_001
        )));
        assert!(!accepted(&signed(
            Algorithm::HS256,
            None,
            &SECRET_BYTES,
            1_001
        )));
        // {"alg":"none","typ":"JWT","kid":"tokens-1"} with the claims of the good one.
        let payload = good.split('.').nth(1).unwrap();
        for signature in ["", good.rsplit('.').next().unwrap()] {
            let none = format!(
                "eyJhbGciOiJub25lIiwidHlwIjoiSldUIiwia2lkIjoidG9rZW5zLTEifQ.{payload}.{signature}"
            );
            assert!(!accepted(&none));
        }
        for text in ["", ".", "a.b.c", &"x".repeat(10_000)] {
            assert!(!accepted(text));
        }
    }
}
