import GatewayCore

/// Byte strings to look up: the one that equals a text, or the longest that a text begins with.
///
/// The keys stand sorted in one blob, and each knows the longest other key that it begins with (its parent). The greatest
/// key that is not greater than the text begins with every key that the text begins with, so one binary search and a walk
/// along the parents answer both questions, however the keys nest.
public struct ByteKeyTable: Sendable {
    @usableFromInline
    struct Entry: BitwiseCopyable, Sendable {
        @usableFromInline let offset: Int32
        @usableFromInline let length: Int32
        /// What the table gives for the key.
        @usableFromInline let value: Int32
        /// Index of the parent; -1 for none.
        @usableFromInline let parent: Int32
    }

    @usableFromInline let blob: [UInt8]
    @usableFromInline let entries: [Entry]

    /// A table that gives a key's position in `keys`; of equal keys the first one's.
    public init(_ keys: [[UInt8]]) {
        self.init(pairs: keys.enumerated().map { ($0.element, $0.offset) })
    }

    /// A table that gives the value that stands beside a key; of equal keys the first one's.
    init(pairs: [(key: [UInt8], value: Int)]) {
        var blob: [UInt8] = []
        var entries: [Entry] = []
        var ancestors: [Int] = []
        var keys: [[UInt8]] = []
        for index in Self.sortedIndices(pairs) {
            let (key, value) = pairs[index]
            if key == keys.last { continue }
            while let last = ancestors.last, !key.starts(with: keys[last]) { ancestors.removeLast() }
            let parent = Int32(ancestors.last ?? -1)
            ancestors.append(entries.count)
            entries.append(Entry(offset: Int32(blob.count), length: Int32(key.count), value: Int32(value), parent: parent))
            blob += key
            keys.append(key)
        }
        self.blob = blob
        self.entries = entries
    }

    private static func sortedIndices(_ pairs: [(key: [UInt8], value: Int)]) -> [Int] {
        pairs.indices.sorted { left, right in
            let (key, other) = (pairs[left].key, pairs[right].key)
            return key == other ? left < right : key.lexicographicallyPrecedes(other)
        }
    }

    public var isEmpty: Bool { entries.isEmpty }

    /// The position of the key that equals `text`.
    @inlinable
    public func index(of text: RawSpan) -> Int? {
        let (index, sharedCount) = floor(of: text)
        if index < 0 || sharedCount < text.byteCount { return nil }
        return Int(entries[index].length) == sharedCount ? Int(entries[index].value) : nil
    }

    /// The position of the longest key that `text` begins with.
    @inlinable
    public func longestPrefix(of text: RawSpan) -> Int? {
        var (index, sharedCount) = floor(of: text)
        while index >= 0 {
            let entry = entries[index]
            if entry.length <= sharedCount { return Int(entry.value) }
            index = Int(entry.parent)
        }
        return nil
    }

    /// The greatest key that is not greater than `text` (-1 for none), and how many bytes both begin with.
    ///
    /// The keys between two bounds share with the text what both bounds share with it: no byte is compared twice for nothing.
    @inlinable
    func floor(of text: RawSpan) -> (index: Int, sharedCount: Int) {
        let bytes = blob.rawSpan
        var low = 0
        var high = entries.count
        var lowShared = 0
        var highShared = 0
        while low < high {
            let middle = (low + high) >> 1
            let entry = entries[middle]
            let key = bytes.extracting(Int(entry.offset)..<Int(entry.offset + entry.length))
            let shared = Self.sharedCount(text, key, from: min(lowShared, highShared))
            if shared == key.byteCount || (shared < text.byteCount && key[byte: shared] < text[byte: shared]) {
                low = middle + 1
                lowShared = shared
            } else {
                high = middle
                highShared = shared
            }
        }
        return (low - 1, lowShared)
    }

    /// How many bytes both begin with, when the first `start` are known to be equal.
    @inlinable
    static func sharedCount(_ left: RawSpan, _ right: RawSpan, from start: Int) -> Int {
        let limit = min(left.byteCount, right.byteCount)
        var index = start
        while index + 8 <= limit {
            let difference = left.word(at: index) ^ right.word(at: index)
            if difference != 0 { return index + difference.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < limit, left[byte: index] == right[byte: index] { index += 1 }
        return index
    }
}
