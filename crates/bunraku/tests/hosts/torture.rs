//! Faults at random, one every second or two, some on top of each other, while agents enrol and an operator revokes and
//! cleans. `./test --torture MINUTES` does it for long; then the real Puppet Server is started on what is left in each
//! directory, and must serve every certificate. `BUNRAKU_TORTURE_SECONDS` (20) and `BUNRAKU_TORTURE_SEED` (printed).

use std::process::Command;
use std::time::{Duration, Instant};

use super::disks;
use super::estate::{Estate, Plan, SUCCESSOR, host_of};
use super::load::{Load, Style, Told};
use super::network::{Cut, How};
use super::promises;
use super::puppetserver::{Host, PuppetServer};

/// From here on Puppet Server, which takes half a minute to start, judges the directories too.
const LONG: u64 = 120;

#[test]
fn random_faults_cost_nothing() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let seconds = number("BUNRAKU_TORTURE_SECONDS").unwrap_or(20);
    let seed =
        number("BUNRAKU_TORTURE_SEED").unwrap_or_else(|| u64::from(uuid::Uuid::new_v4().as_fields().0));
    println!("BUNRAKU_TORTURE_SEED={seed} BUNRAKU_TORTURE_SECONDS={seconds}");
    let estate = Estate::start_with(Plan {
        small_disks: &[("one", 256 << 10), ("two", 256 << 10)],
        ..Plan::default()
    });
    let list = promises::list_number(&estate.cadir("ca-1"));
    let load = Load::start(&estate, Style { per_second: 20, patient: true });
    load.wait_for_more(10);
    let mut torture = Torture {
        estate: &estate,
        random: Random(seed),
        began: Instant::now(),
        heals: Vec::new(),
        struck: std::collections::BTreeMap::new(),
    };
    torture.run(Duration::from_secs(seconds));
    let struck = std::mem::take(&mut torture.struck);
    let epoch = estate.status()["epoch"].clone();
    estate.wait_until_home();
    load.wait_for_more(10);
    let told = load.end();
    println!("{seconds} s, faults {struck:?}, epoch {epoch}");
    println!(
        "{} certificates handed out, {} revocations and {} removals confirmed, {} unanswered for 2 min, slowest enrolment {:?}",
        told.certificates.len(),
        told.revoked.len(),
        told.cleaned.len(),
        told.faults.len(),
        told.slowest
    );
    promises::hold(&estate, &told, list);
    assert!(told.faults.is_empty(), "{:?}", told.faults);
    println!("both directories: equal, nothing lost, no serial twice, openssl verifies all");
    estate.end();
    if seconds >= LONG {
        for name in ["ca-1", "ca-2"] {
            puppet_server_serves_all(&estate, name, &told);
        }
    }
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

