//! Whole directories, by who wrote them.

use crate::forms::{Form, run};
use crate::takeover::{Expected, refusal, ruby, take_over};
use pki::Serial;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

const CLEAN: [(String, String); 0] = [];

#[tokio::test(flavor = "multi_thread")]
async fn the_ruby_ca_with_sha256_and_with_sha1() {
    for digest in ["sha256", "sha1"] {
        let form = Form::ruby(digest);
        let list = form.shown("crl", "ca_crl.pem", &["-text"]);
        assert!(list.contains("Signature Algorithm: sha1WithRSAEncryption"), "{list}");
        assert_eq!(take_over(&form, &ruby()).await, CLEAN, "{digest}");
        let list = form.shown("crl", "ca_crl.pem", &["-text"]);
        assert!(list.contains("Signature Algorithm: sha256WithRSAEncryption"), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn puppetserver_ca_setup() {
    let form = Form::puppetserver_setup();
    assert_eq!(form.read("serial").trim(), "002");
    let lists = form.read("ca_crl.pem").matches("BEGIN X509 CRL").count();
    assert_eq!(lists, 2, "its own and the root's");
    let expected = Expected { names: &[("puppet.example.com", "signed")], next: Serial::from_u64(2) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
    let after = form.read("ca_crl.pem").matches("BEGIN X509 CRL").count();
    assert_eq!(after, lists);
}

/// `generate --ca-client` of Puppet's command line signs by itself: it writes the next serial in a form of its own, and
/// leaves the inventory alone.
#[tokio::test(flavor = "multi_thread")]
async fn puppetserver_ca_generate_offline() {
    let form = Form::puppetserver_setup();
    let conf = form.cadir.parent().unwrap().join("puppet.conf");
    // It asks whether a server runs, and takes no answer for none.
    let settings = form.cadir.parent().unwrap().join("puppet.conf");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, format!("{text}server = localhost\nmasterport = 9\nserverport = 9\nca_port = 9\n"))
        .unwrap();
    let script = "require 'puppetserver/ca/cli'; exit Puppetserver::Ca::Cli.run(ARGV)";
    let names: Vec<String> = (0..10).map(|number| format!("client{number}.example.com")).collect();
    run(Command::new("ruby")
        .args(["-e", script, "--", "generate", "--ca-client", "--certname", &names.join(","), "--config"])
        .arg(&conf));
    form.own();
    assert_eq!(form.read("serial").trim(), "0C");
    assert_eq!(form.read("inventory.txt").lines().count(), 1, "{}", form.read("inventory.txt"));
    let mut listed = vec![("puppet.example.com", "signed")];
    listed.extend(names.iter().map(|name| (name.as_str(), "signed")));
    let expected = Expected { names: &listed, next: Serial::from_u64(12) };
    assert_eq!(take_over(&form, &expected).await, CLEAN);
}

/// openvox-ca: its key in `private/`, numbers drawn at random, lines without `0x` and `/CN=`, a `serial` that it never
/// counts on, and files of its own. Its objects are made with openssl.
#[tokio::test(flavor = "multi_thread")]
async fn openvox_ca() {
    let form = openvox();
    let drawn = Serial::parse_hex("D2A7F3119C0E44B1A6D90D5F3B1E7C21").unwrap();
    let expected = Expected {
        names: &[("one.example.com", "signed"), ("two.example.com", "revoked")],
        next: drawn.next(),
    };
    let before = form.read("inventory.txt");
    assert_eq!(take_over(&form, &expected).await, CLEAN);
    let key = fs::metadata(form.path("ca_key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o640);
    assert_eq!(form.read("ca_key.pem"), form.read("private/ca_key.pem"));
    assert!(form.read("inventory.txt").starts_with(&before));
    assert!(form.path(".inventory.hmac").exists());
}

fn openvox() -> Form {
    let form = Form::empty();
    for folder in ["private", "signed", "requests", "work"] {
        fs::create_dir_all(form.path(folder)).unwrap();
        fs::set_permissions(form.path(folder), fs::Permissions::from_mode(0o750)).unwrap();
    }
    let script = r#"
        set -e
        umask 022
        (umask 077; openssl ecparam -name prime256v1 -genkey -noout -out private/ca_key.pem)
        openssl pkey -in private/ca_key.pem -pubout -out ca_pub.pem
        openssl req -x509 -new -key private/ca_key.pem -subj '/CN=Puppet CA: vox.example.com' -days 3650 -out ca_crt.pem \
            -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
        printf 'basicConstraints=critical,CA:FALSE\nextendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:x\n' > work/leaf
        printf '[ca]\ndefault_ca=d\n[d]\ndatabase=work/index\ndefault_md=sha256\ncrlnumber=work/number\n[e]\n\
authorityKeyIdentifier=keyid\n' > work/conf
        : > work/index
        echo 07 > work/number
        for pair in one:1B0C55D2E8F74A0C9E11A3D45B6C7D8E two:D2A7F3119C0E44B1A6D90D5F3B1E7C21; do
            name=${pair%%:*} serial=${pair#*:}
            openssl ecparam -name prime256v1 -genkey -noout -out work/$name.key
            openssl req -new -key work/$name.key -subj "/CN=$name.example.com" -out work/$name.csr
            openssl x509 -req -in work/$name.csr -CA ca_crt.pem -CAkey private/ca_key.pem -set_serial 0x$serial -days 1825 \
                -extfile work/leaf -out signed/$name.example.com.pem 2>/dev/null
            echo "$serial 2026-02-03T04:05:06UTC 2031-02-02T04:05:06UTC /$name.example.com" >> inventory.txt
        done
        openssl ca -config work/conf -keyfile private/ca_key.pem -cert ca_crt.pem -revoke signed/two.example.com.pem \
            -crl_reason superseded 2>/dev/null
        openssl ca -config work/conf -keyfile private/ca_key.pem -cert ca_crt.pem -gencrl -crldays 1825 -crlexts e \
            -out ca_crl.pem 2>/dev/null
        printf 0001 > serial
        printf 'mac' > .inventory.hmac
        printf 'key' > private/.inventory_hmac_key
        rm -r work
        chmod 640 inventory.txt
        chmod 750 .
    "#;
    run(Command::new("bash").args(["-c", script]).current_dir(&form.cadir));
    form
}

#[tokio::test(flavor = "multi_thread")]
async fn the_ruby_cas_encrypted_key_comes_with_the_command_that_decrypts_it() {
    let form = Form::ruby_encrypted("s3cret-of-1999");
    let text = refusal(&form).await;
    let command = text.lines().find(|line| line.trim_start().starts_with("umask 077; openssl pkey")).unwrap();
    assert!(text.contains("is encrypted") && command.contains("private/ca.pass"), "{text}");
    run(Command::new("sh").args(["-c", command]));
    assert_eq!(take_over(&form, &ruby()).await, CLEAN);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_with_a_password_that_nobody_left_behind() {
    let form = Form::ruby("sha256");
    let key = form.path("ca_key.pem");
    let locked = form.path("locked");
    run(Command::new("openssl")
        .args(["pkcs8", "-topk8", "-passout", "pass:known", "-in"])
        .arg(&key)
        .arg("-out")
        .arg(&locked));
    fs::rename(&locked, &key).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let text = refusal(&form).await;
    let command = text.lines().find(|line| line.trim_start().starts_with("umask 077; openssl pkey")).unwrap();
    run(Command::new("sh")
        .args(["-c", &command.replace(" -traditional", " -passin pass:known -traditional")]));
    assert_eq!(take_over(&form, &ruby()).await, CLEAN);
}
