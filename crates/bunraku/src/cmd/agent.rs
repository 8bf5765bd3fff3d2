//! `bunraku agent --test [--noop]`

use crate::cli::AgentArgs;
use crate::up::fqdn;

/// The agent's exit code.
pub fn run(args: AgentArgs) -> anyhow::Result<u8> {
    if !args.test {
        anyhow::bail!("this agent runs once, in the foreground: 'bunraku agent --test'");
    }
    let own_domain = || fqdn().split_once('.').map(|(_, domain)| domain.to_string()).unwrap_or_default();
    let settings = agent::Settings {
        certname: args.certname.unwrap_or_else(fqdn).to_lowercase(),
        server: args.server,
        serverport: args.serverport,
        server_list: args.server_list,
        use_srv_records: args.use_srv_records,
        srv_domain: args.srv_domain.unwrap_or_else(own_domain),
        ca_server: args.ca_server,
        ca_port: args.ca_port,
        report_server: args.report_server,
        report_port: args.report_port,
        http_connect_timeout: args.http_connect_timeout,
        http_read_timeout: args.http_read_timeout,
        runinterval: args.runinterval,
        environment: args.environment,
        confdir: args.confdir,
        ssldir: args.ssldir.unwrap_or_else(|| args.vardir.join("ssl")),
        vardir: args.vardir,
        waitforcert: args.waitforcert,
        noop: args.noop,
        detailed_exitcodes: args.detailed_exitcodes || args.test,
    };
    Ok(agent::run(&settings))
}
