import GatewayCore

/// The language: every directive, declared once.
enum DirectiveTable {
    struct Section: Sendable {
        let title: String
        let directives: [Directive]
    }

    static let sections = [
        Section(title: "The gateway", directives: gateway),
        Section(title: "The admin listener", directives: admin),
        Section(title: "Traces", directives: tracing),
        Section(title: "Upstreams", directives: upstreams + health),
        Section(title: "Servers", directives: servers),
        Section(title: "Requests and answers", directives: requests),
        Section(title: "Addresses", directives: access),
        Section(title: "Callers", directives: callers),
        Section(title: "The cache", directives: cache),
        Section(title: "Compression", directives: compression),
        Section(title: "Response headers", directives: responseHeaders),
        Section(title: "Pages of other origins", directives: cors),
        Section(title: "Errors", directives: errors),
        Section(title: "Maintenance", directives: maintenance),
    ]

    static let all = sections.flatMap(\.directives)

    static func directive(named name: String, in context: Context) -> Directive? {
        byName[name]?.first { $0.contexts.contains(context) }
    }

    /// Everything of that name, wherever it may stand.
    static func directives(named name: String) -> [Directive] { byName[name] ?? [] }

    static func names(in context: Context) -> some Sequence<String> {
        all.lazy.filter { $0.contexts.contains(context) }.map(\.name)
    }

    private static let byName = Dictionary(grouping: all, by: \.name)

    // MARK: The gateway

    private static let gateway = [
        Directive(
            "workers", in: .main, [.one("NUMBER|auto", .either(["auto"], .number(1...1024)))], default: "auto",
            "How many event loops run; `auto` is one per CPU.", example: "workers 4;"),
        Directive(
            "worker_connections", in: .main, [.one("NUMBER", .number(1...1_048_576))], default: "16384",
            "How many connections one worker may have, to clients and to origins together; clients leave the last eighth to those to origins.",
            example: "worker_connections 16384;"),
        Directive(
            "user", in: .main, [.one("NAME", .userName), .optional("GROUP", .groupName)],
            "Who the gateway becomes after binding its ports and reading its keys, when it is started as root; the group is the user's own "
                + "if none is given.",
            example: "user nobody nogroup;"),
        Directive(
            "limit_connections", in: .main, [.one("NUMBER", .number(0...1_048_576)), ipv6Prefix], default: "0",
            "How many client connections one address may have, over all workers; 0 is no limit, trusted proxies have none, and an IPv6 "
                + "address counts with its network of `ipv6_prefix` bits, 64 if none are given.",
            example: "limit_connections 200;"),
        Directive(
            "limit_handshakes", in: .main,
            [.one("NUMBER", .number(0...1_000_000)), .pair("burst", "NUMBER", .number(1...1_000_000)), ipv6Prefix],
            default: "500 burst=1000",
            "How many TLS connections one address may begin in a second, and how many at once, NUMBER if no burst is given; 0 is no limit, "
                + "trusted proxies have none, and IPv6 addresses count as for `limit_connections`.",
            example: "limit_handshakes 100 burst=200;"),
        Directive(
            "error_log", in: .main, [.one("stderr|FILE", .either(["stderr"], .file)), .optional("LEVEL", .choice(logLevels))],
            default: "stderr info",
            "Where the gateway's own messages go, and from which level on: `debug`, `info`, `warn` or `error`, the last if none is given.",
            example: "error_log stderr info;"),
        Directive(
            "access_log", in: .main,
            [
                .one("stdout|FILE|off", .either(["stdout", "off"], .file)), .optional("FORMAT", .choice(["json", "combined"])),
                .pair("sample", "PERCENT", .percent), .pair("slow", "TIME", .waitOrNone), .pair("hide", "NAME[,NAME ...]", .memberNames),
                .pair("hide_headers", "user-agent,referer", .choices(["user-agent", "referer"])),
            ],
            syntax: [
                "stdout|FILE json|combined [sample=PERCENT] [slow=TIME] [hide=NAME[,NAME ...]] [hide_headers=user-agent,referer]", "off",
            ], default: "stdout json",
            "Where a line for each request goes, and in which format; with `sample` only such a share of the requests has one, besides those "
                + "that failed (400 or more) or took `slow` (1s) or longer, which all have; of query parameters named by `hide`, and of header fields "
                + "named by `hide_headers`, no values are shown.",
            example: "access_log stdout json;"),
        Directive(
            "shutdown_timeout", in: .main, [.one("TIME", .waitOrNone)], default: "30s",
            "How long running requests may take to finish after SIGTERM or SIGQUIT.", example: "shutdown_timeout 30s;"),
        Directive(
            "trusted_proxies", in: .main, [.list("NETWORK", .network)],
            "The peers whose X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-ID and PROXY protocol are believed; none by "
                + "default.",
            example: "trusted_proxies 10.0.0.0/8 ::1;"),
        Directive(
            "include", in: .anywhere, [.one("GLOB", .file)], repeats: true,
            "Reads these files in its place; the path is relative to the including file, and a pattern may match none.",
            example: "include conf.d/*.conf;"),
    ]

