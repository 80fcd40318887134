//! `agentops serve`: the server, until it is asked to end.

use std::io::IsTerminal as _;
use std::pin::pin;
use std::time::Duration;

use agentops_server::{ServeError, ServerConfig};
use agentops_store::Retention;
use anyhow::Context as _;
use tracing_subscriber::EnvFilter;

use crate::args::{LogFormat, Serve};
use crate::exit::{Exit, Problem};
use crate::output::{self, Line, Out, Style};
use crate::{backend, env};

/// What is logged unless told otherwise.
const QUIET: &str = "warn";

pub(crate) fn run(args: &Serve, out: &mut Out) -> anyhow::Result<()> {
    log(args.log_format)?;
    let config = ServerConfig::new(backend::data_dir(args.data_dir.as_deref())?)
        .listen(args.listen)
        .public_url(args.public_url.clone())
        .prices(args.prices.clone())
        .tls(args.tls_cert.clone().zip(args.tls_key.clone()))
        .retention(retention(args));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(serve(config, out))
}

fn retention(args: &Serve) -> Retention {
    let day = Duration::from_secs(24 * 60 * 60);
    let mut retention = Retention::default();
    retention.age = args.keep_days.map(|days| day * days);
    retention.bytes = args.keep_mb.map(|megabytes| u64::from(megabytes) << 20);
    retention
}

async fn serve(config: ServerConfig, out: &mut Out) -> anyhow::Result<()> {
    // Listening for signals begins before anybody can know that the server runs.
    let mut end = pin!(agentops_server::termination());
    tokio::select! {
        biased;
        _ = &mut end => return Ok(()),
        () = std::future::ready(()) => {}
    }
    let server = agentops_server::serve(config).await.map_err(problem)?;
    match announce(server.url(), &server.data_dir().display().to_string(), out) {
        // A server serves on though nobody reads what it says.
        Err(error) if output::is_closed(&error) => {}
        told => told?,
    }
    server.run_until(end).await.map_err(problem)
}

fn announce(url: &str, data_dir: &str, out: &mut Out) -> anyhow::Result<()> {
    out.line(
        Line::new()
            .and(Style::Plain, "serving ")
            .and(Style::Strong, url),
    )?;
    out.line(format!("data in {data_dir}"))?;
    out.flush()
}

fn problem(error: ServeError) -> anyhow::Error {
    let exit = match error {
        ServeError::Config(_) | ServeError::Tls(_) | ServeError::Prices(_) => Exit::Usage,
        ServeError::DataDir { .. } | ServeError::InUse { .. } | ServeError::Store(_) => {
            Exit::DataDir
        }
        _ => Exit::Failure,
    };
    Problem::new(exit, error.to_string()).into()
}

/// Sends the log to standard error.
fn log(format: LogFormat) -> anyhow::Result<()> {
    let wanted = env::get(env::LOG);
    let filter = EnvFilter::try_new(wanted.as_deref().unwrap_or(QUIET)).map_err(|error| {
        Problem::new(
            Exit::Usage,
            format!("{} cannot be understood: {error}", env::LOG),
        )
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Pretty => {
            let color = env::color(std::io::stderr().is_terminal());
            log.with_ansi(color).try_init()
        }
        LogFormat::Json => log.json().try_init(),
    };
    started.map_err(|error| anyhow::anyhow!("cannot start the log: {error}"))
}
