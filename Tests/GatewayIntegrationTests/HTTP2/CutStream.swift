import TestSupport

/// A connection that sends the beginning of whatever it is given in pieces of one to seven bytes, each with a write of its own.
final class CutStream: ByteStream {
    /// What is longer goes on in one piece: a frame's head and what judges it are cut.
    private static let cutBytesMax = 120

    private let stream: any ByteStream
    private var random = SeededRandom(seed: 9113)

    init(_ stream: any ByteStream) {
        self.stream = stream
    }

    var unread: [UInt8] {
        get { stream.unread }
        set { stream.unread = newValue }
    }

    func send(_ bytes: [UInt8], timeout: Double) throws {
        var start = 0
        while start < min(bytes.count, Self.cutBytesMax) {
            let end = min(bytes.count, start + Int.random(in: 1...7, using: &random))
            try stream.send(Array(bytes[start..<end]), timeout: timeout)
            start = end
        }
        if start < bytes.count { try stream.send(Array(bytes[start...]), timeout: timeout) }
    }

    func receiveSome(until deadline: Deadline) throws -> [UInt8] { try stream.receiveSome(until: deadline) }
    func halfClose() throws { try stream.halfClose() }
    func close() { stream.close() }
}
