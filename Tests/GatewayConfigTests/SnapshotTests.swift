import GatewayCore
import Testing

@testable import GatewayConfig

/// A configuration as an operator writes it, and the whole of what it means.
let wholeConfiguration = """
    # An API behind two origins.
    workers            2;
    worker_connections 8192;
    error_log          stderr warn;
    access_log         stdout json;
    shutdown_timeout   20s;
    trusted_proxies    10.0.0.0/8 ::1;

    add_header       X-Edge "e1; $hostname";
    proxy_set_header X-Request-ID $request_id;

    admin 127.0.0.1:9145 {
        allow 127.0.0.0/8;
        allow 10.1.0.0/16;
    }

    upstream api {
        server 127.0.0.1:9001 weight=99;
        server [::1]:9002     weight=1;
    }

    upstream chat {
        version stable weight=95 { server env:ORIGIN; server chat.internal weight=2; }
        version canary weight=5 {
            server 127.0.0.1:9003;
        }
        balance           round_robin;
        host              chat.internal;
        keepalive         16;
        keepalive_timeout 9s;
        connect_timeout   500ms;
        send_timeout      10s;
        read_timeout      10m;
        retry             attempts=3 on=idle non_idempotent;
        resolve_interval  5s;
    }

    server {
        listen      0.0.0.0:8080 default_server;
        listen      [::]:8080;
        server_name api.localhost;
        return      308 https://$host:8443$request_uri;
    }

    server {
        listen              8443 ssl;
        server_name         api.localhost *.api.localhost;
        ssl_certificate     certs/rsa.pem;
        ssl_certificate_key certs/rsa.key;
        ssl_certificate     certs/ecdsa.pem;
        ssl_certificate_key certs/ecdsa.key;
        ssl_protocols       TLSv1.3;

        client_max_body_size  256k;
        client_header_timeout 5s;
        client_body_timeout   15s;
        keepalive_timeout     65;
        send_timeout          1m;
        merge_slashes         off;

        location = /healthz { return 200 "ok\\n"; client_max_body_size 0; }

        location /v1/chat/ {
            proxy_pass       http://chat;
            proxy_set_header X-Caller "${remote_addr}:$remote_port";
            proxy_set_header x-request-id "";
            add_header       X-Served-By gateway always;
        }

        location / { proxy_pass http://127.0.0.1:9005/base/; add_header X-EDGE ""; }
    }

    """

@Suite struct SnapshotTests {
    @Test func `a whole configuration is what it says`() throws {
        let result = ConfigLoader.load(text: wholeConfiguration, path: "/etc/gateway.conf", environment: ["ORIGIN": "127.0.0.1:9001"])
        #expect(result.diagnostics.isEmpty)
        let actual = try #require(result.snapshot)
        #expect(actual.workers == 2 && actual.workerConnections == 8192 && actual.shutdownTimeoutMs == 20_000)
        #expect(actual.errorLog == ErrorLog(path: nil, level: .warn))
        #expect(actual.accessLog == .json(path: nil))
        #expect(actual.trustedProxies.map(\.description) == ["10.0.0.0/8", "::1"])
        let admin = ListenAddress(address: IPAddress(v4: 0x7f00_0001), isV6: false, port: 9145)
        #expect(actual.admin?.address == admin)
        #expect(actual.admin?.allow.map(\.description) == ["127.0.0.0/8", "10.1.0.0/16"])
        #expect(actual.upstreams == Self.upstreams)
        #expect(actual.names.map(\.host) == ["chat.internal"] && actual.names.map(\.resolveIntervalMs) == [5_000])
        #expect(actual.servers.count == 2)
        #expect(actual.servers.first == Self.plainServer)
        try expectTLSServer(try #require(actual.servers.last))
    }

    private static let upstreams = [
        UpstreamConfig(
            name: "api",
            versions: [
                .init(
                    name: "", weight: 1,
                    servers: [.init(host: "127.0.0.1", port: 9001, weight: 99), .init(host: "::1", port: 9002, weight: 1)])
            ],
            balance: .roundRobin, host: nil, keepaliveMax: 64, keepaliveTimeoutMs: 4_000, connectTimeoutMs: 2_000,
            sendTimeoutMs: 60_000, readTimeoutMs: 300_000,
            retry: .init(attempts: 2, onConnect: true, onIdle: true, nonIdempotent: false)),
        UpstreamConfig(
            name: "chat",
            versions: [
                .init(
                    name: "stable", weight: 95,
                    servers: [.init(host: "127.0.0.1", port: 9001, weight: 1), .init(host: "chat.internal", port: 80, weight: 2)]),
                .init(name: "canary", weight: 5, servers: [.init(host: "127.0.0.1", port: 9003, weight: 1)]),
            ],
            balance: .roundRobin, host: "chat.internal", keepaliveMax: 16, keepaliveTimeoutMs: 9_000, connectTimeoutMs: 500,
            sendTimeoutMs: 10_000, readTimeoutMs: 600_000,
            retry: .init(attempts: 3, onConnect: false, onIdle: true, nonIdempotent: true)),
        UpstreamConfig(
            name: "127.0.0.1:9005",
            versions: [.init(name: "", weight: 1, servers: [.init(host: "127.0.0.1", port: 9005, weight: 1)])],
            balance: .roundRobin, host: nil, keepaliveMax: 64, keepaliveTimeoutMs: 4_000, connectTimeoutMs: 2_000,
            sendTimeoutMs: 60_000, readTimeoutMs: 300_000,
            retry: .init(attempts: 2, onConnect: true, onIdle: true, nonIdempotent: false)),
    ]

    private static let edge = HeaderTemplate(name: "X-Edge", value: Template(parts: [.literal("e1; "), .variable(.hostname)]))
    private static let requestID = HeaderTemplate(name: "X-Request-ID", value: Template(parts: [.variable(.requestID)]))

    private static let plainServer = ServerConfig(
        names: ["api.localhost"],
        listens: [
            .init(address: ListenAddress(address: IPAddress(v4: 0), isV6: false, port: 8080), isTLS: false, isDefault: true),
            .init(address: ListenAddress(address: IPAddress(high: 0, low: 0), isV6: true, port: 8080), isTLS: false, isDefault: false),
        ],
        tls: nil, clientHeaderTimeoutMs: 10_000, clientBodyTimeoutMs: 30_000, keepaliveTimeoutMs: 75_000, sendTimeoutMs: 60_000,
        mergeSlashes: true,
        fallback: LocationConfig(
            name: "", path: "", isExact: false,
            action: .return(
                status: 308,
                body: .redirect(
                    Template(parts: [.literal("https://"), .variable(.host), .literal(":8443"), .variable(.requestURI)]))),
            clientMaxBodyBytes: 1_048_576, requestTimeoutMs: 0, addHeaders: [edge], proxySetHeaders: [requestID]),
        locations: [])

    private func expectTLSServer(_ server: ServerConfig) throws {
        #expect(server.names == ["api.localhost", "*.api.localhost"])
        #expect(server.listens.map(\.isTLS) == [true])
        #expect(server.tls?.certificates.map(\.certificatePath) == ["/etc/certs/rsa.pem", "/etc/certs/ecdsa.pem"])
        #expect(server.tls?.certificates.map(\.keyPath) == ["/etc/certs/rsa.key", "/etc/certs/ecdsa.key"])
        #expect(server.tls?.minimumVersion == .tls13 && server.tls?.maximumVersion == .tls13)
        #expect(server.clientHeaderTimeoutMs == 5_000 && server.clientBodyTimeoutMs == 15_000)
        #expect(server.keepaliveTimeoutMs == 65_000 && server.sendTimeoutMs == 60_000 && !server.mergeSlashes)
        #expect(server.fallback.action == .none && server.fallback.clientMaxBodyBytes == 262_144)
        let caller = Template(parts: [.variable(.remoteAddr), .literal(":"), .variable(.remotePort)])
        #expect(
            server.locations == [
                LocationConfig(
                    name: "= /healthz", path: "/healthz", isExact: true, action: .return(status: 200, body: .text(Template("ok\n"))),
                    clientMaxBodyBytes: .max, requestTimeoutMs: 0, addHeaders: [Self.edge], proxySetHeaders: [Self.requestID]),
                LocationConfig(
                    name: "/v1/chat/", path: "/v1/chat/", isExact: false, action: .proxyPass(ProxyPass(upstream: 1, uri: nil)),
                    clientMaxBodyBytes: 262_144, requestTimeoutMs: 0, addHeaders: [Self.edge, HeaderTemplate("X-Served-By", "gateway")],
                    proxySetHeaders: [HeaderTemplate(name: "X-Caller", value: caller), HeaderTemplate("x-request-id", "")]),
                LocationConfig(
                    name: "/", path: "/", isExact: false, action: .proxyPass(ProxyPass(upstream: 2, uri: "/base/")),
                    clientMaxBodyBytes: 262_144, requestTimeoutMs: 0, addHeaders: [], proxySetHeaders: [Self.requestID]),
            ])
    }

