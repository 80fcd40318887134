trait Tool {
    #[agentops::record_tool]
    fn call(&self);
}

fn main() {}
