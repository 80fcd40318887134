async fn search(&self, query: &str, index: &[u8]) -> Result<u8, Error> {
    let call = my::ao::__private::v1::start_in(
        const { &my::ao::__private::v1::Site::tool("find") },
        |target| {
            target.agent(&(self.agent));
        },
        |params| {
            use my::ao::__private::v1::arg::*;
            (&&&&&&&my::ao::__private::v1::Arg(&query)).cap(params.key("\"query\":"));
            params.field("\"size\":", |cut| {
                use my::ao::__private::v1::arg::*;
                (&&&&&&&my::ao::__private::v1::Arg(&(index.len()))).cap(cut);
            });
        },
    );
    let future = async move {
        let _ = (&index, &query, &self);
        if false {
            return my::ao::__private::v1::fake::<Result<u8, Error>>();
        }
        { go(query, index).await }
    };
    match call {
        ::core::option::Option::Some(call) => {
            my::ao::__private::v1::Recorded::new(
                ::core::option::Option::Some(call),
                future,
                |ret, call| {
                    use my::ao::__private::v1::tag::*;
                    (&&&&my::ao::__private::v1::Tag::of(&ret)).same().finish(
                        ret,
                        call,
                        |ret, end| {
                            use my::ao::__private::v1::out::*;
                            match (&&my::ao::__private::v1::Out(ret)).split() {
                                my::ao::__private::v1::Split::Value(_) => (),
                                my::ao::__private::v1::Split::Error(error) => {
                                    (&&&&&my::ao::__private::v1::Fault(error)).fail(end)
                                }
                            }
                        },
                        |ret, end| {
                            use my::ao::__private::v1::out::*;
                            match (&&my::ao::__private::v1::Out(ret)).split() {
                                my::ao::__private::v1::Split::Value(_) => (),
                                my::ao::__private::v1::Split::Error(error) => {
                                    (&&&&&my::ao::__private::v1::Fault(error)).fail(end)
                                }
                            }
                        },
                    )
                },
            )
            .await
        }
        ::core::option::Option::None => future.await,
    }
}
