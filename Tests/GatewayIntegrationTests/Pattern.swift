import Foundation
import TestSupport

/// Content that tells its own position: what is lost, doubled or moved shows, and gigabytes are compared as fast as memory is read.
enum Pattern {
    /// A prime, so that no buffer's size divides it.
    static let period = 1_048_573

    private static let twoPeriods: [UInt8] = {
        var random = SeededRandom(seed: 7)
        let words = (0...period / 8).map { _ in random.next() }
        let one = words.withUnsafeBytes { Array($0.prefix(period)) }
        return one + one
    }()

    /// `count` bytes, at most a period, as they stand at `offset`.
    static func bytes(_ count: Int, at offset: Int = 0) -> [UInt8] {
        let start = offset % period
        return Array(twoPeriods[start..<start + count])
    }

    static func matches(_ bytes: [UInt8], at offset: Int = 0) -> Bool {
        var position = 0
        while position < bytes.count {
            let count = min(period, bytes.count - position)
            let start = (offset + position) % period
            let isEqual = bytes.withUnsafeBytes { received in
                twoPeriods.withUnsafeBytes { wanted in
                    guard let left = received.baseAddress, let right = wanted.baseAddress else { return false }
                    return memcmp(left + position, right + start, count) == 0
                }
            }
            if !isEqual { return false }
            position += count
        }
        return true
    }
}

/// SplitMix64: the same numbers in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}

extension ByteStream {
    /// Sends `count` bytes of the pattern, and tells of its progress.
    func sendPattern(_ count: Int, pieceBytes: Int = 128 * 1024, timeout: Double = 60, _ progress: (Int) -> Void = { _ in }) throws {
        var sent = 0
        while sent < count {
            let piece = Pattern.bytes(min(pieceBytes, count - sent), at: sent)
            try send(piece, timeout: timeout)
            sent += piece.count
            progress(sent)
        }
    }

    /// Receives `count` bytes, which have to be the pattern's.
    func receivePattern(_ count: Int, timeout: Double = 60) throws {
        var received = 0
        while received < count {
            var piece = Array(unread.prefix(count - received))
            unread.removeFirst(piece.count)
            if piece.isEmpty {
                piece = try receiveSome(until: Deadline(seconds: timeout))
                if piece.isEmpty { throw TestError.ended("after \(received) of \(count) bytes") }
                if piece.count > count - received {
                    unread = Array(piece[(count - received)...])
                    piece.removeLast(unread.count)
                }
            }
            guard Pattern.matches(piece, at: received) else {
                throw TestError.invalid("other bytes in the \(piece.count) from \(received) on")
            }
            received += piece.count
        }
    }
}
