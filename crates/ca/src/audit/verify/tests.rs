use super::*;
use crate::audit::{Audit, FORMAT, Gap, segment_name};
use proptest::prelude::*;
use std::path::Path;

/// A record of `count` lines in files of some 1,000 octets.
struct Written {
    _root: tempfile::TempDir,
    layout: Layout,
    audit: Audit,
    lines: Vec<String>,
}

impl Written {
    fn new(count: u64) -> Self {
        let root = tempfile::tempdir().unwrap();
        let layout = Layout::new(root.path());
        std::fs::create_dir_all(layout.audit()).unwrap();
        let mut audit = Audit::default();
        audit.begin(FORMAT);
        let mut written = Self { _root: root, layout, audit, lines: Vec::new() };
        written.go_on(count);
        written
    }

    fn go_on(&mut self, count: u64) {
        let mut appends = Vec::new();
        for number in 0..count {
            let record = Record {
                time: "2026-11-22T21:03:11Z".into(),
                event: "signed".into(),
                certname: Some(format!("node{number}.example.com")),
                serial: Some(format!("{number:04X}")),
                ..Record::default()
            };
            let append = self.audit.add_within(record, 1000);
            self.lines.push(append.text.clone());
            appends.push(append);
        }
        for file in appends.chunk_by(|one, next| one.segment == next.segment) {
            let path = self.layout.audit_segment(file[0].segment);
            let mut bytes = std::fs::read(&path).unwrap_or_default();
            assert_eq!(bytes.len() as u64, file[0].offset);
            file.iter().for_each(|append| bytes.extend_from_slice(append.text.as_bytes()));
            std::fs::write(path, bytes).unwrap();
        }
    }

    /// By the state alone.
    fn expected(&self) -> Expected {
        let (head, gaps) = (self.audit.head(), self.audit.gaps().to_vec());
        Expected { head, lines: Vec::new(), count: head.count, gaps, grows: false }
    }

    /// The snapshot has the first `count` lines, the log the others.
    fn with_log(&self, count: usize) -> Expected {
        let hash = count
            .checked_sub(1)
            .map_or(NOTHING, |last| fingerprint::sha256_octets(self.lines[last].as_bytes()));
        let head = Head { count: count as u64, hash };
        Expected { head, lines: self.lines[count..].to_vec(), ..self.expected() }
    }

    fn findings(&self, expected: &Expected) -> Findings {
        verify(&self.layout, Some(expected), None).unwrap()
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        segments(&self.layout).unwrap().into_iter().map(|segment| segment.path).collect()
    }

    /// The number of the line that an octet of the whole record belongs to.
    fn line_at(&self, octet: usize) -> u64 {
        let mut end = 0;
        let position = self.lines.iter().position(|line| {
            end += line.len();
            octet < end
        });
        position.unwrap() as u64 + 1
    }

    /// Replaces the files by these bytes, cut where the files ended.
    fn rewrite(&self, bytes: &[u8]) {
        let files = self.files();
        let mut rest = bytes;
        for (number, path) in files.iter().enumerate() {
            let length = if number + 1 == files.len() { rest.len() } else { length(path).min(rest.len()) };
            let (part, after) = rest.split_at(length);
            std::fs::write(path, part).unwrap();
            rest = after;
        }
    }
}

fn length(path: &Path) -> usize {
    std::fs::metadata(path).unwrap().len() as usize
}

#[test]
fn a_record_of_several_files_is_whole() {
    let written = Written::new(20);
    for expected in [written.expected(), written.with_log(0), written.with_log(7)] {
        let found = written.findings(&expected);
        assert!(found.is_whole() && !found.unwritten, "{found:?}");
        assert_eq!((found.lines, found.head), (20, Some(written.audit.head())));
        assert!(found.files > 3);
    }
    let head = |number: usize| Head {
        count: number as u64,
        hash: fingerprint::sha256_octets(written.lines[number - 1].as_bytes()),
    };
    let has = |noted: Head| verify(&written.layout, None, Some(noted)).unwrap().has_noted;
    assert_eq!((has(head(7)), has(head(20)), has(Head::NONE)), (Some(true), Some(true), Some(true)));
    assert_eq!(has(Head { count: 8, ..head(7) }), Some(false));
    assert_eq!(has(Head { count: 21, ..head(7) }), Some(false));
}

#[test]
fn a_record_that_was_written_anew_as_a_whole_is_not_the_one_that_was_noted() {
    let written = Written::new(12);
    let noted = written.audit.head();
    let mut other = Written::new(0);
    other.go_on(1);
    other.go_on(12);
    // Whole in itself, and by a state that was changed with it.
    let found = verify(&other.layout, Some(&other.expected()), Some(noted)).unwrap();
    assert!(found.is_whole());
    assert_eq!(found.has_noted, Some(false));
    assert!(!other.findings(&written.expected()).is_whole());
}

