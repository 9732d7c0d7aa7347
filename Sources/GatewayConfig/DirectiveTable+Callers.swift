import GatewayCore

extension DirectiveTable {
    static let callers = [
        Directive(
            "api_keys", in: .main, [], block: .apiKeys,
            "The keys by which callers are known, of which only the SHA-256 is kept, and where they stand in a request.",
            example: "api_keys { header X-API-Key; key mobile sha256=\(digest); }"),
        Directive(
            "header", in: .apiKeys, [.one("NAME", .headerName), .flag("bearer")], repeats: true,
            "A field in which a key may stand, with `bearer` behind the word Bearer; the first that is there counts, and without any "
                + "`header` these are X-API-Key and the bearer token of Authorization.",
            example: "header Authorization bearer;"),
        Directive(
            "key", in: .apiKeys,
            [.one("NAME", .name), .pair("sha256", "DIGEST", .digest, isRequired: true).secret, .pair("expires", "DATE", .day)],
            repeats: true,
            "A key by its SHA-256, with the name that logs and metrics have for it and the last day, in UTC, on which it is good; several "
                + "keys may have one name, and `gateway key new NAME` makes one.",
            example: "key mobile sha256=\(digest);"),
        Directive(
            "authenticate", in: everyLevel, [.one("api_key|off", .choice(["api_key", "off"])), .flag("strip")],
            syntax: ["api_key [strip]", "off"], default: "off",
            "Whether requests need a known key, 401 without; with `strip` the origin doesn't get the fields in which keys stand.",
            example: "authenticate off;"),
        Directive(
            "rate_limit", in: .main,
            [
                .one("NAME", .name), .pair("key", "ip|api_key|all|header:NAME", .limitKey, isRequired: true),
                .pair("rate", "RATE", .rate, isRequired: true), .pair("burst", "NUMBER", burst),
                .pair("ipv6_prefix", "NUMBER", .number(1...128)), .pair("callers", "NUMBER", .number(1...Limits.rateCallersBound)),
                .pair("message", "TEXT", .message), .flag("dry_run"),
            ],
            syntax: [
                "NAME key=ip|api_key|all|header:NAME rate=RATE [burst=NUMBER] [ipv6_prefix=NUMBER] [callers=NUMBER] [message=TEXT] [dry_run]",
                "NAME key=api_key rate=RATE [burst=NUMBER] [message=TEXT] [dry_run] { ... }",
            ], block: .rateLimit, isBlockOptional: true, repeats: true,
            "A token bucket for each caller: `rate` fills it (10r/s, 100r/m, 1000r/h, 100r/15m), `burst` is its size and may be left out for "
                + "rates per second; callers are addresses (IPv6 by networks of 64 bits, or `ipv6_prefix`), names of API keys, all together, "
                + "or values of a field, and `callers` of them (1048576) are counted apart at a time; `message` is what a refused client "
                + "reads, and with `dry_run` nobody is refused.",
            example: "rate_limit per_ip key=ip rate=200r/m burst=50;"),
        Directive(
            keyName, in: .rateLimit, [.pair("rate", "RATE", .rate, isRequired: true), .pair("burst", "NUMBER", burst)], repeats: true,
            "An exception of a limit by API key: the key of this name has a bucket of its own size.",
            example: "partner rate=1000r/m burst=200;"),
        Directive(
            "limit", in: everyLevel, [.list("NAME|off", .either(["off"], .name)), .pair("cost", "NUMBER", .number(1...1_000_000))],
            syntax: ["NAME ... [cost=NUMBER]", "off"], repeats: true,
            "The rate limits that requests meet here, besides those of the outer levels, and how many tokens of them each takes, 1 if none are "
                + "given; 429 when one has too few, and then none takes any; `off` takes all away.",
            example: "limit off;"),
        Directive(
            "limit_headers", in: everyLevel, [.one("ietf|legacy|openai|off", .choice(LimitHeaderStyle.allCases.map(\.rawValue)))],
            default: "ietf",
            "How clients learn what their limits have left: RateLimit and RateLimit-Policy, the older RateLimit-Limit, -Remaining and -Reset, "
                + "OpenAI's x-ratelimit-limit-requests and so on, or not at all.",
            example: "limit_headers legacy;"),
    ]

    /// Stands for the names of keys in a limit's block.
    static let keyName = "KEY_NAME"

    private static let burst = ValueKind.number(1...1_000_000_000)

    private static let digest = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"
}
