import GatewayCore
import Testing

@testable import GatewayPolicy

/// `sticky`: who has which version.
@Suite struct StickyVersionTests {
    private static let callers = (0..<10_000).map { Array("caller-\($0)".utf8) }

    private func choices(_ versions: [(String, Int)], upstream: String = "chat") -> [Int?] {
        let sticky = StickyVersions(upstream: upstream, versions: versions.map { (name: $0.0, weight: $0.1) })
        return Self.callers.map { sticky.version(of: $0.rawSpan) }
    }

    private func canary(_ share: Int, upstream: String = "chat") -> Set<Int> {
        let choices = choices([("stable", 100 - share), ("canary", share)], upstream: upstream)
        return Set(choices.indices.filter { choices[$0] == 1 })
    }

    @Test(arguments: ["chat", "api", "models", "a"]) func `shares come within one point of the weights, and nobody moves back`(
        upstream: String
    ) {
        let few = canary(5, upstream: upstream)
        let more = canary(25, upstream: upstream)
        #expect((400...600).contains(few.count) && (2_400...2_600).contains(more.count), "\(few.count) \(more.count)")
        #expect(few.isSubset(of: more))
        var before: Set<Int> = []
        for share in 0...100 {
            let now = canary(share, upstream: upstream)
            #expect(before.isSubset(of: now) && abs(now.count - share * 100) < 200, "\(share): \(now.count)")
            before = now
        }
        #expect(before.count == 10_000)
    }

    @Test func `more weight for one of several takes callers from the others, and moves nobody else`() {
        let before = choices([("a", 50), ("b", 30), ("c", 20)])
        let after = choices([("a", 50), ("b", 60), ("c", 20)])
        for (old, new) in zip(before, after) where old != new { #expect(new == 1) }
        #expect(zip(before, after).contains { $0 != $1 })
    }

    @Test func `what is added or has weight 0 moves nobody but its own callers, and the order says nothing`() {
        let two = choices([("a", 50), ("b", 50)])
        let three = choices([("c", 20), ("b", 50), ("a", 50)])
        for (old, new) in zip(two, three) where new != 0 { #expect(old == (new == 2 ? 0 : 1)) }
        #expect(choices([("a", 50), ("b", 50), ("c", 0)]) == two)
        #expect(Set(choices([("a", 0), ("b", 1), ("c", 0)])) == [1])
        #expect(Set(choices([("a", 0), ("b", 0)])) == [nil])
    }

    @Test func `upstreams divide their callers in ways of their own`() {
        let (one, other) = (canary(50), canary(50, upstream: "api"))
        #expect((2_200...2_800).contains(one.intersection(other).count))
        #expect(canary(50, upstream: "Chat") == one)
    }

    /// By another program: whoever changes the hash would move the callers of everybody.
    @Test func `a caller has the same version in every process`() {
        func digits(_ versions: [(String, Int)]) -> String { choices(versions).prefix(32).map { "\($0 ?? 9)" }.joined() }
        #expect(digits([("stable", 50), ("canary", 50)]) == "01010001010100111110101110111000")
        #expect(digits([("a", 1), ("b", 2), ("c", 3)]) == "12122202221222220122000221122112")
    }

    @Test func `addresses are callers`() throws {
        let sticky = StickyVersions(upstream: "chat", versions: [("stable", 50), ("canary", 50)])
        let choices = (0..<1_000).map { sticky.version(of: IPAddress(v4: 0x0a00_0000 + $0)) }
        #expect((400...600).contains(choices.count { $0 == 1 }))
        let bytes = [UInt8](repeating: 0, count: 10) + [0xff, 0xff, 10, 0, 0, 7]
        let ofBytes = sticky.version(of: bytes.rawSpan)
        #expect(ofBytes == sticky.version(of: IPAddress(v4: 0x0a00_0007)))
    }

    /// The examples of the authors' reference implementation.
    @Test(
        arguments: [
            (0, 0x726f_db47_dd0e_0e31), (1, 0x74f8_39c5_93dc_67fd), (7, 0xab02_00f5_8b01_d137), (8, 0x93f5_f579_9a93_2462),
            (15, 0xa129_ca61_49be_45e5), (16, 0x3f2a_cc7f_57c2_9bdb),
        ] as [(Int, UInt64)])
    func `the hash is SipHash-2-4`(length: Int, hash: UInt64) {
        let sip = SipHash(key: (0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908))
        let bytes = (0..<length).map { UInt8($0) }
        let found = sip(bytes.rawSpan)
        #expect(found == hash)
    }

    @Test(
        arguments: [
            ("session=abc", "abc"), ("a=1; session=abc; b=2", "abc"), ("a=1;session=abc;b=2", "abc"), ("session=\"abc\"", "\"abc\""),
            ("session=a=b", "a=b"), ("session=abc ; b=2", "abc"), ("session=1; session=2", "1"), ("session=", nil), ("session", nil),
            ("xsession=1", nil), ("Session=1", nil), ("session =1", nil), ("a=session=1", nil), ("sessions=1", nil), ("", nil),
            (";;=; ;", nil),
            ("; session=abc", "abc"), ("session=;session=2", nil),
        ] as [(String, String?)])
    func `a cookie is found by its name`(field: String, value: String?) {
        let (bytes, name) = (Array(field.utf8), Array("session".utf8))
        let range = CookieValue.range(named: name.rawSpan, in: bytes.rawSpan)
        #expect(range.map { String(decoding: bytes[$0], as: UTF8.self) } == value)
    }
}
