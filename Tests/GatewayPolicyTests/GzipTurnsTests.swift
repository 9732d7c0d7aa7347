import GatewayCore
import GatewayPolicy
import Testing

/// Who may compress, and how much of it, in one round of a worker's loop.
@Suite struct GzipTurnsTests {
    private let first = Handle(slot: 1, generation: 1)
    private let second = Handle(slot: 2, generation: 1)
    private let third = Handle(slot: 3, generation: 1)

    private func round(_ number: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: 1_000 * number) }

    @Test func `all connections together have one round's work`() {
        let turns = Turns()
        #expect(turns.hasRoom(for: first, now: round(1)))
        #expect(turns.bytesMax(level: 1) == Limits.gzipRoundBytesMax)
        turns.spend(Limits.gzipRoundBytesMax / 2, level: 1)
        #expect(turns.hasRoom(for: second, now: round(1)))
        #expect(turns.bytesMax(level: 1) == Limits.gzipRoundBytesMax / 2)
        turns.spend(Limits.gzipRoundBytesMax / 2, level: 1)
        let hasRoom = [first, second, third].map { turns.hasRoom(for: $0, now: round(1)) }
        #expect(hasRoom == [false, false, false])
        #expect(turns.hasRoom(for: third, now: round(2)))
    }

    @Test func `the higher the level, the less of it in a round, but never less than a chunk's line`() {
        let turns = Turns()
        _ = turns.hasRoom(for: first, now: round(1))
        let most = (1...9).map { turns.bytesMax(level: $0) }
        #expect(most == most.sorted().reversed())
        #expect(most[5] <= 8 * 1024 && most[8] <= 1024)
        turns.spend(Limits.gzipRoundBytesMax - 1, level: 1)
        #expect(turns.hasRoom(for: first, now: round(1)))
        let least = (1...9).map { turns.bytesMax(level: $0) }
        #expect(least.allSatisfy { $0 > Limits.chunkLineBytesMax })
    }

    @Test func `who waits goes before who comes, and in the order of waiting`() {
        let turns = Turns()
        _ = turns.hasRoom(for: first, now: round(1))
        turns.spend(Limits.gzipRoundBytesMax, level: 1)
        turns.wait(first)
        turns.wait(second)
        let nobody = turns.next(now: round(1))
        #expect(nobody == nil)
        let newcomer = turns.hasRoom(for: third, now: round(2))
        #expect(!newcomer)
        turns.wait(third)
        var served: [UInt32] = []
        for number in 2...7 {
            guard let connection = turns.next(now: round(UInt64(number))) else { break }
            #expect(turns.hasRoom(for: connection, now: round(UInt64(number))))
            served.append(connection.slot)
            turns.spend(Limits.gzipRoundBytesMax, level: 1)
            turns.wait(connection)
        }
        #expect(served == [1, 2, 3, 1, 2, 3])
    }

    @Test func `several have a turn in one round while there is room, and then nobody waits`() {
        let turns = Turns()
        for connection in [first, second, third] { turns.wait(connection) }
        var served: [UInt32] = []
        while let connection = turns.next(now: round(1)) {
            served.append(connection.slot)
            turns.spend(100, level: 1)
        }
        #expect(served == [1, 2, 3])
        let isEmpty = turns.isEmpty
        #expect(isEmpty && turns.hasRoom(for: first, now: round(1)))
    }

    @Test func `thousands that wait are all served once`() {
        let turns = Turns()
        for slot in 0..<5_000 { turns.wait(Handle(slot: UInt32(slot), generation: 1)) }
        var served: [UInt32] = []
        var number: UInt64 = 0
        while !turns.isEmpty {
            number += 1
            guard let connection = turns.next(now: round(number)) else { break }
            served.append(connection.slot)
            turns.spend(Limits.gzipRoundBytesMax, level: 1)
        }
        #expect(served == Array(0..<5_000))
    }
}

/// What can't be copied doesn't go into an expectation by itself.
private final class Turns {
    private var turns = GzipTurns()

    var isEmpty: Bool { turns.isEmpty }
    func hasRoom(for connection: Handle, now: MonotonicTime) -> Bool { turns.hasRoom(for: connection, now: now) }
    func bytesMax(level: Int) -> Int { turns.bytesMax(level: level) }
    func spend(_ count: Int, level: Int) { turns.spend(count, level: level) }
    func wait(_ connection: Handle) { turns.wait(connection) }
    func next(now: MonotonicTime) -> Handle? { turns.next(now: now) }
}
