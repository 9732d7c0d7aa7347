import Glibc
import TestSupport

/// What the kernel holds of a TCP connection's bytes, as one end of it sees them (proc_net_tcp(5)).
struct SocketQueues {
    let localPort: UInt16
    let peerPort: UInt16
    /// Sent, and the other end's kernel has not got them.
    let unacknowledged: Int
    /// Here, and the program has not read them.
    let unread: Int

    static func all() throws -> [SocketQueues] {
        try table().split(separator: "\n").dropFirst().map { line in
            // "0: 0100007F:1F90 0100007F:C350 01 00000000:00000000 ...": both addresses, the state, both queues.
            let fields = line.split(separator: " ")
            guard fields.count > 4, let local = port(fields[1]), let peer = port(fields[2]),
                case let queues = fields[4].split(separator: ":").compactMap({ Int($0, radix: 16) }), queues.count == 2
            else { throw TestError.invalid("not a line of /proc/net/tcp: \(line)") }
            return SocketQueues(localPort: local, peerPort: peer, unacknowledged: queues[0], unread: queues[1])
        }
    }

    /// Each read gives a page of it at most: a short one is no end.
    private static func table() throws -> String {
        let descriptor = open("/proc/net/tcp", O_RDONLY)
        if descriptor < 0 { throw TestError.invalid("no /proc/net/tcp") }
        defer { close(descriptor) }
        var (text, piece) = ([UInt8](), [UInt8](repeating: 0, count: 64 * 1024))
        while true {
            let count = read(descriptor, &piece, piece.count)
            if count < 0 { throw TestError.invalid("/proc/net/tcp ends early") }
            if count == 0 { return String(decoding: text, as: UTF8.self) }
            text += piece.prefix(count)
        }
    }

    private static func port(_ address: Substring) -> UInt16? { address.split(separator: ":").last.flatMap { UInt16($0, radix: 16) } }

    /// What clients have sent to the program that listens on `port`, and it has not read. All must be connected.
    static func unread(by port: UInt16, from clientPorts: Set<UInt16>) throws -> Int {
        let all = try all()
        let theirs = all.filter { $0.peerPort == port && clientPorts.contains($0.localPort) }
        let ours = all.filter { $0.localPort == port && clientPorts.contains($0.peerPort) }
        guard theirs.count == clientPorts.count, ours.count == clientPorts.count else { throw TestError.invalid("not all are connected") }
        return theirs.reduce(0) { $0 + $1.unacknowledged } + ours.reduce(0) { $0 + $1.unread }
    }

    /// What whoever is connected to `port` has got from there, and has not read.
    static func unread(from port: UInt16) throws -> Int {
        try all().reduce(0) { $0 + ($1.peerPort == port ? $1.unread : 0) }
    }
}
