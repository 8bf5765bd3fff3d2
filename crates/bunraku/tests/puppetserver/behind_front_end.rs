//! Debian's Puppet Server behind Bunraku's front end, as it is: as the authority and as a catalog worker, over HTTPS and
//! without TLS on a trusted link. The real agent goes through a whole run: certificate, plugins with their content,
//! facts, catalog, files of a module, report; then its certificate is renewed and another one revoked.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pki::{Certificate, KeyKind, PrivateKey};
use wire::client::{Client, Timeouts};
use wire::http::{HeaderMap, HeaderValue, Method};
use wire::tls::{ClientTls, Identity, TrustBundle};

use super::deployment::{BUNRAKU, wait_until};
use super::hosts::{self, Host, SERVER, csr_with, free_port};
use super::theirs::{Behind, PuppetServer};

/// Its certname, by which agents reach it: Puppet Server signs no other names unless it is told to.
const FRONT: &str = "localhost";

/// A front end of its own in a folder, ended when dropped.
struct Front {
    port: u16,
    dir: PathBuf,
    process: Child,
}

impl Front {
    /// `bunraku serve --role front-end` with this worker and Puppet Server's CA.
    fn start(
        root: &Path,
        name: &str,
        host: &Host,
        own: &(String, PrivateKey),
        ca: u16,
        worker: &str,
    ) -> Front {
        let (dir, port) = (root.join(name), free_port());
        for folder in ["ssl/certs", "ssl/private_keys", "log"] {
            std::fs::create_dir_all(dir.join(folder)).unwrap();
        }
        let bundle = std::fs::read(host.cadir().join("ca_crt.pem")).unwrap();
        std::fs::write(dir.join("ssl/certs/ca.pem"), bundle).unwrap();
        std::fs::copy(host.cadir().join("ca_crl.pem"), dir.join("ssl/crl.pem")).unwrap();
        std::fs::write(dir.join(format!("ssl/certs/{FRONT}.pem")), &own.0).unwrap();
        std::fs::write(dir.join(format!("ssl/private_keys/{FRONT}.pem")), own.1.to_pem()).unwrap();
        let config = format!(
            "version = 1\ncluster = \"behind\"\n[[ca.member]]\nname = \"puppetserver\"\naddress = \"127.0.0.1:{ca}\"\n\
             certname = \"{SERVER}\"\nkind = \"puppetserver\"\n[front_end]\nlisten = \"127.0.0.1:{port}\"\n\
             certname = \"{FRONT}\"\nca_hold = \"2s\"\n[[catalog.worker]]\nname = \"compiler\"\n\
             kind = \"puppetserver\"\n{worker}\n"
        );
        std::fs::write(dir.join("bunraku.toml"), config).unwrap();
        let process = Command::new(BUNRAKU)
            .args(["--config".as_ref(), dir.join("bunraku.toml").as_os_str()])
            .args(["serve", "--role", "front-end", "--name", "front-end"])
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(dir.join("log/stderr")).unwrap())
            .spawn()
            .unwrap();
        let front = Front { port, dir, process };
        let started = Instant::now();
        while front.curl("/status/v1/simple/ca") != "running" || front.curl("/status/v1/simple") != "running"
        {
            assert!(started.elapsed() < Duration::from_secs(60), "{}", front.log("stderr"));
            std::thread::sleep(Duration::from_millis(100));
        }
        front
    }

    fn curl(&self, path: &str) -> String {
        let url = format!("https://127.0.0.1:{}{path}", self.port);
        let output = Command::new("curl").args(["-sk", "--max-time", "5", &url]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.join("log").join(name)).unwrap_or_default()
    }

    fn client(&self, host: &Host, identity: Option<&Identity>) -> Client {
        let bundle = std::fs::read(host.cadir().join("ca_crt.pem")).unwrap();
        let tls = ClientTls::new(identity, TrustBundle::from_pem(&bundle).unwrap()).unwrap();
        let timeouts = Timeouts { answer: Duration::from_secs(60), ..Timeouts::default() };
        Client::new(&format!("https://127.0.0.1:{}", self.port), tls, timeouts).unwrap().expecting(FRONT)
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        if std::thread::panicking() {
            for name in ["stderr", "front_end_error.log", "front_end_access.log"] {
                eprintln!("--- {name}\n{}", self.log(name));
            }
        }
    }
}

