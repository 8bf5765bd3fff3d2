//! What of an authority ends when: its certificates, its revocation lists, the certificates that it has issued.
//!
//! Pure: everything is handed in, the time too. [`of_state`] takes it from a [`State`]; whoever has other things that
//! end (the certificates of the roles of an estate) adds them to the [`Report`].

use crate::state::State;
use crate::time;
use pki::Certificate;
use pki::crl::RevocationList;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A day in seconds.
pub const DAY: i64 = 24 * 60 * 60;

/// So long before something ends it is warned of, seconds.
pub const WARN_BEFORE: i64 = 90 * DAY;

/// So long before something ends the warning becomes urgent, seconds.
pub const URGENT_BEFORE: i64 = 30 * DAY;

/// What kind of thing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A certificate of the CA itself or of an issuer above it: with it the whole estate ends.
    CaCertificate,
    /// A revocation list, our own or one of an issuer above: agents trust nobody without it.
    RevocationList,
    /// The certificate of a role of this estate (front end, CA member, catalog worker, operator).
    RoleCertificate,
}

impl Kind {
    /// For a sentence.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::CaCertificate => "CA certificate",
            Kind::RevocationList => "revocation list",
            Kind::RoleCertificate => "role certificate",
        }
    }
}

/// One thing that ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What it is.
    pub kind: Kind,
    /// The common name of its subject; of a list that of its issuer.
    pub name: String,
    /// Its last second (Unix seconds).
    pub not_after: i64,
}

/// How pressing an end is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Urgency {
    /// More than 90 days away.
    None,
    /// 90 days or fewer.
    Soon,
    /// 30 days or fewer.
    Urgent,
    /// It has ended.
    Expired,
}

impl Urgency {
    /// How pressing an end at `not_after` is at `now` (Unix seconds).
    pub fn of(not_after: i64, now: i64) -> Urgency {
        match not_after.saturating_sub(now) {
            left if left < 0 => Urgency::Expired,
            left if left <= URGENT_BEFORE => Urgency::Urgent,
            left if left <= WARN_BEFORE => Urgency::Soon,
            _ => Urgency::None,
        }
    }
}

/// How many of the certificates issued to nodes end when. Only those count that are still in use: the file is there,
/// and they are not revoked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leaves {
    /// All of them.
    pub total: usize,
    /// Ended already.
    pub expired: usize,
    /// End within 30 days.
    pub within_30_days: usize,
    /// End within 90 days, those within 30 among them.
    pub within_90_days: usize,
}

impl Leaves {
    /// Counts ends (Unix seconds).
    pub fn count(ends: impl IntoIterator<Item = i64>, now: i64) -> Leaves {
        let mut leaves = Leaves::default();
        for end in ends {
            leaves.total += 1;
            let urgency = Urgency::of(end, now);
            leaves.expired += usize::from(urgency == Urgency::Expired);
            leaves.within_30_days += usize::from(urgency == Urgency::Urgent);
            leaves.within_90_days += usize::from(matches!(urgency, Urgency::Urgent | Urgency::Soon));
        }
        leaves
    }
}

/// What ends when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Everything that the estate depends on, whenever it ends; the next to end first.
    pub items: Vec<Item>,
    /// The certificates of nodes.
    pub leaves: Leaves,
}

impl Report {
    /// Adds one thing more.
    pub fn add(&mut self, item: Item) {
        let place = self.items.partition_point(|other| other.not_after <= item.not_after);
        self.items.insert(place, item);
    }

    /// What has ended or will within 90 days, as sentences; the most pressing first. Empty when all is well.
    pub fn warnings(&self, now: i64) -> Vec<Warning> {
        let mut warnings: Vec<Warning> = self
            .items
            .iter()
            .map(|item| Warning { urgency: Urgency::of(item.not_after, now), text: sentence(item, now) })
            .filter(|warning| warning.urgency > Urgency::None)
            .collect();
        let Leaves { expired, within_30_days, within_90_days, .. } = self.leaves;
        if within_90_days > 0 {
            let urgency = if within_30_days > 0 { Urgency::Urgent } else { Urgency::Soon };
            let text = format!(
                "{} of nodes end within 90 days, {within_30_days} of them within 30 days; \
                 'bunraku ca expiring' lists them",
                certificates(within_90_days)
            );
            warnings.push(Warning { urgency, text });
        }
        if expired > 0 {
            let text = format!("{} of nodes have expired and are still on file", certificates(expired));
            // A node that is gone; whoever is there has been heard of.
            warnings.push(Warning { urgency: Urgency::Soon, text });
        }
        warnings.sort_by_key(|warning| std::cmp::Reverse(warning.urgency));
        warnings
    }
}

/// Something to be done soon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// How soon.
    pub urgency: Urgency,
    /// What it is about, for a person.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

/// When a CA's certificates and lists end. A list without an end counts as ended: no agent takes it for current.
pub fn of_chain<'a>(
    certificates: impl IntoIterator<Item = &'a Certificate>,
    lists: impl IntoIterator<Item = &'a RevocationList>,
) -> Report {
    let mut report = Report::default();
    for certificate in certificates {
        let name = certificate.subject_cn().map_or_else(|| certificate.subject_display(), str::to_owned);
        report.add(Item { kind: Kind::CaCertificate, name, not_after: certificate.not_after() });
    }
    for list in lists {
        let name = list.issuer_cn().map_or_else(|| list.issuer_rfc2253(), str::to_owned);
        report.add(Item { kind: Kind::RevocationList, name, not_after: list.next_update().unwrap_or(0) });
    }
    report
}

