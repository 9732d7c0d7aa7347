import Synchronization

/// What all answers under way of a zone take.
final class FillBudget: Sendable {
    let bytesMax: Int
    private let heldBytes = Atomic<Int>(0)
    private let heldFills = Atomic<Int>(0)

    init(bytesMax: Int) {
        self.bytesMax = bytesMax
    }

    var bytes: Int { heldBytes.load(ordering: .relaxed) }
    var fills: Int { heldFills.load(ordering: .relaxed) }
    func hasRoom(for byteCount: Int) -> Bool { byteCount <= bytesMax - bytes }

    func take(_ byteCount: Int) {
        heldBytes.add(byteCount, ordering: .relaxed)
    }

    func giveBack(_ byteCount: Int) {
        heldBytes.subtract(byteCount, ordering: .relaxed)
    }

    func begin(_ byteCount: Int) {
        heldFills.add(1, ordering: .relaxed)
        take(byteCount)
    }

    func end(_ byteCount: Int) {
        heldFills.subtract(1, ordering: .relaxed)
        giveBack(byteCount)
    }
}
