#[agentops::record_action(skip_all, skip(a))]
fn conflict(a: u8) -> u8 {
    a
}

fn main() {
    conflict(1);
}
