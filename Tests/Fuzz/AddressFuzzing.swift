import GatewayCore
import GatewayPolicy
import Glibc

/// Addresses are what the C library takes for addresses, and have one spelling; a chain of proxies may stand in one line or in several.
enum AddressFuzzing {
    private static let trusted = NetworkList(["10.0.0.0/8", "::1", "2001:db8::/33"].compactMap { CIDRBlock($0) })
    private static let peer = IPAddress(v4: 0x0a00_0001)

    static func run(_ input: RawSpan) {
        let text = input.string
        checkAddress(input, text)
        checkNetwork(text)
        checkChain(input)
    }

    private static func checkAddress(_ input: RawSpan, _ text: String) {
        let address = IPAddress(parsing: input)
        // A C string ends at a NUL, and replaced bytes are no address's.
        if input.firstIndex(of: 0) == nil { precondition(address == reference(text), "not what inet_pton makes of it") }
        guard let address else { return }
        precondition(IPAddress(address.description) == address, "its spelling is another address's")
        var queue = ByteQueue(pool: FuzzTarget.pool)
        address.append(to: &queue)
        precondition(queue.bytes.string == address.description)
    }

    /// What inet_pton(3) makes of it.
    static func reference(_ text: String) -> IPAddress? {
        var v4 = in_addr()
        if inet_pton(AF_INET, text, &v4) == 1 { return IPAddress(v4: UInt32(bigEndian: v4.s_addr)) }
        var v6 = in6_addr()
        guard inet_pton(AF_INET6, text, &v6) == 1 else { return nil }
        return withUnsafeBytes(of: v6) {
            IPAddress(
                high: UInt64(bigEndian: $0.load(as: UInt64.self)), low: UInt64(bigEndian: $0.load(fromByteOffset: 8, as: UInt64.self)))
        }
    }

    private static func checkNetwork(_ text: String) {
        guard let block = CIDRBlock(text) else { return }
        precondition((0...128).contains(block.prefixBits) && block == block.network && block.contains(block.address))
        precondition(CIDRBlock(block.description) == block, "its spelling is another network's")
        let last = IPAddress(
            high: block.address.high | (block.prefixBits >= 64 ? 0 : .max >> UInt64(block.prefixBits)),
            low: block.address.low | (block.prefixBits <= 64 ? .max : block.prefixBits == 128 ? 0 : .max >> UInt64(block.prefixBits - 64)))
        precondition(block.contains(last))
    }

    private static func checkChain(_ line: RawSpan) {
        var whole = peer
        let isWhole = ForwardedFor.follow(line, from: &whole, trusted: trusted)
        precondition(!isWhole || trusted.contains(whole), "an address that nobody vouches for is not the end")
        for index in 0..<line.byteCount where line[byte: index] == UInt8(ascii: ",") {
            var cut = peer
            var isCut = ForwardedFor.follow(line.extracting((index + 1)...), from: &cut, trusted: trusted)
            if isCut { isCut = ForwardedFor.follow(line.extracting(0..<index), from: &cut, trusted: trusted) }
            precondition(cut == whole && isCut == isWhole, "two lines are not the same as one")
        }
    }
}
