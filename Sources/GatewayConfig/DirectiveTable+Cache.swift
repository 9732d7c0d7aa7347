extension DirectiveTable {
    private static let names = "NAME[,NAME ...]"

    static let cache = [
        Directive(
            "cache_zone", in: .main,
            [.one("NAME", .name), .pair("memory", "SIZE", .size, isRequired: true), .pair("entry_max", "SIZE", .size)],
            repeats: true,
            "Memory for answers, one for all workers and kept over reloads: `memory` bounds what all answers take with everything that is kept "
                + "about them, and one of more than `entry_max` (1m), at most an eighth of it, is passed on and not kept.",
            example: "cache_zone ai memory=256m entry_max=1m;"),
        Directive(
            "cache", in: .location,
            [
                .one("ZONE", .name), .pair("ttl", "TIME", .waitOrNone), .flag("force"),
                .pair("scope", "key|shared", .choice(CacheConfig.Scope.allCases.map(\.rawValue))), .pair("ignore", names, .memberNames),
                .flag("deterministic_only"), .pair("headers", names, .fieldNames), .pair("body_max", "SIZE", .size),
                .pair("stale_if_error", "TIME", .waitOrNone), .pair("stale_while_revalidate", "TIME", .waitOrNone), .flag("obey_origin"),
                .flag("finish_abandoned"),
            ],
            "Keeps whole 2xx answers, to GET and HEAD by URL, to POST by URL and JSON body, whatever its spelling: they are fresh for `ttl` (1h) "
                + "where the origin says nothing, with `force` whatever it says; each API key's are its own, or all requests' with "
                + "`scope=shared`, and without `authenticate` and `scope` those of requests without credentials alone are kept; `ignore` names "
                + "members at the top of the body that don't count (none), `deterministic_only` keeps only what is asked with temperature 0, "
                + "`headers` are the request's fields that count in the place of "
                + CacheConfig.usualFields.map { "`\($0)`" }.joined(separator: ", ")
                + ", and bodies longer than `body_max` (1m) are passed on uncached; a stale answer stands in for an origin that fails for "
                + "`stale_if_error` (0), and is given while it is fetched anew for `stale_while_revalidate` (0); `obey_origin` obeys the "
                + "origin's Cache-Control for POST as for GET, and `finish_abandoned` fetches to its end what nobody waits for any more.",
            example: "cache ai ttl=1h scope=shared stale_if_error=10m;"),
    ]
}
