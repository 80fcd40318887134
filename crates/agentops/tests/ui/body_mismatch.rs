#[agentops::record_tool]
async fn search(query: &str) -> Result<usize, String> {
    if query.is_empty() {
        return Err(1);
    }
    Ok(query)
}

#[agentops::record_action]
fn plan(goal: &str) -> usize {
    goal
}

fn main() {
    let _ = search("a");
    plan("b");
}
