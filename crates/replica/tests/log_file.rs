//! The log file: whatever a crash leaves of it opens, with everything that had been flushed.

use std::fs;

use proptest::collection::vec;
use proptest::prelude::*;
use replica::log::{Log, LogFault};
use replica::{Entry, Epoch, Position};

fn entries(after: Position, payloads: &[Vec<u8>]) -> Vec<Entry> {
    let mut last = after;
    let make = |payload: &Vec<u8>| {
        let entry = Entry::after(&last, Epoch(1), payload.clone());
        last = entry.position;
        entry
    };
    payloads.iter().map(make).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_prefix_that_holds_the_flushed_part_opens(
        flushed in vec(vec(any::<u8>(), 0..30), 0..8),
        torn in vec(vec(any::<u8>(), 0..30), 1..5),
        cut in any::<prop::sample::Index>(),
        garbage in vec(any::<u8>(), 0..20),
        shorter in any::<bool>(),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Log::create_at(&path, Position::ZERO).unwrap();
        let first = entries(Position::ZERO, &flushed);
        log.append(&first).unwrap();
        log.flush().unwrap();
        let safe = log.size() as usize;
        let second = entries(log.last(), &torn);
        log.append(&second).unwrap();
        let written = log.size() as usize;
        drop(log);
        let mut bytes = fs::read(&path).unwrap();
        let keep = safe + cut.index(written - safe);
        if shorter {
            bytes.truncate(keep);
        } else {
            // What lies after it was kept free before it was written.
            bytes[keep..].fill(0);
        }
        bytes.extend(&garbage);
        fs::write(&path, &bytes).unwrap();
        let (mut log, found) = Log::open_at(&path).unwrap();
        prop_assert!(found.len() >= first.len());
        let all: Vec<Entry> = first.into_iter().chain(second).collect();
        prop_assert_eq!(&found[..], &all[..found.len()]);
        prop_assert_eq!(log.flushed(), log.last());
        // And it goes on from there.
        let more = entries(log.last(), &[b"more".to_vec()]);
        log.append(&more).unwrap();
        log.flush().unwrap();
        let (_, again) = Log::open_at(&path).unwrap();
        prop_assert_eq!(again.len(), found.len() + 1);
    }

    #[test]
    fn damage_of_what_was_flushed_is_noticed(
        payloads in vec(vec(any::<u8>(), 1..30), 2..8),
        at in any::<prop::sample::Index>(),
        flip in 1..=255u8,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let mut log = Log::create_at(&path, Position::ZERO).unwrap();
        let start = log.size() as usize;
        // Each is flushed before the next is written, so every record but the last is vouched for by a later one.
        let mut vouched = start;
        for entry in entries(Position::ZERO, &payloads) {
            vouched = log.size() as usize;
            log.append(&[entry]).unwrap();
            log.flush().unwrap();
        }
        drop(log);
        let mut bytes = fs::read(&path).unwrap();
        let place = start + at.index(vouched - start);
        bytes[place] ^= flip;
        fs::write(&path, &bytes).unwrap();
        let opened = Log::open_at(&path);
        prop_assert!(matches!(opened, Err(LogFault::Damaged { .. })), "{opened:?}");
    }
}

#[test]
fn truncation_compaction_and_reset_survive_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    let mut log = Log::create_at(&path, Position::ZERO).unwrap();
    let all = entries(Position::ZERO, &[b"a".to_vec(), b"b".to_vec(), b"c".to_vec(), b"d".to_vec()]);
    log.append(&all).unwrap();
    log.truncate(&all[2].position).unwrap();
    assert!(log.contains(&all[2].position) && !log.contains(&all[3].position));
    log.compact(&all[0].position).unwrap();
    let other = Entry::after(&log.last(), Epoch(2), b"e".to_vec());
    log.append(std::slice::from_ref(&other)).unwrap();
    log.flush().unwrap();
    let (mut log, found) = Log::open_at(&path).unwrap();
    assert_eq!(log.base(), all[0].position);
    assert_eq!(found, [all[1].clone(), all[2].clone(), other.clone()]);
    assert!(matches!(log.append(&all[3..]), Err(LogFault::Misfit(_))), "follows an entry that was cut off");
    log.reset(other.position).unwrap();
    let (log, found) = Log::open_at(&path).unwrap();
    assert_eq!((log.base(), log.last(), found.len()), (other.position, other.position, 0));
}

#[test]
fn something_else_is_not_taken_for_a_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    fs::write(&path, b"hello").unwrap();
    assert!(matches!(Log::open_at(&path), Err(LogFault::NotALog)));
    fs::write(&path, b"").unwrap();
    assert!(matches!(Log::open_at(&path), Err(LogFault::NotALog)));
}
