//! `PUT /puppet/v3/report/NAME`: keeps an agent's report under `reportdir/NAME/`.

use std::path::Path;

use http::StatusCode;
use serde_json::{Value, json};
use wire::{Response, reply};

use crate::fault::Fault;
use crate::worker::{Call, CatalogWorker, blocking, body_of};

/// Stores the report as it came; answers with the list of report processors that ran, as Puppet Server.
pub async fn answer(worker: &std::sync::Arc<CatalogWorker>, call: Call) -> Result<Response, Fault> {
    let environment = call.environment()?;
    call.body_type(&["application/json", "text/pson"])?;
    let certname = call.key.join("/");
    let body = body_of(worker, call.request).await?;
    let dir = worker.settings.reportdir.join(&certname);
    let worker = worker.clone();
    blocking(move || {
        worker.environments.places(&environment)?;
        let report: Value =
            serde_json::from_slice(&body).map_err(|e| Fault::BadRequestBody { detail: e.to_string() })?;
        let time = report["time"].as_str().ok_or_else(|| Fault::BadRequestBody {
            detail: "a report has a 'time', and is an object".to_string(),
        })?;
        store(&dir, time, &body).map_err(|e| Fault::Internal { detail: format!("report: {e}") })
    })
    .await?;
    Ok(reply::json(StatusCode::OK, &json!(["store"])))
}

/// `202611221530.json`, named by the minute like Puppet's `store`; a second one of that minute is numbered, not lost.
fn store(dir: &Path, time: &str, report: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let digits: String = time.chars().filter(char::is_ascii_digit).take(12).collect();
    let temporary = dir.join(format!(".{}", uuid::Uuid::new_v4()));
    std::fs::write(&temporary, report)?;
    let mut number = 0;
    loop {
        let suffix = if number == 0 { String::new() } else { format!("-{number}") };
        // A link, unlike a rename, fails when the name is taken.
        match std::fs::hard_link(&temporary, dir.join(format!("{digits}{suffix}.json"))) {
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => number += 1,
            outcome => {
                std::fs::remove_file(&temporary)?;
                return outcome;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reports_of_one_minute_are_both_kept() {
        let dir = tempfile::tempdir().unwrap();
        for report in ["one", "two"] {
            store(dir.path(), "2026-11-22T15:30:59.123456789+00:00", report.as_bytes()).unwrap();
        }
        let mut names: Vec<String> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["202611221530-1.json", "202611221530.json"]);
    }
}
