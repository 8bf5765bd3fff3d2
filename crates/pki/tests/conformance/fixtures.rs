//! Recorded files, the `openssl` command, and a signer that repeats a recorded signature.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use pki::issue::Authority;
use pki::{Certificate, SignFault, SignatureAlgorithm, Signer};

pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance/x509").join(name)
}

pub fn read(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()))
}

pub fn text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

pub fn certificate(name: &str) -> Certificate {
    Certificate::from_pem(&read(name)).unwrap()
}

/// "Signs" with a signature that was recorded. If what is to be signed is what Puppet signed, octet by octet, the
/// result is Puppet's file; so nothing but full identity passes a comparison.
pub struct Replay {
    pub spki: Vec<u8>,
    pub signature: Vec<u8>,
}

impl Signer for Replay {
    fn sign(&self, _tbs: &[u8]) -> Result<Vec<u8>, SignFault> {
        Ok(self.signature.clone())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::RsaSha256
    }

    fn spki_der(&self) -> &[u8] {
        &self.spki
    }
}

/// The recorded CA, repeating the signature at the end of this recorded file.
pub fn replaying(ca: &Certificate, recorded: &[u8]) -> Authority {
    let signature = recorded[recorded.len() - 512..].to_vec();
    let signer = Arc::new(Replay { spki: ca.spki_der().to_vec(), signature });
    Authority { certificate: ca.clone(), signer }
}

/// A number shown as lines of hexadecimal octets by `openssl ... -text`, under the heading that ends with `heading`
/// (the last such heading).
pub fn shown_octets(text: &str, heading: &str) -> Vec<u8> {
    let from = text.rfind(heading).unwrap_or_else(|| panic!("no {heading}")) + heading.len();
    let is_octets = |line: &&str| line.bytes().all(|octet| octet.is_ascii_hexdigit() || octet == b':');
    let lines = text[from..].lines().skip(1).map(str::trim).take_while(is_octets);
    let digits: String = lines.collect::<String>().replace(':', "");
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Runs `openssl` with this standard input and returns standard output; panics with its complaints if it fails.
pub fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    openssl_result(arguments, input).unwrap_or_else(|complaint| panic!("openssl {arguments:?}: {complaint}"))
}

/// Runs `openssl`; its complaints are the error.
pub fn openssl_result(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
    use std::io::Write as _;
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the openssl command is needed for this test");
    // It may end without reading everything; what it then says is the better message.
    let _ = child.stdin.take().unwrap().write_all(input);
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(output.stdout)
    } else {
        let shown = [output.stdout, output.stderr].concat();
        Err(String::from_utf8_lossy(&shown).into_owned())
    }
}

/// `openssl asn1parse` of an encoding.
pub fn asn1parse(der: &[u8]) -> String {
    String::from_utf8(openssl(&["asn1parse", "-inform", "DER"], der)).unwrap()
}
