extension DirectiveTable {
    private static let serverLevels: Context = [.server, .location]

    // MARK: Addresses

    private static let networkOrAll = Argument.list("NETWORK|all", .either(["all"], .network))

    static let access = [
        Directive(
            "allow", in: everyLevel, [networkOrAll], repeats: true,
            "Whose requests are answered: of all `allow` and `deny` in their order the first that has the client's address counts, and a level "
                + "without any has those of the outer one.",
            example: "allow 10.0.0.0/8;"),
        Directive(
            "deny", in: everyLevel, [networkOrAll], repeats: true,
            "Whose requests get 403: see `allow`; `deny all;` behind it is everybody else.", example: "deny 192.0.2.66;"),
    ]

    // MARK: Response headers

    static let responseHeaders = [
        Directive(
            "proxy_hide_header", in: everyLevel, [.list("NAME", .headerName)], repeats: true,
            "Fields of the origin that clients don't get, such as `Server` and `X-Powered-By`; merges with outer levels.",
            example: "proxy_hide_header Server X-Powered-By;"),
        Directive(
            "security_headers", in: serverLevels, [.flag("off")], syntax: ["{ ... }", "off"], block: .securityHeaders,
            isBlockOptional: true,
            standsAlone: true,
            "Fields that tell browsers what a page may do, on every response, errors too, in the place of the origin's; a location's go over "
                + "the server's one by one, and `off` takes one away, or all.",
            example: "security_headers { frame_options DENY; content_type_options nosniff; }"),
        Directive(
            "hsts", in: .securityHeaders,
            [.flag("off"), .pair("max-age", "SECONDS", .number(0...3_153_600_000)), .flag("includeSubDomains"), .flag("preload")],
            syntax: ["max-age=SECONDS [includeSubDomains] [preload]", "off"],
            "Strict-Transport-Security: browsers come by HTTPS alone for so long; only ever sent over TLS.",
            example: "hsts max-age=31536000 includeSubDomains;"),
        Directive(
            "csp", in: .securityHeaders, [.one("POLICY|off", .fieldText)],
            "Content-Security-Policy: what a page may load, run and be framed by.", example: "csp \"default-src 'self'\";"),
        Directive(
            "csp_report_only", in: .securityHeaders, [.one("POLICY|off", .fieldText)],
            "Content-Security-Policy-Report-Only: a policy whose violations are reported, and nothing else.",
            example: "csp_report_only \"default-src 'self'; report-to csp\";"),
        Directive(
            "frame_options", in: .securityHeaders, [.one("DENY|SAMEORIGIN|off", .choice(["DENY", "SAMEORIGIN", "off"]))],
            "X-Frame-Options: who may show the page in a frame; `frame-ancestors` of a CSP goes before it.", example: "frame_options DENY;"),
        Directive(
            "content_type_options", in: .securityHeaders, [.one("nosniff|off", .choice(["nosniff", "off"]))],
            "X-Content-Type-Options: content is what its Content-Type says.", example: "content_type_options nosniff;"),
        Directive(
            "referrer_policy", in: .securityHeaders, [.list("POLICY|off", .choice(referrerPolicies + ["off"]))],
            "Referrer-Policy: what a page says of itself when it leads to another; of several the last that a browser knows counts.",
            example: "referrer_policy strict-origin-when-cross-origin;"),
        Directive(
            "permissions_policy", in: .securityHeaders, [.one("POLICY|off", .fieldText)],
            "Permissions-Policy: which of the browser's features a page may use.",
            example: "permissions_policy \"camera=(), geolocation=()\";"),
        Directive(
            "xss_protection", in: .securityHeaders, [.one("VALUE|off", .choice(["0", "1", "1; mode=block", "off"]))],
            "X-XSS-Protection, for browsers of old: `0`, `1` or `\"1; mode=block\"`; `0` is today's advice.",
            example: "xss_protection \"1; mode=block\";"),
        Directive(
            "cross_origin_opener_policy", in: .securityHeaders,
            [.one("POLICY|off", .choice(["same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none", "off"]))],
            "Cross-Origin-Opener-Policy: whether windows of other origins keep a hold of the page.",
            example: "cross_origin_opener_policy same-origin;"),
        Directive(
            "cross_origin_embedder_policy", in: .securityHeaders,
            [.one("POLICY|off", .choice(["require-corp", "credentialless", "unsafe-none", "off"]))],
            "Cross-Origin-Embedder-Policy: what of other origins the page may embed.", example: "cross_origin_embedder_policy require-corp;"
        ),
        Directive(
            "cross_origin_resource_policy", in: .securityHeaders,
            [.one("POLICY|off", .choice(["same-site", "same-origin", "cross-origin", "off"]))],
            "Cross-Origin-Resource-Policy: which pages may embed the response.", example: "cross_origin_resource_policy same-site;"),
    ]

