use super::*;
use crate::alone::alone;

/// Everything this thread's buffers held that belongs to one session.
fn drain(session: Slot, mut each: impl FnMut(Record<'_>)) {
    buffers::take_and_read(&mut |bytes| {
        for record in read(bytes) {
            let (Record::Start { session: of, .. } | Record::End { session: of, .. }) = record;
            if of == session {
                each(record);
            }
        }
    });
}

#[test]
fn what_is_appended_is_read_back() {
    alone!();
    let session = Slot(901 | Slot::METADATA_ONLY);
    let scope = Scope {
        session,
        agent: AgentSlot(3),
        parent: CallId(0x50),
    };
    let id = start(scope, Kind::Llm, "gpt-4o", &mut |cut| {
        cut.key("model").value("gpt-4o");
    })
    .expect("there is room");
    end(
        id,
        session,
        Outcome::Error,
        &mut |cut| cut.key("returns").raw("1"),
        b"{\"error_type\":\"E\"}",
    );
    let mut seen = 0;
    drain(session, |record| {
        seen += 1;
        match record {
            Record::Start {
                id: of,
                parent,
                agent,
                kind,
                name,
                fields,
                ..
            } => {
                assert_eq!(
                    (of, parent, agent, kind, name),
                    (id, CallId(0x50), AgentSlot(3), Kind::Llm, "gpt-4o")
                );
                assert_eq!(fields, br#""model":"gpt-4o""#);
            }
            Record::End {
                id: of,
                outcome,
                fields,
                error,
                ..
            } => {
                assert_eq!((of, outcome), (id, Outcome::Error));
                assert_eq!(fields, br#""returns":1"#);
                assert_eq!(error, br#"{"error_type":"E"}"#);
            }
        }
    });
    assert_eq!(seen, 2);
}

#[test]
fn bytes_that_end_early_are_not_a_record() {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&200u32.to_le_bytes());
    bytes.extend_from_slice(&[0; 20]);
    assert_eq!(read(&bytes).count(), 0);
    assert_eq!(read(&[1, 2]).count(), 0);
}

#[test]
fn decoding_survives_any_bytes() {
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..5_000 {
        let bytes: Vec<u8> = (0..seed % 60)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (seed >> 33) as u8 & if seed & 1 == 0 { 1 } else { 0xff }
            })
            .collect();
        let _ = decode(&bytes);
        seed = seed.wrapping_add(1);
    }
}
