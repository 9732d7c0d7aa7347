import TestSupport
import Testing

/// An origin of the CGI kind takes x_forwarded_for for X-Forwarded-For (RFC 3875 § 4.1.18): strangers don't get to say it either way.
@Suite struct DisguisedFieldTests {
    private static let disguised = [
        "x_forwarded_for: 6.6.6.6", "X_Forwarded-For: 6.6.6.7", "x-forwarded_for: 6.6.6.8", "X_Request_ID: evil", "x-request_id: evil",
        "x_forwarded_proto: gopher", "X_FORWARDED_PROTO: gopher", "x_forwarded_host: evil.example",
    ]
    private static let plain = ["x_forwarded_fo: a", "X_Request_IDs: b", "my_field: c", "_: d", "x_forwarded_protocol: e", "x_api_key: f"]

    @Test func `strangers' disguised fields do not reach the origin, others do`() throws {
        let proxied = try ProxiedOrigin(answering: ScriptedOrigin.message("ok"))
        #expect(try proxied.gateway.get("/", fields: Self.disguised + Self.plain).status == 200)
        let received = try proxied.lastRequest()
        for line in Self.plain { #expect(received.fields.contains(line)) }
        for line in Self.disguised { #expect(!received.fields.contains(line), "\(line)") }
        #expect(!proxied.received.contains("evil") && !proxied.received.contains("6.6.6.") && !proxied.received.contains("gopher"))
        #expect(received["X-Forwarded-For"] == "127.0.0.1" && received["X-Forwarded-Proto"] == "http")
    }

    @Test func `what proxy_set_header sets or takes away can't be said in disguise, neither in the head nor behind the body`() throws {
        let proxied = try ProxiedOrigin(
            try trailing(),
            location: """
                proxy_set_header X-Caller gateway; proxy_set_header User-Agent gateway; proxy_set_header X-Gone "";
                proxy_set_header X_Way in; proxy_set_header Accept_Language en;
                """)
        let disguised = [
            "X_Caller: root", "x_caller: root", "x-CALLER: root", "User_Agent: root", "x_gone: root", "X_Gone: root", "X-Way: root",
            "X_WAY: root", "Accept-Language: root",
        ]
        let plain = ["X_Callers: a", "Users_Agent: b", "XCaller_: c", "x_goner: d", "X-Wax: e"]
        let answer = try proxied.exchange(Self.chunked(disguised + plain, trailers: disguised + plain))
        let received = try proxied.lastRequest()
        for line in plain { #expect(received.fields.contains(line)) }
        #expect(answer.text == "X_Callers=a Users_Agent=b XCaller_=c x_goner=d X-Wax=e")
        #expect(received.values("X-Caller") == ["gateway"] && received.values("User-Agent") == ["gateway"])
        #expect(received.values("X_Way") == ["in"] && received.values("Accept_Language") == ["en"])
        #expect(!proxied.received.contains("root"))
    }

    @Test func `a key that is stripped goes on neither in disguise nor behind the body`() throws {
        let proxied = try ProxiedOrigin(
            try trailing(), main: "api_keys { header X-Service-Key; key mobile sha256=\(sha256("mobile-key")); }",
            location: "authenticate api_key strip;")
        let answer = try proxied.exchange(
            Self.chunked(
                ["X-Service-Key: mobile-key", "X_Service_Key: forged", "x_service_keys: a"],
                trailers: ["X-Service-Key: forged", "x-service_key: forged", "x_service_keys: b"]))
        #expect(answer.status == 200 && answer.text == "x_service_keys=b")
        #expect(try proxied.lastRequest().fields.contains("x_service_keys: a"))
        #expect(!proxied.received.contains("forged") && !proxied.received.contains("mobile-key"))
    }

    /// An origin that answers with the trailers that it got.
    private func trailing() throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send(ScriptedOrigin.message(request.trailers.map { "\($0.name)=\($0.value)" }.joined(separator: " ")))
            }
        }
    }

    private static func chunked(_ fields: [String], trailers: [String]) -> String {
        let head = (["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"] + fields).joined(separator: "\r\n")
        return head + "\r\n\r\n2\r\nhi\r\n0\r\n" + trailers.map { $0 + "\r\n" }.joined() + "\r\n"
    }

    @Test func `a trusted proxy's word counts by its own name alone`() throws {
        let proxied = try ProxiedOrigin(answering: ScriptedOrigin.message("ok"), main: "trusted_proxies 127.0.0.1;")
        let own = [
            "X-Forwarded-For: 9.9.9.9", "X-Forwarded-Proto: https", "X-Forwarded-Port: 443", "X-Real-IP: 9.9.9.9",
            "Forwarded: for=9.9.9.9",
        ]
        let passing = [
            "x_real_ip: 6.6.6.9", "X_Forwarded_Port: 6", "Content_Length: 5", "TRANSFER_ENCODING: chunked", "Proxy: http://evil",
        ]
        #expect(try proxied.gateway.get("/", fields: own + Self.disguised + passing + Self.plain).status == 200)
        let received = try proxied.lastRequest()
        for line in own.dropFirst() + Self.plain { #expect(received.fields.contains(line), "\(line)") }
        for line in Self.disguised + passing { #expect(!received.fields.contains(line), "\(line)") }
        #expect(received["X-Forwarded-For"] == "9.9.9.9, 127.0.0.1")
    }
}
