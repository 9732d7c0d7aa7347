import GatewayCore
import GatewayHTTP
import Testing

/// Requests with random damage: whatever becomes of them, it is the same however they are cut, and nothing traps.
@Suite struct MutationTests {
    private struct Generator {
        var state: UInt64

        mutating func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
    }

    private static let seeds = [
        request(
            "POST /a/b%2Fc/../d?x=y HTTP/1.1", "Content-Length: 12", "Connection: keep-alive, X-Hop", "X-Hop: 1", "TE: trailers",
            "X: \t a b \t"),
        request("GET http://User.Example:8080/a//b HTTP/1.1", "Transfer-Encoding: chunked", "Expect: 100-continue"),
        request("OPTIONS * HTTP/1.0", host: "Host: [2001:DB8::1.2.3.4]:443", "Connection: close"),
        request("GET http://b?q HTTP/1.1", "Transfer-Encoding: gzip;a=\"b\", chunked"),
    ]

    private static let spices = Array("\r\n\r\n\n :,;\t/%.?\"\\[]@0059aA\u{0}\u{7f}".utf8) + [0x80, 0xff]

    private func mutated(_ seed: [UInt8], _ random: inout Generator) -> [UInt8] {
        var bytes = seed
        for _ in 0...random.next(3) {
            let index = random.next(bytes.count)
            let spice = Self.spices[random.next(Self.spices.count)]
            switch random.next(4) {
            case 0: bytes[index] = spice
            case 1: bytes.insert(spice, at: index)
            case 2: bytes.remove(at: index)
            default: bytes.insert(contentsOf: bytes[index..<min(bytes.count, index + random.next(20))], at: random.next(bytes.count))
            }
        }
        return bytes
    }

    @Test(arguments: seeds.indices) func `a damaged request meets the same fate however it is cut`(seed: Int) {
        var random = Generator(state: UInt64(seed) + 1)
        let bytes = Array(Self.seeds[seed].utf8)
        for _ in 0..<4000 {
            let damaged = mutated(bytes, &random)
            let whole = outcome(damaged)
            let cuts = (0..<3).map { _ in random.next(damaged.count + 1) }.sorted()
            let cut = outcome(damaged, cuts: cuts)
            if cut != whole { Issue.record("\(String(decoding: damaged, as: UTF8.self).debugDescription) at \(cuts): \(cut), \(whole)") }
        }
    }
}