/// What a role's certificate adds to a report.
pub fn of_role(certificate: &Certificate) -> Item {
    let name = certificate.subject_cn().unwrap_or_default().to_owned();
    Item { kind: Kind::RoleCertificate, name, not_after: certificate.not_after() }
}

/// What ends when in a state: bundle, lists, the certificates of these roles, and those of nodes that are on file and not
/// revoked.
pub fn of_state(state: &State, roles: &[String], now: i64) -> Report {
    // What has been in the state was read before: a part that cannot be is left out rather than the whole.
    let bundle = Certificate::all_from_pem(state.bundle_pem().as_bytes()).unwrap_or_default();
    let lists = state.lists();
    let chain = RevocationList::all_from_pem(lists.chain_pem.as_bytes()).unwrap_or_default();
    let mut report = of_chain(&bundle, std::iter::once(&lists.own).chain(&lists.second).chain(&chain));
    if let Some(list) = state.infra().list() {
        let name = format!("{} (infrastructure)", list.issuer_cn().unwrap_or_default());
        let not_after = list.next_update().unwrap_or(0);
        report.add(Item { kind: Kind::RevocationList, name, not_after });
    }
    for name in roles {
        if let Some(signed) = state.signed().get(name.as_str()) {
            let (kind, not_after) = (Kind::RoleCertificate, signed.not_after);
            report.add(Item { kind, name: name.clone(), not_after });
        }
    }
    let alive = state.signed().values().filter(|signed| !state.is_revoked(&signed.serial));
    report.leaves = Leaves::count(alive.map(|signed| signed.not_after), now);
    report
}

fn sentence(item: &Item, now: i64) -> String {
    let (kind, name, end) = (item.kind.as_str(), &item.name, time::format(item.not_after));
    let what_to_do = match item.kind {
        Kind::CaCertificate => "; 'bunraku ca rollover' gives it a longer life (docs/CA-ROLLOVER.md)",
        Kind::RevocationList => "",
        Kind::RoleCertificate => "; docs/CA-ROLLOVER.md says how it is renewed",
    };
    let left = item.not_after.saturating_sub(now);
    if left < 0 {
        return format!("the {kind} {name:?} expired on {end}{what_to_do}");
    }
    format!("the {kind} {name:?} ends in {} ({end}){what_to_do}", days(left))
}

fn days(seconds: i64) -> String {
    match seconds / DAY {
        0 => "less than a day".to_owned(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}

fn certificates(count: usize) -> String {
    if count == 1 { "1 certificate".to_owned() } else { format!("{count} certificates") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_305_600;

    fn item(kind: Kind, days: i64) -> Item {
        Item { kind, name: "x".to_owned(), not_after: NOW + days * DAY }
    }

    #[test]
    fn urgency_has_sharp_borders() {
        for (left, expected) in [
            (-1, Urgency::Expired),
            (0, Urgency::Urgent),
            (URGENT_BEFORE, Urgency::Urgent),
            (URGENT_BEFORE + 1, Urgency::Soon),
            (WARN_BEFORE, Urgency::Soon),
            (WARN_BEFORE + 1, Urgency::None),
        ] {
            assert_eq!(Urgency::of(NOW + left, NOW), expected, "{left}");
        }
    }

    #[test]
    fn leaves_are_counted_by_when_they_end() {
        let ends = [-1, 0, 29, 31, 90, 91, 4000].map(|days| NOW + days * DAY);
        let leaves = Leaves::count(ends, NOW);
        assert_eq!(leaves, Leaves { total: 7, expired: 1, within_30_days: 2, within_90_days: 4 });
    }

    #[test]
    fn an_estate_with_time_left_warns_of_nothing() {
        let mut report = Report::default();
        report.add(item(Kind::CaCertificate, 91));
        report.leaves = Leaves { total: 5, ..Leaves::default() };
        assert_eq!(report.warnings(NOW), []);
    }

    #[test]
    fn the_most_pressing_comes_first_and_says_what_to_do() {
        let mut report = Report::default();
        report.add(item(Kind::CaCertificate, 60));
        report.add(item(Kind::RevocationList, 10));
        report.add(item(Kind::RoleCertificate, -3));
        report.add(item(Kind::CaCertificate, 1000));
        report.leaves = Leaves { total: 9, expired: 1, within_30_days: 0, within_90_days: 4 };
        let urgencies: Vec<Urgency> = report.warnings(NOW).iter().map(|warning| warning.urgency).collect();
        use Urgency::{Expired, Soon, Urgent};
        assert_eq!(urgencies, [Expired, Urgent, Soon, Soon, Soon]);
        let texts = report.warnings(NOW);
        assert_eq!(
            texts[0].text,
            "the role certificate \"x\" expired on 2026-11-19T00:00:00UTC; docs/CA-ROLLOVER.md says how it is renewed"
        );
        assert_eq!(texts[1].text, "the revocation list \"x\" ends in 10 days (2026-12-02T00:00:00UTC)");
        assert!(texts[2].text.contains("60 days") && texts[2].text.contains("'bunraku ca rollover'"));
        assert!(texts[3].text.starts_with("4 certificates of nodes end within 90 days, 0 of them"));
    }

    #[test]
    fn the_report_is_in_the_order_of_the_ends() {
        let mut report = Report::default();
        for days in [5, 1, 9, 1] {
            report.add(item(Kind::RevocationList, days));
        }
        assert!(report.items.is_sorted_by_key(|item| item.not_after));
    }
}
