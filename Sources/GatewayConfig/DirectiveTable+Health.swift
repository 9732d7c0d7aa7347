extension DirectiveTable {
    /// In `upstream`.
    static let health = [
        Directive(
            "outlier", in: .upstream,
            [
                .pair("errors", "NUMBER", .number(1...1_000_000)), .pair("eject", "TIME", .wait), .pair("max", "SHARE", .share),
            ],
            standsAlone: true,
            "Puts a server out for `eject` (30s) when so many requests in a row (5) were answered 5xx or not at all, longer each "
                + "further time, and never more than `max` (50%) of the upstream's servers, but one at the least.",
            example: "outlier errors=5 eject=30s max=50%;"),
        Directive(
            "health_check", in: .upstream,
            [
                .pair("path", "PATH", .requestPath), .pair("interval", "TIME", .time(100...86_400_000)), .pair("timeout", "TIME", .wait),
                .pair("fall", "NUMBER", .number(1...1_000)), .pair("rise", "NUMBER", .number(1...1_000)),
                .pair("expect", "STATUS", .number(200...599)),
            ],
            standsAlone: true,
            "Asks all addresses of the servers for `path` (/) each `interval` (5s): so many checks in a row (3) without the status "
                + "`expect` (200) within `timeout` (2s) take it out, so many that pass (2) take it in again.",
            example: "health_check path=/health interval=5s timeout=2s fall=3 rise=2 expect=200;"),
    ]
}
