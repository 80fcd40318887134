#[agentops::record_action]
const fn constant() -> u8 {
    1
}

fn main() {
    const ONE: u8 = constant();
    assert_eq!(ONE, 1);
}
