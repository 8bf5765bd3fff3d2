//! What `up` tells its operator.

use serde_json::{Value, json};

use crate::config::Config;
use crate::console;

/// One process of the deployment, as shown.
pub struct Shown {
    pub role: &'static str,
    pub name: String,
    pub address: String,
    pub pid: u32,
    pub log: String,
}

/// The command that enrols an agent, ready to copy.
pub fn enrol_command(config: &Config) -> String {
    let port = config.front_end.listen.rsplit_once(':').map_or("8140", |(_, port)| port);
    let port = if port == "8140" { String::new() } else { format!(" --serverport {port}") };
    format!("puppet agent --test --server {}{port} --certname NAME", config.main.server)
}

/// The table of roles.
pub fn table(processes: &[Shown]) -> String {
    let mut rows =
        vec![vec!["role", "name", "address", "pid", "log"].into_iter().map(String::from).collect()];
    rows.extend(processes.iter().map(|p| {
        vec![p.role.to_string(), p.name.clone(), p.address.clone(), p.pid.to_string(), p.log.clone()]
    }));
    console::table(&rows)
}

/// The same, for machines.
pub fn json(config: &Config, processes: &[Shown], ready_ms: u128) -> Value {
    let roles: Vec<Value> = processes
        .iter()
        .map(|p| json!({"role": p.role, "name": p.name, "address": p.address, "pid": p.pid, "log": p.log}))
        .collect();
    json!({
        "config": config.path, "ready": true, "ready_ms": ready_ms as u64, "roles": roles,
        "enrol": enrol_command(config),
    })
}

/// What to do next, after the table.
pub fn next_steps(config: &Config, executable: &str) -> String {
    let file = config.path.display();
    format!(
        "Enrol an agent:        {}\nSee who waits:         {executable} ca list --config {file}\n\
         Sign it:               {executable} ca sign --certname NAME --config {file}\n\
         See the deployment:    {executable} status --config {file}\nEnd everything:        Ctrl-C\n",
        enrol_command(config)
    )
}
