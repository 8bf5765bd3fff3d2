//! The frame codec: everything that is written is read again, and what a newer version adds is skipped.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::Encoder;
use minicbor::data::Type;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use replica::frame::{
    Append, Appended, Body, Configure, Denial, Frame, FrameFault, Handoff, Mismatch, Snapshot,
    SnapshotReceived,
};
use replica::{ClusterId, Configuration, Entry, Epoch, Fault, MemberName, Position, Report, Role};

fn name() -> impl Strategy<Value = MemberName> {
    "[a-z0-9.-]{0,12}".prop_map(MemberName::new)
}

fn cluster() -> impl Strategy<Value = ClusterId> {
    "[a-z0-9-]{0,36}".prop_map(ClusterId::new)
}

fn position() -> impl Strategy<Value = Position> {
    (any::<u64>(), any::<u64>(), any::<u64>()).prop_map(|(epoch, index, checksum)| Position {
        epoch: Epoch(epoch),
        index,
        checksum,
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    (position(), vec(any::<u8>(), 0..40)).prop_map(|(position, payload)| Entry { position, payload })
}

fn configuration() -> impl Strategy<Value = Configuration> {
    (cluster(), any::<u64>(), any::<u64>(), name(), btree_set(name(), 0..4), any::<bool>()).prop_map(
        |(cluster, version, epoch, primary, in_sync, forced)| {
            let in_sync: BTreeSet<MemberName> = in_sync;
            Configuration { cluster, version, epoch: Epoch(epoch), primary, in_sync, forced }
        },
    )
}

fn report() -> impl Strategy<Value = Report> {
    let roles = prop::sample::select(vec![
        Role::Joining,
        Role::Standby,
        Role::Starting,
        Role::Primary,
        Role::HandingOver,
        Role::Faulted,
    ]);
    let fault = prop::option::of(prop::sample::select(vec![Fault::DiskFull, Fault::Disk]));
    let head = (name(), roles, prop::option::of(configuration()), position(), any::<u64>(), any::<bool>());
    (head, fault, any::<u64>(), btree_map(name(), position(), 0..3), any::<u16>()).prop_map(
        |(head, fault, stalled_ms, matched, level)| {
            let (name, role, configuration, position, committed, joined) = head;
            let matched: BTreeMap<MemberName, Position> = matched;
            Report {
                name,
                role,
                configuration,
                position,
                committed,
                joined,
                fault,
                stalled_ms,
                matched,
                level,
            }
        },
    )
}

fn denial() -> impl Strategy<Value = Denial> {
    prop_oneof![
        cluster().prop_map(Denial::OtherCluster),
        any::<u16>().prop_map(Denial::Version),
        Just(Denial::Unsupported),
        Just(Denial::NotAllowed),
        Just(Denial::Busy),
        Just(Denial::Fault(Fault::DiskFull)),
        Just(Denial::Damaged),
    ]
}

fn body() -> impl Strategy<Value = Body> {
    let append = (configuration(), position(), vec(entry(), 0..5), any::<u64>(), any::<Option<u64>>());
    let snapshot = (configuration(), position(), any::<u64>(), any::<u64>(), vec(any::<u8>(), 0..50));
    prop_oneof![
        prop::option::of(configuration())
            .prop_map(|configuration| Body::Configure(Configure { configuration })),
        append.prop_map(|(configuration, previous, entries, commit, admit)| {
            Body::Append(Append { configuration, previous, entries, commit, admit })
        }),
        snapshot.prop_map(|(configuration, position, total, offset, bytes)| {
            Body::Snapshot(Snapshot { configuration, position, total, offset, bytes })
        }),
        (name(), any::<u64>())
            .prop_map(|(target, epoch)| Body::Handoff(Handoff { target, epoch: Epoch(epoch) })),
        report().prop_map(Body::Report),
        (position(), any::<u64>(), any::<bool>(), any::<u16>()).prop_map(
            |(end, incarnation, joined, level)| {
                Body::Appended(Appended { end, incarnation, joined, level })
            }
        ),
        (position(), any::<bool>(), any::<u64>(), any::<bool>(), any::<u16>()).prop_map(
            |(hint, needs_snapshot, incarnation, joined, level)| {
                Body::Mismatch(Mismatch { hint, needs_snapshot, incarnation, joined, level })
            }
        ),
        configuration().prop_map(Body::Stale),
        (position(), any::<u64>())
            .prop_map(|(position, received)| Body::SnapshotReceived(SnapshotReceived { position, received })),
        position().prop_map(Body::HandedOver),
        denial().prop_map(Body::Denied),
    ]
}

fn frame() -> impl Strategy<Value = Frame> {
    (any::<u16>(), cluster(), any::<u64>(), name(), body()).prop_map(
        |(version, cluster, epoch, sender, body)| Frame {
            version,
            cluster,
            epoch: Epoch(epoch),
            sender,
            body: Some(body),
        },
    )
}

/// Copies one CBOR item, adding a field with a number from the future to every map with numbered fields.
fn with_future_fields(input: &mut minicbor::Decoder, output: &mut Encoder<Vec<u8>>) {
    match input.datatype().unwrap() {
        Type::Map => {
            let start = input.position();
            let count = input.map().unwrap().unwrap();
            let numbered = count > 0 && matches!(input.datatype().unwrap(), Type::U8);
            output.map(count + u64::from(numbered)).unwrap();
            for _ in 0..2 * count {
                with_future_fields(input, output);
            }
            if numbered {
                output
                    .u8(200)
                    .unwrap()
                    .array(2)
                    .unwrap()
                    .str("something new")
                    .unwrap()
                    .u64(start as u64)
                    .unwrap();
            }
        }
        Type::Array => {
            let count = input.array().unwrap().unwrap();
            output.array(count).unwrap();
            for _ in 0..count {
                with_future_fields(input, output);
            }
        }
        _ => {
            let start = input.position();
            input.skip().unwrap();
            output.writer_mut().extend_from_slice(&input.input()[start..input.position()]);
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read(frame in frame()) {
        prop_assert_eq!(Frame::decode(&frame.encode()), Ok(frame));
    }

    #[test]
    fn fields_from_the_future_are_skipped(frame in frame()) {
        let bytes = frame.encode();
        let mut newer = Encoder::new(Vec::new());
        with_future_fields(&mut minicbor::Decoder::new(&bytes), &mut newer);
        prop_assert_eq!(Frame::decode(newer.writer()), Ok(frame));
    }

    #[test]
    fn no_prefix_is_a_frame_and_none_panics(frame in frame(), cut in any::<prop::sample::Index>()) {
        let bytes = frame.encode();
        let cut = cut.index(bytes.len());
        prop_assert!(matches!(Frame::decode(&bytes[..cut]), Err(FrameFault::Malformed(_))));
    }

    #[test]
    fn damage_never_panics(frame in frame(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut bytes = frame.encode();
        let at = at.index(bytes.len());
        bytes[at] = value;
        let _ = Frame::decode(&bytes);
    }
}

#[test]
fn a_kind_from_the_future_is_no_body() {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(5).unwrap();
    encoder.u8(0).unwrap().u16(2).unwrap();
    encoder.u8(1).unwrap().str("estate").unwrap();
    encoder.u8(2).unwrap().u64(7).unwrap();
    encoder.u8(3).unwrap().str("ca-1").unwrap();
    encoder.u8(4).unwrap().array(2).unwrap().u8(77).unwrap().array(1).unwrap().str("what is this").unwrap();
    let frame = Frame::decode(encoder.writer()).unwrap();
    assert_eq!(frame.body, None);
    assert_eq!((frame.version, frame.epoch), (2, Epoch(7)));
    assert!(frame.readable(), "one version apart");
}

#[test]
fn bytes_after_the_end_are_refused() {
    let body = Body::Denied(Denial::Busy);
    let mut bytes = Frame::new(ClusterId::new("c"), Epoch(1), MemberName::new("a"), body).encode();
    bytes.push(0);
    assert_eq!(Frame::decode(&bytes), Err(FrameFault::Trailing(1)));
}

#[test]
fn the_bytes_of_a_frame_are_as_published() {
    // A change of these bytes is a change of the protocol: members of the version before must still read them.
    let configuration = Configuration::first(ClusterId::new("c"), MemberName::new("a"));
    let body = Body::Configure(Configure { configuration: Some(configuration) });
    let bytes = Frame::new(ClusterId::new("c"), Epoch(1), MemberName::new("f"), body).encode();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "a50001016163020103616604820081a100a6006163010102010361610481616105f4");
}

/// What a standby of the first builds says of itself, as they define it.
#[derive(Clone, PartialEq, Debug, minicbor::Encode, minicbor::Decode)]
#[cbor(map)]
struct FirstAppended {
    #[n(0)]
    end: Position,
    #[n(1)]
    incarnation: u64,
    #[n(2)]
    joined: bool,
}

#[test]
fn answers_of_the_first_builds_are_read_and_ours_by_them() {
    let first = FirstAppended { end: Position::ZERO, incarnation: 9, joined: true };
    let read: Appended = minicbor::decode(&minicbor::to_vec(&first).unwrap()).unwrap();
    assert_eq!(read, Appended { end: Position::ZERO, incarnation: 9, joined: true, level: 0 });
    let ours = Appended { end: Position::ZERO, incarnation: 9, joined: true, level: 7 };
    let theirs: FirstAppended = minicbor::decode(&minicbor::to_vec(&ours).unwrap()).unwrap();
    assert_eq!(theirs, first);
}
