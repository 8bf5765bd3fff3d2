//! Is a Puppet Server at work on this machine? It takes no lock on its CA directory, so its process is all there is.

use std::fs;

/// Process id of a running Puppet Server, if there is one. Which directory it has cannot be seen from outside.
pub fn running() -> Option<u32> {
    fs::read_dir("/proc").ok()?.filter_map(Result::ok).find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let line = fs::read(entry.path().join("cmdline")).ok()?;
        is_puppetserver(&line).then_some(pid)
    })
}

/// Whether this is the command line (words ended by NUL) of a Puppet Server.
fn is_puppetserver(line: &[u8]) -> bool {
    let words: Vec<&str> =
        line.split(|byte| *byte == 0).filter_map(|word| std::str::from_utf8(word).ok()).collect();
    let java = words.first().is_some_and(|program| program.rsplit('/').next() == Some("java"));
    let serves = |word: &&str| {
        word.contains("puppet-server-release.jar")
            || word.contains("puppetserver.jar")
            || word.contains("puppetlabs.trapperkeeper.main")
    };
    java && words.iter().any(serves)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_puppetserver_is_known_by_its_command_line() {
        let real =
            b"/usr/bin/java\0-Xms2g\0-cp\0/usr/share/puppetserver/puppetserver.jar\0clojure.main\0-m\0\
                     puppetlabs.trapperkeeper.main\0--config\0/etc/puppet/puppetserver/conf.d\0";
        assert!(is_puppetserver(real));
        assert!(!is_puppetserver(b"vim\0puppetserver.jar\0"));
        assert!(!is_puppetserver(b"/usr/bin/java\0-jar\0other.jar\0"));
    }
}