/// A module with a plugin that has content, a custom fact, and a file source; a manifest that uses them.
fn code(host: &Host, home: &Path) {
    let production = host.root.join("code/environments/production");
    let module = production.join("modules/behind");
    std::fs::create_dir_all(production.join("manifests")).unwrap();
    for folder in ["lib/facter", "lib/puppet/functions", "files/tree", "manifests"] {
        std::fs::create_dir_all(module.join(folder)).unwrap();
    }
    let write = |path: PathBuf, text: &str| std::fs::write(path, text).unwrap();
    write(
        module.join("lib/facter/behind.rb"),
        "Facter.add(:behind) { setcode { 'a fact of the module' } }\n",
    );
    write(
        module.join("lib/puppet/functions/behind.rb"),
        "Puppet::Functions.create_function(:behind) { def behind; 'run on the agent'; end }\n",
    );
    write(module.join("files/one"), "one file\n");
    write(module.join("files/tree/leaf"), &"leaf\n".repeat(100_000));
    let target = home.display();
    write(
        module.join("manifests/init.pp"),
        &format!(
            "class behind {{\n  file {{ '{target}/one': source => 'puppet:///modules/behind/one' }}\n  \
             file {{ '{target}/tree': ensure => directory, recurse => true, source => 'puppet:///modules/behind/tree' }}\n  \
             file {{ '{target}/who': content => \"${{trusted['certname']}} ${{trusted['authenticated']}} ${{facts['behind']}}\" }}\n}}\n"
        ),
    );
    write(production.join("manifests/site.pp"), "include behind\n");
}

fn agent(front: &Front, certname: &str, home: &Path, flags: &[&str]) -> Output {
    let mut command = Command::new("puppet");
    command.args(["agent", "--test", "--certname", certname, "--server", FRONT, "--color", "false"]);
    command.args(["--serverport", &front.port.to_string(), "--keylength", "2048"]);
    command.args(["--waitforcert", "0"]).args(flags);
    for (flag, folder) in [
        ("--confdir", "conf"),
        ("--vardir", "var"),
        ("--ssldir", "ssl"),
        ("--rundir", "run"),
        ("--logdir", "log"),
    ] {
        command.arg(flag).arg(home.join(folder));
    }
    command.output().unwrap()
}

