//! The facts of an invented Debian host, in the amount and shape in which Puppet 7 agents send them.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// Unreserved characters of RFC 3986 stay; agents encode all others.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Body of a catalog request: a form whose `facts` are JSON, encoded twice, as agents send them.
pub fn request_body(certname: &str, environment: &str) -> String {
    let facts = json!({
        "name": certname, "values": of(certname), "timestamp": "2026-11-22T10:00:00.000000000+00:00",
        "expiration": "2026-11-22T10:30:00.000000000+00:00",
    });
    let once = utf8_percent_encode(&facts.to_string(), UNRESERVED).to_string();
    let twice = utf8_percent_encode(&once, UNRESERVED);
    let environment = utf8_percent_encode(environment, UNRESERVED);
    format!(
        "facts_format=application%2Fjson&facts={twice}&environment={environment}\
         &configured_environment={environment}&check_environment=true&transaction_uuid={}&job_uuid=\
         &static_catalog=true&checksum_type=sha256.sha384.sha512.sha224.md5",
        uuid::Uuid::new_v4()
    )
}

fn of(certname: &str) -> Value {
    // Two halves: one is too much for the macro.
    let (mut facts, hardware) = (software(certname), hardware(certname));
    for (name, value) in hardware.as_object().into_iter().flatten() {
        facts[name] = value.clone();
    }
    facts
}

fn software(certname: &str) -> Value {
    let (host, domain) = certname.split_once('.').unwrap_or((certname, ""));
    json!({
        "architecture": "amd64", "augeasversion": "1.14.0", "clientcert": certname, "clientnoop": false,
        "clientversion": "7.23.0", "domain": domain, "facterversion": "4.3.0",
        "filesystems": "btrfs,ext2,ext3,ext4,squashfs,vfat,xfs", "fips_enabled": false, "fqdn": certname,
        "hostname": host, "hypervisors": {"kvm": {}}, "id": "root",
        "identity": {"gid": 0, "group": "root", "privileged": true, "uid": 0, "user": "root"},
        "interfaces": "eth0,lo", "ipaddress": "192.0.2.17", "is_virtual": true, "kernel": "Linux",
        "kernelmajversion": "6.1", "kernelrelease": "6.1.0-28-amd64", "kernelversion": "6.1.0",
        "load_averages": {"15m": 0.11, "1m": 0.42, "5m": 0.23}, "macaddress": "02:00:00:00:00:17",
        "operatingsystem": "Debian", "operatingsystemmajrelease": "12", "operatingsystemrelease": "12.8",
        "os": {
            "architecture": "amd64", "family": "Debian", "hardware": "x86_64", "name": "Debian",
            "distro": {
                "codename": "bookworm", "description": "Debian GNU/Linux 12 (bookworm)", "id": "Debian",
                "release": {"full": "12.8", "major": "12", "minor": "8"},
            },
            "release": {"full": "12.8", "major": "12", "minor": "8"}, "selinux": {"enabled": false},
        },
        "osfamily": "Debian",
        "path": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "puppetversion": "7.23.0",
        "ruby": {"platform": "x86_64-linux-gnu", "sitedir": "/usr/local/lib/site_ruby", "version": "3.1.2"},
        "selinux": false,
        "ssh": {
            "ecdsa": ssh_key("ecdsa-sha2-nistp256", 140), "ed25519": ssh_key("ssh-ed25519", 68),
            "rsa": ssh_key("ssh-rsa", 372),
        },
        "system_uptime": {"days": 12, "hours": 301, "seconds": 1_085_034, "uptime": "12 days"},
        "timezone": "UTC", "trusted": {"authenticated": "local", "certname": null, "domain": null, "extensions": {}},
        "virtual": "kvm",
    })
}