#[test]
fn an_end_that_is_cut_off_is_found_and_told_from_what_a_crash_kept_back() {
    let written = Written::new(10);
    let last = written.files().pop().unwrap();
    let text = std::fs::read(&last).unwrap();
    let kept = text.len() - written.lines[9].len();
    std::fs::write(&last, &text[..kept]).unwrap();
    let found = written.findings(&written.expected());
    assert_eq!(found.missing, [Missing { from: 10, to: 10, in_log: false }]);
    let found = written.findings(&written.with_log(4));
    assert_eq!(found.missing, [Missing { from: 10, to: 10, in_log: true }]);
    // The directory had not come so far.
    let behind = Expected { count: 9, ..written.with_log(4) };
    for cut in [kept, kept + 5] {
        std::fs::write(&last, &text[..cut]).unwrap();
        let found = written.findings(&behind);
        assert!(found.is_whole() && found.unwritten, "{found:?}");
    }
    std::fs::write(&last, [&text[..kept], b"{\"numb"].concat()).unwrap();
    assert!(written.findings(&behind).is_whole());
    std::fs::write(&last, [&text[..kept], b"{\"other"].concat()).unwrap();
    assert_eq!(written.findings(&behind).damages[0].what, "does not end");
}

#[test]
fn what_a_member_never_had_is_told_and_no_fault() {
    let mut written = Written::new(6);
    let held = written.audit.clone();
    let unseen = Written::new(11);
    written.audit = unseen.audit.clone();
    written.audit.resume_after_snapshot(Some(&held));
    assert_eq!(written.audit.gaps(), [Gap { after: held.head(), until: unseen.audit.head() }]);
    // Fed once more, before anything was written.
    let found = written.findings(&written.expected());
    assert!(found.is_whole(), "{found:?}");
    written.go_on(5);
    let found = written.findings(&written.expected());
    assert!(found.is_whole(), "{found:?}");
    assert_eq!((found.not_held, found.lines), (vec![(7, 11)], 11));
    // The lines before the gap are held to what they were.
    let first = written.layout.audit().join(segment_name(1));
    let text = std::fs::read_to_string(&first).unwrap();
    std::fs::write(&first, text.replace("node1.", "node7.")).unwrap();
    let found = written.findings(&written.expected());
    assert_eq!((found.damage_count, found.damages[0].place.line), (1, 2));
}

/// What somebody does to the record.
#[derive(Clone, Debug)]
enum Deed {
    Change { at: prop::sample::Index, to: u8 },
    Remove { at: prop::sample::Index },
    Insert { at: prop::sample::Index, what: u8 },
    RemoveLine { at: prop::sample::Index },
    RepeatLine { at: prop::sample::Index, where_to: prop::sample::Index },
    SwapLines { one: prop::sample::Index, other: prop::sample::Index },
    Cut { at: prop::sample::Index },
    RemoveFile { at: prop::sample::Index },
}

fn deed() -> impl Strategy<Value = Deed> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        (at(), any::<u8>()).prop_map(|(at, to)| Deed::Change { at, to }),
        at().prop_map(|at| Deed::Remove { at }),
        (at(), any::<u8>()).prop_map(|(at, what)| Deed::Insert { at, what }),
        at().prop_map(|at| Deed::RemoveLine { at }),
        (at(), at()).prop_map(|(at, where_to)| Deed::RepeatLine { at, where_to }),
        (at(), at()).prop_map(|(one, other)| Deed::SwapLines { one, other }),
        at().prop_map(|at| Deed::Cut { at }),
        at().prop_map(|at| Deed::RemoveFile { at }),
    ]
}

thread_local! {
    /// `BUNRAKU_AUDIT_CASES`: how many deeds are tried.
    static CASES: u32 = std::env::var("BUNRAKU_AUDIT_CASES").map_or(150, |text| text.parse().unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES.with(|cases| *cases)))]

    #[test]
    fn whatever_is_changed_is_found(deed in deed(), in_snapshot in 0..=14_usize) {
        let written = Written::new(14);
        let before: Vec<u8> = written.lines.concat().into_bytes();
        let mut bytes = before.clone();
        let mut lines = written.lines.clone();
        // Where the first damage must be, if that is certain.
        let mut changed_line = None;
        match &deed {
            Deed::Change { at, to } => {
                let at = at.index(bytes.len());
                bytes[at] = *to;
                changed_line = Some(written.line_at(at));
            }
            Deed::Remove { at } => {
                let at = at.index(bytes.len());
                bytes.remove(at);
            }
            Deed::Insert { at, what } => bytes.insert(at.index(bytes.len() + 1), *what),
            Deed::RemoveLine { at } => {
                lines.remove(at.index(14));
                bytes = lines.concat().into_bytes();
            }
            Deed::RepeatLine { at, where_to } => {
                let line = lines[at.index(14)].clone();
                lines.insert(where_to.index(15), line);
                bytes = lines.concat().into_bytes();
            }
            Deed::SwapLines { one, other } => {
                lines.swap(one.index(14), other.index(14));
                bytes = lines.concat().into_bytes();
            }
            Deed::Cut { at } => bytes.truncate(at.index(bytes.len())),
            Deed::RemoveFile { at } => {
                let files = written.files();
                std::fs::remove_file(&files[at.index(files.len())]).unwrap();
            }
        }
        let removed = matches!(deed, Deed::RemoveFile { .. });
        prop_assume!(removed || bytes != before);
        if !removed {
            written.rewrite(&bytes);
        }
        for expected in [written.expected(), written.with_log(in_snapshot)] {
            let found = written.findings(&expected);
            prop_assert!(!found.is_whole(), "{found:?}");
            if let Some(number) = changed_line && bytes.iter().filter(|b| **b == b'\n').count() == 14 {
                let first = found.damages.first().unwrap();
                let file = first.place.file.trim_end_matches(".jsonl").parse::<u64>().unwrap();
                prop_assert_eq!(file + first.place.line - 1, number, "{:?}", found);
            }
        }
    }
}
