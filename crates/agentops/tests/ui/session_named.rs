#[agentops::session("nightly")]
fn named() {}

fn main() {
    named();
}
