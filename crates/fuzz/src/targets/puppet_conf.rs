//! `puppet.conf`, as `bunraku config import` reads it.

use super::Target;

// The program is no library; this file of it depends on nothing.
#[path = "../../../bunraku/src/config_import/puppet_conf.rs"]
#[allow(dead_code, unreachable_pub, reason = "the program uses the rest")]
mod reader;

pub(super) const TARGET: Target = Target {
    name: "puppet_conf",
    run,
    words: &[
        b"[main]\n",
        b"[server]\n",
        b"ssldir = $vardir/ssl\n",
        b"vardir = ${confdir}/var\n",
        b"confdir = $vardir\n",
        b"cadir = /x { owner = puppet, mode = 0640 }\n",
        b"autosign = $confdir/autosign.conf\n",
        b"# comment\n",
        b"${",
        b"$",
        b"}",
        b"=",
    ],
};

fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let read = reader::parse(&text);
    let lines = text.lines().count();
    assert!(read.entries.len() + read.strange.len() <= lines);
    for entry in &read.entries {
        assert!((1..=lines).contains(&entry.line) && !entry.name.contains(['\n', '=']), "{entry:?}");
        // A setting's value is looked up as it stands: whoever refers to himself must not be followed for ever.
        let lookup = |name: &str| {
            let found = read.entries.iter().find(|other| other.name == name);
            found.map(|other| other.value.clone())
        };
        if let Ok(value) = reader::interpolate(&entry.value, &lookup) {
            assert!(value.len() <= entry.value.len().max(64 * 1024), "{} octets", value.len());
        }
    }
    // Nothing is read out of what precedes. (Braces at the end of a value, and a quotation mark at either end, are taken off
    // once.)
    let more_to_take = |value: &str| value.ends_with(['}', '"', '\'']) || value.starts_with(['"', '\'']);
    let taken_once = read.entries.iter().any(|one| more_to_take(&one.value));
    let again: String =
        read.entries.iter().map(|one| format!("[{}]\n{} = {}\n", one.section, one.name, one.value)).collect();
    let reread = reader::parse(&again);
    let plain = |conf: &reader::PuppetConf| {
        let parts = conf.entries.iter().map(|one| (one.section.clone(), one.name.clone(), one.value.clone()));
        parts.collect::<Vec<_>>()
    };
    assert!(taken_once || plain(&reread) == plain(&read), "{again:?} reads differently");
}
