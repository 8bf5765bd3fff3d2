//! A deployment on the host `servers` whose front end answers at every address of [`FRONT_ENDS`], as several front ends
//! would: what an agent sees of them is names and addresses. And dnsmasq, with what `bunraku dns-records` prints.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use ca::{RoleRequest, SetupOptions};
use pki::{AltName, Certname, KeyKind};
use rustix::process::{Pid, Signal, kill_process};

use super::network::{FRONT_ENDS, NAMES, Network};

const BUNRAKU: &str = env!("CARGO_BIN_EXE_bunraku");

/// A node whose name begins with `many` gets its files one by one.
const SITE: &str = "notify { 'Found by name.': }
if $facts['clientcert'] =~ /^many/ {
  Integer[1, 1500].each |$n| {
    file { \"FILES/file-${n}\": source => 'puppet:///modules/m/file' }
  }
}
";

/// The one name of all front ends.
pub const SERVER: &str = "puppet.example.com";

pub struct Deployment {
    pub network: Network,
    root: tempfile::TempDir,
    up: Child,
    names: Option<Child>,
}

/// What a run of an agent came to.
pub struct Run {
    pub code: i32,
    /// stdout and stderr.
    pub said: String,
}

impl Run {
    /// It has its catalog, and has applied it.
    pub fn succeeded(&self) -> bool {
        matches!(self.code, 0 | 2) && self.said.contains("Found by name.")
    }
}

impl Deployment {
    /// Starts everything; the records are those of front ends, or of workers reached directly.
    pub fn start(flags: &[&str]) -> Deployment {
        Deployment::start_with(flags, true)
    }

    /// The same; requests wait for the operator.
    pub fn start_unsigned() -> Deployment {
        Deployment::start_with(&[], false)
    }

    fn start_with(flags: &[&str], autosign: bool) -> Deployment {
        let root = tempfile::Builder::new().prefix("dns").tempdir().unwrap();
        let network = Network::make();
        let data = root.path().join("data");
        furnish(&data, autosign);
        let mut up = network.command("servers", BUNRAKU);
        up.args(["up", "--json", "--ca-key", "ec", "--dir"]).arg(&data);
        let log = std::fs::File::create(root.path().join("up.log")).unwrap();
        let mut up = up.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let mut announced = String::new();
        let stdout = up.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut announced).unwrap();
        let mut deployment = Deployment { network, root, up, names: None };
        assert!(announced.starts_with('{'), "up: {announced} {}", deployment.read("up.log"));
        let records = deployment.records(flags);
        deployment.serve_names(&records);
        deployment
    }

    /// What `bunraku dns-records` prints for it. It has nothing to complain of, so every name is in its certificate.
    fn records(&self, flags: &[&str]) -> String {
        let mut command = Command::new(BUNRAKU);
        command.args(["dns-records", "--format", "dnsmasq"]).args(flags);
        let output = command.arg("--config").arg(self.path("data/records.toml")).output().unwrap();
        let (records, warnings) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && warnings.is_empty(), "{warnings}");
        records
    }

    /// Serves these records, and nothing else, in place of those before.
    fn serve_names(&mut self, records: &str) {
        self.end_names();
        std::fs::write(self.path("dnsmasq.conf"), records).unwrap();
        let mut command = self.network.command("servers", "dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--bind-interfaces",
            "--user=root",
        ]);
        command.arg(format!("--listen-address={NAMES}"));
        command.arg(format!("--pid-file={}", self.path("dnsmasq.pid").display()));
        command.arg(format!("--conf-file={}", self.path("dnsmasq.conf").display()));
        self.names = Some(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap());
        wait_until("dnsmasq answers", Duration::from_secs(20), || {
            let mut ask = self.network.command("client", "getent");
            ask.args(["ahosts", SERVER]).output().unwrap().status.success()
        });
    }

    fn end_names(&mut self) {
        if let Some(mut before) = self.names.take() {
            before.kill().unwrap();
            before.wait().unwrap();
        }
    }

    /// `puppet agent --test`, or ours.
    pub fn agent(&self, program: Program, certname: &str, flags: &[&str]) -> Run {
        let mut command = self.agent_command(program, certname, flags);
        let run = run_of(command.output().unwrap());
        eprintln!(
            "$ {program:?} agent --test --certname {certname} {flags:?}\n{}[exit {}]",
            run.said, run.code
        );
        run
    }

    pub fn agent_command(&self, program: Program, certname: &str, flags: &[&str]) -> Command {
        let home = self.path(&format!("agents/{certname}"));
        std::fs::create_dir_all(&home).unwrap();
        let name = if program == Program::Puppet { "puppet" } else { BUNRAKU };
        let mut command = self.network.command("client", name);
        command.args(["agent", "--test", "--waitforcert", "0", "--certname", certname]);
        for (flag, folder) in [("--confdir", "conf"), ("--vardir", "var"), ("--ssldir", "ssl")] {
            command.arg(flag).arg(home.join(folder));
        }
        if program == Program::Puppet {
            command.args(["--keylength", "2048", "--color", "false"]);
            command.arg("--rundir").arg(home.join("run")).arg("--logdir").arg(home.join("log"));
        }
        command.args(flags);
        command
    }

    /// Signs the request of a node.
    pub fn sign(&self, certname: &str) {
        let mut sign = self.network.command("servers", BUNRAKU);
        sign.args(["ca", "sign", "--certname", certname, "--config"]).arg(self.path("data/bunraku.toml"));
        let output = sign.output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// A process of that name that does nothing.
    pub fn pretender(&self, name: &str) -> Child {
        let program = self.path(name);
        std::fs::copy("/bin/sleep", &program).unwrap();
        Command::new(program).arg("600").spawn().unwrap()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// An access log of the deployment. They are written some milliseconds after the answer.
    pub fn access_log(&self, name: &str) -> String {
        std::thread::sleep(Duration::from_millis(300));
        self.read(&format!("data/log/{name}"))
    }

    /// A file below the test's folder; empty when it is not there.
    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.end_names();
        let _ = kill_process(Pid::from_raw(self.up.id() as i32).unwrap(), Signal::INT);
        let _ = self.up.wait();
        if std::thread::panicking() {
            for log in ["up.log", "data/log/front_end_error.log", "data/log/front_end_access.log"] {
                eprintln!("--- {log}\n{}", self.read(log));
            }
        }
    }
}

