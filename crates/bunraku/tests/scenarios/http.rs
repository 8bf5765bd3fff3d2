//! `curl`, as an operator would use it.

use std::process::Command;

use super::deployment::text;

/// Status, content type and duration (s) of one GET with the legacy `Accept: s`.
pub fn curl(url: &str) -> (u16, String, f64) {
    let output = Command::new("curl")
        .args(["--silent", "-o", "/dev/null", "-k", "-H", "Accept: s", "--max-time", "20"])
        .args(["-w", "%{http_code}\t%{content_type}\t%{time_total}", url])
        .output()
        .unwrap();
    let printed = text(&output.stdout);
    let parts: Vec<&str> = printed.split('\t').collect();
    (parts[0].parse().unwrap(), parts[1].to_string(), parts[2].parse().unwrap())
}
