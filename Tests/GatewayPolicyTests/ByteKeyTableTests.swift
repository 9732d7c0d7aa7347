import GatewayCore
import GatewayPolicy
import Testing

@Suite struct ByteKeyTableTests {
    private func longest(_ keys: [[UInt8]], _ text: [UInt8]) -> Int? {
        var best: Int?
        for (index, key) in keys.enumerated() where text.starts(with: key) {
            if best.map({ key.count > keys[$0].count }) ?? true { best = index }
        }
        return best
    }

    @Test func `a thousand random sets of keys answer as a search through all of them does`() {
        var dice = Dice(state: 1)
        var wrong = 0
        for round in 0..<1000 {
            // Few letters and short keys nest and repeat often; long ones cross the words that are compared at a time.
            let letters: [UInt8] = round % 2 == 0 ? [0x61, 0x62] : [0, 0x2f, 0x61, 0xff]
            let lengthMax = [3, 6, 12, 40][round % 4]
            func word(_ dice: inout Dice) -> [UInt8] {
                let stem: [UInt8] = lengthMax == 40 ? Array(repeating: 0x61, count: Int.random(in: 0...30, using: &dice)) : []
                return stem + (0..<Int.random(in: 0...lengthMax, using: &dice)).map { _ in letters.randomElement(using: &dice) ?? 0 }
            }
            let keys = (0..<Int.random(in: 0...40, using: &dice)).map { _ in word(&dice) }
            let table = ByteKeyTable(keys)
            for text in keys + (0..<20).map({ _ in word(&dice) }) {
                if table.longestPrefix(of: text.rawSpan) != longest(keys, text) { wrong += 1 }
                if table.index(of: text.rawSpan) != keys.firstIndex(of: text) { wrong += 1 }
            }
        }
        #expect(wrong == 0)
    }

    @Test func `keys that begin with each other are found at every depth`() {
        let keys = (0..<300).map { Array(repeating: UInt8(0x61), count: $0) }
        let table = ByteKeyTable(keys)
        for depth in 0..<300 {
            let text = keys[depth] + bytes("b")
            #expect(table.longestPrefix(of: text.rawSpan) == depth)
            #expect(table.index(of: text.rawSpan) == nil)
        }
    }

    @Test func `an empty table knows nothing, an empty key is a prefix of everything`() {
        let text = bytes("/x")
        let none: [UInt8] = []
        #expect(ByteKeyTable([]).longestPrefix(of: text.rawSpan) == nil)
        #expect(ByteKeyTable([]).index(of: none.rawSpan) == nil)
        #expect(ByteKeyTable([[]]).longestPrefix(of: text.rawSpan) == 0)
        #expect(ByteKeyTable([[]]).index(of: none.rawSpan) == 0)
    }
}
