impl Critic {
    const LIMIT: u8 = 3;
    fn judge(&self, text: &str) -> u8 {
        let call = v1::act(|target| target.agent(&("Critic")));
        v1::run(
            call,
            move || -> u8 {
                let _ = (&text, &self);
                { score(text) }
            },
            |ret, call| {
                use v1::tag::*;
                (&&&&v1::Tag::of(&ret))
                    .same()
                    .finish(ret, call, |_, _| {}, |_, _| {})
            },
        )
    }
    #[record_tool(agent = "Critic", skip(text))]
    fn read(&self, text: &str) {}
    const fn limit() -> u8 {
        Self::LIMIT
    }
}
