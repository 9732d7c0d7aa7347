import GatewayCache
import GatewayCore
import Testing

@Suite struct CanonicalJSONRandomTests {
    private static let documentCount = 10_000

    @Test func `documents with shuffled names, other white space and escapes have one key`() throws {
        var canonicaliser = Canonicaliser()
        for seed in 0..<UInt64(Self.documentCount) {
            var generator = SeededGenerator(state: seed)
            let document = RandomDocument.make(&generator)
            let (first, second) = (Array(document.spelt(&generator).utf8), Array(document.spelt(&generator).utf8))
            let form = try canonicaliser.form(first)
            let keys = (try canonicaliser.key(first), try canonicaliser.key(second))
            if form == Array(document.canonical.utf8), keys.0 == keys.1 { continue }
            Issue.record("seed \(seed): \(String(decoding: first, as: UTF8.self)) \(String(decoding: second, as: UTF8.self))")
            return
        }
    }

    @Test func `documents with one value changed have another key`() throws {
        var canonicaliser = Canonicaliser()
        for seed in 0..<UInt64(Self.documentCount) {
            var generator = SeededGenerator(state: seed)
            let document = RandomDocument.make(&generator)
            let place = Int.random(in: 0..<document.nodeCount, using: &generator)
            let (body, changed) = (
                Array(document.spelt(&generator).utf8), Array(document.changed(at: place, &generator).spelt(&generator).utf8)
            )
            if try canonicaliser.key(body) != canonicaliser.key(changed) { continue }
            Issue.record("seed \(seed): \(String(decoding: body, as: UTF8.self)) \(String(decoding: changed, as: UTF8.self))")
            return
        }
    }
}