    private static let ipv6Prefix = Argument.pair("ipv6_prefix", "NUMBER", .number(1...128))

    static let logLevels = ErrorLog.Level.allCases.map(\.rawValue)

    // MARK: The admin listener

    private static let admin = [
        Directive(
            "admin", in: .main, [.one("ADDRESS", .listenAddress)], block: .admin,
            "Serves the live page, /metrics, /health, /healthz, /readyz, /events, /config and /cache on this address.",
            example: "admin 127.0.0.1:9145 { allow 127.0.0.0/8; }"),
        Directive(
            "allow", in: .admin, [.list("NETWORK", .network)], default: "127.0.0.0/8 ::1", repeats: true,
            "Who may connect to it; all others get 403.", example: "allow 127.0.0.0/8 ::1;"),
        Directive(
            "server_name", in: .admin, [.list("NAME", .serverName)], repeats: true,
            "Names with a dot in them by which it may be asked for; addresses and names without one, such as `localhost`, always may.",
            example: "server_name gateway-1.example.internal;"),
    ]

    // MARK: Upstreams

    private static let weight = ValueKind.number(0...1_000_000)

    private static let upstreams = [
        Directive(
            "upstream", in: .main, [.one("NAME", .name)], block: .upstream, repeats: true,
            "A named group of origins, for `proxy_pass`.", example: "upstream api { server 127.0.0.1:9001; }"),
        Directive(
            "server", in: [.upstream, .version],
            [
                .one("HOST:PORT", .endpoint), .pair("weight", "NUMBER", weight), .pair("max_conns", "NUMBER", .number(0...1_000_000)),
                .flag("backup"),
            ], repeats: true,
            "An origin (port 80 may be left out, 443 with `tls`) and its weight among the others (1 if none is given, 0 for no new "
                + "requests); how many requests it may have at a time, 0 for no limit; and whether it has requests only when no other can "
                + "take them.",
            example: "server 127.0.0.1:9001 weight=99;"),
        Directive(
            "version", in: .upstream, [.one("NAME", .name), .pair("weight", "NUMBER", weight, isRequired: true)], block: .version,
            repeats: true,
            "A release with its own servers and its share of the requests; an upstream has either versions or servers.",
            example: "version canary weight=5 { server 127.0.0.1:9003; }"),
        Directive(
            "sticky", in: .upstream, [.pair("key", "api_key|ip|header:NAME|cookie:NAME", .stickyKey, isRequired: true)],
            "A caller has the same version for as long as the weights stand, and more weight for a version moves callers to it alone; who has "
                + "no such key goes by weight.",
            example: "sticky key=cookie:session;"),
        Directive(
            "version_header", in: .upstream,
            [.one("NAME", .fieldName), .pair("from", "NETWORK[,NETWORK ...]", .networks, isRequired: true)],
            "The field by which requests from these addresses may name the version they want, weight 0 included.",
            example: "version_header X-Version from=10.0.0.0/8;"),
        Directive(
            "balance", in: .upstream, [.one("round_robin|least_conn", .choice(["round_robin", "least_conn"]))], default: "round_robin",
            "How a server is chosen: in turn, or the one with the fewest requests for its weight, as each worker counts its own.",
            example: "balance least_conn;"),
        Directive(
            "host", in: .upstream, [.one("HOST", .hostField)], "The Host sent to the origin; the client's by default.",
            example: "host chat.internal;"),
        Directive(
            "keepalive", in: .upstream, [.one("NUMBER", .number(0...65_536))], default: "64",
            "How many idle connections to the origins each worker keeps.", example: "keepalive 64;"),
        Directive(
            "keepalive_timeout", in: .upstream, [.one("TIME", .wait)], default: "4s",
            "How long an idle connection is kept; it should be shorter than the origin's own timeout.", example: "keepalive_timeout 4s;"),
        Directive(
            "connect_timeout", in: .upstream, [.one("TIME", .wait)], default: "2s", "How long connecting to an origin may take.",
            example: "connect_timeout 2s;"),
        Directive(
            "send_timeout", in: .upstream, [.one("TIME", .wait)], default: "60s",
            "The longest wait between two writes of a request to the origin.",
            example: "send_timeout 60s;"),
        Directive(
            "read_timeout", in: .upstream, [.one("TIME", .wait)], default: "300s",
            "The longest wait between two reads of a response from the origin.",
            example: "read_timeout 300s;"),
        Directive(
            "retry", in: .upstream,
            [
                .pair("attempts", "NUMBER", .number(1...Limits.attemptsMax)), .pair("on", "connect,idle", .choices(["connect", "idle"])),
                .pair("budget", "SHARE", .share), .pair("floor", "NUMBER", .number(0...1_000_000)), .flag("non_idempotent"),
            ],
            default: "attempts=2 on=connect,idle",
            "How many servers a request may try in all, and when: after a failed connect, or on a kept-alive connection that had died; "
                + "requests that are not idempotent only with `non_idempotent`; with `budget` no more retries at other servers than that "
                + "share of the requests, and `floor` (3) a second besides, for each worker.",
            example: "retry attempts=2 on=connect,idle;"),
        Directive(
            "resolve_interval", in: .upstream, [.one("TIME", .interval)], default: "30s",
            "How often the names of servers are looked up; the last good addresses are kept when that fails.",
            example: "resolve_interval 30s;"),
        Directive(
            "protocol", in: .upstream, [.one("http/1.1|h2", .choice(["http/1.1", "h2"]))], default: "http/1.1",
            "What is spoken to the origins: HTTP/1.1, or HTTP/2 with many requests on one connection; with `tls` agreed by ALPN, else "
                + "without asking.",
            example: "protocol h2;"),
        Directive(
            "tls", in: .upstream,
            [
                .pair("verify", "on|off", .toggle), .pair("name", "HOST", .host), .pair("ca", "FILE", .file),
                .pair("cert", "FILE", .file), .pair("key", "FILE", .file),
            ],
            standsAlone: true,
            "Speaks TLS to the origins and verifies their certificates against the system's authorities or those in `ca`; `name` is the "
                + "name they must have, `host` or the server's own by default; `cert` and `key` are shown to origins that ask.",
            example: "tls name=api.models.example ca=certs/origins.pem;"),
    ]

