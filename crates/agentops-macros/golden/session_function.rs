async fn handle(id: u8) {
    let call = v1::session(v1::Options::new());
    let future = async move {
        let _ = (&id,);
        if false {
            return;
        }
        { work(id).await }
    };
    match call {
        ::core::option::Option::Some(call) => {
            v1::Recorded::new(::core::option::Option::Some(call), future, |ret, call| {
                use v1::tag::*;
                (&&&&v1::Tag::of(&ret)).same().finish(
                    ret,
                    call,
                    |ret, end| {
                        use v1::out::*;
                        match (&&v1::Out(ret)).split() {
                            v1::Split::Value(value) => (&&v1::Exit(value)).note(end),
                            v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                        }
                    },
                    |ret, end| {
                        use v1::out::*;
                        match (&&v1::Out(ret)).split() {
                            v1::Split::Value(value) => (&&v1::Exit(value)).note(end),
                            v1::Split::Error(error) => (&&&&&v1::Fault(error)).fail(end),
                        }
                    },
                )
            })
            .await
        }
        ::core::option::Option::None => future.await,
    }
}
