#[agentops::record_llm("", name = "ask", extract = look, extract = look)]
fn ask(question: &str) -> String {
    question.to_owned()
}

#[agentops::record_llm]
#[agentops::record_tool]
fn twice() {}

fn main() {
    ask("");
    twice();
}
