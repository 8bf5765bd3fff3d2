//! What an authority does with requests: signs them, leaves them, never twice, and never loses one.

mod support;

use ca::authority::{Caller, Submitted};
use ca::command::{Actor, AutosignMark, Command, Details, Envelope};
use ca::store::Store;
use ca::{Autosign, CaSettings, Offline, Worker};
use pki::Certificate;
use pki::crl::RevocationList;
use replica::Entry;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command as Process;
use std::sync::Arc;
use std::time::Duration;
use support::{Reply, ask, change, csr, csr_with, enrol, local, new_authority, operator, peer, settings};
use wire::{Request, body};

async fn submit(worker: &Arc<Worker>, certname: &str, pem: String) -> Reply {
    let path = format!("/puppet-ca/v1/certificate_request/{certname}");
    ask(worker, peer(None), "PUT", &path, &[], pem).await
}

async fn state(worker: &Arc<Worker>, certname: &str) -> String {
    let path = format!("/puppet-ca/v1/certificate_status/{certname}");
    let reply = ask(worker, local(), "GET", &path, &[], "").await;
    let json: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    json["state"].as_str().unwrap_or("none").to_owned()
}

async fn start(cadir: &Path, autosign: Autosign) -> Arc<Worker> {
    Worker::start(CaSettings { autosign, ..settings(cadir) }).await.unwrap()
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(path).unwrap()
}

/// The real `openssl verify`, with the revocation list.
fn openssl_verifies(cadir: &Path, certname: &str) -> bool {
    Process::new("openssl")
        .args(["verify", "-crl_check", "-CAfile"])
        .arg(cadir.join("ca_crt.pem"))
        .arg("-CRLfile")
        .arg(cadir.join("ca_crl.pem"))
        .arg(cadir.join(format!("signed/{certname}.pem")))
        .output()
        .unwrap()
        .status
        .success()
}

/// A request that is sent again after a failover may pass the door before its first sending has been finished, and
/// reach the authority after.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_sent_again_is_no_duplicate_of_itself() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    let epoch = worker.role().epoch;
    let caller = |id: &str| Caller::unlimited(Actor::default(), Some(id.to_owned()), epoch);
    let pem = csr("twice.example.com");
    let send =
        async |id: &str| worker.authority().submit(&caller(id), "twice.example.com", pem.as_bytes()).await;
    assert_eq!(send("one").await.unwrap(), Submitted::Signed);
    let Ok(Submitted::Before(outcome)) = send("one").await else { panic!("must be known") };
    assert_eq!(outcome.status, 200);
    assert!(send("two").await.is_err(), "another request of that name is a duplicate");
    assert_eq!(read(cadir.join("inventory.txt")).lines().count(), 2);
    worker.stop().await;
}

