#[agentops::record_tool(agent = 7)]
fn act() {}

fn main() {
    act();
}
