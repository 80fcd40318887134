#[agentops::record_action(name = "a", ret = false, "b", ret = true)]
fn twice() {}

fn main() {
    twice();
}