    // MARK: Servers

    private static let servers = [
        Directive(
            "server", in: .main, [], block: .server, repeats: true, "A virtual server: its addresses, names and locations.",
            example: "server { listen 8080; return 200 ok; }"),
        Directive(
            "listen", in: .server, [.one("ADDRESS", .listenAddress), .flag("ssl"), .flag("default_server"), .flag("proxy_protocol")],
            default: "80", repeats: true,
            "An address and port, with TLS if `ssl`; the default server, else the first, gets requests for names that no server has; with "
                + "`proxy_protocol` each connection begins with the PROXY protocol's header, and only `trusted_proxies` may connect.",
            example: "listen 0.0.0.0:8443 ssl;"),
        Directive(
            "server_name", in: .server, [.list("NAME", .serverName)], repeats: true,
            "The hosts it serves: `api.example.com`, `*.example.com`, `mail.*`; `.example.com` is the name and everything below it.",
            example: "server_name api.example.com *.example.com;"),
        Directive(
            "http2", in: [.main, .server], [.one("on|off", .toggle)], default: "on",
            "Whether clients may speak HTTP/2: by TLS's ALPN to the server whose name they ask for, and without TLS, where no name is known "
                + "yet, as the address's default server says.",
            example: "http2 off;"),
        Directive(
            "ssl_certificate", in: [.main, .server], [.one("FILE", .file)], repeats: true,
            "A PEM file with the certificate and its chain; repeat it for another key type (RSA beside ECDSA).",
            example: "ssl_certificate certs/api.pem;"),
        Directive(
            "ssl_certificate_key", in: [.main, .server], [.one("FILE", .file)], repeats: true,
            "The PEM file with the key of the certificate: the first key for the first certificate, and so on.",
            example: "ssl_certificate_key certs/api.key;"),
        Directive(
            "ssl_protocols", in: [.main, .server], [.list("VERSION", .choice(["TLSv1.2", "TLSv1.3"]))], default: "TLSv1.2 TLSv1.3",
            "The TLS versions that are accepted.", example: "ssl_protocols TLSv1.3;"),
        Directive(
            "ssl_client_certificate", in: [.main, .server], [.one("FILE", .file)],
            "A PEM file with the authorities that vouch for clients; their names are sent to clients, which choose a certificate by them.",
            example: "ssl_client_certificate certs/clients.pem;"),
        Directive(
            "ssl_verify_client", in: [.main, .server], [.one("off|on|optional", .choice(["off", "on", "optional"]))], default: "off",
            "Whether clients are asked for a certificate: with `on` a request without one gets 400, with both a request with one that is "
                + "not good.", example: "ssl_verify_client on;"),
        Directive(
            "ssl_verify_depth", in: [.main, .server], [.one("NUMBER", .number(0...100))], default: "1",
            "How many intermediate certificates may stand between a client's and one of the authorities.", example: "ssl_verify_depth 2;"),
        Directive(
            "ssl_crl", in: [.main, .server], [.one("FILE", .file)],
            "A PEM file with the lists of revoked certificates: one of each authority in the chain, and none of them out of date.",
            example: "ssl_crl certs/revoked.pem;"),
        Directive(
            "client_header_timeout", in: [.main, .server], [.one("TIME", .wait)], default: "10s",
            "How long a client may take to send a whole request head; then 408.", example: "client_header_timeout 10s;"),
        Directive(
            "client_body_timeout", in: [.main, .server], [.one("TIME", .wait)], default: "30s",
            "The longest wait between two reads of a request body; then 408.", example: "client_body_timeout 30s;"),
        Directive(
            "keepalive_timeout", in: [.main, .server], [.one("TIME", .waitOrNone)], default: "75s",
            "How long an idle client connection stays open; 0 closes it after each response.", example: "keepalive_timeout 75s;"),
        Directive(
            "send_timeout", in: [.main, .server], [.one("TIME", .wait)], default: "60s",
            "The longest wait between two writes of a response to the client.",
            example: "send_timeout 60s;"),
        Directive(
            "merge_slashes", in: [.main, .server], [.one("on|off", .toggle)], default: "on",
            "Whether `//` in a path counts as `/`, for locations and for the origin.", example: "merge_slashes off;"),
        Directive(
            "location", in: .server, [.mark("="), .one("PATH", .locationPath)], block: .location, repeats: true,
            "What happens to requests whose path begins with PATH (the longest wins), or with `=` is PATH exactly.",
            example: "location /v1/ { proxy_pass http://127.0.0.1:9001; }"),
    ]