/// `flock` of util-linux stands for a killed process that still waits for its disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_the_process_before_it_to_be_gone() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    worker.stop().await;
    let lock = cadir.join("bunraku/lock");
    let mut other = Process::new("flock")
        .args(["--exclusive", "--no-fork"])
        .arg(&lock)
        .args(["sleep", "60"])
        .spawn()
        .unwrap();
    let taken =
        || Process::new("flock").arg("--nonblock").arg(&lock).arg("true").status().unwrap().code() == Some(1);
    while !taken() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(Worker::start(settings(&cadir)).await.is_err(), "without patience it is refused");
    let patient = CaSettings { patience: Duration::from_secs(60), ..settings(&cadir) };
    let starting = tokio::spawn(Worker::start(patient));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!starting.is_finished(), "it waits");
    other.kill().unwrap();
    other.wait().unwrap();
    starting.await.unwrap().unwrap().stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_directory_is_what_openssl_and_puppet_expect() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    enrol(&worker, "a.example.com").await;
    enrol(&worker, "b.example.com").await;
    assert!(openssl_verifies(&cadir, "a.example.com"));
    change(&worker, "b.example.com", "revoked").await;
    assert!(!openssl_verifies(&cadir, "b.example.com"));
    assert!(openssl_verifies(&cadir, "a.example.com"));
    assert_eq!(read(cadir.join("serial")), "0004");
    let inventory = read(cadir.join("inventory.txt"));
    let rows: Vec<&str> = inventory.lines().map(|line| line.rsplit(' ').next().unwrap()).collect();
    assert_eq!(rows[1..], ["/CN=a.example.com", "/CN=b.example.com"]);
    assert_eq!(std::fs::read_dir(cadir.join("requests")).unwrap().count(), 0);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn autosigning_follows_true_the_list_and_the_executable() {
    let (root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    assert_eq!(submit(&worker, "a.example.com", csr("a.example.com")).await.status, 200);
    assert_eq!(state(&worker, "a.example.com").await, "signed");
    // A rule forbids what would be signed: 400, and the request stays.
    let key = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap();
    let names = vec![pki::AltName::Dns("puppet".into())];
    let content = pki::RequestContent { alt_names: names, ..Default::default() };
    let refused = submit(&worker, "evil.example.com", csr_with("evil.example.com", &key, &content)).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("extra subject alternative names (DNS:puppet)"), "{}", refused.text());
    assert_eq!(state(&worker, "evil.example.com").await, "requested");
    assert_eq!(read(cadir.join("serial")), "0003", "no serial is burned for it");
    worker.stop().await;

    let list = root.path().join("autosign.conf");
    std::fs::write(&list, "*.example.org\n").unwrap();
    let worker = start(&cadir, Autosign::File(list.clone())).await;
    for (name, expected) in [("c.example.org", "signed"), ("c.example.com", "requested")] {
        assert_eq!(submit(&worker, name, csr(name)).await.status, 200);
        assert_eq!(state(&worker, name).await, expected, "{name}");
    }
    // It is read again at every request; and it may be an executable.
    let seen = root.path().join("seen");
    let script = format!("#!/bin/sh\ncat > {}\ncase \"$1\" in yes*) exit 0;; esac\nexit 1\n", seen.display());
    std::fs::write(&list, script).unwrap();
    std::fs::set_permissions(&list, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, expected) in [("yes.test", "signed"), ("no.test", "requested")] {
        let pem = csr(name);
        assert_eq!(submit(&worker, name, pem.clone()).await.status, 200);
        assert_eq!(state(&worker, name).await, expected, "{name}");
        assert_eq!(read(&seen), pem);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_requests_for_one_name_at_a_time_are_never_both_signed() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    for round in 0..10 {
        let name = format!("n{round}.test");
        let requests = (0..6).map(|_| {
            let (worker, name, pem) = (Arc::clone(&worker), name.clone(), csr(&name));
            tokio::spawn(async move { submit(&worker, &name, pem).await.status })
        });
        let mut statuses = Vec::new();
        for request in requests.collect::<Vec<_>>() {
            statuses.push(request.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 400, 400, 400, 400, 400]);
    }
    let inventory = read(cadir.join("inventory.txt"));
    assert_eq!(inventory.lines().count(), 11);
    assert_eq!(read(cadir.join("serial")), "000C");
    worker.stop().await;
}

/// A server drops what it does for a client whose connection breaks, wherever it is just then.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_half_done() {
    let (root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    for round in 0..100_u64 {
        let name = format!("n{round}.test");
        let gone = tokio::spawn({
            let (worker, name, pem) = (Arc::clone(&worker), name.clone(), csr(&name));
            async move { submit(&worker, &name, pem).await.status }
        });
        tokio::time::sleep(Duration::from_micros(20 * round)).await;
        gone.abort();
        let came_to_its_end = gone.await.is_ok();
        // Another key: one of the two is signed, whichever.
        let status = submit(&worker, &name, csr(&name)).await.status;
        assert!(status == 400 || status == 200 && !came_to_its_end, "{name}: {status}");
    }
    let inventory = read(cadir.join("inventory.txt"));
    assert_eq!(inventory.lines().count(), 101, "one certificate for each name, and the CA's:\n{inventory}");
    worker.stop().await;

    // Nor does the policy's word get lost that comes after it.
    let (policy, asked, may_go) =
        (root.path().join("policy"), root.path().join("asked"), root.path().join("go"));
    let script = format!(
        "#!/bin/sh\ncat > /dev/null\ntouch {}\nwhile [ ! -e {} ]; do sleep 0.05; done\n",
        asked.display(),
        may_go.display()
    );
    std::fs::write(&policy, script).unwrap();
    std::fs::set_permissions(&policy, std::fs::Permissions::from_mode(0o755)).unwrap();
    let worker = start(&cadir, Autosign::File(policy)).await;
    let gone = tokio::spawn({
        let worker = Arc::clone(&worker);
        async move { submit(&worker, "policy.test", csr("policy.test")).await.status }
    });
    until(async || asked.exists()).await;
    gone.abort();
    assert!(gone.await.is_err());
    // Of those that ask for the same name meanwhile some wait, and are told then; the others are sent away at once.
    let (told, mut answers) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..40 {
        let (worker, told) = (Arc::clone(&worker), told.clone());
        tokio::spawn(async move { told.send(submit(&worker, "policy.test", csr("policy.test")).await) });
    }
    for _ in 0..40 - 16 {
        let answer = answers.recv().await.unwrap();
        assert_eq!(answer.status, 503, "{}", answer.text());
        assert_eq!(answer.headers["retry-after"], "5");
    }
    std::fs::write(&may_go, "").unwrap();
    until(async || state(&worker, "policy.test").await == "signed").await;
    for _ in 0..16 {
        assert_eq!(answers.recv().await.unwrap().status, 400, "it has a certificate");
    }
    worker.stop().await;
}

async fn until(condition: impl AsyncFn() -> bool) {
    for _ in 0..3000 {
        if condition().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not within half a minute");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_revocations_at_a_time_share_lists_and_all_are_on_them() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    for number in 0..40 {
        let name = format!("n{number}.test");
        assert_eq!(submit(&worker, &name, csr(&name)).await.status, 200);
    }
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let worker = Arc::clone(&worker);
        tasks.spawn(async move { change(&worker, &format!("n{number}.test"), "revoked").await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let list = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!(list.len(), 40);
    assert!(list.number().unwrap() < 40, "{:?} lists for 40 revocations", list.number());
    // Once more is no fault and no new list.
    change(&worker, "n1.test", "revoked").await;
    let again = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!(again.number(), list.number());
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_several_certificates_loses_all_of_them() {
    let (_root, cadir) = new_authority();
    let duplicates = CaSettings { allow_duplicate_certs: true, autosign: Autosign::True, ..settings(&cadir) };
    let worker = Worker::start(duplicates).await.unwrap();
    for _ in 0..3 {
        assert_eq!(submit(&worker, "a.test", csr("a.test")).await.status, 200);
    }
    change(&worker, "a.test", "revoked").await;
    let list = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!((list.len(), list.number()), (3, Some(1)));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cleaning_revokes_and_drops_with_one_list() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    for name in ["a.test", "b.test"] {
        assert_eq!(submit(&worker, name, csr(name)).await.status, 200);
    }
    let body = r#"{"certnames":["a.test","b.test","nobody.test"]}"#;
    let cleaned = ask(&worker, local(), "PUT", "/puppet-ca/v1/clean", &[], body).await;
    assert_eq!(cleaned.text(), r#"The following certs do not exist and cannot be revoked: ["nobody.test"]"#);
    let list = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!((list.len(), list.number()), (2, Some(1)));
    assert_eq!(std::fs::read_dir(cadir.join("signed")).unwrap().count(), 0);
    // The name is free again.
    assert_eq!(submit(&worker, "a.test", csr("a.test")).await.status, 200);
    assert_eq!(state(&worker, "a.test").await, "signed");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_signed_at_once() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    for number in 0..20 {
        let name = format!("n{number}.test");
        assert_eq!(submit(&worker, &name, csr(&name)).await.status, 200);
    }
    let body = r#"{"certnames":["n0.test","nobody.test"]}"#;
    let some = ask(&worker, local(), "POST", "/puppet-ca/v1/sign", &[], body).await;
    assert_eq!(some.text(), r#"{"signed":["n0.test"],"no-csr":["nobody.test"],"signing-errors":[]}"#);
    // One request is signed once, however often its name is there.
    let body = r#"{"certnames":["n1.test","n1.test"]}"#;
    let twice = ask(&worker, local(), "POST", "/puppet-ca/v1/sign", &[], body).await;
    assert_eq!(twice.text(), r#"{"signed":["n1.test"],"no-csr":[],"signing-errors":[]}"#);
    assert_eq!(read(cadir.join("inventory.txt")).matches("/CN=n1.test\n").count(), 1);
    let all = ask(&worker, local(), "POST", "/puppet-ca/v1/sign/all", &[], "").await;
    let json: serde_json::Value = serde_json::from_slice(&all.body).unwrap();
    assert_eq!(json["signed"].as_array().unwrap().len(), 18);
    let bad = ask(&worker, local(), "POST", "/puppet-ca/v1/sign", &[], "[]").await;
    assert_eq!(bad.status, 422);
    let bad = ask(&worker, local(), "POST", "/puppet-ca/v1/sign", &[], r#"{"certnames":"n0.test"}"#).await;
    let json: serde_json::Value = serde_json::from_slice(&bad.body).unwrap();
    assert_eq!((bad.status, &json["submitted"]), (422, &"n0.test".into()));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_given_twice_is_signed_and_cleaned_once() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    for name in ["a.test", "b.test"] {
        assert_eq!(submit(&worker, name, csr(name)).await.status, 200);
    }
    let body = r#"{"certnames":["a.test","b.test","a.test","nobody.test","nobody.test"]}"#;
    let signed = ask(&worker, local(), "POST", "/puppet-ca/v1/sign", &[], body).await;
    assert_eq!(
        signed.text(),
        r#"{"signed":["a.test","b.test"],"no-csr":["nobody.test"],"signing-errors":[]}"#
    );
    let inventory = read(cadir.join("inventory.txt"));
    assert_eq!(inventory.matches("/CN=a.test\n").count(), 1, "{inventory}");
    let cleaned = ask(&worker, local(), "PUT", "/puppet-ca/v1/clean", &[], body).await;
    assert_eq!(cleaned.text(), r#"The following certs do not exist and cannot be revoked: ["nobody.test"]"#);
    let list = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!((list.len(), list.number()), (2, Some(1)));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_whose_file_was_deleted_can_be_revoked() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    let delete = async |name: &str| {
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        assert_eq!(ask(&worker, local(), "DELETE", &path, &[], "").await.status, 204);
    };
    let revoked = || RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap().len();
    for name in ["a.test", "b.test"] {
        enrol(&worker, name).await;
        delete(name).await;
    }
    change(&worker, "a.test", "revoked").await;
    assert_eq!(revoked(), 1);
    // Its owner has asked for another one meanwhile.
    assert_eq!(submit(&worker, "b.test", csr("b.test")).await.status, 200);
    change(&worker, "b.test", "revoked").await;
    assert_eq!((revoked(), state(&worker, "b.test").await.as_str()), (2, "requested"));
    // There is nothing more to revoke.
    let body = r#"{"desired_state":"revoked"}"#;
    for (name, status) in [("a.test", 404), ("b.test", 409)] {
        let path = format!("/puppet-ca/v1/certificate_status/{name}");
        assert_eq!(ask(&worker, local(), "PUT", &path, &[], body).await.status, status, "{name}");
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_refused_for_the_name_in_it_that_is_taken() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    enrol(&worker, "taken.test").await;
    let other = submit(&worker, "free.test", csr("taken.test")).await;
    assert_eq!(
        (other.status, other.text().as_str()),
        (400, "taken.test already has a signed certificate; ignoring certificate request")
    );
    let other = submit(&worker, "taken.test", csr("free.test")).await;
    assert_eq!(
        (other.status, other.text().as_str()),
        (400, "Instance name \"free.test\" does not match requested key \"taken.test\"")
    );
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_by_a_restart_and_an_interrupted_autosign_is_finished() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    enrol(&worker, "a.test").await;
    assert_eq!(submit(&worker, "waits.test", csr("waits.test")).await.status, 200);
    worker.stop().await;
    // As a crash leaves it: in the log, not in the directory, its certificate not made yet.
    let mut store = Store::open(&cadir).unwrap();
    let request = pki::Request::from_pem(csr("cut.test").as_bytes()).unwrap();
    let envelope = Envelope {
        at: 0,
        actor: Actor::default(),
        request: None,
        commands: vec![
            Command::RequestSaved {
                certname: "cut.test".into(),
                der: request.der().to_vec(),
                autosign: AutosignMark::Approved,
                details: Details::default(),
            },
            Command::SerialsReserved { next: "0004".into() },
        ],
    };
    let entry = Entry::after(&store.log.last(), store.membership.epoch(), envelope.encode());
    store.log.append(&[entry]).unwrap();
    store.log.flush().unwrap();
    drop(store);

    let worker = start(&cadir, Autosign::False).await;
    for _ in 0..500 {
        if state(&worker, "cut.test").await == "signed" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(state(&worker, "cut.test").await, "signed");
    assert_eq!(state(&worker, "a.test").await, "signed");
    assert_eq!(state(&worker, "waits.test").await, "requested");
    assert!(worker.authority().ledger().directory_follows().await);
    assert!(read(cadir.join("inventory.txt")).contains("0x0004 "), "the reserved number 3 is burned");
    assert_eq!(read(cadir.join("serial")), "0005");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_has_one_owner_and_can_be_worked_on_without_any() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::False).await;
    assert_eq!(submit(&worker, "a.test", csr("a.test")).await.status, 200);
    let refused = Offline::open(settings(&cadir)).await;
    assert!(matches!(refused.err(), Some(ca::OpenFault::Locked { .. })));
    assert!(ca::socket_path(&cadir).exists());
    worker.stop().await;

    let offline = Offline::open(settings(&cadir)).await.unwrap();
    let mut request = Request::new(body::full(r#"{"desired_state":"signed"}"#));
    *request.method_mut() = "PUT".parse().unwrap();
    *request.uri_mut() = "/puppet-ca/v1/certificate_status/a.test".parse().unwrap();
    assert_eq!(offline.handle(request).await.status().as_u16(), 204);
    drop(offline);
    assert!(openssl_verifies(&cadir, "a.test"));
    let worker = start(&cadir, Autosign::False).await;
    assert_eq!(state(&worker, "a.test").await, "signed");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_of_somebody_else_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("etc");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(folder.join("passwd"), "").unwrap();

    let refused = Offline::open(settings(&folder)).await.err().unwrap().to_string();
    assert!(refused.ends_with("is not a CA directory: it has no ca_crt.pem"), "{refused}");
    let refused = Worker::start(settings(&folder)).await.err().unwrap().to_string();
    assert!(refused.contains("there is something else in it (passwd)"), "{refused}");

    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_puppet_server_is_taken_over_as_it_is() {
    let (_root, cadir) = new_authority();
    let worker = start(&cadir, Autosign::True).await;
    for name in ["a.test", "b.test"] {
        assert_eq!(submit(&worker, name, csr(name)).await.status, 200);
    }
    change(&worker, "b.test", "revoked").await;
    worker.stop().await;
    // Without our own files it is Puppet Server's; with the forms that other tools of it write.
    std::fs::remove_dir_all(cadir.join("bunraku")).unwrap();
    std::fs::write(cadir.join("serial"), "4\n").unwrap();
    let inventory = read(cadir.join("inventory.txt"));
    std::fs::write(cadir.join("inventory.txt"), inventory.trim_end()).unwrap();
    std::fs::write(cadir.join("requests/broken.pem"), "not PEM").unwrap();

    let worker = start(&cadir, Autosign::True).await;
    assert_eq!(state(&worker, "a.test").await, "signed");
    assert_eq!(state(&worker, "b.test").await, "revoked");
    assert_eq!(submit(&worker, "c.test", csr("c.test")).await.status, 200);
    change(&worker, "a.test", "revoked").await;
    worker.stop().await;
    assert_eq!(read(cadir.join("serial")), "0005");
    let lines: Vec<String> = read(cadir.join("inventory.txt")).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 4);
    assert!(lines[3].starts_with("0x0004 ") && lines[3].ends_with("/CN=c.test"));
    let list = RevocationList::from_pem(read(cadir.join("ca_crl.pem")).as_bytes()).unwrap();
    assert_eq!((list.len(), list.number()), (2, Some(2)));
    assert!(cadir.join("requests/broken.pem").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_turned_away_when_too_many_requests_wait() {
    let (root, cadir) = new_authority();
    let list = root.path().join("autosign.conf");
    std::fs::write(&list, "*.signed.test\n").unwrap();
    let policy = CaSettings { max_pending: 2, autosign: Autosign::File(list), ..settings(&cadir) };
    let worker = Worker::start(policy).await.unwrap();
    for name in ["a.test", "b.test"] {
        assert_eq!(submit(&worker, name, csr(name)).await.status, 200);
    }
    let refused = submit(&worker, "c.test", csr("c.test")).await;
    assert_eq!(refused.status, 503);
    let patience: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((300..600).contains(&patience), "{patience}");
    let text = refused.text();
    assert!(text.starts_with("2 certificate requests are waiting"), "{text}");
    assert!(text.contains("bunraku ca list") && text.contains("max_pending"), "{text}");
    assert_eq!(state(&worker, "c.test").await, "none");
    // Who is here already is told so; what is signed at once needs no room; an operator may add what he likes.
    let again = submit(&worker, "a.test", csr("a.test")).await;
    assert_eq!(again.status, 400);
    assert!(again.text().contains("already has a requested certificate"));
    assert_eq!(submit(&worker, "x.signed.test", csr("x.signed.test")).await.status, 200);
    assert_eq!(state(&worker, "x.signed.test").await, "signed");
    let path = "/puppet-ca/v1/certificate_request/d.test";
    assert_eq!(ask(&worker, local(), "PUT", path, &[], csr("d.test")).await.status, 200);
    // A decision makes room, once there are fewer than the limit.
    change(&worker, "a.test", "signed").await;
    assert_eq!(submit(&worker, "c.test", csr("c.test")).await.status, 503);
    change(&worker, "b.test", "signed").await;
    assert_eq!(submit(&worker, "c.test", csr("c.test")).await.status, 200);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operators_certificate_makes_no_operators_but_the_cas_own_machine_does() {
    let (_root, cadir) = new_authority();
    let admin = operator(&cadir, "admin.test", true);
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    let path = "/bunraku/v1/authority/local/operator";
    let wanted = |name: &str, request: &str| {
        serde_json::json!({"certname": name, "request": csr(request), "ttl": 86_400}).to_string()
    };
    for (peer, status) in [(peer(Some(&admin)), 403), (peer(None), 403), (local(), 204), (local(), 400)] {
        let reply = ask(&worker, peer, "POST", path, &[], wanted("second.test", "second.test")).await;
        assert_eq!(reply.status, status, "{}", reply.text());
    }
    let other = ask(&worker, local(), "POST", path, &[], wanted("third.test", "fourth.test")).await;
    assert_eq!(other.status, 400, "{}", other.text());
    let pem = ask(&worker, peer(None), "GET", "/puppet-ca/v1/certificate/second.test", &[], "").await;
    let made = Certificate::from_pem(&pem.body).unwrap();
    let list = "/puppet-ca/v1/certificate_statuses/all";
    assert_eq!(ask(&worker, peer(Some(&made)), "GET", list, &[], "").await.status, 200);
    worker.stop().await;
}
