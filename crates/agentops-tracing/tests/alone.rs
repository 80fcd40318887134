//! What holds only where no other subscriber lives, so it has a process of its own: `tracing` keeps for each place in
//! the code whether anybody at all wants its spans.

use agentops_core::testing::capture;
use tracing::info_span;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

#[test]
fn spans_that_nobody_asked_for_are_not_even_switched_on() {
    let subscriber = Registry::default().with(agentops_tracing::layer());
    let seen = capture(|_| {
        tracing::subscriber::with_default(subscriber, || {
            assert!(info_span!("request").is_disabled());
            assert!(info_span!("genai.plan", gen_ai.agent.name = "a").is_disabled());
        });
    });
    assert!(seen.events("actions").is_empty());
}