    // MARK: Pages of other origins

    static let cors = [
        Directive(
            "cors", in: serverLevels, [.flag("off")], syntax: ["{ ... }", "off"], block: .cors, isBlockOptional: true, standsAlone: true,
            "Which web pages may read the answers (CORS): preflights are answered here, and the origin's own Access-Control-* fields "
                + "replaced; a location's members go over the server's one by one, and `off` leaves CORS to the origin.",
            example: "cors { origins https://app.example.com; methods GET POST; }"),
        Directive(
            "origins", in: .cors, [.list("ORIGIN", .origin)],
            "The pages' origins, with scheme and port: `https://app.example.com`; `https://*.example.com` is all below a name, and `*` any, "
                + "without credentials.",
            example: "origins https://app.example.com https://*.studio.example.com;"),
        Directive(
            "methods", in: .cors, [.list("METHOD", .method)], default: "GET HEAD POST",
            "The methods that their requests may use.", example: "methods GET POST OPTIONS;"),
        Directive(
            "headers", in: .cors, [.list("NAME", .fieldName)],
            "The fields that their requests may have, besides those that any page may send; `*` is any.",
            example: "headers Content-Type X-API-Key;"),
        Directive(
            "expose", in: .cors, [.list("NAME", .fieldName)], "The fields of answers that the pages may read, besides the usual ones.",
            example: "expose X-Request-ID;"),
        Directive(
            "credentials", in: .cors, [.one("on|off", .toggle)], default: "off",
            "Whether browsers send cookies and client certificates along, and pages read the answers.", example: "credentials on;"),
        Directive(
            "max_age", in: .cors, [.one("TIME", .waitOrNone)],
            "How long browsers may remember what a preflight was told; Chromium does so for two hours at most.", example: "max_age 10m;"),
    ]

    // MARK: Errors

    static let errors = [
        Directive(
            "api", in: everyLevel, [.one("openai|anthropic|gemini|off", .choice(APIStyle.allCases.map(\.rawValue) + ["off"]))],
            default: "off",
            "Whose SDKs the clients use: the gateway's errors then have the `error` object that those read, too.", example: "api openai;"),
        Directive(
            "error_page", in: everyLevel, [.list("STATUS ... FILE|URL", .file)], syntax: ["STATUS ... FILE|URL"], repeats: true,
            "What clients get instead of the gateway's own error: a file (.html, .json or .txt, read with the configuration) with the same "
                + "status, or a redirect to a URL; merges with outer levels, and never concerns what an origin answers.",
            example: "error_page 502 503 504 https://status.example.com/;"),
    ]

    // MARK: Maintenance

    static let maintenance = [
        Directive(
            "maintenance", in: serverLevels, [.one("on|off", .toggle)], syntax: ["on|off { ... }", "on|off"], default: "off",
            block: .maintenance, isBlockOptional: true,
            "Answers requests with 503, Retry-After and a page: always, or with `off` while the flag is there; the innermost level says when, "
                + "the members of its block go over the outer level's one by one, and without a block no outer flag counts.",
            example: "maintenance off { flag /run/gateway/maintenance; }"),
        Directive(
            "flag", in: .maintenance, [.one("FILE", .file)],
            "While this file is there the maintenance is on: seen within a second, without a reload.",
            example: "flag /run/gateway/maintenance;"),
        Directive(
            "page", in: .maintenance, [.one("FILE", .file)],
            "The page, read with the configuration; one is built in, and who asks for JSON gets JSON.", example: "page maintenance.html;"),
        Directive(
            "retry_after", in: .maintenance, [.one("TIME", .wait)], default: "300",
            "When clients may come again, as Retry-After says.", example: "retry_after 10m;"),
        Directive(
            "bypass_from", in: .maintenance, [.list("NETWORK", .network)], repeats: true, "Whose requests go on all the same.",
            example: "bypass_from 192.0.2.0/24;"),
        Directive(
            "bypass_header", in: .maintenance, [.one("NAME", .headerName), .one("VALUE|off", .fieldText).secret],
            "A request with this field and this value goes on all the same; `off` lets none through.",
            example: "bypass_header X-Preview env:PREVIEW_SECRET:-off;"),
    ]

    private static let referrerPolicies = [
        "no-referrer", "no-referrer-when-downgrade", "origin", "origin-when-cross-origin", "same-origin", "strict-origin",
        "strict-origin-when-cross-origin", "unsafe-url",
    ]
}
