#[agentops::session(name = "mine")]
async fn main() {}
