import GatewayCore

/// The ways in which an input may arrive: up to where a parser sees it, one call after the other.
struct Cuts: Sequence {
    private static let everyCutBytesMax = 32
    private static let fewCuts = 4

    private let ways: [[Int]]

    /// Byte by byte, and in two pieces: at every place if the input is short, else at some that its bytes decide.
    init(of input: RawSpan) {
        let count = input.byteCount
        var ways = [Array(0...count)]
        if count <= Self.everyCutBytesMax {
            ways += (0..<count).map { [$0, count] }
        } else {
            var state: UInt64 = 0xcbf2_9ce4_8422_2325
            for index in 0..<count { state = (state ^ UInt64(input[byte: index])) &* 0x100_0000_01b3 }
            for _ in 0..<Self.fewCuts {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                ways.append([Int((state >> 33) % UInt64(count)), count])
            }
        }
        self.ways = ways
    }

    func makeIterator() -> some IteratorProtocol<[Int]> { ways.makeIterator() }
}
