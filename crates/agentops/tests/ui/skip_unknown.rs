#[agentops::record_action(skip(a, c))]
fn unknown(a: u8, b: u8) -> u8 {
    a + b
}

fn main() {
    unknown(1, 2);
}
