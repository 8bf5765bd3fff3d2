//! Headers near the limits: the front end adds who the client is, and the role behind it must still take them.

use std::process::Command;

use super::deployment::{Deployment, text};

#[test]
fn what_the_front_end_lets_pass_is_not_too_much_for_the_role_behind_it() {
    let deployment = Deployment::start(21_140, &[]);
    let ask = |path: &str, headers: &[String]| {
        let ssl = deployment.dir().join("ssl");
        let of = |folder: &str| ssl.join(folder).join("bunraku-operator.pem");
        let output = Command::new("curl")
            .args(["--silent", "-o", "/dev/null", "-k", "-w", "%{http_code}", "--max-time", "20"])
            .arg("--cert")
            .arg(of("certs"))
            .arg("--key")
            .arg(of("private_keys"))
            .args(headers.iter().flat_map(|header| ["-H", header]))
            .arg(format!("https://localhost:21140{path}"))
            .output()
            .unwrap();
        text(&output.stdout)
    };
    // curl has three lines of its own, and a path of the request beside them.
    let many: Vec<String> = (0..96).map(|number| format!("X-Line-{number}: a")).collect();
    let long: Vec<String> = (0..7).map(|number| format!("X-Long-{number}: {}", "a".repeat(9_100))).collect();
    for path in ["/puppet-ca/v1/certificate_revocation_list/ca", "/status/v1/simple"] {
        for headers in [&many, &long] {
            assert_eq!(ask(path, headers), "200", "{path}, {} lines", headers.len());
        }
    }
    let too_many = [many, vec!["X-One: more".into(), "X-And: another".into()]].concat();
    assert_eq!(ask("/status/v1/simple", &too_many), "431");
}
