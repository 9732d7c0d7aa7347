import Glibc

/// A DNS server that says of each name what a test wants it to say (RFC 1035), and the system's resolver that asks nobody else.
///
/// resolv.conf(5) knows no ports, so it takes port 53 of a loopback address of its own, and programs see their own resolv.conf in a mount
/// namespace (unshare(1)). Both need privileges: ``isPossible`` says whether they are there.
public final class NameServer: Sendable {
    public enum Reply: Sendable {
        case addresses([String])
        /// NXDOMAIN.
        case notFound
        /// SERVFAIL.
        case failure
        case silence
    }

    private struct State {
        var replies: [String: Reply] = [:]
        var queries: [String: Int] = [:]
        var ended = false
    }

    public let address: String
    private let descriptor: Int32
    private let directory: TemporaryDirectory
    private let state = Monitor(State())

    /// A query that is not answered is given up after so long: longer than any test waits for anything.
    private static let resolverTimeoutSeconds = 30

    public init() throws {
        (descriptor, address) = try Self.open()
        directory = try TemporaryDirectory()
        let options = "options timeout:\(Self.resolverTimeoutSeconds) attempts:2"
        try directory.write("nameserver \(address)\n\(options)\n", to: "resolv.conf")
        try directory.write("hosts: files dns\n", to: "nsswitch.conf")
        let (descriptor, state) = (descriptor, state)
        startThread("name server") { Self.serve(descriptor, state) }
    }

    deinit {
        // The serving thread owns the descriptor; a datagram of its own wakes it up.
        state.update { $0.ended = true }
        let client = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if let address = try? SocketAddress(address, 53), address.connect(client) == 0 { send(client, [0], 1, 0) }
        close(client)
    }

    /// Whether this process may have a name server, and programs with their own resolv.conf.
    public static let isPossible: Bool = {
        guard let server = try? NameServer() else { return false }
        server.set("possible.test", .addresses(["127.0.0.9"]))
        let (path, arguments) = server.command("/usr/bin/getent", ["ahosts", "possible.test"])
        return (try? Program.run(path, arguments).contains("127.0.0.9")) == true
    }()

    /// What it says of `name` from now on. Of other names it says that there are none.
    public func set(_ name: String, _ reply: Reply) {
        state.update { $0.replies[name] = reply }
    }

    /// How often the addresses of `name` have been asked for.
    public func queryCount(_ name: String) -> Int { state.value.queries[name] ?? 0 }

    public func waitForQueries(of name: String, _ count: Int = 1, timeout: Double = Deadline.defaultSeconds) throws {
        guard state.wait(until: Deadline(seconds: timeout), for: { $0.queries[name] ?? 0 >= count ? true : nil }) != nil else {
            throw TestError.timedOut("\(count) queries of \(name); there were \(queryCount(name))")
        }
    }

    /// The command that runs a program whose resolver asks this server. It keeps its process id, so signals reach the program.
    public func command(_ program: String, _ arguments: [String]) -> (path: String, arguments: [String]) {
        let script = "mount --bind \"$0\" /etc/resolv.conf && mount --bind \"$1\" /etc/nsswitch.conf && shift && exec \"$@\""
        let files = [directory.file("resolv.conf"), directory.file("nsswitch.conf")]
        return ("/usr/bin/unshare", ["-m", "/bin/sh", "-c", script] + files + [program] + arguments)
    }

    // MARK: The socket

    private static func open() throws -> (Int32, String) {
        for _ in 0..<100 {
            let host = "127.53.\(Int.random(in: 0...255)).\(Int.random(in: 1...254))"
            let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            guard descriptor >= 0 else { throw TestError.lastError("socket") }
            do {
                try SocketAddress(host, 53).bind(descriptor)
                return (descriptor, host)
            } catch {
                close(descriptor)
                if case TestError.system(_, EADDRINUSE) = error { continue }
                throw error
            }
        }
        throw TestError.invalid("no free address for a name server")
    }

    private static func serve(_ descriptor: Int32, _ state: Monitor<State>) {
        var buffer = [UInt8](repeating: 0, count: 512)
        while true {
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let count = withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { recvfrom(descriptor, &buffer, buffer.count, 0, $0, &length) }
            }
            if state.value.ended || (count < 0 && errno != EINTR) { break }
            guard count > 0, let query = Query(Array(buffer[..<count])) else { continue }
            let reply = state.update { value in
                value.queries[query.name, default: 0] += 1
                return value.replies[query.name] ?? .notFound
            }
            guard let response = query.response(reply) else { continue }
            withUnsafePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    _ = sendto(descriptor, response, response.count, 0, $0, length)
                }
            }
        }
        close(descriptor)
    }
}

/// One question for the addresses of a name (RFC 1035 § 4.1).
private struct Query {
    private static let (v4Type, v6Type): (UInt8, UInt8) = (1, 28)

    let name: String
    private let id: [UInt8]
    private let question: [UInt8]
    private let type: UInt8

    init?(_ message: [UInt8]) {
        var labels: [String] = []
        var index = 12
        while index < message.count, message[index] != 0 {
            let end = index + 1 + Int(message[index])
            guard end < message.count else { return nil }
            labels.append(String(decoding: message[(index + 1)..<end], as: UTF8.self))
            index = end
        }
        guard index + 4 < message.count else { return nil }
        id = Array(message[..<2])
        question = Array(message[12..<(index + 5)])
        type = message[index + 2]
        name = labels.joined(separator: ".")
    }

    /// nil says nothing.
    func response(_ reply: NameServer.Reply) -> [UInt8]? {
        switch reply {
        case .silence: return nil
        case .notFound: return message(code: 3, [])
        case .failure: return message(code: 2, [])
        case .addresses(let addresses): return message(code: 0, addresses.compactMap(record))
        }
    }

    private func message(code: UInt8, _ records: [[UInt8]]) -> [UInt8] {
        // A response to a recursive query, with one question; then the answers, each with the name of the question.
        id + [0x81, 0x80 | code, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0] + question + records.joined()
    }

    private func record(_ address: String) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: address.contains(":") ? 16 : 4)
        guard type == (bytes.count == 4 ? Self.v4Type : Self.v6Type) else { return nil }
        inet_pton(bytes.count == 4 ? AF_INET : AF_INET6, address, &bytes)
        return [0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, UInt8(bytes.count)] + bytes
    }
}
