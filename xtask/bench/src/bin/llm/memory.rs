//! What a stream of 50 MB needs at most, with and without the layer: a process each.

use std::process::Command;

use agentops::{Client, Config, Durability, SessionOptions};
use agentops_bench::memory::peak;
use anyhow::{Context as _, ensure};
use serde::Serialize;

use super::quantile;
use super::stream::{Sends, ask, client, serve};

const BYTES: u64 = 50_000_000;

/// Most megabytes in memory.
#[derive(Debug, Serialize)]
pub(crate) struct Memory {
    bare: f64,
    layer: f64,
}

impl Memory {
    pub(crate) fn added(&self) -> f64 {
        self.layer - self.bare
    }
}

pub(crate) fn measure(rounds: usize) -> anyhow::Result<Memory> {
    let url = serve(Sends::Bytes(BYTES))?;
    let (mut bare, mut layer) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        bare.push(of("bare", &url)?);
        layer.push(of("layer", &url)?);
    }
    Ok(Memory {
        bare: quantile(&mut bare, 0.5),
        layer: quantile(&mut layer, 0.5),
    })
}

fn of(by: &str, url: &str) -> anyhow::Result<f64> {
    let output = Command::new(std::env::current_exe()?)
        .args(["--child", by, url])
        .output()?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim()
        .parse()
        .context("the child says a number")
}

/// The process that reads the stream, in a session in both cases: what that needs is not the layer's.
pub(crate) fn child(by: &str, url: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let session = Client::new(Config::new().durability(Durability::Memory))
        .start_session(SessionOptions::new());
    let read = runtime.block_on(session.scope(async {
        let mut response = ask(&client()?, url, by == "layer").await?;
        let mut read = 0;
        while let Some(chunk) = response.chunk().await? {
            read += chunk.len();
        }
        anyhow::Ok(read)
    }))?;
    ensure!(read as u64 > BYTES * 99 / 100, "{read} bytes are not all");
    let ended = session.end(agentops::EndState::Success).wait();
    ensure!(ended.delivered || by == "bare", "the call was not recorded");
    let most = peak(std::process::id()).context("this is Linux")?;
    println!("{:.2}", most as f64 / 1e6);
    Ok(())
}
