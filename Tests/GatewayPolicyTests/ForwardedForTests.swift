import GatewayCore
import GatewayPolicy
import Testing

@Suite struct ForwardedForTests {
    private let trusted = NetworkList([
        CIDRBlock(address: IPAddress(v4: 0x0a00_0000), prefixBits: 104), CIDRBlock(address: IPAddress(high: 0, low: 1), prefixBits: 128),
    ])

    private func client(_ value: String, peer: String = "10.0.0.1", trusted: NetworkList? = nil) throws -> String {
        var client = try #require(IPAddress(peer))
        _ = ForwardedFor.follow(bytes(value).rawSpan, from: &client, trusted: trusted ?? self.trusted)
        return client.description
    }

    @Test func `a peer that is no trusted proxy is the client, whatever it writes`() throws {
        #expect(try client("192.0.2.1", peer: "203.0.113.9") == "203.0.113.9")
        #expect(try client("192.0.2.1", trusted: NetworkList([])) == "10.0.0.1")
    }

    @Test func `the list is read from the right, past trusted proxies`() throws {
        #expect(try client("6.6.6.6, 192.0.2.1, 10.1.1.1,::1") == "192.0.2.1")
        #expect(try client("192.0.2.1", peer: "::1") == "192.0.2.1")
        #expect(try client("::ffff:10.9.9.9 ,\t10.1.1.1 , ") == "10.9.9.9")
        #expect(try client("") == "10.0.0.1")
        #expect(try client(" , ,") == "10.0.0.1")
    }

    @Test func `what is no address ends the walk`() throws {
        #expect(try client("192.0.2.1, unknown, 10.1.1.1") == "10.1.1.1")
        #expect(try client("192.0.2.1, 10.1.1.256") == "10.0.0.1")
        #expect(try client("192.0.2.1, [") == "10.0.0.1")
        #expect(try client("192.0.2.1, ]:1") == "10.0.0.1")
    }

    @Test func `an address may have brackets and a port`() throws {
        #expect(try client("192.0.2.1:4711") == "192.0.2.1")
        #expect(try client("[2001:db8::1]:4711") == "2001:db8::1")
        #expect(try client("[2001:db8::1]") == "2001:db8::1")
        #expect(try client("2001:db8::1") == "2001:db8::1")
        #expect(try client("192.0.2.1:") == "10.0.0.1")
        #expect(try client("192.0.2.1:123456") == "10.0.0.1")
        #expect(try client("[2001:db8::1]4711") == "10.0.0.1")
    }

    @Test func `an earlier line is followed only if all of the later one was trusted`() throws {
        var believed = IPAddress(v4: 0x0a00_0001)
        func follow(_ line: String) -> Bool {
            ForwardedFor.follow(bytes(line).rawSpan, from: &believed, trusted: trusted)
        }
        #expect(follow("10.0.0.3, 10.0.0.2"))
        #expect(believed == IPAddress(v4: 0x0a00_0003))
        #expect(!follow("unknown, 10.0.0.4"))
        #expect(believed == IPAddress(v4: 0x0a00_0004))
        #expect(!follow("10.0.0.5, 192.0.2.1"))
        #expect(believed == IPAddress(v4: 0xc000_0201))
    }
}
