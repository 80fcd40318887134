#[agentops::record_tool(nmae = "search", skip(quer), name = "")]
fn search(query: &str) -> usize {
    query.len()
}

fn main() {
    // The function is still there: no second error.
    search("a");
}
