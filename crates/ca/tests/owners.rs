//! One directory, several users: what root leaves in it, and what another user then meets.

mod support;

use ca::{CaSettings, Worker};
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;
use std::process::Command;
use support::{enrol, new_authority, settings};

const OTHER: u32 = 65_534;
/// Set in the process that runs as [`OTHER`].
const PLACE: &str = "BUNRAKU_TEST_OWNERS";

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn not_theirs(path: &Path) -> Vec<String> {
    let found = run(Command::new("find").arg(path).args(["!", "-user", &OTHER.to_string()]));
    found.lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_root_leaves_in_another_users_directory_can_be_used_by_that_user() {
    if let Some(cadir) = std::env::var_os(PLACE) {
        match Worker::start(CaSettings::alone("ca-1", cadir)).await {
            Ok(worker) => worker.stop().await,
            Err(fault) => println!("refused: {fault}"),
        }
        return;
    }
    assert!(
        rustix::process::geteuid().is_root(),
        "these tests become another user, so they have to begin as root"
    );
    let (root, cadir) = new_authority();
    fs::set_permissions(root.path(), fs::Permissions::from_mode(0o755)).unwrap();
    run(Command::new("chown").arg("-R").arg(format!("{OTHER}:{OTHER}")).arg(&cadir));
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    enrol(&worker, "a.test").await;
    // What a folder for files of others would be made by.
    fs::write(cadir.join("serial"), "0001").unwrap();
    worker.authority().look_for_changes().await.unwrap();
    worker.stop().await;
    assert_eq!(not_theirs(&cadir), Vec::<String>::new());

    let program = root.path().join("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let start_as_other = || {
        run(Command::new("setpriv")
            .args([format!("--reuid={OTHER}"), format!("--regid={OTHER}"), "--clear-groups".to_owned()])
            .arg(&program)
            .args([
                "--exact",
                "what_root_leaves_in_another_users_directory_can_be_used_by_that_user",
                "--nocapture",
            ])
            .env(PLACE, &cadir))
    };
    assert!(!start_as_other().contains("refused"), "{}", start_as_other());
    // Root was killed: it had no time to give away what it had written.
    // Or somebody edited the inventory as root.
    for file in ["bunraku/log", "bunraku/snapshot", "bunraku/found", "inventory.txt", "ca_key.pem"] {
        let path = cadir.join(file);
        chown(&path, Some(0), Some(0)).unwrap();
        let said = start_as_other();
        assert!(
            said.contains(&format!(
                "user {OTHER} may not do with it what a CA has to do, it belongs to user 0"
            )),
            "{said}"
        );
        assert!(said.contains("chown -R") && said.contains(&path.display().to_string()), "{said}");
        chown(&path, Some(OTHER), Some(OTHER)).unwrap();
    }
    assert_eq!(fs::metadata(cadir.join("bunraku/log")).unwrap().uid(), OTHER);
    assert!(!start_as_other().contains("refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_without_its_key_says_so_before_somebody_needs_a_signature() {
    let (_root, cadir) = new_authority();
    let said = |worker: &Worker| -> Vec<String> {
        let warnings = worker.authority().expiry_warnings();
        warnings.into_iter().map(|warning| warning.text).filter(|text| text.contains("cannot sign")).collect()
    };
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert_eq!(said(&worker), Vec::<String>::new());
    worker.stop().await;
    let key = fs::read(cadir.join("ca_key.pem")).unwrap();
    let another = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap().to_pem();
    for damage in [None, Some(""), Some(&*another)] {
        match damage {
            None => fs::remove_file(cadir.join("ca_key.pem")).unwrap(),
            Some(text) => fs::write(cadir.join("ca_key.pem"), text).unwrap(),
        }
        let worker = Worker::start(settings(&cadir)).await.unwrap();
        let told = said(&worker);
        assert!(told.len() == 1 && told[0].contains("ca_key.pem"), "{told:?}");
        worker.stop().await;
    }
    fs::write(cadir.join("ca_key.pem"), key).unwrap();
    let worker = Worker::start(settings(&cadir)).await.unwrap();
    assert_eq!(said(&worker), Vec::<String>::new());
    worker.stop().await;
}
