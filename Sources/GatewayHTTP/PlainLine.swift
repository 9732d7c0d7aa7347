import GatewayCore

/// A field line as nearly all are: `name: value` and CRLF, the value not empty, without tabs, one space before it and none behind.
struct PlainLine {
    var colon = 0
    /// Where the CRLF is; 0 if this is not such a line, or not all of it is there.
    var end = 0

    /// Looks at the line at `start`. Whether its name is a token is for the caller to see.
    ///
    /// Not inlined, and without calls: what it works with stays in registers.
    @inline(never)
    init(_ input: RawSpan, at start: Int) {
        let colon = input.firstIndex(from: start) { $0.colons }
        let valueStart = colon &+ 2
        if valueStart >= input.byteCount || input.pair(at: colon) != 0x203a { return }
        let end = input.firstIndex(from: valueStart) { $0.mayBeControls }
        if end > input.byteCount &- 2 || input.pair(at: end) != 0x0a0d { return }
        if input[byte: valueStart] <= .space || input[byte: end &- 1] <= .space { return }
        self.colon = colon
        self.end = end
    }
}

extension UInt64 {
    private static var ones: UInt64 { 0x0101_0101_0101_0101 }

    /// 0x80 in each of the eight bytes that is a colon; as of the others, the lowest one is exact, those above it may be the borrow's.
    @inline(__always)
    var colons: UInt64 { marks(0x3a) }

    @inline(__always)
    var spaces: UInt64 { marks(0x20) }

    @inline(__always)
    var lineFeeds: UInt64 { marks(0x0a) }

    @inline(__always)
    private func marks(_ byte: UInt64) -> UInt64 {
        let difference = self ^ (Self.ones &* byte)
        return (difference &- Self.ones) & ~difference & (Self.ones &* 0x80)
    }

    /// 0x80 in each of the eight bytes that is below 0x20 or 0x7f, and in some others behind such a one, or behind 0xff.
    @inline(__always)
    var mayBeControls: UInt64 {
        ((self &- Self.ones &* 0x20) | (self &+ Self.ones)) & ~self & (Self.ones &* 0x80)
    }

    /// 0x80 in each of the eight bytes that is neither a letter, a digit nor a hyphen. No sum carries into the next byte.
    @inline(__always)
    var unusual: UInt64 {
        let ascii = self & (Self.ones &* 0x7f)
        let lower = ascii | (Self.ones &* 0x20)
        let letters = (lower &+ Self.ones &* (0x80 - 0x61)) & ~(lower &+ Self.ones &* (0x80 - 0x7b))
        let digits = (ascii &+ Self.ones &* (0x80 - 0x30)) & ~(ascii &+ Self.ones &* (0x80 - 0x3a))
        let hyphens = ~((ascii ^ (Self.ones &* 0x2d)) &+ Self.ones &* 0x7f)
        return (~(letters | digits | hyphens) | self) & (Self.ones &* 0x80)
    }
}