/// Waits until `condition` holds; a condition that never does fails the test with its name.
pub fn wait_until(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < limit, "waited {limit:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    Puppet,
    Bunraku,
}

pub fn run_of(output: Output) -> Run {
    let said = text(&output.stdout) + &text(&output.stderr);
    Run { code: output.status.code().unwrap_or(-1), said }
}

/// One configuration runs: everything listens on all addresses of its host. The other says what it stands for, three
/// front ends and a worker on each of two hosts, and the front end's certificate is good for all of them.
fn furnish(data: &Path, autosign: bool) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bunraku.example.toml");
    let example = std::fs::read_to_string(example).unwrap();
    let with = |changes: &[(&str, &str)]| {
        changes.iter().fold(example.clone(), |config, (from, to)| {
            assert!(config.contains(from), "{from}");
            config.replacen(from, to, 1)
        })
    };
    let server = ("server = \"localhost\"", "server = \"puppet.example.com\"");
    let running = with(&[
        server,
        ("\"127.0.0.1:8140\"", "\"0.0.0.0:8140\""),
        ("\"127.0.0.1:18140\"", "\"0.0.0.0:18140\""),
        ("\"127.0.0.1:18141\"", "\"0.0.0.0:18141\""),
        ("autosign = false", &format!("autosign = {autosign}")),
    ]);
    let [one, two, three] = FRONT_ENDS;
    let further = |number, address| {
        format!(
            "[[front_end.further]]\nname = \"front-end-{number}\"\nlisten = \"{address}:8140\"\n\
             certname = \"bunraku-front-end\"\n\n"
        )
    };
    let etcd = "kind = \"etcd\"\nendpoints = [\"http://10.78.0.9:2379\"]";
    let records = with(&[
        server,
        ("\"127.0.0.1:8140\"", &format!("\"{one}:8140\"")),
        ("\"127.0.0.1:18140\"", &format!("\"{one}:18140\"")),
        ("\"127.0.0.1:18141\"", &format!("\"{two}:18141\"")),
        ("kind = \"embedded\"", etcd),
        ("[register]", &format!("{}{}[register]", further(2, two), further(3, three))),
    ]);
    let folders = ["modules/m/files", "manifests"].map(|f| data.join("code/environments/production").join(f));
    for folder in folders.iter().chain(&["certs", "private_keys"].map(|f| data.join("ssl").join(f))) {
        std::fs::create_dir_all(folder).unwrap();
    }
    std::fs::write(data.join("bunraku.toml"), running).unwrap();
    std::fs::write(data.join("records.toml"), records).unwrap();
    std::fs::write(folders[0].join("file"), "a line of a file\n").unwrap();
    let files = data.with_file_name("files").display().to_string();
    std::fs::write(folders[1].join("site.pp"), SITE.replace("FILES", &files)).unwrap();
    certify(&data.join("ssl"));
}

fn certify(ssl: &Path) {
    let ttl = 365 * 86_400;
    let options = SetupOptions { ca_name: "Puppet CA: dns".to_owned(), key: KeyKind::EcP256, ca_ttl: ttl };
    ca::setup(&ssl.join("ca"), &options, |_| {}).unwrap();
    let names = ["puppet", "front-end", "front-end-2", "front-end-3"];
    let request = RoleRequest {
        certname: Certname::parse("bunraku-front-end").unwrap(),
        key: KeyKind::EcP256,
        alt_names: names.iter().map(|name| AltName::Dns(format!("{name}.example.com"))).collect(),
        cli_auth: false,
        ttl,
    };
    // A child that another test is just bringing forth has copies of our open files, the directory's lock among them,
    // until it becomes another program.
    let mut issued = Err(String::new());
    wait_until("nobody else has the directory", Duration::from_secs(20), || {
        let request = std::slice::from_ref(&request);
        issued =
            ca::issue_role_certificates(&ssl.join("ca"), "ca-1", request).map_err(|fault| fault.to_string());
        issued.is_ok()
    });
    for made in issued.unwrap() {
        std::fs::write(ssl.join("certs/bunraku-front-end.pem"), &made.certificate_pem).unwrap();
        std::fs::write(ssl.join("private_keys/bunraku-front-end.pem"), &made.key_pem).unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
