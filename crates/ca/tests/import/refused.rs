//! Directories that cannot be taken over: what is said, and nothing is touched.

use crate::forms::{Form, run};
use crate::takeover::refusal;
use std::fs;
use std::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn broken_parts_are_named_with_what_to_do() {
    let other = Form::other_ruby();
    let copy = |form: &Form, file: &str| form.write(file, other.read(file));
    type Change<'a> = (&'a dyn Fn(&Form), &'a [&'a str]);
    let changes: [Change<'_>; 8] = [
        (
            &|form| copy(form, "ca_key.pem"),
            &["ca_crt.pem: no certificate in it belongs to the key", "-pubout"],
        ),
        (&|form| copy(form, "ca_crl.pem"), &["ca_crl.pem: no revocation list in it is signed by the key"]),
        (&|form| form.write("ca_crl.pem", ""), &["ca_crl.pem: no revocation list", "count again"]),
        (
            &|form| form.write("ca_crl.pem", "-----BEGIN X509 CRL-----\nAA"),
            &["ca_crl.pem: ", "has no END line"],
        ),
        (&|form| form.write("ca_key.pem", ""), &["ca_key.pem: there is no private key"]),
        (&|form| form.write("ca_crt.pem", "junk"), &["ca_crt.pem: no certificate in it belongs to the key"]),
        (&|form| form.write("serial", "next"), &["serial: ", "make it an empty file"]),
        (
            &|form| {
                form.write("serial", "");
                form.write("inventory.txt", "\n");
            },
            &["serial: it and inventory.txt are both empty", "a number above all that were ever used"],
        ),
    ];
    for (number, (change, texts)) in changes.into_iter().enumerate() {
        let form = Form::ruby("sha256");
        change(&form);
        let said = refusal(&form).await;
        for text in texts {
            assert!(said.contains(text), "change {number}: {said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_too_short_and_a_certificate_that_is_no_cas() {
    let form = Form::ruby("sha256");
    let script = "openssl genrsa -traditional -out ca_key.pem 1024 2>/dev/null && \
                  openssl req -x509 -key ca_key.pem -subj /CN=x -out ca_crt.pem";
    run(Command::new("sh").args(["-c", script]).current_dir(&form.cadir));
    let said = refusal(&form).await;
    assert!(said.contains("ca_key.pem: the private key is not usable"), "{said}");

    let form = Form::ruby("sha256");
    let script = "openssl req -x509 -key ca_key.pem -subj /CN=x -out ca_crt.pem -config <(printf \
                  '[req]\ndistinguished_name=d\nx509_extensions=e\n[d]\n[e]\nbasicConstraints=critical,CA:FALSE\n')";
    run(Command::new("bash").args(["-c", script]).current_dir(&form.cadir));
    let said = refusal(&form).await;
    assert!(said.contains("ca_crt.pem: CN=x is not the certificate of a CA"), "{said}");
}

/// Runs as another user in a process of its own: whoever runs the tests may write everywhere.
#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_this_user_may_not_write_to() {
    const PLACE: &str = "BUNRAKU_TEST_DENIED";
    if let Some(cadir) = std::env::var_os(PLACE) {
        let fault = ca::Worker::start(ca::CaSettings::alone("ca-1", cadir)).await.err().unwrap();
        println!("refused: {fault}");
        return;
    }
    assert!(
        rustix::process::geteuid().is_root(),
        "these tests become another user, so they have to begin as root"
    );
    let form = Form::ruby("sha256");
    let open = std::os::unix::fs::PermissionsExt::from_mode;
    // Who may read everything, and write nothing; then who may not even read the key.
    for (mode, verb) in [(0o644, "write to"), (0o600, "read")] {
        run(Command::new("chmod").args(["-R", "a+rX"]).arg(form.cadir.parent().unwrap()));
        fs::set_permissions(form.path("ca_key.pem"), open(mode)).unwrap();
        if verb == "read" {
            // The folders are writable then: it is the key alone.
            run(Command::new("chmod")
                .args(["a+w"])
                .arg(&form.cadir)
                .arg(form.path("signed"))
                .arg(form.path("requests")));
        }
        let before = form.everything();
        // A copy that others may run: the folder of the build need not be open to them.
        let program = form.cadir.parent().unwrap().join("program");
        fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
        fs::set_permissions(&program, open(0o755)).unwrap();
        let output = Command::new("setpriv")
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(&program)
            .args(["--exact", "refused::a_directory_that_this_user_may_not_write_to", "--nocapture"])
            .env(PLACE, &form.cadir)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("user 65534 may not {verb} it, it belongs to user 0")), "{said}");
        assert_eq!(form.everything(), before);
    }
}