/// Runs an agent until nothing changes any more, and looks at what it has made.
fn whole_run(front: &Front, certname: &str, home: &Path, target: &Path) {
    let run = agent(front, certname, home, &[]);
    let said = String::from_utf8_lossy(&run.stdout) + String::from_utf8_lossy(&run.stderr);
    // 2: something was changed, and nothing failed.
    assert_eq!(run.status.code(), Some(2), "{said}");
    assert_eq!(std::fs::read_to_string(target.join("one")).unwrap(), "one file\n");
    assert_eq!(std::fs::read(target.join("tree/leaf")).unwrap().len(), 500_000);
    let who = std::fs::read_to_string(target.join("who")).unwrap();
    assert_eq!(who, format!("{certname} remote a fact of the module"));
    assert!(home.join("var/lib/facter/behind.rb").exists(), "{said}");
    let log = front.log("front_end_access.log");
    for part in [
        "file_metadatas/plugins",
        "file_content/plugins",
        "POST /puppet/v3/catalog/",
        "file_content/modules",
        "PUT /puppet/v3/report/",
    ] {
        let line = log.lines().find(|line| line.contains(part));
        let passed = line.is_some_and(|line| line.contains("compiler") && line.contains(" 200 "));
        assert!(passed, "{part}: {line:?}\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_real_agent_goes_through_the_front_end_to_puppet_server() {
    let root = hosts::temporary();
    let host = Host::set_up(&root.path().join("puppetserver"));
    let target = root.path().join("target");
    std::fs::create_dir(&target).unwrap();
    code(&host, &target);
    let behind = Behind { plain: free_port() };
    let puppet = PuppetServer::start_behind(&host, behind);

    // Its own certificate, from Puppet Server's CA.
    let key = PrivateKey::generate(KeyKind::EcP256).unwrap();
    let names = pki::RequestContent::default();
    let askers = host.askers(puppet.port, None);
    askers.submit(FRONT, csr_with(FRONT, &key, &names)).await;
    let own = (askers.certificate(FRONT).await, key);

    let https = format!("address = \"127.0.0.1:{}\"\ncertname = \"{SERVER}\"", puppet.port);
    let front = Front::start(root.path(), "front-https", &host, &own, puppet.port, &https);
    let home = root.path().join("agent1");
    whole_run(&front, "agent1.example.com", &home, &target);

    // Another node through another front end, to the same server without TLS.
    std::fs::remove_dir_all(&target).unwrap();
    std::fs::create_dir(&target).unwrap();
    let http = format!("address = \"http://127.0.0.1:{}\"", behind.plain);
    let plain = Front::start(root.path(), "front-http", &host, &own, puppet.port, &http);
    whole_run(&plain, "agent2.example.com", &root.path().join("agent2"), &target);

    // Who is asking is the front end's word, not the client's: one without a certificate gets no catalog.
    let mut forged = HeaderMap::new();
    for (name, value) in [("x-client-verify", "SUCCESS"), ("x-client-dn", "CN=agent1.example.com")] {
        forged.insert(name, HeaderValue::from_static(value));
    }
    for one in [&front, &plain] {
        let target = "/puppet/v3/catalog/agent1.example.com?environment=production";
        let answer = one.client(&host, None).request(Method::GET, target, forged.clone(), "").await.unwrap();
        assert_eq!(answer.status, 403, "{}", answer.text());
    }

    // Renewal (the agent of 7.23 does not ask for it by itself): the same key, a new certificate.
    let pem = |kind: &str| std::fs::read(home.join(format!("ssl/{kind}/agent1.example.com.pem"))).unwrap();
    let node = Identity::from_pem(&pem("certs"), &pem("private_keys")).unwrap();
    let client = front.client(&host, Some(&node));
    let renewal = "/puppet-ca/v1/certificate_renewal";
    let answer = client.request(Method::POST, renewal, HeaderMap::new(), "").await.unwrap();
    if answer.status == 200 {
        let (old, new) =
            (Certificate::from_pem(&pem("certs")).unwrap(), Certificate::from_pem(&answer.body).unwrap());
        assert_eq!((new.subject_cn(), new.spki_der()), (old.subject_cn(), old.spki_der()));
        assert_ne!(new.serial(), old.serial());
    } else {
        // A release that has no such endpoint says so itself.
        assert!(matches!(answer.status.as_u16(), 403 | 404), "{} {}", answer.status, answer.text());
        eprintln!("this Puppet Server renews nothing: {} {}", answer.status, answer.text());
        // The log is written after the answer.
        wait_until("the front end's log has who answered", Duration::from_secs(10), || {
            let log = front.log("front_end_access.log");
            log.lines().any(|line| line.contains(renewal) && line.contains("puppetserver"))
        });
    }

    // Revoked through the front end: refused on a connection that is open, at once.
    assert_eq!(
        client.get("/puppet/v3/node/agent1.example.com?environment=production", "*/*").await.unwrap().status,
        200
    );
    let (certificate, key) = host.server_pems();
    let admin = front.client(&host, Some(&Identity::from_pem(&certificate, &key).unwrap()));
    let mut headers = HeaderMap::new();
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    let target = "/puppet-ca/v1/certificate_status/agent1.example.com";
    let body = r#"{"desired_state":"revoked"}"#;
    let answer = admin.request(Method::PUT, target, headers, body).await.unwrap();
    assert_eq!(answer.status, 204, "{}", answer.text());
    let refused = client.get("/puppet/v3/node/agent1.example.com?environment=production", "*/*").await;
    assert!(refused.is_err() || refused.is_ok_and(|answer| answer.status == 403), "revoked, and answered");

    // The server goes: reads and writes are held, and told so.
    puppet.stop();
    let answer = admin.get("/puppet-ca/v1/certificate/ca", "text/plain").await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(
        answer.headers.contains_key("retry-after") && answer.text().contains("Nothing was changed"),
        "{}",
        answer.text()
    );
}
