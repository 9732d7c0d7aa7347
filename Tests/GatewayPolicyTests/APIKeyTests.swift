import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayPolicy
import Testing

@Suite struct APIKeyTests {
    // MARK: The table

    private func key(_ name: String, _ number: UInt64, lastDay: Int? = nil) -> APIKeysConfig.Key {
        APIKeysConfig.Key(name: name, digest: SHA256Digest(number, 0, 0, number), lastDay: lastDay)
    }

    @Test func `a key is found by its digest, and has its name`() {
        let table = APIKeyTable((0..<1_000).map { key("k\($0 / 2)", UInt64($0) &* 0x9e37_79b9_7f4a_7c15) })
        #expect(table.names.count == 500)
        for number in 0..<1_000 as Range<UInt64> {
            let word = number &* 0x9e37_79b9_7f4a_7c15
            #expect(table.verdict(on: SHA256Digest(word, 0, 0, word), second: 0) == .known(name: Int(number / 2)))
            #expect(table.verdict(on: SHA256Digest(word, 0, 0, word &+ 1), second: 0) == .unknown)
        }
    }

    @Test func `digests that begin alike are told apart`() {
        let keys = (0..<5).map { APIKeysConfig.Key(name: "k\($0)", digest: SHA256Digest(7, 0, 0, UInt64($0))) }
        let table = APIKeyTable([key("low", 1), key("high", 9)] + keys)
        for number in 0..<5 {
            guard case .known(let name) = table.verdict(on: SHA256Digest(7, 0, 0, UInt64(number)), second: 0) else {
                Issue.record("k\(number) is not known")
                continue
            }
            #expect(table.names[name] == "k\(number)")
        }
        #expect(table.verdict(on: SHA256Digest(7, 0, 0, 5), second: 0) == .unknown)
        #expect(APIKeyTable([]).verdict(on: SHA256Digest(7, 0, 0, 5), second: 0) == .unknown)
    }

    @Test func `a key is good through its last day, and not a second longer`() {
        let table = APIKeyTable([key("a", 1, lastDay: 20_908), key("a", 2)])
        let end: UInt64 = 20_909 * 86_400
        #expect(table.verdict(on: SHA256Digest(1, 0, 0, 1), second: end - 1) == .known(name: 0))
        #expect(table.verdict(on: SHA256Digest(1, 0, 0, 1), second: end) == .expired(name: 0))
        #expect(table.verdict(on: SHA256Digest(2, 0, 0, 2), second: end) == .known(name: 0))
    }

    @Test func `a key that has expired stays so when the clock steps back, and others don't notice`() {
        let table = APIKeyTable([key("a", 1, lastDay: 20_908), key("b", 2, lastDay: 20_910), key("c", 3)])
        let end: UInt64 = 20_909 * 86_400
        func isKnown(_ number: UInt64, _ second: UInt64, in table: APIKeyTable) -> Bool {
            if case .known = table.verdict(on: SHA256Digest(number, 0, 0, number), second: second) { true } else { false }
        }
        #expect(isKnown(1, end - 1, in: table) && isKnown(1, 0, in: table))
        #expect(!isKnown(1, end, in: table))
        for second in [end - 1, 86_400, 0] { #expect(!isKnown(1, second, in: table) && isKnown(2, second, in: table)) }
        #expect(isKnown(3, .max, in: table) && isKnown(2, end, in: table))
        // What a reload makes goes by the clock as it is then.
        #expect(isKnown(1, end - 1, in: APIKeyTable([key("a", 1, lastDay: 20_908)])))
    }

    // MARK: Where it stands

    private static let usual = [
        APIKeysConfig.Field(name: "X-API-Key", isBearer: false), APIKeysConfig.Field(name: "Authorization", isBearer: true),
        APIKeysConfig.Field(name: "X-Partner", isBearer: false),
    ]

    /// The key that is found, or what is found instead.
    private func found(_ lines: [(String, String)], forwarded: inout [String]) -> String {
        let pool = BufferPool()
        return withExtendedLifetime(pool) {
            var fields = HeaderFields(pool: pool)
            for (name, value) in lines { fields.append(name: bytes(name).rawSpan, value: bytes(value).rawSpan) }
            let places = APIKeyFields(Self.usual)
            let finding = places.find(in: fields)
            places.keepBack(in: &fields)
            forwarded = (0..<fields.count).filter { !fields.isHopByHop($0) }.map { fields.nameBytes($0).string }
            switch finding {
            case .missing: return "(missing)"
            case .ambiguous: return "(ambiguous)"
            case .key(let field, let range): return fields.value(field).extracting(range).string
            }
        }
    }

    private func found(_ lines: [(String, String)]) -> String {
        var forwarded: [String] = []
        return found(lines, forwarded: &forwarded)
    }

    @Test func `the first place that holds a key counts`() {
        #expect(found([("x-api-key", "k1")]) == "k1")
        #expect(found([("authorization", "Bearer k2"), ("X-Api-Key", "k1")]) == "k1")
        #expect(found([("X-Api-Key", ""), ("Authorization", "bEARER   k2")]) == "k2")
        #expect(found([("X-PARTNER", "k3"), ("Authorization", "Basic abc")]) == "k3")
    }

    @Test func `what is no key is none`() {
        for value in ["", "Bearer", "Bearer ", "Basic k", "Bearerk", "Bearer\tk"] {
            #expect(found([("Authorization", value)]) == "(missing)")
        }
        #expect(found([]) == "(missing)")
        #expect(found([("X-API-Keys", "k"), ("X_API_Key", "k")]) == "(missing)")
    }

    @Test func `a field that is there twice is no key's place, not even with the same value`() {
        #expect(found([("X-API-Key", "k"), ("x-api-key", "k")]) == "(ambiguous)")
        #expect(found([("Authorization", "Basic x"), ("Authorization", "Bearer k")]) == "(ambiguous)")
        #expect(found([("X-Partner", "a"), ("X-Other", "b"), ("X-Partner", "")]) == "(ambiguous)")
    }

    @Test func `a key that is taken away is so from all its places, and other credentials stay`() {
        var forwarded: [String] = []
        _ = found([("X-API-Key", "k"), ("Authorization", "Bearer k"), ("X-Partner", "k"), ("Accept", "*/*")], forwarded: &forwarded)
        #expect(forwarded == ["Accept"])
        _ = found([("X-API-Key", "k"), ("Authorization", "Basic k")], forwarded: &forwarded)
        #expect(forwarded == ["Authorization"])
    }

    @Test func `what an origin would take for a key's field is taken away with it`() {
        var forwarded: [String] = []
        _ = found(
            [("X-API-Key", "k"), ("x_api_key", "a"), ("X_PARTNER", "b"), ("X-API_Keys", "c"), ("XAPI_Key_", "d")], forwarded: &forwarded)
        #expect(forwarded == ["X-API_Keys", "XAPI_Key_"])
    }
}
