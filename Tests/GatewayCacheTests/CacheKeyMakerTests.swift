import GatewayCache
import GatewayCore
import GatewayNet
import Testing

@Suite struct CacheKeyMakerTests {
    private typealias Part = (part: CacheKeyMaker.Part, name: String, value: String)

    private static func key(_ parts: [Part]) -> SHA256Digest {
        var maker = CacheKeyMaker(pool: BufferPool())
        return key(parts, &maker)
    }

    private static func key(_ parts: [Part], _ maker: inout CacheKeyMaker) -> SHA256Digest {
        maker.begin()
        for part in parts { maker.add(part.part, name: Array(part.name.utf8).rawSpan, Array(part.value.utf8).rawSpan) }
        return maker.finish()
    }

    private static let request: [Part] = [
        (.partition, "", "key 1"), (.method, "", "POST"), (.host, "", "api.example"), (.path, "", "/v1/messages"), (.query, "", "a=b"),
        (.field, "accept", "text/event-stream"), (.canonicalBody, "", "{}"),
    ]

    @Test func `the same parts make the same key`() {
        #expect(Self.key(Self.request) == Self.key(Self.request))
        var maker = CacheKeyMaker(pool: BufferPool())
        let first = Self.key(Self.request, &maker)
        _ = Self.key([], &maker)
        maker.add(.body, Array("left over".utf8).rawSpan)
        #expect(Self.key(Self.request, &maker) == first)
    }

    @Test func `a key is what others compute too`() {
        // Keys don't change from one version to the next without notice.
        var bytes = Array("gateway cache key 1\n".utf8)
        func append(_ text: String) {
            withUnsafeBytes(of: UInt64(text.utf8.count).littleEndian) { bytes += $0 }
            bytes += Array(text.utf8)
        }
        for (part, name, value) in Self.request {
            bytes.append(part.rawValue)
            append(name)
            append(value)
        }
        var sha256 = SHA256()
        #expect(Self.key(Self.request) == sha256.digest(of: bytes.rawSpan))
    }

    @Test func `no part can be taken for another, whatever it says`() {
        // Every way to cut the same bytes into parts and names, as every kind of part.
        let text = Array("aaaa\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}aa".utf8)
        func string(_ range: Range<Int>) -> String { String(decoding: text[range], as: UTF8.self) }
        var keys: Set<SHA256Digest> = []
        var count = 0
        for part in CacheKeyMaker.Part.allCases {
            for first in 0...text.count {
                for second in first...text.count {
                    let (head, middle, tail) = (string(0..<first), string(first..<second), string(second..<text.count))
                    for parts in [[(part, head, middle), (.body, "", tail)], [(part, "", head), (.body, middle, tail)]] as [[Part]] {
                        // With nothing in the midst both are the same.
                        if middle.isEmpty && parts[0].name == "" && first > 0 { continue }
                        keys.insert(Self.key(parts))
                        count += 1
                    }
                }
            }
        }
        // The two shapes meet where the first name and the second are both empty: once for each part and place.
        #expect(count - keys.count <= CacheKeyMaker.Part.allCases.count * (text.count + 1))
        #expect(keys.count > 1500)
    }

    @Test(
        arguments: [
            ([(.path, "", "/a"), (.query, "", "b")], [(.path, "", "/a?b"), (.query, "", "")]),
            ([(.partition, "", "a"), (.method, "", "b")], [(.partition, "", "ab"), (.method, "", "")]),
            ([(.field, "accept", "x")], [(.field, "accep", "tx")]),
            ([(.field, "a", "x"), (.field, "b", "y")], [(.field, "b", "y"), (.field, "a", "x")]),
            ([(.field, "a", "")], []), ([(.field, "a", "x")], [(.varyingField, "a", "x")]),
            ([(.body, "", "{}")], [(.canonicalBody, "", "{}")]),
            ([(.partition, "", "key")], [(.partition, "key", "")]), ([(.partition, "", "Key")], [(.partition, "", "key")]),
            ([(.partition, "", "key")], [(.partition, "", "k\u{435}y")]), ([(.partition, "", "\u{e9}")], [(.partition, "", "e\u{301}")]),
            ([(.body, "", "")], [(.body, "", ""), (.body, "", "")]), ([(.path, "", "/a\u{0}")], [(.path, "", "/a")]),
        ] as [([(CacheKeyMaker.Part, String, String)], [(CacheKeyMaker.Part, String, String)])])
    func `look-alikes have keys of their own`(
        _ left: [(CacheKeyMaker.Part, String, String)], _ right: [(CacheKeyMaker.Part, String, String)]
    ) {
        #expect(Self.key(left) != Self.key(right))
    }

    @Test func `long parts count to their last byte, whatever is gathered before them`() {
        var sha256 = SHA256()
        for before in [0, 1, 900, 990, 1000, 1024, 5000] {
            for count in [0, 1, 30, 1023, 1024, 1025, 100_000] {
                let parts: [Part] = [(.path, "", String(repeating: "p", count: before)), (.body, "", String(repeating: "b", count: count))]
                var bytes = Array("gateway cache key 1\n".utf8)
                for part in parts {
                    bytes += [part.part.rawValue] + [UInt8](repeating: 0, count: 8)
                    withUnsafeBytes(of: UInt64(part.value.utf8.count).littleEndian) { bytes += $0 }
                    bytes += Array(part.value.utf8)
                }
                #expect(Self.key(parts) == sha256.digest(of: bytes.rawSpan))
            }
        }
    }
}
