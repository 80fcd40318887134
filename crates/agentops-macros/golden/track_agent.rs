async fn critic(text: &str) -> u8 {
    let call = v1::act(|target| target.agent(&("Critic")));
    let future = async move {
        let _ = (&text,);
        if false {
            return v1::fake::<u8>();
        }
        { score(text).await }
    };
    match call {
        ::core::option::Option::Some(call) => {
            v1::Recorded::new(::core::option::Option::Some(call), future, |ret, call| {
                use v1::tag::*;
                (&&&&v1::Tag::of(&ret))
                    .same()
                    .finish(ret, call, |_, _| {}, |_, _| {})
            })
            .await
        }
        ::core::option::Option::None => future.await,
    }
}
