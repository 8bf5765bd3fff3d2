//! Which of several SRV records is tried first: priorities in turn, weighted chance within one (RFC 2782). Pure.

use wire::dns::SrvRecord;

/// The records in the order of a try; `random(n)` gives a number below `n`.
pub fn of(records: Vec<SrvRecord>, mut random: impl FnMut(u64) -> u64) -> Vec<SrvRecord> {
    let mut rest = records;
    rest.sort_by_key(|record| record.priority);
    let mut ordered = Vec::with_capacity(rest.len());
    while let Some(lowest) = rest.first().map(|record| record.priority) {
        let equal = rest.iter().take_while(|record| record.priority == lowest).count();
        let mut left = random(rest[..equal].iter().map(share).sum());
        let chosen = rest[..equal].iter().position(|record| {
            let taken = left < share(record);
            left = left.saturating_sub(share(record));
            taken
        });
        ordered.push(rest.remove(chosen.unwrap_or(0)));
    }
    ordered
}

/// A weight of nothing still has a small chance: Puppet's proportion.
fn share(record: &SrvRecord) -> u64 {
    match record.weight {
        0 => 1,
        weight => u64::from(weight) * 10,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use super::*;

    fn record(target: &str, priority: u16, weight: u16) -> SrvRecord {
        SrvRecord { priority, weight, port: 8140, target: target.into(), ttl: Duration::ZERO }
    }

    fn names(records: &[SrvRecord]) -> Vec<&str> {
        records.iter().map(|record| record.target.as_str()).collect()
    }

    #[test]
    fn a_lower_priority_comes_first_whatever_the_weights() {
        let records = vec![record("b", 10, 9), record("a", 0, 0), record("c", 10, 0)];
        for chance in 0..91 {
            let ordered = of(records.clone(), |most| chance.min(most - 1));
            assert_eq!(names(&ordered)[0], "a");
            assert_eq!(ordered.len(), 3);
        }
    }

    #[test]
    fn weights_are_shares_of_the_first_place() {
        let records = vec![record("a", 0, 1), record("b", 0, 3), record("c", 0, 0)];
        let mut first: BTreeMap<String, u32> = BTreeMap::new();
        // Every number that chance can give to the first choice.
        for chance in 0..41 {
            let ordered = of(records.clone(), |most| chance.min(most - 1));
            *first.entry(ordered[0].target.clone()).or_default() += 1;
        }
        assert_eq!(first, [("a".to_string(), 10), ("b".to_string(), 30), ("c".to_string(), 1)].into());
    }
}
