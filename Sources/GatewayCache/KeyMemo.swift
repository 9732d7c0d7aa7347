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
    private let hash = SeededHash()
    /// What the texts take.
    private(set) var heldBytes = 0
    /// Where room is made next.
    private var hand = 0

    /// `places` is a power of two.
    public init(places: Int = Limits.keyMemoPlaces, bytesMax: Int = Limits.keyMemoBytesMax) {
        precondition(places > 0 && places & (places - 1) == 0)
        placeCount = places
        self.bytesMax = bytesMax
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
        let found = hash(route, parts, content)
        let index = place(found)
        let mark = UInt32(truncatingIfNeeded: found) | 1
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

    /// What was asked, and by whom, is not in memory for longer than it is of use.
    public mutating func removeAll() {
        places = []
        heldBytes = 0
        hand = 0
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
}
