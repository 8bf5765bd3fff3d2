//! `os`, `kernel…` and their old flat names.

use serde_json::{Map, Value, json};

use super::read;

/// Adds them.
pub fn add(facts: &mut Map<String, Value>) {
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let hardware = text(system.machine());
    let release = text(system.release());
    let version = release.split('-').next().unwrap_or(&release).to_string();
    let major = version.split('.').take(2).collect::<Vec<_>>().join(".");
    let distribution = Distribution::parse(&read("/etc/os-release"), read("/etc/debian_version").trim());
    let architecture = match (distribution.family, hardware.as_str()) {
        ("Debian", "x86_64") => "amd64".to_string(),
        _ => hardware.clone(),
    };
    let Distribution { name, family, full, codename, description } = distribution;
    let (release_major, release_minor) = full.split_once('.').unwrap_or((&full, ""));
    let mut parts = json!({"full": full, "major": release_major});
    if !release_minor.is_empty() {
        parts["minor"] = json!(release_minor);
    }
    let os = json!({
        "name": name, "family": family, "hardware": hardware, "architecture": architecture,
        "release": parts.clone(),
        "distro": {"id": name, "codename": codename, "description": description, "release": parts},
        "selinux": {"enabled": false},
    });
    let flat = [
        ("kernel", json!(text(system.sysname()))),
        ("kernelrelease", json!(release)),
        ("kernelversion", json!(version)),
        ("kernelmajversion", json!(major)),
        ("osfamily", json!(family)),
        ("operatingsystem", json!(name)),
        ("operatingsystemrelease", json!(full)),
        ("operatingsystemmajrelease", json!(release_major)),
        ("architecture", json!(architecture)),
        ("hardwaremodel", json!(hardware)),
        ("os", os),
    ];
    facts.extend(flat.map(|(name, value)| (name.to_string(), value)));
}

#[derive(Debug, PartialEq, Eq)]
struct Distribution {
    name: String,
    family: &'static str,
    full: String,
    codename: String,
    description: String,
}

impl Distribution {
    /// From `/etc/os-release`; Debian keeps its point release in a file of its own.
    fn parse(os_release: &str, debian_version: &str) -> Distribution {
        let value = |key: &str| {
            let line = os_release.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix('='));
            line.unwrap_or_default().trim_matches('"').to_string()
        };
        let id = value("ID");
        let like = format!("{id} {}", value("ID_LIKE"));
        let has = |word: &str| like.split(' ').any(|w| w == word);
        let family = if has("debian") || has("ubuntu") {
            "Debian"
        } else if has("rhel") || has("fedora") || has("centos") {
            "RedHat"
        } else if has("suse") || has("opensuse") {
            "Suse"
        } else if has("arch") {
            "Archlinux"
        } else if has("alpine") {
            "Alpine"
        } else {
            "Linux"
        };
        let name = match id.as_str() {
            "debian" => "Debian".to_string(),
            "ubuntu" => "Ubuntu".to_string(),
            "rhel" => "RedHat".to_string(),
            "centos" => "CentOS".to_string(),
            "rocky" => "Rocky".to_string(),
            "almalinux" => "AlmaLinux".to_string(),
            "fedora" => "Fedora".to_string(),
            "alpine" => "Alpine".to_string(),
            _ => value("NAME"),
        };
        let numbered = debian_version.starts_with(|c: char| c.is_ascii_digit());
        let full = if id == "debian" && numbered { debian_version.to_string() } else { value("VERSION_ID") };
        Distribution {
            name,
            family,
            full,
            codename: value("VERSION_CODENAME"),
            description: value("PRETTY_NAME"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distributions_have_facters_names() {
        let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n\
                      VERSION_CODENAME=bookworm\n";
        let found = Distribution::parse(debian, "12.11");
        assert_eq!((found.name.as_str(), found.family, found.full.as_str()), ("Debian", "Debian", "12.11"));
        let rocky =
            "NAME=\"Rocky Linux\"\nID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.4\"\n";
        let found = Distribution::parse(rocky, "");
        assert_eq!((found.name.as_str(), found.family, found.full.as_str()), ("Rocky", "RedHat", "9.4"));
    }
}
