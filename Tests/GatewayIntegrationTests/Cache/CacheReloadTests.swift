import TestSupport
import Testing

/// After a reload nobody gets an answer that another configuration would have given to somebody else; and what changes no answer loses none.
@Suite struct CacheReloadTests {
    private let origin: ScriptedOrigin

    init() throws {
        origin = try CachedOrigin.origin { try $2.send(CachedOrigin.answer($0, $1)) }
    }

    /// `upstream` is what stands beside the server.
    private struct Conf: Sendable, CustomTestStringConvertible {
        let cache: String
        let location: String
        let upstream: String
        let target: String

        init(_ cache: String = "", _ location: String = "", upstream: String = "", target: String = "chat") {
            (self.cache, self.location, self.upstream, self.target) = (cache, location, upstream, target)
        }

        var text: String {
            """
            workers 2;
            admin 127.0.0.1:0 { }
            \(CachedOrigin.zone)
            upstream chat { server 127.0.0.1:{ORIGIN}; \(upstream) }
            upstream other { server 127.0.0.1:{ORIGIN}; }
            server { listen 127.0.0.1:0; location / { proxy_pass http://\(target); cache ai \(cache); \(location) } }
            """
        }

        var testDescription: String { "cache \(cache); \(location) \(upstream) \(target)" }
    }

    private func start(_ conf: Conf) throws -> Gateway { try Gateway(conf: conf.text, values: ["ORIGIN": "\(origin.port)"]) }

    private func reload(_ gateway: Gateway, _ conf: Conf) throws {
        #expect(try gateway.reload(conf: conf.text).contains("reloaded"), "\(conf.testDescription)")
    }

    /// GET, or POST of `body`: "1 GET /a ", with the number of the request that the origin got.
    private func ask(_ gateway: Gateway, _ target: String = "/", _ fields: [String] = [], _ body: String? = nil) throws -> String {
        let json = body == nil ? [] : ["Content-Type: application/json"]
        let answer = try gateway.connect().request(
            body == nil ? "GET" : "POST", target, fields: json + fields, body: body.map { Array($0.utf8) })
        #expect(answer.status == 200)
        return answer.text
    }

    @Test(arguments: [
        (Conf(), Conf("headers=x-tenant")), (Conf("headers=x-a"), Conf("headers=x-a,x-b")), (Conf("ignore=user"), Conf()),
        (Conf(), Conf("scope=shared")), (Conf("ttl=1h force"), Conf("ttl=1h")), (Conf(), Conf("obey_origin")),
        (Conf("ignore=temperature"), Conf("ignore=temperature deterministic_only")), (Conf(), Conf("", "api openai;")),
        (Conf("", "proxy_set_header X-A a;"), Conf("", "proxy_set_header X-A b;")), (Conf(), Conf("", "proxy_set_header X-A a;")),
        (Conf("", "proxy_set_header X-A $remote_addr;"), Conf("", "proxy_set_header X-A $request_id;")),
        (Conf("", "proxy_set_header Host a;"), Conf(upstream: "host a;")), (Conf(upstream: "host a;"), Conf(upstream: "host b;")),
        (Conf(), Conf(target: "chat/v2/")), (Conf(target: "chat/"), Conf(target: "chat/v2/")), (Conf(), Conf(target: "other")),
    ])
    private func `what changes answers finds none that came before it, and those again when it is undone`(_ before: Conf, _ after: Conf)
        throws
    {
        let gateway = try start(before)
        let first = try ask(gateway)
        #expect(try ask(gateway) == first)
        try reload(gateway, after)
        let second = try ask(gateway)
        #expect(second != first)
        #expect(try ask(gateway) == second)
        try reload(gateway, before)
        #expect(try ask(gateway) == first)
    }

    @Test(arguments: [
        (Conf("headers=x-a,x-b"), Conf("headers=x-b,x-a")), (Conf("ignore=user,metadata"), Conf("ignore=metadata,user")),
        (Conf("headers=x-a"), Conf("headers=X-A")),
        (Conf(), Conf("headers=openai-project,accept,content-type,anthropic-version,openai-beta,openai-organization,anthropic-beta")),
        (
            Conf("", "proxy_set_header X-A $http_x_a; proxy_set_header X-B $http_x_c;"),
            Conf("", "proxy_set_header x-b $http_x_c; proxy_set_header X-A $http_x_a;")
        ),
        (Conf(), Conf("ttl=5h body_max=2k stale_if_error=1m stale_while_revalidate=1m finish_abandoned")),
        (Conf(), Conf("", "gzip on; add_header X-A b; proxy_hide_header X-B; request_timeout 1h; client_max_body_size 7m;")),
        (Conf(), Conf(upstream: "server 127.0.0.1:1 weight=3 backup; balance least_conn; keepalive 7; retry attempts=1;")),
    ])
    private func `what changes no answer, or only the order of names, keeps them all`(_ before: Conf, _ after: Conf) throws {
        let gateway = try start(before)
        let fields = ["X-A: 1", "X-B: 2", "X-C: 3"]
        let body = #"{"a":1,"user":"u","metadata":"m"}"#
        let first = try ask(gateway, "/", fields)
        let asked = try ask(gateway, "/", fields, body)
        #expect(try ask(gateway, "/", fields) == first)
        try reload(gateway, after)
        #expect(try ask(gateway, "/", fields) == first)
        #expect(try ask(gateway, "/", fields, body) == asked)
    }

    @Test func `a field that is a key's from now on leaves those without one no answer that a caller got by it`() throws {
        let gateway = try start(Conf())
        let caller = try ask(gateway, "/", ["X-Service-Token: t"])
        let keys = "api_keys { header X-Service-Token; key a sha256=\(String(repeating: "0", count: 64)); }\n"
        #expect(try gateway.reload(conf: keys + Conf().text).contains("reloaded"))
        let nobody = try ask(gateway)
        #expect(nobody != caller)
        #expect(try ask(gateway) == nobody)
    }

    @Test func `a field that counts from now on, or a member, leaves nobody the answer of another`() throws {
        let gateway = try start(Conf("ignore=user"))
        let tenant = try ask(gateway, "/", ["X-Tenant: acme"])
        let alice = try ask(gateway, "/", [], #"{"a":1,"user":"alice"}"#)
        try reload(gateway, Conf("headers=x-tenant"))
        let (nobody, bob) = (try ask(gateway), try ask(gateway, "/", [], #"{"a":1}"#))
        #expect(nobody != tenant && bob != alice)
        #expect(try ask(gateway) == nobody)
        #expect(try ask(gateway, "/", [], #"{"a":1}"#) == bob)
    }
}
