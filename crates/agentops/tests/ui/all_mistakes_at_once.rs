#[agentops::record_tool(nam = "x", skip(gone), ret = 3, name = "", fields(a = 1, a = 2))]
fn many(here: u8) -> u8 {
    here
}

fn main() {
    many(1);
}
