fn stop() -> ! {
    let guard = v1::guard(v1::start(const { &v1::Site::action("stop") }, |_| {}));
    exit()
}
