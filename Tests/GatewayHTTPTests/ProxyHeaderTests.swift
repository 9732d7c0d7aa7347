import GatewayCore
import GatewayHTTP
import Testing

/// The PROXY protocol's header, as the examples of proxy-protocol.txt have it, and damaged.
@Suite struct ProxyHeaderTests {
    private static let signature: [UInt8] = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0xdc, 0x04, 0x01, 0xbb]
    private static let v6: [UInt8] =
        [0x20, 0x01, 0x0d, 0xb8] + [UInt8](repeating: 0, count: 11) + [1] + [UInt8](repeating: 0, count: 15) + [1, 0xdc, 0x04, 0x01, 0xbb]
    /// PP2_TYPE_AUTHORITY with "a", and PP2_TYPE_NOOP.
    private static let extras: [UInt8] = [0x02, 0, 1, 0x61, 0x04, 0, 2, 0, 0]

    private static func block(_ command: UInt8, _ family: UInt8, _ content: [UInt8] = []) -> [UInt8] {
        signature + [command, family, UInt8(content.count >> 8), UInt8(truncatingIfNeeded: content.count)] + content
    }

    private static func client(_ text: String) throws -> ProxyHeader.Source {
        .client(try #require(IPAddress(text)), port: 56324)
    }

    private static func good() throws -> [(bytes: [UInt8], source: ProxyHeader.Source)] {
        let (client4, client6) = (try client("192.0.2.1"), try client("2001:db8::1"))
        return [
            (Array("PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".utf8), client4),
            (Array("PROXY TCP6 2001:db8::1 ::1 56324 443\r\n".utf8), client6),
            (Array("PROXY TCP6 ::ffff:192.0.2.1 ::1 56324 443\r\n".utf8), client4),
            (Array("PROXY UNKNOWN\r\n".utf8), .unnamed), (Array("PROXY UNKNOWN ffff:f...f:ffff ... 65535 65535\r\n".utf8), .unnamed),
            (Array(("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n").utf8), .unnamed),
            (block(0x21, 0x11, v4), client4), (block(0x21, 0x21, v6), client6), (block(0x21, 0x11, v4 + extras), client4),
            (block(0x21, 0x21, v6 + extras), client6), (block(0x20, 0x00), .proxy), (block(0x20, 0x11, v4), .proxy),
            // Of LOCAL the rest is not looked at.
            (block(0x20, 0xff, extras), .proxy), (block(0x21, 0x00), .unnamed), (block(0x21, 0x00, extras), .unnamed),
            (block(0x21, 0x31, [UInt8](repeating: 1, count: 216)), .unnamed), (block(0x21, 0x12, v4), .unnamed),
            (block(0x21, 0x11, v4 + [UInt8](repeating: 4, count: Limits.proxyHeaderBytesMax - 28)), client4),
        ]
    }

    @Test func `a header names its client, and ends where the client's own bytes begin`() throws {
        for (bytes, source) in try Self.good() {
            for tail in [[], Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("PROXY UNKNOWN\r\n".utf8), [0x16, 3, 1]] {
                guard case .complete(let header) = ProxyHeader.read((bytes + tail).rawSpan) else {
                    Issue.record("not read: \(bytes)")
                    continue
                }
                #expect(header.source == source && header.byteCount == bytes.count)
            }
        }
    }

    @Test func `each beginning of a header waits for more`() throws {
        for (bytes, _) in try Self.good() {
            for end in bytes.indices {
                let reading = ProxyHeader.read(Array(bytes[..<end]).rawSpan)
                if reading != .incomplete { Issue.record("\(reading) of \(bytes[..<end])") }
            }
        }
    }

    @Test(arguments: [
        "GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "POST / HTTP/1.1\r\n", "\u{16}\u{3}\u{1}", "\r\n\r\nGET", "\0",
        "proxy UNKNOWN\r\n",
        "PROXY\r\n", "PROXY \r\n", "PROXY unknown\r\n", "PROXY UNKNOWN\n", "PROXY UNKNOWN \n\r\n", "PROXY UNKNOWN\r \n",
        "PROXY UNKNOWNS\r\n",
        "PROXY  TCP4 192.0.2.1 198.51.100.1 56324 443\r\n", "PROXY TCP4  192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 \r\n", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 \r\n", "PROXY TCP4 192.0.2.1\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP4 192.0.2.01 198.51.100.1 56324 443\r\n", "PROXY TCP4 192.0.2 198.51.100.1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100 56324 443\r\n", "PROXY TCP4 ::1 ::1 56324 443\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.1 56324 443\r\n",
        "PROXY TCP6 [::1] ::1 56324 443\r\n", "PROXY TCP6 ::1%lo ::1 56324 443\r\n", "PROXY TCP5 ::1 ::1 56324 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 65536 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.1 056 443\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 -1 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.1 56324 99999\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.1 123456 443\r\n",
        "PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", "PROXY " + String(repeating: "x", count: 101),
    ])
    func `what only resembles a line is none`(text: String) {
        #expect(ProxyHeader.read(Array(text.utf8).rawSpan) == .invalid)
    }

    @Test func `what only resembles a block is none`() {
        var other = Self.block(0x21, 0x11, Self.v4)
        other[11] = 0x0d
        for bytes in [
            other, Self.block(0x11, 0x11, Self.v4), Self.block(0x31, 0x11, Self.v4), Self.block(0x22, 0x11, Self.v4),
            Self.block(0x21, 0x13, Self.v4), Self.block(0x21, 0x41, Self.v6), Self.block(0x21, 0x11, Array(Self.v4.dropLast())),
            Self.block(0x21, 0x11), Self.block(0x21, 0x21, Array(Self.v6.dropLast())), Self.block(0x21, 0x21, Self.v4),
            // Longer than any header may be: said before all of it has come.
            Self.signature + [0x21, 0x11, 0xff, 0xff] + Self.v4, Self.signature + [0x20, 0x00, 0x0f, 0xf1],
        ] {
            #expect(ProxyHeader.read(bytes.rawSpan) == .invalid, "\(bytes)")
        }
    }

    @Test func `a damaged header meets the same fate however much of it has come`() throws {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let spices: [UInt8] = Array(" \r\n:.0129PTU".utf8) + [0, 0x11, 0x20, 0x21, 0x31, 0x80, 0xff]
        for (bytes, _) in try Self.good() where bytes.count < 300 {
            for _ in 0..<500 {
                var damaged = bytes
                for _ in 0...random(3) {
                    let (index, spice) = (random(damaged.count), spices[random(spices.count)])
                    switch random(3) {
                    case 0: damaged[index] = spice
                    case 1: damaged.insert(spice, at: index)
                    default: if damaged.count > 1 { damaged.remove(at: index) }
                    }
                }
                var verdict = ProxyHeader.Reading.incomplete
                for end in 0...damaged.count {
                    let reading = ProxyHeader.read(Array(damaged[..<end]).rawSpan)
                    if verdict != .incomplete && reading != verdict { Issue.record("\(verdict), then \(reading): \(damaged) at \(end)") }
                    if case .complete(let header) = reading, header.byteCount > end { Issue.record("beyond the bytes: \(damaged)") }
                    verdict = reading
                }
            }
        }
    }
}
