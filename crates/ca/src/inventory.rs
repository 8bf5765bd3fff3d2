//! `inventory.txt`: one line for each certificate ever issued, appended, never removed.

use crate::time;
use pki::Serial;

/// One line of the inventory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    pub serial: Serial,
    pub not_before: i64,
    pub not_after: i64,
    /// The subject as the line has it, without the leading `/CN=`; may contain spaces (`Puppet CA: host`).
    pub name: String,
}

impl Row {
    /// The line as Puppet Server writes it, with its line feed.
    pub fn to_line(&self) -> String {
        format!(
            "0x{} {} {} /CN={}\n",
            self.serial,
            time::format(self.not_before),
            time::format(self.not_after),
            self.name
        )
    }

    /// Reads a line of any Puppet: with or without `0x` and padding, any zone, spaces in the subject.
    pub fn parse(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        let mut fields = line.splitn(4, ' ');
        let serial = Serial::parse_hex(fields.next()?).ok()?;
        let not_before = time::parse(fields.next()?)?;
        let not_after = time::parse(fields.next()?)?;
        let subject = fields.next()?.trim();
        let name = subject.strip_prefix('/').unwrap_or(subject);
        let name = name.strip_prefix("CN=").or_else(|| name.strip_prefix("cn=")).unwrap_or(name);
        if name.is_empty() {
            return None;
        }
        Some(Self { serial, not_before, not_after, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_as_recorded() {
        let line = "0x000A 2026-11-21T09:59:09UTC 2031-11-21T09:59:09UTC /CN=r1k.example.com\n";
        let row = Row::parse(line).unwrap();
        assert_eq!(row.serial, Serial::from_u64(10));
        assert_eq!(row.name, "r1k.example.com");
        assert_eq!(row.to_line(), line);
    }

    #[test]
    fn lines_of_other_writers() {
        let row = Row::parse("1f 2015-03-01T12:00:00+00:00 2020-03-01T12:00:00GMT /CN=Puppet CA: old host")
            .unwrap();
        assert_eq!(row.serial, Serial::from_u64(31));
        assert_eq!(row.name, "Puppet CA: old host");
        assert!(Row::parse("").is_none());
        assert!(Row::parse("0x01 yesterday tomorrow /CN=x").is_none());
    }
}