fn hardware(certname: &str) -> Value {
    let (host, domain) = certname.split_once('.').unwrap_or((certname, ""));
    json!({
        "memory": {
            "swap": memory("2.00 GiB", 2_147_479_552_u64, "0 bytes", 0, "0.00%"),
            "system": memory("7.75 GiB", 8_321_499_136, "1.21 GiB", 1_299_227_648, "15.61%"),
        },
        "mountpoints": {
            "/": mountpoint("/dev/vda1", "ext4", &["rw", "relatime", "errors=remount-ro"]),
            "/boot/efi": mountpoint("/dev/vda15", "vfat", &["rw", "relatime", "fmask=0077", "utf8"]),
        },
        "networking": {
            "domain": domain, "fqdn": certname, "hostname": host, "interfaces": {
                "eth0": interface("192.0.2.17", "2001:db8::17", "02:00:00:00:00:17"),
                "lo": interface("127.0.0.1", "::1", "00:00:00:00:00:00"),
            },
            "ip": "192.0.2.17", "ip6": "2001:db8::17", "mac": "02:00:00:00:00:17", "mtu": 1500,
            "netmask": "255.255.255.0", "network": "192.0.2.0", "primary": "eth0", "scope6": "global",
        },
        "partitions": {
            "/dev/vda1": {"filesystem": "ext4", "mount": "/", "size": "39.87 GiB", "size_bytes": 42_813_357_056_u64},
            "/dev/vda15": {"filesystem": "vfat", "mount": "/boot/efi", "size": "124.00 MiB", "size_bytes": 130_023_424},
        },
        "processors": {
            "cores": 2, "count": 2, "isa": "unknown", "models": ["Virtual CPU", "Virtual CPU"],
            "physicalcount": 1, "speed": "2.40 GHz", "threads": 1,
        },
    })
}

fn memory(total: &str, total_bytes: u64, used: &str, used_bytes: u64, capacity: &str) -> Value {
    json!({
        "available_bytes": total_bytes - used_bytes, "capacity": capacity, "total": total,
        "total_bytes": total_bytes, "used": used, "used_bytes": used_bytes,
    })
}

fn mountpoint(device: &str, filesystem: &str, options: &[&str]) -> Value {
    json!({
        "available": "31.20 GiB", "available_bytes": 33_500_745_728_u64, "capacity": "17.42%", "device": device,
        "filesystem": filesystem, "options": options, "size": "39.08 GiB", "size_bytes": 41_956_900_864_u64,
        "used": "6.58 GiB", "used_bytes": 7_068_147_712_u64,
    })
}

fn interface(ip: &str, ip6: &str, mac: &str) -> Value {
    json!({
        "bindings": [{"address": ip, "netmask": "255.255.255.0", "network": "192.0.2.0"}],
        "bindings6": [{
            "address": ip6, "flags": ["permanent"], "netmask": "ffff:ffff:ffff:ffff::", "network": "2001:db8::",
            "scope6": "global",
        }],
        "ip": ip, "ip6": ip6, "mac": mac, "mtu": 1500, "netmask": "255.255.255.0", "network": "192.0.2.0",
        "network6": "2001:db8::", "operational_state": "up", "physical": true, "scope6": "global",
    })
}

fn ssh_key(kind: &str, length: usize) -> Value {
    let sha1 = "0123456789abcdef".repeat(3)[..40].to_owned();
    let sha256 = "0123456789abcdef".repeat(4);
    let key: String = "AAAAB3NzaC1yc2EAAAADAQABAAABgQC".chars().cycle().take(length).collect();
    json!({
        "fingerprints": {"sha1": format!("SSHFP 1 1 {sha1}"), "sha256": format!("SSHFP 1 2 {sha256}")},
        "key": key, "type": kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::percent_decode_str;

    #[test]
    fn the_body_has_the_size_and_the_encoding_of_a_real_one() {
        let body = request_body("web1.example.com", "production");
        assert!((9_900..10_900).contains(&body.len()), "{} bytes", body.len());
        let facts = body.split('&').find_map(|pair| pair.strip_prefix("facts=")).unwrap();
        let once = percent_decode_str(facts).decode_utf8().unwrap();
        let twice = percent_decode_str(&once).decode_utf8().unwrap();
        let facts: Value = serde_json::from_str(&twice).unwrap();
        assert_eq!(facts["name"], "web1.example.com");
        assert_eq!(facts["values"]["networking"]["hostname"], "web1");
    }
}
