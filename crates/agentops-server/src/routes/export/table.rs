//! An export as a table: a row an event, in the order they began.
//!
//! Text that a spreadsheet would take for a formula gets an apostrophe in front, as spreadsheets
//! themselves mark text: a recorded value must not compute anything on the reader's machine.

use agentops_protocol::{Event, EventBody, Json};

const HEAD: &str = "id,event_type,name,status,parent_id,agent_id,init_timestamp,end_timestamp,\
                    duration_us,model,prompt_tokens,completion_tokens,cost,error,params,returns,\
                    prompt,completion,logs\r\n";

/// RFC 4180, with its lines' ends.
pub(super) fn write(events: &[&Event]) -> serde_json::Result<Vec<u8>> {
    let mut out = String::from(HEAD);
    for event in events {
        row(&mut out, event);
    }
    Ok(out.into_bytes())
}

fn row(out: &mut String, event: &Event) {
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let json = |json: Option<&Json>| json.map(|json| json.get().to_owned());
    let (mut model, mut prompt, mut completion) = (None, None, None);
    let (mut tokens, mut cost, mut error) = ((None, None), None, None);
    match &event.body {
        EventBody::Llm(llm) => {
            model = llm.model.clone();
            prompt = json(llm.prompt.as_ref());
            completion = json(llm.completion.as_ref());
            tokens = (llm.usage.prompt, llm.usage.completion);
            cost = llm.cost.map(|cost| cost.to_string());
        }
        EventBody::Error(info) => error = info.message(),
        EventBody::Action(_) | EventBody::Tool(_) => {}
    }
    let cells = [
        Some(event.id.to_string()),
        Some(event.kind().as_str().to_owned()),
        event.name().map(str::to_owned),
        Some(event.status.as_str().to_owned()),
        event.parent_id.as_ref().map(ToString::to_string),
        event.agent_id.as_ref().map(ToString::to_string),
        Some(event.init_timestamp.to_string()),
        event.end_timestamp.map(|end| end.to_string()),
        number(event.duration_micros()),
        model,
        number(tokens.0),
        number(tokens.1),
        cost,
        error,
        json(event.params.as_ref()),
        json(event.returns.as_ref()),
        prompt,
        completion,
        json(event.logs.as_ref()),
    ];
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        push(out, &cell.unwrap_or_default());
    }
    out.push_str("\r\n");
}

fn push(out: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    // A number is no formula, whatever its sign.
    let is_formula = is_formula && cell.parse::<f64>().is_err();
    if !is_formula && !cell.contains([',', '"', '\r', '\n']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if is_formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        for (cell, written) in [
            ("plain", "plain"),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "\"two\nlines\""),
            ("=1+1", "\"'=1+1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("-2.5", "-2.5"),
            ("-cmd|' /C calc'!A0", "\"'-cmd|' /C calc'!A0\""),
            ("", ""),
        ] {
            let mut out = String::new();
            push(&mut out, cell);
            assert_eq!(out, written);
        }
    }

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let columns = HEAD.split(',').count();
        let event = Event::started(
            "e".parse().unwrap(),
            agentops_protocol::EventKind::Tool,
            agentops_protocol::Timestamp::from_micros(0),
        );
        let mut out = String::new();
        row(&mut out, &event);
        assert_eq!(out.split(',').count(), columns);
    }
}
