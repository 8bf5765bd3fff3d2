//! A real Puppet Server in a directory of its own: the package's programs and rules, our paths and ports.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::hosts::{Host, SERVER, free_port, run};

/// Where Debian's package keeps its configuration.
const PACKAGED: &str = "/etc/puppet/puppetserver";
const JAR: &str = "/usr/share/puppetserver/puppetserver.jar";
/// On an idle machine it takes half a minute, on one that builds other things at the same time many.
const START_LIMIT: Duration = Duration::from_secs(600);

/// What a Puppet Server needs behind a front end that speaks for the clients: it believes headers, not certificates, and
/// signs what is asked of it, because nobody's certificate counts on a direct way.
#[derive(Debug, Clone, Copy)]
pub struct Behind {
    /// Port without TLS, beside the other.
    pub plain: u16,
}

/// A running Puppet Server, ended when dropped.
pub struct PuppetServer {
    pub port: u16,
    log: PathBuf,
    process: Child,
}

impl PuppetServer {
    /// Starts it on the CA directory of `host` and waits until it answers.
    pub fn start(host: &Host) -> PuppetServer {
        PuppetServer::start_with(host, |_| {})
    }

    /// The same after `change` has had its way with its `conf.d`.
    pub fn start_with(host: &Host, change: impl FnOnce(&Path)) -> PuppetServer {
        let port = free_port();
        configure(host, port);
        change(&host.root.join("conf.d"));
        PuppetServer::run(host, port)
    }

    /// The same, behind a front end.
    pub fn start_behind(host: &Host, behind: Behind) -> PuppetServer {
        let port = free_port();
        configure(host, port);
        put_behind(host, port, behind);
        PuppetServer::run(host, port)
    }

    fn run(host: &Host, port: u16) -> PuppetServer {
        let root = &host.root;
        let log = root.join("puppetserver.log");
        let output = fs::OpenOptions::new().create(true).append(true).open(&log).unwrap();
        // Whose process it is in the package, too.
        // The CA directory keeps the owners that it has: it must work with them.
        for entry in fs::read_dir(root).unwrap() {
            let path = entry.unwrap().path();
            if path != host.cadir() {
                run(Command::new("chown").args(["-R", "puppet:puppet"]).arg(path));
            }
        }
        run(Command::new("chown").arg("puppet:puppet").arg(root));
        // The service's umask. The quick compiler alone halves the CPU time of a start; nobody measures speed here.
        let command = format!(
            "umask 027; exec setpriv --reuid=puppet --regid=puppet --clear-groups /usr/bin/java -Xms256m -Xmx640m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
             -Djruby.logger.class=com.puppetlabs.jruby_utils.jruby.Slf4jLogger -Djruby.lib=/usr/share/jruby/lib \
             -jar {JAR} --config {root}/conf.d --bootstrap-config {root}/services.d --restart-file {root}/restart",
            root = root.display()
        );
        let process = Command::new("sh")
            .args(["-c", &command])
            .current_dir(root)
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = PuppetServer { port, log, process };
        server.wait();
        server
    }

    /// Ends it in order, as the service manager does.
    pub fn stop(mut self) {
        self.end();
    }

    fn wait(&mut self) {
        let started = Instant::now();
        let url = format!("https://127.0.0.1:{}/status/v1/simple", self.port);
        loop {
            let answer = Command::new("curl").args(["-sk", "--max-time", "5", &url]).output().unwrap();
            if answer.stdout == b"running" {
                return;
            }
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < START_LIMIT,
                "Puppet Server did not start ({ended:?} after {:?}):\n{}",
                started.elapsed(),
                tail(&self.log)
            );
            std::thread::sleep(Duration::from_millis(500));
        }
    }

    fn end(&mut self) {
        if self.process.try_wait().is_ok_and(|ended| ended.is_some()) {
            return;
        }
        let pid = rustix::process::Pid::from_raw(self.process.id() as i32).unwrap();
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        self.process.wait().unwrap();
    }
}

