// The function of `extract` is given the result, inside of `Ok`.
struct Reply;
struct Other;

fn of_other(_: &Other) -> String {
    String::new()
}

#[agentops::record_llm(extract = of_other)]
fn ask() -> Result<Reply, ()> {
    Ok(Reply)
}

#[agentops::record_llm(extract = |reply: &Reply| "")]
fn by_closure() -> Reply {
    Reply
}

fn main() {
    let _ = (ask(), by_closure());
}
