//! `bunraku agent --test [--noop]`

use crate::cli::AgentArgs;
use crate::up::fqdn;

/// The agent's exit code.
pub fn run(args: AgentArgs) -> anyhow::Result<u8> {
    let runs = !args.enable && args.disable.is_none();
    if runs && !args.test {
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
        maxwaitforcert: args.maxwaitforcert.0,
        waitforlock: args.waitforlock,
        maxwaitforlock: args.maxwaitforlock.0,
        noop: args.noop,
        detailed_exitcodes: args.detailed_exitcodes || args.test,
    };
    Ok(if runs { agent::run(&settings) } else { agent::set_disabled(&settings, args.disable.as_deref()) })
}
