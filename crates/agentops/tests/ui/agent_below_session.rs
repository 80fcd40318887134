#[agentops::session]
#[agentops::track_agent]
fn handle() {}

fn main() {
    handle();
}
