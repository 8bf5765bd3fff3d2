//! `bunraku agent --test [--noop]`

use crate::cli::AgentArgs;
use crate::config::duration;
use crate::up::fqdn;

/// The agent's exit code.
pub fn run(args: AgentArgs) -> anyhow::Result<u8> {
    if !args.test {
        anyhow::bail!("this agent runs once, in the foreground: 'bunraku agent --test'");
    }
    let wait = args.waitforcert.as_deref().map(duration::parse).transpose()?;
    let settings = agent::Settings {
        certname: args.certname.unwrap_or_else(fqdn).to_lowercase(),
        server: args.server.clone().unwrap_or_else(|| "puppet".to_string()),
        serverport: args.serverport.unwrap_or(8140),
        ca_server: args.ca_server.or(args.server).unwrap_or_else(|| "puppet".to_string()),
        ca_port: args.ca_port.or(args.serverport).unwrap_or(8140),
        environment: args.environment,
        confdir: args.confdir.unwrap_or_else(|| "/etc/bunraku/agent".into()),
        vardir: args.vardir.clone().unwrap_or_else(|| "/var/lib/bunraku/agent".into()),
        ssldir: args
            .ssldir
            .unwrap_or_else(|| args.vardir.unwrap_or_else(|| "/var/lib/bunraku/agent".into()).join("ssl")),
        waitforcert: wait,
        noop: args.noop,
        detailed_exitcodes: args.detailed_exitcodes || args.test,
    };
    Ok(agent::run(&settings))
}
