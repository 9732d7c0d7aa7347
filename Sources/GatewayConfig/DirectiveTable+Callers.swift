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
            [.one("NAME", .name), .pair("sha256", "DIGEST", .digest, isRequired: true), .pair("expires", "DATE", .day)], repeats: true,
            "A key by its SHA-256, with the name that logs and metrics have for it and the last day, in UTC, on which it is good; several "
                + "keys may have one name, and `gateway key new NAME` makes one.",
            example: "key mobile sha256=\(digest);"),
        Directive(
            "authenticate", in: everyLevel, [.one("api_key|off", .choice(["api_key", "off"])), .flag("strip")],
            syntax: ["api_key [strip]", "off"], default: "off",
            "Whether requests need a known key, 401 without; with `strip` the origin doesn't get the fields in which keys stand.",
            example: "authenticate off;"),
    ]

    private static let digest = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"
}
