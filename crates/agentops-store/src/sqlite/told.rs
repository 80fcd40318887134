//! What clients told of an LLM call, and what was found here: costs and token counts. What was
//! found is taken back before anything new is put over it.

use agentops_protocol::{Event, EventBody, Llm, Status, Usd};

use crate::{PriceOf, TokenCount};

/// Numbers in the column `estimated`; never to change.
pub(crate) const WAITS: i64 = 0;
const PROMPT: i64 = 1;
const COMPLETION: i64 = 2;
const NOTHING: i64 = 4;

/// Takes back a cost that no client gave, and the counts that were found here.
pub(crate) fn only_given(event: &mut Event, cost_given: bool, estimated: Option<i64>) {
    if let EventBody::Llm(llm) = &mut event.body {
        if !cost_given {
            llm.cost = None;
        }
        let estimated = estimated.unwrap_or(WAITS);
        if estimated & PROMPT != 0 {
            llm.usage.prompt = None;
        }
        if estimated & COMPLETION != 0 {
            llm.usage.completion = None;
        }
        llm.tokens_estimated = false;
    }
}

/// Takes a cost back that was found here.
pub(crate) fn unprice(event: &mut Event) {
    if let EventBody::Llm(llm) = &mut event.body {
        llm.cost = None;
    }
}

/// A call without a model or without tokens has no known price, never a price of 0.
pub(crate) fn price_of(price: &PriceOf, llm: &Llm) -> Option<Usd> {
    let model = llm.model.as_deref()?;
    llm.usage.total()?;
    price(model, &llm.usage)
}

/// Whether a call's tokens are to be counted: it has ended, and of one of its texts the count is
/// missing.
pub(crate) fn waits(event: &Event) -> bool {
    let EventBody::Llm(llm) = &event.body else {
        return false;
    };
    let missing = llm.usage.prompt.is_none() && llm.prompt.is_some()
        || llm.usage.completion.is_none() && llm.completion.is_some();
    missing && event.end_timestamp.is_some() && event.status != Status::Running
}

/// Fills in what is missing; what the column `estimated` says then.
pub(crate) fn estimate(event: &mut Event, count: &TokenCount) -> i64 {
    let EventBody::Llm(llm) = &mut event.body else {
        return NOTHING;
    };
    let mut estimated = 0;
    for (usage, count, bit) in [
        (&mut llm.usage.prompt, count.prompt, PROMPT),
        (&mut llm.usage.completion, count.completion, COMPLETION),
    ] {
        if usage.is_none() && count.is_some() {
            *usage = count;
            estimated |= bit;
        }
    }
    llm.tokens_estimated = estimated != 0;
    if estimated == 0 { NOTHING } else { estimated }
}
