//! One run of the agent.

use std::time::Instant;

use serde_json::Value;

use crate::catalog::Catalog;
use crate::console::{Console, Level};
use crate::disabled;
use crate::facts;
use crate::lock::{self, Work};
use crate::report;
use crate::route::{Http, Routes};
use crate::session::Session;
use crate::settings::Settings;
use crate::ssl::{self, SslFault};
use crate::transaction::{self, Summary};

/// Exit codes of `puppet agent --test`.
const CHANGED: u8 = 2;
const FAILED: u8 = 4;
const NO_RUN: u8 = 1;

/// Runs once; the exit code: 1 when there was no run, else (with detailed exit codes) 2 for changes + 4 for failures.
pub fn run(settings: &Settings) -> u8 {
    let mut console = Console::default();
    if let Some(reason) = disabled::reason(settings) {
        console.say(
            Level::Notice,
            format!(
                "Skipping run of Puppet configuration client; administratively disabled (Reason: '{reason}');\n\
                 Use 'bunraku agent --enable' to re-enable."
            ),
        );
        return NO_RUN;
    }
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            console.say(Level::Error, format!("Could not run: {fault}"));
            return NO_RUN;
        }
    };
    runtime.block_on(run_once(settings, &mut console))
}

/// Disables the agent, with a reason, or enables it again; the exit code.
pub fn set_disabled(settings: &Settings, reason: Option<&str>) -> u8 {
    let mut console = Console::default();
    let done = match reason {
        Some(reason) => {
            console.say(Level::Notice, "Disabling Puppet.");
            disabled::disable(settings, reason)
        }
        None => {
            console.say(Level::Notice, "Enabling Puppet.");
            disabled::enable(settings)
        }
    };
    match done {
        Ok(()) => 0,
        Err(fault) => {
            console.say(Level::Error, format!("{}: {fault}", settings.vardir.display()));
            NO_RUN
        }
    }
}

async fn run_once(settings: &Settings, console: &mut Console) -> u8 {
    let routes = Routes::new(settings, console);
    let verified = match ssl::wait_for_certificate(settings, &routes, console).await {
        Ok(verified) => verified,
        // It has been said.
        Err(SslFault::NotSigned | SslFault::Locked) => return NO_RUN,
        Err(fault) => {
            console.say(Level::Error, fault.to_string());
            return NO_RUN;
        }
    };
    let _lock = match lock::take(Work::Run, settings, console).await {
        Ok(Some(lock)) => lock,
        Ok(None) => return NO_RUN,
        Err(fault) => {
            console.say(Level::Error, format!("{}: {fault}", settings.vardir.display()));
            return NO_RUN;
        }
    };
    let started = jiff::Timestamp::now();
    let transaction_uuid = uuid::Uuid::new_v4().to_string();
    let mut session = Session::new(settings, Http::new(&routes, verified.tls), &transaction_uuid);
    let mut environment = settings.environment.clone();
    match session.node_environment().await {
        Ok(theirs) => {
            session.move_to(theirs.clone());
            environment = theirs;
        }
        Err(fault) => console.say(
            Level::Warning,
            format!("Unable to fetch my node definition, but the agent run will continue: {fault}"),
        ),
    }
    console.say(Level::Info, format!("Using environment '{environment}'"));
    console.say(Level::Info, "Loading facts");
    let facts = facts::collect(settings, &environment);
    let fetched = Instant::now();
    let catalog = match session.catalog(&facts).await {
        Ok(document) => Catalog::parse(&document).map_err(|e| e.to_string()).map(|c| (document, c)),
        Err(fault) => Err(format!("Could not retrieve catalog from remote server: {fault}")),
    };
    let (document, catalog) = match catalog {
        Ok(found) => found,
        Err(fault) => {
            console.say(Level::Error, fault);
            console.say(Level::Warning, "Not using cache on failed catalog");
            console.say(Level::Error, "Could not retrieve catalog; skipping run");
            let run = report::Run::without_catalog(settings, &environment, started, &transaction_uuid);
            send_report(&session, run.document(console, None), console).await;
            return NO_RUN;
        }
    };
    console.say(Level::Info, format!("Caching catalog for {}", settings.certname));
    if let Err(fault) = cache(settings, &document) {
        console.say(Level::Warning, format!("Could not cache the catalog: {fault}"));
    }
    console.say(Level::Info, format!("Applying configuration version '{}'", catalog.version));
    let retrieval = fetched.elapsed();
    let applying = Instant::now();
    let summary = transaction::apply(&catalog, settings.noop, &session, console).await;
    console.say(Level::Notice, format!("Applied catalog in {:.2} seconds", applying.elapsed().as_secs_f64()));
    let run = report::Run {
        settings,
        environment: &environment,
        started,
        transaction_uuid: &transaction_uuid,
        catalog: Some(&catalog),
        retrieval,
        application: applying.elapsed(),
    };
    send_report(&session, run.document(console, Some(&summary)), console).await;
    exit_code(settings, &summary)
}

async fn send_report(session: &Session, report: Value, console: &mut Console) {
    if let Err(fault) = session.report(&report).await {
        console.say(Level::Error, format!("Could not send report: {fault}"));
    }
}

fn cache(settings: &Settings, catalog: &Value) -> std::io::Result<()> {
    let dir = settings.vardir.join("client_data/catalog");
    std::fs::create_dir_all(&dir)?;
    std::fs::write(dir.join(format!("{}.json", settings.certname)), catalog.to_string())
}

fn exit_code(settings: &Settings, summary: &Summary) -> u8 {
    if !settings.detailed_exitcodes || settings.noop {
        // As Puppet: a noop run changed nothing, and without detailed codes only "no run" is told.
        return if settings.detailed_exitcodes && summary.failed() > 0 { FAILED } else { 0 };
    }
    let changed = if summary.changed() > 0 { CHANGED } else { 0 };
    let failed = if summary.failed() > 0 { FAILED } else { 0 };
    changed | failed
}
