import GatewayCore

extension DirectiveTable {
    static let tracing = [
        Directive(
            "tracing", in: .main,
            [
                .one("URL|off", .either(["off"], .collectorURL)), .pair("service", "NAME", .name), .pair("share", "PERCENT", .percent),
                .pair("interval", "TIME", .time(Limits.spanIntervalMinMs...3_600_000)), .pair("header", "NAME:VALUE", .field).secret,
                .pair("ca", "FILE", .file),
            ],
            syntax: ["URL [service=NAME] [share=PERCENT] [interval=TIME] [header=NAME:VALUE] [ca=FILE]", "off"], default: "off",
            "Takes up the traces of requests (W3C Trace Context), or begins them, passes them on, and sends spans to the collector at "
                + "URL, as OTLP over HTTP in JSON: of such a `share` of the requests (100%), those of `trusted_proxies` as those say, at "
                + "the latest every `interval` (5s), under the name of `service` (gateway), with the field `header`; `ca` is who vouches "
                + "for a collector with `https://`, the system's authorities if none is given.",
            example: "tracing http://127.0.0.1:4318/v1/traces service=gateway share=10% interval=5s;"),
        Directive(
            "tracing", in: [.server, .location], [.one("on|off", .toggle)], default: "on",
            "Whether requests are traced here, where the gateway traces: with `off` what they say of a trace passes as it came.",
            example: "tracing off;"),
    ]
}
