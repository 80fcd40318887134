use std::rc::Rc;

#[agentops::record_tool]
async fn search(query: Rc<str>) -> usize {
    std::future::ready(()).await;
    query.len()
}

fn send<T: Send>(_: T) {}

fn main() {
    send(search("a".into()));
}
