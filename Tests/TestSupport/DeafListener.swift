import Glibc

/// A port where connecting takes for ever: its queue is full, nobody accepts, and the kernel drops what comes (listen(2)).
public final class DeafListener: Sendable {
    public let port: UInt16
    private let descriptors: [Int32]

    public init() throws {
        let listener = try SocketAddress("127.0.0.1", 0).makeSocket()
        try SocketAddress("127.0.0.1", 0).bind(listener)
        // A queue for one: the first of these fills it, the others wait like everybody else.
        guard listen(listener, 0) == 0 else { throw TestError.lastError("listen") }
        let address = SocketAddress.local(of: listener)
        port = address.port
        descriptors =
            try [listener]
            + (0..<4).map { _ in
                let socket = try address.makeSocket()
                _ = fcntl(socket, F_SETFL, O_NONBLOCK)
                _ = address.connect(socket)
                return socket
            }
    }

    deinit {
        for descriptor in descriptors { close(descriptor) }
    }
}
