#[agentops::record_action(fields(size = 1, size = 2))]
fn fields() {}

fn main() {
    fields();
}
