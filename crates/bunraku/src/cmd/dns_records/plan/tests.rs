use std::path::Path;

use super::*;

const TWO: &str = "[main]\nserver = \"puppet.example.com\"\n[front_end]\nlisten = \"192.0.2.1:8140\"\n\
                   [[front_end.further]]\nname = \"front-end-2\"\nlisten = \"[2001:db8::2]:8140\"\ncertname = \"fe2.example.net\"\n\
                   [register]\nkind = \"etcd\"\nendpoints = [\"http://192.0.2.9:2379\"]\n";

fn config(text: &str) -> Config {
    Config::parse(Path::new("/srv/b/bunraku.toml"), text).unwrap()
}

fn worker(name: &str, rest: &str) -> String {
    format!(
        "[[catalog.worker]]\nname = \"{name}\"\naddress = \"192.0.2.3:1{}\"\ncertname = \"{name}\"\n{rest}\n",
        name.len()
    )
}

fn wish(direct: bool) -> Wish {
    Wish { ttl: 60, direct, ..Wish::default() }
}

fn lines(plan: &Plan) -> Vec<String> {
    let line = |record: &Record| match &record.data {
        Data::Address(address) => format!("{} {address}", record.name),
        Data::Service { priority, weight, port, target } => {
            format!("{} {priority} {weight} {port} {target}", record.name)
        }
    };
    plan.records.iter().map(line).collect()
}

#[test]
fn front_ends_share_one_name_and_have_one_of_their_own() {
    let plan = make(&config(TWO), &wish(false)).unwrap();
    let expected = [
        "puppet.example.com 192.0.2.1",
        "puppet.example.com 2001:db8::2",
        "front-end.example.com 192.0.2.1",
        "fe2.example.net 2001:db8::2",
        "_x-puppet._tcp.example.com 0 1 8140 front-end.example.com",
        "_x-puppet._tcp.example.com 0 1 8140 fe2.example.net",
        "_x-puppet-ca._tcp.example.com 0 1 8140 front-end.example.com",
        "_x-puppet-ca._tcp.example.com 0 1 8140 fe2.example.net",
        "_x-puppet-fileserver._tcp.example.com 0 1 8140 front-end.example.com",
        "_x-puppet-fileserver._tcp.example.com 0 1 8140 fe2.example.net",
        "_x-puppet-report._tcp.example.com 0 1 8140 front-end.example.com",
        "_x-puppet-report._tcp.example.com 0 1 8140 fe2.example.net",
    ];
    assert_eq!(lines(&plan), expected);
    assert_eq!(plan.warnings, [""; 0]);
}

#[test]
fn without_front_ends_tiers_are_priorities_and_weights_are_weights() {
    let text = [
        TWO.to_string(),
        worker("a", "weight = 300000\nserves = [\"catalog\"]"),
        worker("bb", "weight = 100000"),
        worker("ccc", "tier = 2\nserves = [\"catalog\", \"reports\"]"),
    ];
    let plan = make(&config(&text.concat()), &wish(true)).unwrap();
    let services: Vec<String> =
        lines(&plan).into_iter().filter(|line| line.starts_with("_x-puppet")).collect();
    let expected = [
        "_x-puppet-ca._tcp.example.com 0 1 8140 front-end.example.com",
        "_x-puppet-ca._tcp.example.com 0 1 8140 fe2.example.net",
        "_x-puppet._tcp.example.com 0 65535 11 a.example.com",
        "_x-puppet._tcp.example.com 0 21845 12 bb.example.com",
        "_x-puppet._tcp.example.com 2 1 13 ccc.example.com",
        "_x-puppet-fileserver._tcp.example.com 0 100000 12 bb.example.com",
        "_x-puppet-report._tcp.example.com 0 100000 12 bb.example.com",
        "_x-puppet-report._tcp.example.com 2 1 13 ccc.example.com",
    ];
    let expected = expected.map(|line| line.replace(" 100000 ", " 65535 "));
    assert_eq!(services, expected);
}

#[test]
fn what_would_lead_nowhere_is_refused_or_said() {
    for (text, address, said) in [
        ("[main]\nserver = \"localhost\"", None, "--domain is missing"),
        (
            "[main]\nserver = \"p.example.com\"\n[front_end]\nlisten = \"0.0.0.0:8140\"",
            None,
            "--address front-end=IP",
        ),
        (
            "[main]\nserver = \"p.example.com\"",
            Some("front-and"),
            "there are front-end, catalog-1, catalog-2",
        ),
    ] {
        let addresses = address.map(|role: &str| (role.to_string(), vec!["192.0.2.7".parse().unwrap()]));
        let wish = Wish { addresses: addresses.into_iter().collect(), ..wish(false) };
        let fault = make(&config(text), &wish).unwrap_err().to_string();
        assert!(fault.contains(said), "{text}: {fault}");
    }
    let only_catalogs = [TWO.to_string(), worker("a", "serves = [\"catalog\"]")].concat();
    let fault = make(&config(&only_catalogs), &wish(true)).unwrap_err().to_string();
    assert!(fault.contains("serves \"files\""), "{fault}");
    let here = make(&config("[main]\nserver = \"p.example.com\""), &wish(false)).unwrap();
    assert!(here.warnings[0].contains("agents of its own host only"), "{:?}", here.warnings);
}

#[test]
fn an_address_from_the_command_line_replaces_the_one_that_is_listened_on() {
    let text = "[main]\nserver = \"p.example.com\"\n[front_end]\nlisten = \"0.0.0.0:8140\"";
    let both = vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()];
    let wish = Wish { addresses: [("front-end".to_string(), both)].into(), ..wish(false) };
    let plan = make(&config(text), &wish).unwrap();
    assert_eq!(lines(&plan)[..2], ["p.example.com 192.0.2.7", "p.example.com 2001:db8::7"]);
}