/// What undoes a fault.
enum Heal {
    Run(&'static str),
    Wake(&'static str),
    Plug(&'static str),
    MakeRoom(&'static str),
    Connect(#[allow(dead_code, reason = "dropping it removes the rules")] Vec<Cut>),
}

struct Torture<'a> {
    estate: &'a Estate,
    random: Random,
    began: Instant,
    heals: Vec<(Instant, Heal)>,
    struck: std::collections::BTreeMap<&'static str, u32>,
}

impl Torture<'_> {
    fn run(&mut self, span: Duration) {
        let end = self.began + span;
        let mut next = Instant::now();
        while Instant::now() < end {
            self.heal(Instant::now());
            if Instant::now() >= next {
                self.strike();
                next = Instant::now() + Duration::from_millis(500 + self.random.below(2_500));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.heal(end + Duration::from_secs(3_600));
    }

    fn heal(&mut self, now: Instant) {
        let (due, open): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.heals).into_iter().partition(|(at, _)| *at <= now);
        self.heals = open;
        for (_, heal) in due {
            match heal {
                Heal::Run(name) => self.estate.run(name),
                Heal::Wake(name) => self.estate.wake(name),
                Heal::Plug(host) => self.estate.network.plug(host, true),
                Heal::MakeRoom(name) => disks::make_room(&self.estate.cadir(name)),
                Heal::Connect(cuts) => drop(cuts),
            }
        }
    }

    fn later(&mut self, heal: Heal) {
        // Mostly short; now and then longer than every limit but `ca_hold`.
        let most = if self.random.below(5) == 0 { 9_000 } else { 2_500 };
        let after = Duration::from_millis(100 + self.random.below(most));
        self.heals.push((Instant::now() + after, heal));
    }

    fn paused(&self, name: &str) -> bool {
        self.heals.iter().any(|(_, heal)| matches!(heal, Heal::Wake(paused) if *paused == name))
    }

    fn strike(&mut self) {
        let name = self.random.one_of(&["ca-1", "ca-1", "ca-2", "front-end"]);
        let host = host_of(name);
        let well = self.estate.runs(name) && !self.paused(name);
        let how = self.random.one_of(&[How::Reject, How::Drop]);
        let what = match self.random.below(9) {
            0 | 1 if well => {
                self.estate.kill(name);
                self.later(Heal::Run(name));
                "kill -9"
            }
            2 if well => {
                self.estate.pause(name);
                self.later(Heal::Wake(name));
                "SIGSTOP"
            }
            3 => {
                let (from, to) = self.random.one_of(&WAYS);
                let cut = self.estate.network.cut(from, to, how);
                self.later(Heal::Connect(vec![cut]));
                if how == How::Drop { "DROP one way" } else { "REJECT one way" }
            }
            4 => {
                let (from, to) = self.random.one_of(&WAYS);
                let cuts = self.estate.network.part(from, to, how).into();
                self.later(Heal::Connect(cuts));
                if how == How::Drop { "DROP both ways" } else { "REJECT both ways" }
            }
            5 => {
                let cut = self.estate.network.close_port(self.random.one_of(&["one", "two"]), how);
                self.later(Heal::Connect(vec![cut]));
                if how == How::Drop { "port DROP" } else { "port REJECT" }
            }
            6 if name != "front-end" && !self.estate.cadir(name).join(disks::FILLER).exists() => {
                disks::fill(&self.estate.cadir(name));
                self.later(Heal::MakeRoom(name));
                "disk full"
            }
            7 if !self
                .heals
                .iter()
                .any(|(_, heal)| matches!(heal, Heal::Plug(unplugged) if *unplugged == host)) =>
            {
                self.estate.network.plug(host, false);
                self.later(Heal::Plug(host));
                "cable pulled"
            }
            8 if name != "front-end" && self.heals.is_empty() => {
                // A host gone with its disk is promised to cost nothing when it is the only failure.
                self.estate.wait_until_home();
                self.estate.network.plug(host, false);
                self.estate.kill(name);
                empty(&self.estate.cadir(name));
                let limit = Instant::now() + Duration::from_secs(1 + self.random.below(4));
                while Instant::now() < limit {
                    std::thread::sleep(Duration::from_millis(20));
                }
                self.estate.network.plug(host, true);
                self.estate.run(name);
                self.estate.wait_until_home();
                "host lost with its disk"
            }
            _ => return,
        };
        println!("{:>7.2} s {what} ({name} or a link)", self.began.elapsed().as_secs_f64());
        *self.struck.entry(what).or_default() += 1;
    }
}

const WAYS: [(&str, &str); 6] =
    [("front", "one"), ("one", "front"), ("front", "two"), ("two", "front"), ("one", "two"), ("two", "one")];

/// A mounted disk's directory stays, its content goes.
fn empty(cadir: &std::path::Path) {
    for entry in std::fs::read_dir(cadir).unwrap().flatten() {
        let path = entry.path();
        let removed =
            if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
        removed.unwrap();
    }
}

/// Debian's Puppet Server on a copy of the directory: it must start, and hand out every certificate and the list.
fn puppet_server_serves_all(estate: &Estate, name: &str, told: &Told) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    let root = tempfile::Builder::new().permissions(mode).tempdir().unwrap();
    let home = estate.host(host_of(name));
    for (from, to) in [("ca", "ca"), ("ssl", "ssl")] {
        let copied = Command::new("cp").arg("-a").arg(home.join(from)).arg(root.path().join(to)).status();
        assert!(copied.unwrap().success());
    }
    let owned = Command::new("chown").args(["-R", "puppet:puppet"]).arg(root.path().join("ca")).status();
    assert!(owned.unwrap().success());
    let server = PuppetServer::start(&Host { root: root.path().to_owned() });
    // One connection for all of them.
    let answers = tempfile::tempdir().unwrap();
    let wanted = told.certificates.iter().filter(|(certname, _)| !told.cleaned.contains(certname));
    let wanted: Vec<(&String, &String)> = wanted.collect();
    let list = std::fs::read_to_string(home.join("ca/ca_crl.pem")).unwrap();
    let mut questions = String::new();
    let paths = wanted.iter().map(|(certname, _)| (format!("certificate/{certname}"), certname.as_str()));
    for (path, name) in paths.chain([("certificate_revocation_list/ca".to_owned(), "list")]) {
        let url = format!("https://127.0.0.1:{}/puppet-ca/v1/{path}", server.port);
        questions += &format!("url = \"{url}\"\noutput = \"{}\"\n", answers.path().join(name).display());
    }
    let file = root.path().join("questions");
    std::fs::write(&file, questions).unwrap();
    let ssl = home.join("ssl");
    let asked = Command::new("curl")
        .args(["--silent", "--insecure", "-H", "Accept: text/plain", "--config"])
        .arg(&file)
        .arg("--cert")
        .arg(ssl.join(format!("certs/{SUCCESSOR}.pem")))
        .arg("--key")
        .arg(ssl.join(format!("private_keys/{SUCCESSOR}.pem")))
        .status();
    assert!(asked.unwrap().success());
    for (certname, pem) in wanted.iter().copied().chain([(&"list".to_owned(), &list)]) {
        let answer = std::fs::read_to_string(answers.path().join(certname)).unwrap();
        assert_eq!(&answer, pem, "{certname} of Puppet Server on {name}'s directory");
    }
    let served = wanted.len();
    server.stop();
    println!("Puppet Server on the directory of {name}: serves the list and all {served} certificates");
}
