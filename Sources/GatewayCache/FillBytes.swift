import GatewayCore

/// The body of an answer under way: from the first byte that somebody may still want to the last that has come. In pieces, so that it
/// grows without being moved, and what all have read can go.
struct FillBytes {
    /// Most answers fit into the first piece.
    private static let firstBytes = 2 * 1024

    /// All but the last are full; those before the `droppedCount`th are gone.
    private var segments: [[UInt8]] = []
    private var droppedCount = 0
    /// Of the whole body so far, what was dropped included.
    private(set) var end = 0
    /// What the pieces take.
    private(set) var heldBytes = 0

    /// The first byte that is still here.
    var start: Int { Self.start(of: droppedCount) }

    private static func start(of segment: Int) -> Int {
        segment == 0 ? 0 : firstBytes + (segment - 1) * Limits.fillSegmentBytes
    }

    private static func capacity(of segment: Int) -> Int {
        segment == 0 ? firstBytes : Limits.fillSegmentBytes
    }

    private static func segment(at offset: Int) -> Int {
        offset < firstBytes ? 0 : 1 + (offset - firstBytes) / Limits.fillSegmentBytes
    }

    mutating func append(_ bytes: RawSpan) {
        var position = 0
        while position < bytes.byteCount {
            let number = Self.segment(at: end)
            let index = number - droppedCount
            if index == segments.count {
                var fresh: [UInt8] = []
                fresh.reserveCapacity(Self.capacity(of: number))
                segments.append(fresh)
                heldBytes += Self.capacity(of: number)
            }
            let count = min(bytes.byteCount - position, Self.start(of: number + 1) - end)
            segments[index].append(bytes.extracting(position..<position + count))
            position += count
            end += count
        }
    }

    /// Appends up to `atMost` bytes from `offset` on; how many.
    func copy(from offset: Int, atMost: Int, to queue: inout ByteQueue) -> Int {
        precondition(offset >= start && offset <= end)
        let count = min(atMost, end - offset)
        var position = offset
        while position < offset + count {
            let number = Self.segment(at: position)
            let first = position - Self.start(of: number)
            let segment = segments[number - droppedCount]
            let length = min(offset + count - position, segment.count - first)
            queue.append(segment.rawSpan.extracting(first..<first + length))
            position += length
        }
        return count
    }

    /// Lets the pieces go that end at or before `offset`.
    mutating func drop(before offset: Int) {
        // The last one may still be written to.
        let count = min(Self.segment(at: offset) - droppedCount, segments.count)
        if count <= 0 { return }
        for number in droppedCount..<droppedCount + count { heldBytes -= Self.capacity(of: number) }
        segments.removeFirst(count)
        droppedCount += count
    }

    /// Lets all of them go: nothing is read here any more.
    mutating func dropAll() {
        segments = []
        droppedCount = Self.segment(at: end) + 1
        heldBytes = 0
    }

    /// All of it, if nothing has been dropped.
    func forEach(_ body: (RawSpan) -> Void) {
        for segment in segments { body(segment.rawSpan) }
    }
}
