import GatewayCore
import Testing

@Suite struct IPAddressTests {
    private func appended(_ text: String) -> String? {
        // A queue doesn't keep its pool alive.
        let pool = BufferPool()
        return withExtendedLifetime(pool) {
            var queue = ByteQueue(pool: pool)
            IPAddress(text)?.append(to: &queue)
            return queue.bytes.string
        }
    }

    @Test(arguments: [
        ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("10.20.100.209", "10.20.100.209"), ("9.10.99.100", "9.10.99.100"),
        ("255.255.255.255", "255.255.255.255"),
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"), ("fe80:0000::0001", "fe80::1"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("::ffff:192.0.2.1", "192.0.2.1"), ("::FFFF:c000:201", "192.0.2.1"),
        ("1:2:3:4:5:6:192.0.2.1", "1:2:3:4:5:6:c000:201"), ("fe80::0", "fe80::"), ("0:0:0:0:0:ffff:255.255.255.255", "255.255.255.255"),
        ("aaaa:bbbb:cccc:dddd:eeee:ffff:255.255.255.255", "aaaa:bbbb:cccc:dddd:eeee:ffff:ffff:ffff"),
    ])
    func `an address has one spelling`(text: String, canonical: String) {
        #expect(IPAddress(text)?.description == canonical)
        #expect(IPAddress(canonical) == IPAddress(text))
        #expect(appended(text) == canonical)
    }

    @Test(arguments: [
        "", ".", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.04", "1..2.3", ".1.2.3", "1.2.3.", "0x7f.0.0.1",
        " 1.2.3.4", "1.2.3.4 ", "1.2.3.-4", "+1.2.3.4", "1.2.3.4444444444444", "1:2", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
        "1:2:3:4:5:6:7:8::",
        "::1:2:3:4:5:6:7:8", "1::2::3", ":1::", "1:::2", "1::2:", "12345::", "g::", "::1%eth0", "[::1]", "::1.2.3", "1.2.3.4::",
        "::1.2.3.4:5", "1:2:3:4:5:6:7:1.2.3.4", "::1/64", "１.2.3.4", "@::", "`::", "::01.2.3.4", "::00001", "1.2.3.99999999999999999999",
    ])
    func `what only resembles an address is none`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `every IPv6 address is read back from its spelling`() {
        for bits in 0..<256 {
            let group = { (index: Int) -> UInt64 in bits >> index & 1 == 0 ? 0 : UInt64(0x1000 + index) }
            let high = group(0) << 48 | group(1) << 32 | group(2) << 16 | group(3)
            let low = group(4) << 48 | group(5) << 32 | group(6) << 16 | group(7)
            let address = IPAddress(high: high, low: low)
            #expect(IPAddress(address.description) == address)
        }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.0.0.0/8"), ("10.1.2.3/8", "10.0.0.0/8"), ("192.0.2.1", "192.0.2.1"), ("192.0.2.1/32", "192.0.2.1"),
        ("0.0.0.0/0", "0.0.0.0/0"), ("::1", "::1"), ("::/0", "::/0"), ("2001:db8::/32", "2001:db8::/32"),
        ("2001:db8:ffff::/33", "2001:db8:8000::/33"), ("fe80::1/64", "fe80::/64"), ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
    ])
    func `a network has one spelling`(text: String, canonical: String) {
        #expect(CIDRBlock(text)?.description == canonical)
    }

    @Test(arguments: ["", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/8/8", "10.0.0.0/-1", "10.0.0.0/+8", "10/8", "::1/0x8"])
    func `what only resembles a network is none`(text: String) {
        #expect(CIDRBlock(text) == nil)
    }

    @Test func `a network contains what begins with its prefix`() throws {
        let eight = try #require(CIDRBlock("10.0.0.0/8"))
        let all = try #require(CIDRBlock("0.0.0.0/0"))
        let inside = try #require(IPAddress("10.255.0.1"))
        let mapped = try #require(IPAddress("::ffff:10.1.1.1"))
        let outside = try #require(IPAddress("11.0.0.1"))
        let six = try #require(IPAddress("2001:db8::1"))
        #expect(eight.contains(inside) && eight.contains(mapped))
        #expect(!eight.contains(outside) && !eight.contains(six))
        #expect(all.contains(outside) && !all.contains(six))
    }
}
