import GatewayCore
import Testing

@testable import GatewayCache

@Suite struct KeyMemoTests {
    private static func digest(_ number: Int) -> SHA256Digest { SHA256Digest(UInt64(number), 1, 2, 3) }

    private static func find(_ memo: inout KeyMemo, _ route: UInt64, _ parts: String, _ content: String) -> SHA256Digest? {
        memo.find(route, Array(parts.utf8).rawSpan, Array(content.utf8).rawSpan)
    }

    /// As many times as it takes to be remembered.
    private static func note(_ memo: inout KeyMemo, _ number: Int, _ route: UInt64, _ parts: String, _ content: String, times: Int = 2) {
        for _ in 0..<times { memo.note(digest(number), route, Array(parts.utf8).rawSpan, Array(content.utf8).rawSpan) }
    }

    @Test func `a key is remembered when it is made the second time`() {
        var memo = KeyMemo()
        #expect(Self.find(&memo, 1, "parts", "content") == nil)
        Self.note(&memo, 7, 1, "parts", "content", times: 1)
        #expect(Self.find(&memo, 1, "parts", "content") == nil)
        Self.note(&memo, 7, 1, "parts", "content", times: 1)
        #expect(Self.find(&memo, 1, "parts", "content") == Self.digest(7))
    }

    @Test func `nothing but the very same finds it`() {
        // One place for all: whatever the hash says, each of these is compared with what is there.
        let parts = "partition and path"
        let content = String(repeating: #"{"a":"b"}"#, count: 20)
        var memo = KeyMemo(places: 1)
        Self.note(&memo, 7, 1, parts, content)
        #expect(Self.find(&memo, 1, parts, content) == Self.digest(7))
        #expect(Self.find(&memo, 2, parts, content) == nil)
        #expect(Self.find(&memo, 1, parts, "") == nil)
        // The same bytes in all, cut elsewhere.
        #expect(Self.find(&memo, 1, String(parts.dropLast()), String(parts.last ?? " ") + content) == nil)
        #expect(Self.find(&memo, 1, parts + String(content.prefix(1)), String(content.dropFirst())) == nil)
        for (count, isParts) in [(parts.utf8.count, true), (content.utf8.count, false)] {
            for index in 0..<count {
                var other = Array((isParts ? parts : content).utf8)
                other[index] ^= 1
                let text = String(decoding: other, as: UTF8.self)
                #expect(Self.find(&memo, 1, isParts ? text : parts, isParts ? content : text) == nil)
            }
        }
        #expect(Self.find(&memo, 1, parts, content) == Self.digest(7))
    }

    @Test func `what is asked in turn finds its own key, however many there are`() {
        var memo = KeyMemo()
        var found = 0
        for _ in 0..<4 {
            for number in 0..<3000 {
                let (route, parts) = (UInt64(number % 3), "parts \(number % 7)")
                let content = String(repeating: "x", count: number % 90) + "\(number / 21)"
                if let key = Self.find(&memo, route, parts, content) {
                    #expect(key == Self.digest(number))
                    found += 1
                } else {
                    Self.note(&memo, number, route, parts, content, times: 1)
                }
            }
        }
        #expect(found > 0)
    }

    @Test func `what comes once drives out nothing that is asked for again`() {
        var memo = KeyMemo(places: 4)
        Self.note(&memo, 1, 1, "hot", "question")
        for number in 0..<1000 { Self.note(&memo, number, 1, "parts", "once \(number)", times: 1) }
        #expect(Self.find(&memo, 1, "hot", "question") == Self.digest(1))
    }

    @Test func `texts take no more than they may`() {
        let bytesMax = 10_000
        var memo = KeyMemo(places: 256, bytesMax: bytesMax)
        for number in 0..<2000 {
            Self.note(&memo, number, 1, "parts", String(repeating: "x", count: number) + "\(number)", times: 3)
            #expect(memo.heldBytes <= bytesMax)
        }
        #expect(memo.heldBytes > bytesMax / 2)
        let long = String(repeating: "x", count: Limits.keyMemoTextBytesMax)
        var roomy = KeyMemo()
        Self.note(&roomy, 1, 1, "parts", long, times: 3)
        #expect(roomy.heldBytes == 0 && Self.find(&roomy, 1, "parts", long) == nil)
    }

    @Test func `what is forgotten takes nothing, is not found, and may come again`() {
        var memo = KeyMemo(places: 16)
        for number in 0..<50 { Self.note(&memo, number, 1, "parts", "content \(number)", times: 3) }
        #expect(memo.heldBytes > 0)
        for _ in 0..<2 {
            memo.removeAll()
            #expect(memo.heldBytes == 0)
            for number in 0..<50 { #expect(Self.find(&memo, 1, "parts", "content \(number)") == nil) }
        }
        Self.note(&memo, 7, 1, "parts", "content")
        #expect(Self.find(&memo, 1, "parts", "content") == Self.digest(7) && memo.heldBytes == 12)
    }

    @Test func `without parts nothing is remembered`() {
        var memo = KeyMemo()
        Self.note(&memo, 1, 1, "", "content", times: 3)
        #expect(Self.find(&memo, 1, "", "content") == nil)
    }
}
