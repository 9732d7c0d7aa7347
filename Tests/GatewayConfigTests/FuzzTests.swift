import GatewayConfig
import Testing

/// Whatever the bytes are, reading them ends, and ends in a snapshot or in an error.
@Suite struct FuzzTests {
    /// A small generator with a seed, so that a failure can be had again (SplitMix64).
    struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
            return z ^ z >> 31
        }
    }

    @Test(arguments: 0..<4) func `no mutation of a configuration crashes its reader`(seed: UInt64) {
        var generator = Generator(state: seed)
        let original = Array(wholeConfiguration.utf8)
        for _ in 0..<500 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...8, using: &generator) { mutate(&bytes, &generator) }
            let text = String(decoding: bytes, as: UTF8.self)
            let result = ConfigLoader.load(text: text, path: "gateway.conf", environment: ["ORIGIN": "127.0.0.1:9001"])
            let hasErrors = result.diagnostics.contains { $0.severity == .error }
            #expect((result.snapshot == nil) == hasErrors)
            #expect(result.diagnostics.allSatisfy { !$0.text.isEmpty })
        }
    }

    @Test func `no bytes of syntax crash the reader`() {
        var generator = Generator(state: 42)
        let alphabet = Array("\"\"''\\\\{}{};;;$$#= \n\t\r*~@/:[].%a\u{e9}".utf8) + [0, 0xff, 0xc3]
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0...60, using: &generator)).map { _ in alphabet.randomElement(using: &generator) ?? 0 }
            let result = ConfigLoader.load(text: String(decoding: bytes, as: UTF8.self), path: "gateway.conf", environment: [:])
            #expect(result.snapshot == nil && result.diagnostics.allSatisfy { !$0.text.isEmpty })
        }
    }

    @Test func `no words in the place of arguments crash the reader`() {
        var generator = Generator(state: 7)
        let words = [
            "server", "listen", "location", "upstream", "version", "=", "/", "~", "0", "-1", "80", "\"\"", "$host", "${", "weight=",
            "weight=0",
            "on=", "on=,", "env:X", "env:ORIGIN", "return", "301", "200", "204", "http://", "http://a/", "https://a", "*", "*.", ".", ".*",
            "[",
            "[::1]:80", "::/0", "99999999999999999999", "ssl", "off", "5%", "return", "proxy_pass", "add_header", "retry", "{", "}", ";",
            ";", "\n",
            "access_log", "error_log", "admin", "allow", "server_name", "ssl_certificate", "ssl_certificate_key", "include", "%", "//",
            "/../",
        ]
        for _ in 0..<4000 {
            let text = (0..<Int.random(in: 1...40, using: &generator)).map { _ in words.randomElement(using: &generator) ?? "" }
            let result = ConfigLoader.load(
                text: text.joined(separator: " "), path: "/nonexistent/gateway.conf", environment: ["ORIGIN": "a:1"])
            #expect((result.snapshot == nil) == result.diagnostics.contains { $0.severity == .error })
            #expect(result.diagnostics.allSatisfy { !$0.text.isEmpty })
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ generator: inout Generator) {
        let index = Int.random(in: 0..<bytes.count, using: &generator)
        let end = min(bytes.count, index + Int.random(in: 1...40, using: &generator))
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.removeSubrange(index..<end)
        case 2: bytes.insert(contentsOf: bytes[index..<end], at: Int.random(in: 0...bytes.count, using: &generator))
        case 3: bytes.insert("\"'{};$#\\ \n=".utf8.randomElement(using: &generator) ?? 0, at: index)
        default: bytes.swapAt(index, Int.random(in: 0..<bytes.count, using: &generator))
        }
    }
}
