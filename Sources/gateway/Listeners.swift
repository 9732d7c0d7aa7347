import GatewayConfig
import GatewayCore
import GatewayNet
import GatewayProxy

/// The listen addresses that are open, by number. An address that a reload keeps is never closed.
struct Listeners {
    struct Open {
        let id: Int
        let bound: SocketAddress
    }

    /// What a configuration changes: to be committed or undone as a whole.
    struct Change {
        fileprivate(set) var opened: [ListenAddress: Open] = [:]
        fileprivate(set) var closed: [Int] = []
        /// For each worker, the sockets it gets.
        fileprivate(set) var sockets: [[OpenedListener]]

        var allSockets: FlattenSequence<[[OpenedListener]]> { sockets.joined() }
    }

    private(set) var open: [ListenAddress: Open] = [:]
    private var nextID = 1
    /// Ports whose listeners a reload has taken away, and until when workers may still be emptying their queues.
    private var closing: [UInt16: MonotonicTime] = [:]

    /// Opens what `addresses` has and we have not, and more sockets of what we have for workers that are new.
    mutating func prepare(_ addresses: [ListenAddress], workers: Int, newWorkers: Range<Int>) throws(ListenFailure) -> Change {
        var change = Change(sockets: Array(repeating: [], count: workers))
        do {
            for address in addresses {
                if let existing = open[address] {
                    try share(existing, among: newWorkers, &change)
                } else {
                    try openNew(address, workers: workers, &change)
                }
            }
        } catch {
            undo(change)
            throw error
        }
        change.closed = open.filter { !addresses.contains($0.key) }.map(\.value.id)
        return change
    }

    private mutating func openNew(_ address: ListenAddress, workers: Int, _ change: inout Change) throws(ListenFailure) {
        // Our own sockets of the same port, of a listener that this reload replaces or the one before took away, are no foreign process.
        let isOurs = open.values.contains { $0.bound.port == address.port } || isClosing(address.port)
        let wanted = SocketAddress(address: address.address, port: address.port, isV6: address.isV6)
        let (descriptors, bound) = try listen(wanted, count: workers, isFirst: !isOurs)
        let id = nextID
        nextID += 1
        change.opened[address] = Open(id: id, bound: bound)
        for worker in 0..<workers { change.sockets[worker].append(OpenedListener(id: id, fileDescriptor: descriptors[worker])) }
    }

    private func isClosing(_ port: UInt16) -> Bool {
        guard let end = closing[port] else { return false }
        return .now() < end
    }

    private func share(_ existing: Open, among newWorkers: Range<Int>, _ change: inout Change) throws(ListenFailure) {
        let (descriptors, _) = try listen(existing.bound, count: newWorkers.count, isFirst: false)
        for (worker, descriptor) in zip(newWorkers, descriptors) {
            change.sockets[worker].append(OpenedListener(id: existing.id, fileDescriptor: descriptor))
        }
    }

    private func listen(_ address: SocketAddress, count: Int, isFirst: Bool) throws(ListenFailure) -> ([Int32], SocketAddress) {
        do {
            return try Listener.open(address, count: count, isFirst: isFirst)
        } catch {
            throw ListenFailure(address: address, error: error)
        }
    }

    /// What will be open for `addresses` once `change` is committed.
    func open(_ addresses: [ListenAddress], after change: Change) -> [(ListenAddress, Open)] {
        addresses.compactMap { address in (open[address] ?? change.opened[address]).map { (address, $0) } }
    }

    mutating func commit(_ change: Change) {
        let now = MonotonicTime.now()
        closing = closing.filter { now < $0.value }
        for listener in open.values where change.closed.contains(listener.id) {
            closing[listener.bound.port] = now.adding(milliseconds: Limits.listenerClosingMs)
        }
        open = open.filter { !change.closed.contains($0.value.id) }
        open.merge(change.opened) { $1 }
    }

    func undo(_ change: Change) {
        for socket in change.sockets.joined() { _ = FileDescriptor(socket.fileDescriptor) }
    }
}

struct ListenFailure: Error, CustomStringConvertible {
    let address: SocketAddress
    let error: SystemError

    var description: String {
        let inUse = error.isAddressInUse ? " (another process listens there)" : ""
        let needsRoot = error.isPermissionDenied && address.port < 1024 ? " (a port below 1024 takes root, and so a restart)" : ""
        return "cannot listen on \(address): \(error)\(inUse)\(needsRoot)"
    }
}
