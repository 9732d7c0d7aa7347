import GatewayCore
import GatewayPolicy
import Testing

@testable import GatewayConfig

@Suite struct ServerTableTests {
    private func find(_ host: String, in servers: [ServerConfig], port: UInt16 = 80) -> Int {
        ServerTable(servers: servers, listening: address(port)).server(forHost: bytes(host).rawSpan)
    }

    @Test(arguments: [
        ("example.org", 0), ("www.example.org", 0), ("deep.www.example.org", 1), ("mail.example.org", 3), ("a.example.org", 1),
        ("mail.example.com", 2), ("mail.net", 2), ("example.com", 4), ("mail", 4), ("", 4), (".", 4),
    ])
    func `the exact name comes before the asterisk in front, and that before the one at the end`(host: String, expected: Int) {
        let servers = [
            server(["example.org", "www.example.org"]), server(["*.example.org"]), server(["mail.*"]), server(["mail.example.org"]),
            server(["_"], isDefault: true),
        ]
        #expect(find(host, in: servers) == expected)
    }

    @Test func `of several asterisks the longest name counts`() {
        let servers = [
            server(["*.org"]), server(["*.example.org"]), server(["*.b.example.org"]), server(["www.*"]), server(["www.example.*"]),
        ]
        #expect(find("x.b.example.org", in: servers) == 2)
        #expect(find("b.example.org", in: servers) == 1)
        #expect(find("x.a.example.org", in: servers) == 1)
        #expect(find("example.org", in: servers) == 0)
        #expect(find("www.example.co.uk", in: servers) == 4)
        #expect(find("www.other.com", in: servers) == 3)
        #expect(find("www.example.org", in: servers) == 1)
    }

    @Test func `an asterisk stands for something, and only between dots`() {
        let servers = [server(["default.test"]), server(["*.example.org"]), server(["www.*"])]
        #expect(find("example.org", in: servers) == 0)
        #expect(find("badexample.org", in: servers) == 0)
        #expect(find("www.", in: servers) == 0)
        #expect(find("wwwx.com", in: servers) == 0)
    }

    @Test func `a name that starts with a dot is the name and all below it`() {
        let servers = [server(["default.test"]), server([".example.org"])]
        #expect(find("example.org", in: servers) == 1)
        #expect(find("a.b.example.org", in: servers) == 1)
        #expect(find("xexample.org", in: servers) == 0)
    }

    @Test func `the default server is the marked one, else the first of its address`() {
        let servers = [server(["other"], port: 81), server(["a"]), server(["b"], isDefault: true), server(["c"], port: 81)]
        #expect(find("unknown", in: servers) == 2)
        #expect(find("a", in: servers) == 1)
        #expect(find("a", in: servers, port: 81) == 0)
        #expect(find("c", in: servers, port: 81) == 3)
        #expect(ServerTable(servers: servers, listening: address(81)).defaultServer == 0)
    }

    @Test func `a request without a host goes to the server with the empty name`() {
        let servers = [server(["example.org"], isDefault: true), server([""])]
        #expect(find("", in: servers) == 1)
        #expect(find("", in: [server(["a"]), server(["b"])]) == 0)
    }

    @Test func `a dot at the end of the host counts for nothing, and the first of equal names answers`() {
        let servers = [server(["default.test"]), server(["example.org"]), server(["example.org"]), server(["mail.*"])]
        #expect(find("example.org.", in: servers) == 1)
        #expect(find("mail.example.org.", in: servers) == 3)
        #expect(find("mail.", in: servers) == 0)
    }
}
