import Glibc

/// An origin that does on each connection what a script says, and keeps what it received, byte for byte.
///
/// Every connection has a thread of its own. A script that throws ends its connection; the error is kept.
public final class ScriptedOrigin: Sendable {
    public typealias Script = @Sendable (_ connection: TCPConnection, _ index: Int) throws -> Void

    private struct State {
        var received: [[UInt8]] = []
        var errors: [String] = []
        var open: [Int: TCPConnection] = [:]
        var endedCount = 0
    }

    public let port: UInt16
    private let listener: Int32
    private let state: Monitor<State>

    /// Listens on a free port of `host`, unless `port` says which. `index` counts the connections from 0. What is received is kept unless that would be gigabytes.
    public init(host: String = "127.0.0.1", port: UInt16 = 0, keepsReceived: Bool = true, _ script: @escaping Script) throws {
        let address = try SocketAddress(host, port)
        let listener = try address.makeSocket()
        // Who comes back to a port finds what was connected to it in TIME_WAIT.
        var one: Int32 = 1
        if port != 0 { setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size)) }
        try address.bind(listener)
        guard listen(listener, 128) == 0 else { throw TestError.lastError("listen") }
        self.listener = listener
        self.port = SocketAddress.local(of: listener).port
        let state = Monitor(State())
        self.state = state
        startThread("scripted origin") { Self.accept(listener, state, keepsReceived, script) }
    }

    /// Answers every request with the same bytes, and keeps connections open unless the bytes say otherwise.
    public static func answering(_ response: String) throws -> ScriptedOrigin {
        let closes = response.lowercased().contains("connection: close")
        return try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                try connection.send(request.method == "HEAD" ? Self.head(of: response) : response)
                if closes { return }
            }
        }
    }

    private static func head(of response: String) -> String {
        response.range(of: "\r\n\r\n").map { String(response[..<$0.upperBound]) } ?? response
    }

    deinit {
        // The accepting thread owns the descriptor, and wakes up from this.
        shutdown(listener, Int32(SHUT_RDWR))
        state.update { $0.open.values.forEach { $0.interrupt() } }
    }

    // MARK: What it saw

    public var connectionCount: Int { state.value.received.count }
    public var openCount: Int { state.value.open.count }
    /// What scripts threw, except that a client had gone.
    public var errors: [String] { state.value.errors }

    /// What connection `index` has sent until now.
    public func received(_ index: Int = 0) -> String {
        let received = state.value.received
        return index < received.count ? String(decoding: received[index], as: UTF8.self) : ""
    }

    public func waitForConnections(_ count: Int, timeout: Double = Deadline.defaultSeconds) throws {
        try wait("\(count) connections", timeout) { $0.received.count >= count }
    }

    public func waitForEndedConnections(_ count: Int, timeout: Double = Deadline.defaultSeconds) throws {
        try wait("\(count) ended connections", timeout) { $0.endedCount >= count }
    }

    /// Waits until connection `index` has sent `text`.
    public func waitForReceived(_ text: String, on index: Int = 0, timeout: Double = Deadline.defaultSeconds) throws {
        let pattern = Array(text.utf8)
        try wait("'\(text)' on connection \(index)", timeout) {
            index < $0.received.count && $0.received[index].endIndex(of: pattern) != nil
        }
    }

    private func wait(_ what: String, _ timeout: Double, _ holds: (State) -> Bool) throws {
        if state.wait(until: Deadline(seconds: timeout), for: { holds($0) ? true : nil }) == nil {
            throw TestError.timedOut("the origin waits for \(what); it has \(connectionCount) connections, errors \(errors)")
        }
    }

    // MARK: Threads

    private static func accept(_ listener: Int32, _ state: Monitor<State>, _ keepsReceived: Bool, _ script: @escaping Script) {
        while true {
            let descriptor = Glibc.accept(listener, nil, nil)
            if descriptor < 0 && (errno == EINTR || errno == ECONNABORTED) { continue }
            if descriptor < 0 { break }
            let (connection, index) = state.update { value in
                let index = value.received.count
                let keep: ([UInt8]) -> Void = { bytes in state.update { $0.received[index] += bytes } }
                let connection = TCPConnection(descriptor: descriptor, onReceive: keepsReceived ? keep : nil)
                value.received.append([])
                value.open[index] = connection
                return (connection, index)
            }
            startThread("scripted connection") { serve(connection, index, state, script) }
        }
        close(listener)
    }

    private static func serve(_ connection: TCPConnection, _ index: Int, _ state: Monitor<State>, _ script: Script) {
        let result = Result { try script(connection, index) }
        state.update {
            // Closed under the lock: whoever interrupts a connection must not meet another one's descriptor.
            connection.close()
            $0.open[index] = nil
            $0.endedCount += 1
            switch result {
            case .success, .failure(TestError.reset), .failure(TestError.ended): break
            case .failure(let error): $0.errors.append("connection \(index): \(error)")
            }
        }
    }
}

extension ByteStream {
    /// The next request, however long it takes a client to send it; nil when the client has ended the connection between two requests.
    public func readNextRequest() throws -> HTTPRequest? {
        if unread.isEmpty {
            let bytes = try receiveSome(until: Deadline(seconds: 600))
            if bytes.isEmpty { return nil }
            unread += bytes
        }
        return try readRequest()
    }
}
