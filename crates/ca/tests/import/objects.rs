//! Single files that are in another form than usual, or not as they should be.

use crate::forms::{Form, run};
use crate::support::{ask, change, csr, local};
use crate::takeover::{Expected, RUBY, refusal, ruby, standings, start, take_over};
use pki::Serial;
use std::fs;
use std::process::Command;

const CLEAN: [(String, String); 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn the_forms_of_serial() {
    let forms: [&[u8]; 7] =
        [b"7", b"007\n", b"0007", b"0x7", b"  0007\r\n", b"0000000000000007\n", b"0X0007 "];
    for text in forms {
        let form = Form::ruby("sha256");
        form.write("serial", text);
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "{:?}", String::from_utf8_lossy(text));
    }
    let form = Form::ruby("sha256");
    form.write("serial", "00fe\n");
    let expected = Expected { names: RUBY, next: Serial::from_u64(0xFE) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_serial_that_is_behind_or_empty_goes_on_above_all_that_are_in_use() {
    // 0006 would be given again; it stands in the inventory, in a file, and (4) only on the list.
    for text in ["0001", "0006", "", "\n"] {
        let form = Form::ruby("sha256");
        form.write("serial", text);
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "{text:?}");
    }
    let form = Form::ruby("sha256");
    form.write("serial", "");
    form.edit("inventory.txt", |_| "0x0002 2024-03-01T12:00:00UTC 2039-02-26T12:00:00UTC /CN=x\n".into());
    for name in ["alive", "twice", "revoked"] {
        form.remove(&format!("signed/{name}.example.com.pem"));
    }
    let expected = Expected { names: &[], next: Serial::from_u64(5) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_forms_of_the_inventory() {
    let zones =
        [("UTC", "UTC"), ("UTC", "GMT"), ("UTC", "Z"), ("UTC", "+00:00"), ("12:00:00UTC", "14:00:00+0200")];
    for (from, to) in zones {
        let form = Form::ruby("sha256");
        form.edit("inventory.txt", |text| match from == to {
            true => text + "\n",
            false => text.replace(from, to),
        });
        let before = form.read("inventory.txt");
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "{to}");
        assert!(form.read("inventory.txt").starts_with(&before), "{to}: rows are only added");
    }
    // Other letters, no padding, CRLF, empty lines, a subject with spaces, one that is not UTF-8.
    let changes: [fn(String) -> Vec<u8>; 5] = [
        |text| text.replace("0x0002", "0X2").replace("0x0003", "3").into_bytes(),
        |text| text.replace('\n', "\r\n").into_bytes(),
        |text| text.replace('\n', "\n\n").into_bytes(),
        |text| {
            (text + "0x0000 2024-03-01T12:00:00UTC 2025-03-01T12:00:00UTC /CN=Puppet CA: older host\n")
                .into_bytes()
        },
        |text| {
            [text.as_bytes(), b"0x0000 2024-03-01T12:00:00UTC 2025-03-01T12:00:00UTC /CN=m\xFCnchen\n"]
                .concat()
        },
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let form = Form::ruby("sha256");
        let text = change(form.read("inventory.txt"));
        form.write("inventory.txt", &text);
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "change {number}");
        assert!(fs::read(form.path("inventory.txt")).unwrap().starts_with(&text), "change {number}");
    }
}

/// The last line, wherever it was cut off: it is ended, and the certificate gets a line of its own if that one is not it.
#[tokio::test(flavor = "multi_thread")]
async fn a_torn_last_line() {
    for cut in [1, 5, 30, 55, 70] {
        let form = Form::ruby("sha256");
        form.edit("inventory.txt", |mut text| {
            text.truncate(text.len() - cut);
            text
        });
        let before = form.read("inventory.txt");
        // The serial was written before the line was.
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "{cut} cut off");
        let after = form.read("inventory.txt");
        assert!(after.starts_with(&before), "{cut}: {after}");
        assert!(after.contains("0x0006 ") && after.contains("/CN=twice.example.com\n"), "{cut}: {after}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_without_a_line_and_lines_without_a_certificate() {
    let form = Form::ruby("sha256");
    // Of alive, only the file is left; of revoked and of the first of twice, only the lines.
    form.edit("inventory.txt", |text| {
        text.lines()
            .filter(|line| !line.ends_with("alive.example.com"))
            .map(|line| format!("{line}\n"))
            .collect()
    });
    form.remove("signed/revoked.example.com.pem");
    let names = [("alive.example.com", "signed"), ("twice.example.com", "signed")];
    let expected = Expected { names: &names, next: Serial::from_u64(7) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
    let line = "0x0002 2024-03-01T12:00:00UTC 2039-02-26T12:00:00UTC /CN=alive.example.com\n";
    assert!(form.read("inventory.txt").contains(line), "{}", form.read("inventory.txt"));

    // A name is revoked with all it ever had.
    let worker = start(&form).await;
    change(&worker, "twice.example.com", "revoked").await;
    worker.stop().await;
    let revoked: Vec<Serial> = form.revoked().into_iter().map(|(serial, _)| serial).collect();
    assert!(revoked.contains(&Serial::from_u64(5)) && revoked.contains(&Serial::from_u64(6)), "{revoked:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_inventory_gets_the_certificates_that_are_there() {
    let form = Form::ruby("sha256");
    form.write("inventory.txt", "");
    assert_eq!(take_over(&form, &ruby()).await, CLEAN);
    let names: Vec<String> = form
        .read("inventory.txt")
        .lines()
        .map(|line| line.rsplit("/CN=").next().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["alive.example.com", "revoked.example.com", "twice.example.com", "new.example.com"]);
}

/// A number that two names have is known to both: which one goes is an operator's decision, and fsck says so.
#[tokio::test(flavor = "multi_thread")]
async fn duplicate_serials() {
    let form = Form::ruby("sha256");
    form.edit("inventory.txt", |text| {
        text + "0x0002 2024-03-01T12:00:00UTC 2039-02-26T12:00:00UTC /CN=double.example.com\n"
    });
    let problems = take_over(&form, &ruby()).await;
    let [(check, what)] = &problems[..] else { panic!("{problems:?}") };
    assert_eq!(check, "serials");
    assert!(what.contains("alive.example.com, double.example.com"), "{what}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_files_in_signed_and_requests() {
    let form = Form::ruby("sha256");
    let alive = form.read("signed/alive.example.com.pem");
    for file in
        ["signed/.alive.example.com.pem.swp", "signed/alive.example.com.pem~", "signed/README", "signed/.pem"]
    {
        form.write(file, "?");
    }
    form.write("signed/empty.example.com.pem", "");
    form.write("signed/junk.example.com.pem", "junk");
    form.write("signed/alias.example.com.pem", &alive);
    fs::create_dir(form.path("signed/folder.pem")).unwrap();
    let other = Form::other_ruby();
    let stranger = other.read("signed/alive.example.com.pem");
    form.write("signed/alive.example.com.pem", format!("Certificate:\r\n{}", alive.replace('\n', "\r\n")));
    form.write("signed/cleaned.example.com.pem", &stranger);
    form.write("requests/wants.example.com.pem", csr("wants.example.com"));
    form.write("requests/UPPER.example.com.pem", csr("UPPER.example.com"));
    form.write("requests/other.example.com.pem", csr("another.example.com"));
    form.write("requests/a b.pem", "?");
    let worker = start(&form).await;
    let mut expected: Vec<(String, String)> =
        RUBY.iter().map(|(name, state)| ((*name).to_owned(), (*state).to_owned())).collect();
    expected.push(("wants.example.com".into(), "requested".into()));
    assert_eq!(standings(&worker).await.into_iter().collect::<Vec<_>>(), expected);
    worker.stop().await;
    for file in [
        "signed/README",
        "signed/junk.example.com.pem",
        "signed/alias.example.com.pem",
        "signed/cleaned.example.com.pem",
        "requests/UPPER.example.com.pem",
        "requests/other.example.com.pem",
    ] {
        assert!(form.path(file).exists(), "{file} is left alone");
    }
}

/// Puppet Server was stopped after it had signed, and before it removed the request.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_was_signed_already_is_set_aside() {
    let form = Form::ruby("sha256");
    let key = pki::PrivateKey::generate(pki::KeyKind::EcP256).unwrap();
    let request = crate::support::csr_with("late.example.com", &key, &pki::RequestContent::default());
    form.write("requests/late.example.com.pem", &request);
    form.write("requests/alive.example.com.pem", csr("alive.example.com"));
    run(Command::new("openssl")
        .args(["x509", "-req", "-set_serial", "7", "-days", "99", "-in"])
        .arg(form.path("requests/late.example.com.pem"))
        .arg("-CA")
        .arg(form.path("ca_crt.pem"))
        .arg("-CAkey")
        .arg(form.path("ca_key.pem"))
        .arg("-out")
        .arg(form.path("signed/late.example.com.pem")));
    form.write("serial", "0008");
    let names = [
        ("alive.example.com", "signed"),
        ("late.example.com", "signed"),
        ("revoked.example.com", "revoked"),
        ("twice.example.com", "signed"),
    ];
    let expected = Expected { names: &names, next: Serial::from_u64(8) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
    assert!(!form.path("requests/late.example.com.pem").exists());
    assert!(form.path("requests/alive.example.com.pem").exists(), "another key wants that name");
    let found = fs::read_dir(form.path("bunraku/found")).unwrap().next().unwrap().unwrap().path();
    assert_eq!(fs::read_to_string(found.join("requests/late.example.com.pem")).unwrap(), request);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_in_any_order_and_an_older_one_of_ours() {
    let form = Form::puppetserver_setup();
    let lists = form.read("ca_crl.pem");
    let end = lists.find("-----END X509 CRL-----\n").unwrap() + "-----END X509 CRL-----\n".len();
    let (ours, root) = lists.split_at(end);
    form.write("ca_crl.pem", format!("{root}{ours}{ours}"));
    let worker = start(&form).await;
    change(&worker, "puppet.example.com", "revoked").await;
    let lists = form.read_after(&worker, "ca_crl.pem").await;
    worker.stop().await;
    assert_eq!(lists.matches("BEGIN X509 CRL").count(), 2, "ours once, then the root's");
    assert!(lists.ends_with(root));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ca_that_has_expired_can_be_given_a_longer_life() {
    let form = Form::ruby("sha256");
    run(Command::new("openssl")
        .args(["x509", "-days", "-1", "-set_serial", "1", "-in"])
        .arg(form.path("ca_crt.pem"))
        .arg("-signkey")
        .arg(form.path("ca_key.pem"))
        .arg("-out")
        .arg(form.path("expired.pem")));
    fs::rename(form.path("expired.pem"), form.path("ca_crt.pem")).unwrap();
    let worker = start(&form).await;
    assert_eq!(standings(&worker).await.len(), 3);
    let answer = ask(
        &worker,
        local(),
        "POST",
        "/bunraku/v1/authority/rollover",
        &[],
        r#"{"action":"same-key","life":1000000}"#,
    )
    .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    worker.authority().ledger().directory_follows().await;
    worker.stop().await;
    let end = form.shown("x509", "ca_crt.pem", &["-checkend", "86400"]);
    assert!(end.contains("will not expire"), "{end}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_missing() {
    let form = Form::ruby("sha256");
    form.remove("ca_pub.pem");
    fs::remove_dir_all(form.path("requests")).unwrap();
    assert_eq!(take_over(&form, &ruby()).await, CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_must_not_be_missing() {
    let advice = [
        ("ca_crt.pem", "ca_crt.pem is missing: restore it"),
        ("ca_key.pem", "ca_key.pem is missing: put the CA's private key there"),
        ("ca_crl.pem", "all that was revoked would count again"),
        ("inventory.txt", "put an empty file there"),
        ("serial", "put an empty file there, and numbers go on above the highest in use"),
    ];
    for (file, advice) in advice {
        let form = Form::ruby("sha256");
        form.remove(file);
        let text = refusal(&form).await;
        assert!(text.contains(advice), "{text}");
    }
}
