//! Errors of the user are reported at the user's own lines, whatever shape the function has.

#[agentops::record_action]
fn wrong_type(a: u8) -> String {
    a
}

#[agentops::record_action]
async fn wrong_question() -> Result<u8, std::fmt::Error> {
    let number: u8 = "1".parse()?;
    Ok(number)
}

#[agentops::record_action]
fn moved(text: String) -> usize {
    drop(text);
    text.len()
}

#[agentops::record_action]
#[track_caller]
fn asked(text: Option<&str>) -> Result<u8, std::fmt::Error> {
    let length = text?.len();
    Ok(length)
}

#[agentops::record_action]
fn half_typed(text: &str) -> usize {
    text.
}

fn main() {}
