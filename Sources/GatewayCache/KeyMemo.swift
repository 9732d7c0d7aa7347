import GatewayCore

/// Remembers keys by all that they were made of: for a request in words that were met before, the body needs neither its canonical form
/// nor SHA-256, which together cost several times as much as comparing them.
///
/// A key is found only by the very same bytes: the hash says where to look, and no more. Of each place there is one key, and a request is
/// remembered when it comes a second time, so that those which come once leave what is there alone. One for each worker.
public struct KeyMemo: ~Copyable {
    private struct Place {
        var key = SHA256Digest(0, 0, 0, 0)
        var route: UInt64 = 0
        /// The parts of the key without the content, and then that.
        var text: [UInt8] = []
        var partsByteCount = 0
        /// Found since another would have had the place: that one finds it free the next time.
        var isUsed = false
        /// Of who came last and was not found here.
        var stranger: UInt32 = 0

        func holds(_ route: UInt64, _ parts: RawSpan, _ content: RawSpan) -> Bool {
            let split = partsByteCount
            if self.route != route || split != parts.byteCount || text.count != split + content.byteCount { return false }
            let bytes = text.rawSpan
            let isContent = bytes.extracting(split..<bytes.byteCount).elementsEqual(content)
            return isContent && bytes.extracting(0..<split).elementsEqual(parts)
        }
    }

    private var places: [Place] = []
    private let placeCount: Int
    private let bytesMax: Int
    private let seeds: (UInt64, UInt64)
    /// What the texts take.
    private(set) var heldBytes = 0
    /// Where room is made next.
    private var hand = 0

    /// `places` is a power of two.
    public init(places: Int = Limits.keyMemoPlaces, bytesMax: Int = Limits.keyMemoBytesMax) {
        precondition(places > 0 && places & (places - 1) == 0)
        placeCount = places
        self.bytesMax = bytesMax
        seeds = (.random(in: .min ... .max) | 1, .random(in: .min ... .max))
    }

    /// The key that was remembered for just these. `route` names what it was made by: which members of the body don't count, and so on.
    public mutating func find(_ route: UInt64, _ parts: RawSpan, _ content: RawSpan) -> SHA256Digest? {
        if places.isEmpty || !mayHold(parts, content) { return nil }
        let index = place(hash(route, parts, content))
        if !places[index].holds(route, parts, content) { return nil }
        places[index].isUsed = true
        return places[index].key
    }

    /// `key` is what these make, which were not found. It is remembered from the second time on.
    public mutating func note(_ key: SHA256Digest, _ route: UInt64, _ parts: RawSpan, _ content: RawSpan) {
        if !mayHold(parts, content) { return }
        let byteCount = parts.byteCount + content.byteCount
        if places.isEmpty { places = Array(repeating: Place(), count: placeCount) }
        let hash = hash(route, parts, content)
        let index = place(hash)
        let mark = UInt32(truncatingIfNeeded: hash) | 1
        if places[index].stranger != mark {
            places[index].stranger = mark
        } else if places[index].isUsed {
            places[index].isUsed = false
        } else {
            forget(index)
            makeRoom(byteCount)
            places[index].text.reserveCapacity(byteCount)
            places[index].text.append(parts)
            places[index].text.append(content)
            places[index].partsByteCount = parts.byteCount
            places[index].key = key
            places[index].route = route
            places[index].stranger = 0
            heldBytes += byteCount
        }
    }

    /// Without parts there is nothing to tell requests by.
    private func mayHold(_ parts: RawSpan, _ content: RawSpan) -> Bool {
        parts.byteCount > 0 && parts.byteCount + content.byteCount <= min(Limits.keyMemoTextBytesMax, bytesMax)
    }

    private mutating func makeRoom(_ byteCount: Int) {
        while heldBytes + byteCount > bytesMax {
            forget(hand)
            hand = (hand + 1) & (placeCount - 1)
        }
    }

    private mutating func forget(_ index: Int) {
        heldBytes -= places[index].text.count
        places[index].text = []
        places[index].isUsed = false
    }

    private func place(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash >> 32) & (placeCount - 1)
    }

    // MARK: The hash

    /// Has seeds, so that nobody can have others' places taken. Two lanes, as one would wait for each of its multiplications.
    private func hash(_ route: UInt64, _ parts: RawSpan, _ content: RawSpan) -> UInt64 {
        var lanes = (seeds.0 ^ route, seeds.1 ^ UInt64(parts.byteCount) << 32)
        mix(parts, &lanes)
        mix(content, &lanes)
        return Self.fold(lanes.0 ^ seeds.1, lanes.1 ^ seeds.0)
    }

    private func mix(_ bytes: RawSpan, _ lanes: inout (UInt64, UInt64)) {
        let count = bytes.byteCount
        var position = 0
        while position &+ 32 <= count {
            lanes.0 = Self.fold(bytes.word(at: position) ^ seeds.0, bytes.word(at: position &+ 8) ^ lanes.0)
            lanes.1 = Self.fold(bytes.word(at: position &+ 16) ^ seeds.1, bytes.word(at: position &+ 24) ^ lanes.1)
            position &+= 32
        }
        while position < count {
            lanes.0 = Self.fold(bytes.paddedWord(at: position) ^ seeds.0, UInt64(count &- position) ^ lanes.0)
            position &+= 8
        }
    }

    @inline(__always)
    private static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let product = a.multipliedFullWidth(by: b)
        return product.high ^ product.low
    }
}
