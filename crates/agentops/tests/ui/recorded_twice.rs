#[agentops::record_action]
#[agentops::record_tool]
fn twice() {}

fn main() {
    twice();
}
