//! How long a chunk is on its way, with and without the layer, in turns.

use std::time::Instant;

use agentops::{Client, Config, Durability, SessionOptions};
use serde::Serialize;

use super::quantile;
use super::stream::{Sends, ask, client, serve};

/// Chunks of one stream.
const CHUNKS: u32 = 500;

/// Microseconds from the writing of a chunk to its reading.
#[derive(Debug, Serialize)]
pub(crate) struct Delay {
    bare_median: f64,
    bare_p99: f64,
    layer_median: f64,
    layer_p99: f64,
}

impl Delay {
    pub(crate) fn added_median(&self) -> f64 {
        self.layer_median - self.bare_median
    }

    pub(crate) fn added_p99(&self) -> f64 {
        self.layer_p99 - self.bare_p99
    }
}

pub(crate) fn measure(rounds: usize) -> anyhow::Result<Delay> {
    let start = Instant::now();
    let url = serve(Sends::Times(start, CHUNKS))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let session = Client::new(Config::new().durability(Durability::Memory))
        .start_session(SessionOptions::new());
    let client = client()?;
    let (mut bare, mut layer) = (Vec::new(), Vec::new());
    for round in 0..2 * rounds {
        let layered = round % 2 == 1;
        let delays = if layered { &mut layer } else { &mut bare };
        runtime.block_on(session.scope(async {
            let mut response = ask(&client, &url, layered).await?;
            while let Some(chunk) = response.chunk().await? {
                let now = start.elapsed().as_nanos() as f64;
                for written in times(&chunk) {
                    delays.push((now - written) / 1_000.0);
                }
            }
            anyhow::Ok(())
        }))?;
    }
    anyhow::ensure!(
        bare.len() == layer.len() && bare.len() == rounds * CHUNKS as usize,
        "chunks are missing"
    );
    Ok(Delay {
        bare_median: quantile(&mut bare, 0.5),
        bare_p99: quantile(&mut bare, 0.99),
        layer_median: quantile(&mut layer, 0.5),
        layer_p99: quantile(&mut layer, 0.99),
    })
}

/// The times in a chunk; a busy machine puts several events into one.
fn times(chunk: &[u8]) -> Vec<f64> {
    let text = String::from_utf8_lossy(chunk);
    let contents = text.split("\"content\":\"").skip(1);
    contents
        .filter_map(|rest| rest.split('"').next()?.parse().ok())
        .collect()
}