    // MARK: Requests and answers

    static let everyLevel: Context = [.main, .server, .location]

    private static let requests = [
        Directive(
            "proxy_pass", in: .location, [.one("http://UPSTREAM|HOST:PORT[/PATH]", .proxyTarget)],
            "Passes requests to an upstream or a host, `https://` with TLS by default; a path after it replaces the part that the location "
                + "matched, as in nginx.",
            example: "proxy_pass http://127.0.0.1:9001;"),
        Directive(
            "return", in: [.server, .location], [.one("STATUS|URL", .template), .optional("TEXT|URL", .template)],
            syntax: ["STATUS [TEXT]", "STATUS URL", "URL"],
            "Responds at once: with a status and a text, or with a redirect for 301, 302, 303, 307 and 308; a URL alone is a 302.",
            example: "return 308 https://$host$request_uri;"),
        Directive(
            "client_max_body_size", in: everyLevel, [.one("SIZE", .size)], default: "1m",
            "The largest request body; larger ones get 413, and 0 is no limit.", example: "client_max_body_size 256k;"),
        Directive(
            "request_timeout", in: everyLevel, [.one("TIME", .waitOrNone)], default: "0",
            "How long a proxied request may take from its first byte until the gateway has the whole response, and all but the last 64 KB of "
                + "it are sent; then 504, or a visible break if the response has begun; 0 is no limit, and a connection that has switched "
                + "protocols has none.",
            example: "request_timeout 330s;"),
        Directive(
            "add_header", in: everyLevel, [.one("NAME", .headerName), .one("VALUE", .headerValue), .flag("always")], repeats: true,
            "Adds a field to every response, errors too, `always` or not; merges with outer levels, and an empty value removes theirs.",
            example: "add_header X-Served-By gateway;"),
        Directive(
            "proxy_set_header", in: everyLevel, [.one("NAME", .headerName), .one("VALUE", .headerValue).secretByName], repeats: true,
            "Sets a field of the request to the origin, an empty value removes it; merges with outer levels.",
            example: "proxy_set_header X-Request-ID $request_id;"),
    ]
}
