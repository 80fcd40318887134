#[doc = r" Documented."]
fn main() -> Result<(), Error> {
    #[tokio::main]
    async fn main() -> Result<(), Error> {
        work().await
    }
    v1::session_main(
        v1::Options::new().tag("a").tag(b).config(made()),
        main,
        |ret, end| {
            use v1::out::*;
            match (&&v1::Out(ret)).split() {
                v1::Split::Value(value) => (&&v1::Exit(value)).note(end),
                v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
            }
        },
    )
}
