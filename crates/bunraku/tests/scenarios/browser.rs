//! A real browser, told what to do as WebDriver has it: a few HTTP requests to chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::deployment::{text, wait_until};

/// Chromium without a window, with a home of its own.
pub struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Opens one whose files are below `home`. It trusts `ca`, and shows `certificate` to whoever asks at `site`.
    pub fn open(home: &Path, site: &str, ca: &Path, (certificate, key): (&Path, &Path)) -> Browser {
        let database = home.join(".pki/nssdb");
        std::fs::create_dir_all(&database).unwrap();
        let database = format!("sql:{}", database.display());
        let bundle = home.join("operator.p12");
        let path = |path: &Path| path.display().to_string();
        run("certutil", &["-N", "-d", &database, "--empty-password"]);
        run("certutil", &["-A", "-d", &database, "-n", "ca", "-t", "C,,", "-i", &path(ca)]);
        let (certificate, key, bundle) = (path(certificate), path(key), path(&bundle));
        run(
            "openssl",
            &[
                "pkcs12",
                "-export",
                "-in",
                &certificate,
                "-inkey",
                &key,
                "-passout",
                "pass:x",
                "-out",
                &bundle,
            ],
        );
        run("pk12util", &["-d", &database, "-i", &bundle, "-W", "x"]);
        // Which certificate is shown where is the administrator's to say: his folder, but for this browser alone.
        let pattern = json!({"pattern": site, "filter": {}}).to_string();
        let policy = home.join("policy.json");
        std::fs::write(&policy, json!({"AutoSelectCertificateForUrls": [pattern]}).to_string()).unwrap();
        let port = free_port();
        let script = format!(
            "mkdir -p /etc/chromium && mount -t tmpfs none /etc/chromium && mkdir -p /etc/chromium/policies/managed && \
             cp '{}' /etc/chromium/policies/managed/ && exec chromedriver --port={port}",
            policy.display()
        );
        let mut command = Command::new("unshare");
        command.args(["--mount", "--", "sh", "-c", &script]).env("HOME", home).current_dir(home);
        let driver =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("unshare, chromedriver");
        let mut browser = Browser { driver, port, session: String::new() };
        wait_until("chromedriver answers", Duration::from_secs(20), || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        });
        let profile = format!("--user-data-dir={}", home.join("profile").display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--window-size=1280,1400",
            &profile,
        ];
        let options = json!({"binary": chromium(), "args": arguments});
        let capabilities = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}});
        let opened = browser.ask("POST", "/session", &capabilities);
        browser.session = opened["sessionId"].as_str().expect("a session").to_owned();
        browser
    }

    /// Goes to an address.
    pub fn go(&self, url: &str) {
        self.tell("/url", &json!({"url": url}));
    }

    /// What a script returns.
    pub fn script(&self, script: &str) -> Value {
        self.tell("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The words that are seen.
    pub fn seen(&self) -> String {
        self.script("return document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// Clicks the button that is called `label`, as soon as it is there.
    pub fn click(&self, label: &str) {
        let selector = json!({"using": "css selector", "value": format!("button[aria-label=\"{label}\"]")});
        let found = self.tell("/element", &selector);
        let element = found.as_object().and_then(|one| one.values().next()).and_then(Value::as_str);
        let element = element.unwrap_or_else(|| panic!("no button {label}: {found}"));
        self.tell(&format!("/element/{element}/click"), &json!({}));
    }

    fn tell(&self, what: &str, body: &Value) -> Value {
        self.ask("POST", &format!("/session/{}{what}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}", self.port).unwrap();
        // It keeps the connection open whatever it is told: its own length is what ends an answer.
        let mut reader = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).unwrap();
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            head.push_str(&line);
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let body = String::from_utf8(body).unwrap();
        let answer = format!("{head}\n{body}");
        assert!(head.contains(" 200 "), "{method} {path}: {answer}");
        serde_json::from_str::<Value>(&body).unwrap()["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.ask("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        // With it goes the browser.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn chromium() -> PathBuf {
    PathBuf::from("/usr/bin/chromium")
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn run(program: &str, arguments: &[&str]) {
    let done =
        Command::new(program).args(arguments).output().unwrap_or_else(|fault| panic!("{program}: {fault}"));
    assert!(done.status.success(), "{program} {arguments:?}: {}{}", text(&done.stdout), text(&done.stderr));
}
