#[agentops::record_tool(name = " ")]
fn unnamed() {}

fn main() {
    unnamed();
}
