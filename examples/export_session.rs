//! Session data export: the statistics and the events of a session as data.
//!
//! ```sh
//! cargo run --example export_session              # records a small session and exports it
//! cargo run --example export_session -- ID        # exports one you have, from the server or from this machine
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use agentops::{Config, EndState, record_action, record_tool};

#[record_tool]
fn measure(sensor: u32) -> Result<f64, std::num::TryFromIntError> {
    let sensor = u8::try_from(sensor)?;
    Ok(20.0 + f64::from(sensor) / 10.0)
}

#[record_action]
fn survey(sensors: &[u32]) -> Vec<f64> {
    sensors
        .iter()
        .filter_map(|&sensor| measure(sensor).ok())
        .collect()
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let asked = std::env::args().nth(1);
    let config = Config::from_env().default_tags(["example", "export"]);
    let session = agentops::init(config.auto_start_session(asked.is_none()));
    let id = match asked {
        Some(id) => id,
        None => {
            survey(&[1, 2, 1_000]);
            session.end(EndState::Success).await;
            session.id().to_owned()
        }
    };
    println!("stats of {id}:");
    println!(
        "{}",
        serde_json::to_string_pretty(&agentops::stats(&id).await?)?
    );
    println!("export:");
    println!(
        "{}",
        serde_json::to_string_pretty(&agentops::export(&id).await?)?
    );
    Ok(())
}