impl Drop for PuppetServer {
    fn drop(&mut self) {
        self.end();
        if std::thread::panicking() {
            eprintln!("--- end of Puppet Server's log\n{}", tail(&self.log));
        }
    }
}

fn tail(log: &Path) -> String {
    let text = fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(30).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

fn put_behind(host: &Host, port: u16, behind: Behind) {
    let (root, plain) = (&host.root, behind.plain);
    let rules = root.join("conf.d/auth.conf");
    let text = fs::read_to_string(&rules).unwrap();
    assert!(text.contains("version: 1"), "auth.conf has another form");
    let text = text.replacen("version: 1", "version: 1\n    allow-header-cert-info: true", 1);
    fs::write(rules, text).unwrap();
    let web = format!(
        "webserver: {{ client-auth: want, ssl-host: 127.0.0.1, ssl-port: {port}, host: 127.0.0.1, port: {plain} }}\n"
    );
    fs::write(root.join("conf.d/webserver.conf"), web).unwrap();
    let conf = host.puppet_conf();
    let text = fs::read_to_string(&conf).unwrap();
    fs::write(conf, text + "autosign = true\n").unwrap();
}

/// The packaged configuration with our paths and port in it; the rules (`auth.conf`) are the packaged ones.
fn configure(host: &Host, port: u16) {
    let root = &host.root;
    let place = root.display();
    for directory in
        ["conf.d", "services.d", "puppet", "code/environments/production/manifests", "var", "run"]
    {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    for file in ["auth.conf", "ca.conf", "metrics.conf", "web-routes.conf"] {
        fs::copy(format!("{PACKAGED}/conf.d/{file}"), root.join("conf.d").join(file)).unwrap_or_else(
            |fault| {
                panic!("{PACKAGED}/conf.d/{file}: {fault} (Debian's package puppetserver must be installed)")
            },
        );
    }
    for file in ["bootstrap.cfg", "ca.cfg"] {
        fs::copy(format!("{PACKAGED}/services.d/{file}"), root.join("services.d").join(file)).unwrap();
    }
    // Debian's list of services leaves out the URLs of Puppet 2.6 to 3, which are in its program.
    let legacy = "puppetlabs.services.legacy-routes.legacy-routes-service/legacy-routes-service\n";
    fs::write(root.join("services.d/legacy.cfg"), legacy).unwrap();
    let logback = "<configuration><appender name=\"STDOUT\" class=\"ch.qos.logback.core.ConsoleAppender\"><encoder>\
         <pattern>%d %-5p [%c{2}] %m%n</pattern></encoder></appender><root level=\"info\"><appender-ref ref=\"STDOUT\"/>\
         </root></configuration>";
    let gems = "/usr/lib/puppetserver/vendored-jruby-gems";
    let files = [
        ("logback.xml", logback.to_owned()),
        ("conf.d/global.conf", format!("global: {{ logging-config: {place}/logback.xml }}\n")),
        (
            "conf.d/webserver.conf",
            format!("webserver: {{ client-auth: want, ssl-host: 127.0.0.1, ssl-port: {port} }}\n"),
        ),
        (
            "conf.d/puppetserver.conf",
            format!(
                "jruby-puppet: {{ ruby-load-path: [/usr/lib/puppetserver/ruby/vendor_ruby], gem-home: {place}/var/gems, \
                 gem-path: [{place}/var/gems, \"{gems}\"], server-conf-dir: {place}/puppet, \
                 server-code-dir: {place}/code, server-var-dir: {place}/var, server-run-dir: {place}/run, \
                 server-log-dir: {place}/var, max-active-instances: 1 }}\nhttp-client: {{}}\n"
            ),
        ),
        (
            "puppet/puppet.conf",
            format!("[main]\ncertname = {SERVER}\nssldir = {place}/ssl\ncadir = {place}/ca\n"),
        ),
    ];
    for (name, content) in files {
        fs::write(root.join(name), content).unwrap();
    }
}
