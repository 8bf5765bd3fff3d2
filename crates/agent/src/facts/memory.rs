//! `memory`, `system_uptime`, `load_averages`.

use serde_json::{Map, Value, json};

use super::read;

/// Adds them.
pub fn add(facts: &mut Map<String, Value>) {
    let meminfo = read("/proc/meminfo");
    let bytes = |key: &str| -> u64 {
        let line = meminfo.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(':'));
        line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) * 1024
    };
    let (total, available) = (bytes("MemTotal"), bytes("MemAvailable"));
    let mut memory = json!({"system": {
        "total_bytes": total, "available_bytes": available, "used_bytes": total.saturating_sub(available),
        "total": size(total), "available": size(available), "used": size(total.saturating_sub(available)),
    }});
    let swap = bytes("SwapTotal");
    if swap > 0 {
        memory["swap"] =
            json!({"total_bytes": swap, "available_bytes": bytes("SwapFree"), "total": size(swap)});
    }
    let uptime = read("/proc/uptime").split('.').next().and_then(|s| s.parse::<u64>().ok()).unwrap_or(0);
    let loads: Vec<f64> = read("/proc/loadavg").split(' ').take(3).filter_map(|n| n.parse().ok()).collect();
    facts.insert("memory".to_string(), memory);
    facts.insert(
        "system_uptime".to_string(),
        json!({"seconds": uptime, "hours": uptime / 3600, "days": uptime / 86_400}),
    );
    if let [one, five, fifteen] = loads[..] {
        facts.insert("load_averages".to_string(), json!({"1m": one, "5m": five, "15m": fifteen}));
    }
}

/// `23.45 GiB`, as Facter prints sizes.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    let mut unit = "bytes";
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        value /= 1024.0;
        unit = next;
    }
    if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.2} {unit}") }
}
