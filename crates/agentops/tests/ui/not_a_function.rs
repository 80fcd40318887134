#[agentops::record_action]
struct Plan;

#[agentops::record_action]
const fn plan() -> Plan {
    Plan
}

fn main() {
    plan();
}
