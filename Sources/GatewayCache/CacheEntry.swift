import GatewayCore

/// Where things stand in an entry: the first of its pages begins with this header, then come the path, the head and the body, which go on
/// in the further pages. Words have eight bytes.
enum CacheEntry {
    static let key = 0  // four words
    /// The entry that came next after this one, and the one before it: 32 bits each.
    static let neighbours = 4
    /// How many leases there are, and the flags: 32 bits each.
    static let leases = 5
    /// The last page, and how many there are.
    static let pages = 6
    /// Of the head, and of the path.
    static let headBytes = 7
    static let bodyBytes = 8
    static let facts = 9  // eleven words
    /// The page that begins each eighth, 32 bits each: so a place far behind is found without going through all pages before it. Like the
    /// bytes behind the header they don't change from the moment that the entry can be found: who has a lease reads them without the lock.
    static let marks = 20  // four words
    static let markCount = 8
    /// The first page of what holds a newer head, from the 304 that brought it on; 0 where the one behind the path counts. It is laid out
    /// like an entry, with a head alone, has leases of its own, and goes when the entry does or gets another.
    static let newerHead = 24
    static let headerBytes = 25 * 8

    /// Met by a request since the hand of SIEVE was last here.
    static let isVisited: UInt32 = 1
    /// It can be found.
    static let isLinked: UInt32 = 2

    static func pageCount(_ contentBytes: Int) -> Int {
        (headerBytes + contentBytes + Limits.cachePageBytes - 1) / Limits.cachePageBytes
    }

    /// Pages from one mark to the next.
    static func markStride(_ pageCount: Int) -> Int { (pageCount + markCount - 1) / markCount }
}

extension UInt64 {
    init(low: UInt32, high: UInt32) {
        self = UInt64(high) << 32 | UInt64(low)
    }

    var low: UInt32 { UInt32(truncatingIfNeeded: self) }
    var high: UInt32 { UInt32(truncatingIfNeeded: self >> 32) }
}

extension AnswerFacts {
    static let wordCount = 11

    func word(_ index: Int) -> UInt64 {
        switch index {
        case 0: UInt64(UInt32(clamping: status)) | flags << 32
        case 1: storedAtMs
        case 2: storedAt.nanoseconds
        case 3: freshForMs
        case 4: staleIfErrorMs
        case 5: staleWhileRevalidateMs
        case 6: initialAgeS
        case 7: inputTokens
        case 8: outputTokens
        case 9: originMs
        default: askedAt.nanoseconds
        }
    }

    private var flags: UInt64 {
        let bits: UInt64 = (isVariants ? 1 : 0) | (hasValidator ? 2 : 0) | (isEventStream ? 4 : 0) | (mustRevalidate ? 8 : 0)
        return UInt64(plainHeadBytes) << 8 | bits
    }

    init(_ word: (Int) -> UInt64) {
        let first = word(0)
        self.init(status: Int(first.low), storedAtMs: word(1), storedAt: MonotonicTime(nanoseconds: word(2)), freshForMs: word(3))
        staleIfErrorMs = word(4)
        staleWhileRevalidateMs = word(5)
        initialAgeS = word(6)
        inputTokens = word(7)
        outputTokens = word(8)
        originMs = word(9)
        askedAt = MonotonicTime(nanoseconds: word(10))
        isVariants = first.high & 1 != 0
        hasValidator = first.high & 2 != 0
        isEventStream = first.high & 4 != 0
        mustRevalidate = first.high & 8 != 0
        plainHeadBytes = Int(first.high >> 8)
    }
}
