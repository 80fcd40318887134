#[agentops::track_agent(name = "Researcher")]
struct Researcher;

#[agentops::track_agent(name = "")]
impl Researcher {
    fn run(&self) {}
}

#[agentops::track_agent]
impl Tool for (u8, u8) {
    fn call(&self) {}
}

trait Tool {
    fn call(&self);
}

fn main() {
    Researcher.run();
    (1, 2).call();
}
