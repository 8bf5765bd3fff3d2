//! A whole deployment, primary and standby, on the directory of `puppetserver ca setup`: it is stopped, a real Puppet Server
//! works on the primary's directory, and the deployment is started again. Nothing is reset in between.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use pki::Serial;
use pki::crl::RevocationList;

use super::deployment::{Deployment, wait_until};
use super::hosts::{Host, csr};
use super::theirs::PuppetServer;

const PORT: u16 = 27_140;

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_goes_to_puppet_server_and_comes_back() {
    let mut host = None;
    let mut deployment = Deployment::start_prepared(PORT, &[], |root| {
        std::fs::set_permissions(root, PermissionsExt::from_mode(0o755)).unwrap();
        let made = Host::set_up(&root.join("estate"));
        std::fs::create_dir(root.join("data")).unwrap();
        std::fs::write(root.join("data/bunraku.toml"), configuration(&made.cadir())).unwrap();
        host = Some(made);
    });
    let host = host.unwrap();
    let (primary, standby) = (host.cadir(), deployment.standby_dir());
    deployment.wait_until_home();
    deployment.bunraku_ok(&["ca", "generate", "--certname", "stays.example.com,goes.example.com"]);
    same(&primary, &standby);
    let (number, next) = (list(&primary).number(), serial(&primary));
    let inventory = read(&primary, "inventory.txt");
    deployment.end();

    // Puppet Server signs, revokes, and has a request that waits.
    let puppet = PuppetServer::start(&host);
    let askers = host.askers(puppet.port, None);
    for name in ["theirs.example.com", "waits.example.com"] {
        askers.submit(name, csr(name)).await;
    }
    askers.change("theirs.example.com", "signed").await;
    askers.change("goes.example.com", "revoked").await;
    puppet.stop();
    assert_eq!(serial(&primary), next.next());

    deployment.start_again();
    deployment.wait_until_home();
    wait_until("the standby has what Puppet Server signed", Duration::from_secs(30), || {
        standby.join("signed/theirs.example.com.pem").exists()
    });
    same(&primary, &standby);
    let listed = deployment.bunraku_ok(&["ca", "list", "--all", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let names = |state: &str| {
        let all = listed[state].as_array().unwrap().iter();
        all.map(|one| one["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("requested"), ["waits.example.com"]);
    assert_eq!(names("revoked"), ["goes.example.com"]);
    for name in ["stays.example.com", "theirs.example.com"] {
        assert!(names("signed").contains(&name.to_owned()), "{listed}");
    }
    // And on from there: with the next number, and a list that follows Puppet Server's.
    deployment.bunraku_ok(&["ca", "sign", "--certname", "waits.example.com"]);
    deployment.bunraku_ok(&["ca", "revoke", "--certname", "theirs.example.com"]);
    same(&primary, &standby);
    assert_eq!(list(&primary).entries().count(), 2);
    assert!(list(&primary).number() > number);
    let now = read(&primary, "inventory.txt");
    assert!(now.starts_with(&inventory), "rows are only added: {now}");
    let added: Vec<&str> = now[inventory.len()..].lines().collect();
    assert!(
        added[0].ends_with("/CN=theirs.example.com") && added[1].ends_with("/CN=waits.example.com"),
        "{now}"
    );
    let checked = deployment.bunraku(&["ca", "fsck", "--cadir", &primary.display().to_string()]);
    assert_eq!(checked.status.code(), Some(0));
}

/// The example configuration on our ports, with this CA directory.
fn configuration(cadir: &Path) -> String {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/bunraku.example.toml");
    let config = std::fs::read_to_string(example).unwrap();
    let config =
        config.replace("127.0.0.1:8140", "127.0.0.1:27140").replace("127.0.0.1:1814", "127.0.0.1:3714");
    config.replace("cadir = \"ssl/ca\"", &format!("cadir = \"{}\"", cadir.display()))
}

fn read(cadir: &Path, file: &str) -> String {
    std::fs::read_to_string(cadir.join(file)).unwrap()
}

fn serial(cadir: &Path) -> Serial {
    Serial::parse_hex(&read(cadir, "serial")).unwrap()
}

fn list(cadir: &Path) -> RevocationList {
    // The root's comes after it.
    RevocationList::all_from_pem(read(cadir, "ca_crl.pem").as_bytes()).unwrap().swap_remove(0)
}

/// Waits until the standby's directory shows what the primary's does.
fn same(primary: &Path, standby: &Path) {
    let equal = |file: &str| std::fs::read(primary.join(file)).ok() == std::fs::read(standby.join(file)).ok();
    wait_until("both directories are the same", Duration::from_secs(20), || {
        ["serial", "inventory.txt", "ca_crl.pem"].into_iter().all(equal)
    });
}
