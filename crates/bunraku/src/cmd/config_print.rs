//! `bunraku config print [--section S] [NAME…]`, as `puppet config print`.

use crate::config::{Config, settings};
use crate::console::outln;

const SECTIONS: [&str; 7] = ["main", "log", "ca", "front_end", "register", "catalog", "access"];

/// Prints one value bare, several or all as `name = value`.
pub fn run(config: &Config, section: Option<&str>, names: &[String]) -> anyhow::Result<u8> {
    if let Some(section) = section
        && !SECTIONS.contains(&section)
    {
        anyhow::bail!("there is no section '{section}'; sections are {}", SECTIONS.join(", "));
    }
    let mut known: Vec<settings::Setting> = settings::all(config)
        .into_iter()
        .filter(|s| section.is_none_or(|wanted| s.section == wanted))
        .collect();
    known.sort_by(|a, b| a.name.cmp(b.name));
    if names.is_empty() {
        for setting in &known {
            outln!("{} = {}", setting.name, setting.value);
        }
        return Ok(0);
    }
    let mut unknown = Vec::new();
    for name in names {
        match known.iter().find(|s| s.name == name.as_str()) {
            Some(setting) if names.len() == 1 => outln!("{}", setting.value),
            Some(setting) => outln!("{} = {}", setting.name, setting.value),
            None => unknown.push(name.as_str()),
        }
    }
    if unknown.is_empty() {
        return Ok(0);
    }
    anyhow::bail!(
        "unknown setting {}; 'bunraku config print' lists all",
        unknown.iter().map(|n| format!("'{n}'")).collect::<Vec<_>>().join(", ")
    )
}
