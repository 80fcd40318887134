//! Torn and rotten files: nothing acknowledged is lost, nothing is invented, nothing panics.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::{Place, Seen, append, read_all};
use crate::{Ack, Position, Reader};

/// Ten lines, each with the position of its end.
fn ten_lines(place: &Place) -> (crate::Writer, Vec<(Seen, Position)>) {
    let mut writer = place.writer();
    writer.own("s0").unwrap();
    let mut model = Vec::new();
    for n in 1..=10 {
        let seen = append(&mut writer, n, n as usize);
        writer.commit(false).unwrap();
        model.push((seen, writer.position()));
    }
    (writer, model)
}

fn is_subsequence(found: &[Seen], model: &[(Seen, Position)]) -> bool {
    let mut rest = model.iter();
    found
        .iter()
        .all(|seen| rest.any(|(expected, _)| expected == seen))
}

#[test]
fn a_segment_cut_anywhere_reads_as_its_whole_lines() {
    let place = Place::new();
    let (writer, model) = ten_lines(&place);
    let path = writer.path().join("000001.ndjson");
    let whole = fs::read(&path).unwrap();
    for cut in (0..=whole.len()).rev() {
        fs::OpenOptions::new()
            .write(true)
            .open(&path)
            .unwrap()
            .set_len(cut as u64)
            .unwrap();
        let expected: Vec<Seen> = model
            .iter()
            .filter(|(_, end)| end.offset <= cut as u64)
            .map(|(seen, _)| seen.clone())
            .collect();
        let (found, _, skipped) = read_all(writer.path(), Position::START);
        assert_eq!((found, skipped), (expected, 0), "cut at {cut}");
    }
}

#[test]
fn a_rotten_byte_of_a_segment_costs_its_line_and_invents_none() {
    let place = Place::new();
    let (writer, model) = ten_lines(&place);
    let path = writer.path().join("000001.ndjson");
    let whole = fs::read(&path).unwrap();
    let header_end = whole.iter().position(|byte| *byte == b'\n').unwrap();
    for at in 0..whole.len() {
        for damage in [0x01, 0x2a, 0x80, whole[at] ^ b'\n', whole[at] ^ b'"'] {
            let mut rotten = whole.clone();
            rotten[at] ^= damage;
            fs::write(&path, &rotten).unwrap();
            let (found, _, skipped) = read_all(writer.path(), Position::START);
            assert!(
                is_subsequence(&found, &model),
                "byte {at} ^ {damage:#x} invented a line: {found:?}"
            );
            // A lost newline joins two lines; everything else stays inside its own.
            let joined = usize::from(whole[at] == b'\n' && damage != 0);
            let lost = model.len() - found.len();
            assert!(
                lost <= 1 + joined,
                "byte {at} ^ {damage:#x} lost {lost} lines"
            );
            if lost > 0 && at + 1 < whole.len() {
                assert!(
                    skipped > 0,
                    "byte {at} ^ {damage:#x}: a loss that is not counted"
                );
            }
            let header = crate::reader::header(writer.path()).unwrap();
            assert_eq!(
                header.is_some(),
                at > header_end || damage == 0,
                "byte {at} ^ {damage:#x}"
            );
        }
    }
}

#[test]
fn acknowledgements_cut_or_rotten_anywhere_never_say_more() {
    let place = Place::new();
    let (writer, model) = ten_lines(&place);
    let mut ack = Ack::open(writer.path()).unwrap();
    for (_, end) in &model[..7] {
        ack.record(*end).unwrap();
    }
    let path = writer.path().join("000001.ack");
    let whole = fs::read(&path).unwrap();
    let check = |content: &[u8], what: &str| {
        fs::write(&path, content).unwrap();
        let mut ack = Ack::open(writer.path()).unwrap();
        let position = ack.position();
        let done = model
            .iter()
            .position(|(_, end)| *end == position)
            .map_or(0, |index| index + 1);
        assert!(
            done <= 7 && (done > 0 || position == Position::START),
            "{what}: {position:?} was never acknowledged"
        );
        // What was not acknowledged is all still there, and the file goes on working.
        let (found, end, _) = read_all(writer.path(), position);
        let rest: Vec<Seen> = model[done..].iter().map(|(seen, _)| seen.clone()).collect();
        assert_eq!(found, rest, "{what}");
        ack.record(end).unwrap();
        assert_eq!(Ack::open(writer.path()).unwrap().position(), end, "{what}");
    };
    for cut in 0..=whole.len() {
        check(&whole[..cut], &format!("cut at {cut}"));
    }
    for at in 0..whole.len() {
        for damage in [0x01, 0x10, 0x80, whole[at] ^ b'\n', whole[at] ^ b' '] {
            let mut rotten = whole.clone();
            rotten[at] ^= damage;
            check(&rotten, &format!("byte {at} ^ {damage:#x}"));
        }
    }
}

#[test]
fn a_line_longer_than_any_of_ours_is_passed_over() {
    let place = Place::new();
    let mut writer = place.writer();
    let first = append(&mut writer, 1, 5);
    writer.commit(false).unwrap();
    let path = writer.path().join("000001.ndjson");
    let mut content = fs::read(&path).unwrap();
    let line = content[content.iter().position(|byte| *byte == b'\n').unwrap() + 1..].to_vec();
    content.extend(std::iter::repeat_n(b'x', crate::MAX_LINE_BYTES + 100));
    content.push(b'\n');
    content.extend(line);
    fs::write(&path, &content).unwrap();
    let (found, end, skipped) = read_all(writer.path(), Position::START);
    assert_eq!((found, skipped), (vec![first.clone(), first], 1));
    assert_eq!(end.offset, content.len() as u64);
}

/// Overwrites `bytes` at `at`, both bent to fit.
fn overwrite(path: &Path, at: usize, bytes: &[u8]) {
    let mut content = fs::read(path).unwrap();
    let at = at % content.len();
    let len = bytes.len().min(content.len() - at);
    content[at..at + len].copy_from_slice(&bytes[..len]);
    fs::write(path, content).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_damage_invents_nothing(
        places in prop::collection::vec((any::<usize>(), prop::collection::vec(any::<u8>(), 1..40)), 1..6),
        acked in 0usize..10,
        ack_damage in prop::option::of((any::<usize>(), prop::collection::vec(any::<u8>(), 1..20))),
    ) {
        let place = Place::new();
        let (writer, model) = ten_lines(&place);
        let mut ack = Ack::open(writer.path()).unwrap();
        for (_, end) in &model[..acked] {
            ack.record(*end).unwrap();
        }
        let acked_to = ack.position();
        for (at, bytes) in &places {
            overwrite(&writer.path().join("000001.ndjson"), *at, bytes);
        }
        if let Some((at, bytes)) = ack_damage.filter(|_| acked > 0) {
            overwrite(&writer.path().join("000001.ack"), at, &bytes);
        }
        let from = Ack::open(writer.path()).unwrap().position();
        prop_assert!(from <= acked_to);
        let (found, _, _) = read_all(writer.path(), from);
        prop_assert!(is_subsequence(&found, &model));
    }

    #[test]
    fn any_position_may_be_read_from(segment in 0u32..4, offset in 0u64..4000) {
        let place = Place::new();
        let (writer, model) = ten_lines(&place);
        let batch = Reader::open(writer.path()).next_batch(Position { segment, offset }, 100, 1 << 20).unwrap();
        let found: Vec<Seen> = batch.lines.iter().map(Seen::from).collect();
        prop_assert!(is_subsequence(&found, &model));
    }
}