    @Test func `what is not said is as in the table`() throws {
        let actual = try #require(snapshot(aServer))
        #expect(actual.workers >= 1 && actual.workerConnections == 16_384)
        #expect(actual.errorLog == ErrorLog(path: nil, level: .info))
        #expect(actual.accessLog == .json(path: nil))
        #expect(actual.shutdownTimeoutMs == 30_000 && actual.trustedProxies.isEmpty && actual.admin == nil && actual.upstreams.isEmpty)
        #expect(actual.servers.first?.names == [""])
    }

    @Test func `settings hold for what is inside, until they are set anew`() throws {
        let text = """
            client_max_body_size 2m;
            keepalive_timeout 10s;
            merge_slashes off;
            ssl_certificate shared.pem;
            ssl_certificate_key shared.key;
            server { listen 1; location /a { return 200 ok; client_max_body_size 3m; } location /b { return 200 ok; } }
            server { listen 2 ssl; client_max_body_size 4m; keepalive_timeout 0; merge_slashes on; location /c { return 200 ok; } }
            """
        let servers = try #require(snapshot(text)?.servers)
        #expect(servers.map(\.keepaliveTimeoutMs) == [10_000, 0])
        #expect(servers.map(\.mergeSlashes) == [false, true])
        #expect(servers.map(\.fallback.clientMaxBodyBytes) == [2 << 20, 4 << 20])
        #expect(servers.flatMap(\.locations).map(\.clientMaxBodyBytes) == [3 << 20, 2 << 20, 4 << 20])
        #expect(servers[0].tls == nil && servers[1].tls?.certificates.first?.certificatePath == "shared.pem")
    }

    @Test func `header fields of inner levels stand behind outer ones, and in the place of those with their name`() throws {
        let text = """
            add_header A main; add_header B main;
            server {
                listen 1;
                add_header b server; add_header C server; add_header C again;
                location / { return 200 ok; add_header D location; add_header c ""; }
            }
            """
        let server = try #require(snapshot(text)?.servers.first)
        #expect(
            server.fallback.addHeaders == [
                HeaderTemplate("A", "main"), HeaderTemplate("b", "server"), HeaderTemplate("C", "server"), HeaderTemplate("C", "again"),
            ])
        #expect(
            server.locations[0].addHeaders == [HeaderTemplate("A", "main"), HeaderTemplate("b", "server"), HeaderTemplate("D", "location")])
    }
}
