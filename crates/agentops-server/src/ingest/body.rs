//! The only reader of request bodies: bounded in size, in time and, over all requests, in memory.
//!
//! Memory is taken from one budget before it is used, both for what came and for what it
//! decompresses to, and given back when the request is answered. A request that finds the budget
//! empty is asked to come again.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use agentops_protocol::accept::Refusal;
use agentops_protocol::limits::BODY_BYTES;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use http::{HeaderMap, header};
use http_body_util::BodyExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::app::{App, BODY_UNIT};
use crate::error::ApiError;

/// A body is read away from the threads that serve connections above this size.
const LARGE: usize = 256 << 10;
/// What one step of decompression may yield.
const STEP: usize = 64 << 10;
/// The largest window of a zstd frame, 8 MiB: what every decoder is expected to support.
const ZSTD_WINDOW_LOG: u32 = 23;

/// A body, decompressed. Holds its share of the budget until dropped.
pub(crate) struct RequestBody {
    bytes: Bytes,
    _room: Room,
}

impl RequestBody {
    /// Hands the bytes to a reader; away from this thread where that may take long.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&[u8]) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, ApiError> {
        if self.bytes.len() <= LARGE {
            return Ok(read(&self.bytes)?);
        }
        let bytes = self.bytes.clone();
        let read = tokio::task::spawn_blocking(move || read(&bytes)).await;
        Ok(read.map_err(|error| ApiError::internal(&error))??)
    }
}

impl FromRequest<App> for RequestBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, ApiError> {
        let encoding = Encoding::of(request.headers())?;
        let mut room = Room::new(Arc::clone(app.bodies()));
        let bytes = collect(request, &mut room, app.limits().body_timeout).await?;
        if encoding == Encoding::Identity {
            return Ok(Self { bytes, _room: room });
        }
        let unpacked = tokio::task::spawn_blocking(move || {
            let unpacked = unpack(encoding, &bytes, &mut room)?;
            Ok::<_, ApiError>((Bytes::from(unpacked), room))
        });
        let (bytes, room) = unpacked
            .await
            .map_err(|error| ApiError::internal(&error))??;
        Ok(Self { bytes, _room: room })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    fn of(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut values = headers.get_all(header::CONTENT_ENCODING).iter();
        let Some(value) = values.next() else {
            return Ok(Self::Identity);
        };
        let name = value
            .to_str()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match name.as_str() {
            _ if values.next().is_some() => Err(ApiError::unknown_encoding()),
            "" | "identity" => Ok(Self::Identity),
            "gzip" | "x-gzip" => Ok(Self::Gzip),
            "zstd" => Ok(Self::Zstd),
            _ => Err(ApiError::unknown_encoding()),
        }
    }
}

/// A request's share of the budget for bodies.
struct Room {
    budget: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
    bytes: usize,
}

impl Room {
    fn new(budget: Arc<Semaphore>) -> Self {
        Self {
            budget,
            permit: None,
            bytes: 0,
        }
    }

    /// Room for so many bytes more.
    fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let before = self.bytes.div_ceil(BODY_UNIT);
        self.bytes += bytes;
        let more = self.bytes.div_ceil(BODY_UNIT) - before;
        let more = u32::try_from(more).map_err(|_| ApiError::too_large())?;
        if more == 0 {
            return Ok(());
        }
        let budget = Arc::clone(&self.budget);
        let taken = budget
            .try_acquire_many_owned(more)
            .map_err(|_| ApiError::no_room())?;
        match &mut self.permit {
            Some(permit) => permit.merge(taken),
            None => self.permit = Some(taken),
        }
        Ok(())
    }
}

async fn collect(request: Request, room: &mut Room, timeout: Duration) -> Result<Bytes, ApiError> {
    let announced = request.headers().get(header::CONTENT_LENGTH);
    let announced = announced.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > BODY_BYTES as u64) {
        return Err(ApiError::too_large());
    }
    let body = request.into_body();
    match tokio::time::timeout(timeout, gather(body, room)).await {
        Ok(read) => read,
        Err(_) => Err(ApiError::body_timeout()),
    }
}

async fn gather(mut body: Body, room: &mut Room) -> Result<Bytes, ApiError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError::bad_body(format!("the body ended before it was complete: {error}"))
        })?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > BODY_BYTES {
            return Err(ApiError::too_large());
        }
        room.grow(data.len())?;
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.into())
}

fn unpack(encoding: Encoding, packed: &[u8], room: &mut Room) -> Result<Vec<u8>, ApiError> {
    match encoding {
        Encoding::Identity => Ok(packed.to_vec()),
        Encoding::Gzip => drain(flate2::bufread::MultiGzDecoder::new(packed), room),
        Encoding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(broken)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(broken)?;
            drain(decoder, room)
        }
    }
}

/// Reads to the end, stopping at the limit.
fn drain(mut decoder: impl Read, room: &mut Room) -> Result<Vec<u8>, ApiError> {
    let mut unpacked = Vec::new();
    let mut step = vec![0; STEP];
    loop {
        let read = match decoder.read(&mut step) {
            Ok(0) => return Ok(unpacked),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(broken(error)),
        };
        if unpacked.len() + read > BODY_BYTES {
            return Err(ApiError::too_large());
        }
        room.grow(read)?;
        unpacked.extend_from_slice(&step[..read]);
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function value of map_err"
)]
fn broken(error: io::Error) -> ApiError {
    ApiError::bad_body(format!("the body cannot be decompressed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;
    use std::io::Write as _;

    fn room(units: usize) -> Room {
        Room::new(Arc::new(Semaphore::new(units)))
    }

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn both_compressions_come_back() {
        let text = b"{\"events\":[]}".repeat(10_000);
        let packed = gzip(&text);
        assert_eq!(
            unpack(Encoding::Gzip, &packed, &mut room(64)).unwrap(),
            text
        );
        let packed = zstd::encode_all(&text[..], 3).unwrap();
        assert_eq!(
            unpack(Encoding::Zstd, &packed, &mut room(64)).unwrap(),
            text
        );
    }

    #[test]
    fn a_bomb_stops_at_the_limit_and_at_the_budget() {
        let bomb = zstd::encode_all(io::repeat(b' ').take(BODY_BYTES as u64 + 1), 3).unwrap();
        assert!(bomb.len() < 100_000);
        let refused = unpack(Encoding::Zstd, &bomb, &mut room(1 << 20)).unwrap_err();
        assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
        let refused = unpack(Encoding::Zstd, &bomb, &mut room(4)).unwrap_err();
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    }

    #[test]
    fn what_is_no_archive_is_the_senders_fault() {
        let cut = gzip(&[7; 100_000]);
        for (encoding, packed) in [
            (Encoding::Gzip, &b"not gzip"[..]),
            (Encoding::Gzip, &cut[..cut.len() / 2]),
            (Encoding::Zstd, &b"not zstd"[..]),
        ] {
            let refused = unpack(encoding, packed, &mut room(64)).unwrap_err();
            assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn room_is_given_back() {
        let budget = Arc::new(Semaphore::new(2));
        let mut first = Room::new(Arc::clone(&budget));
        first.grow(BODY_UNIT).unwrap();
        first.grow(1).unwrap();
        assert!(Room::new(Arc::clone(&budget)).grow(1).is_err());
        drop(first);
        assert_eq!(budget.available_permits(), 2);
    }
}
