import Glibc

/// A TCP connection of non-blocking reads and writes that wait with poll(2), up to a deadline.
public class TCPConnection: ByteStream, @unchecked Sendable {
    public var unread: [UInt8] = []
    private var descriptor: Int32
    private let onReceive: (([UInt8]) -> Void)?

    /// Takes over a connected socket.
    init(descriptor: Int32, onReceive: (([UInt8]) -> Void)? = nil) {
        self.descriptor = descriptor
        self.onReceive = onReceive
        _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        setOption(Int32(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    deinit {
        close()
    }

    var fileDescriptor: Int32 { descriptor }
    public var isOpen: Bool { descriptor >= 0 }
    public var localPort: UInt16 { SocketAddress.local(of: descriptor).port }

    public func send(_ bytes: [UInt8], timeout: Double) throws {
        let deadline = Deadline(seconds: timeout)
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress.map { $0 + sent }, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                try wait(for: POLLOUT, until: deadline, "the peer takes no more bytes (\(sent) of \(bytes.count) sent)")
            } else if errno != EINTR {
                throw TestError.lastError("send")
            }
        }
    }

    /// Sends what the peer takes until it takes no more for `quietSeconds`, for which a slow program may just be busy; returns how much
    /// that was. For tests of backpressure.
    public func sendUntilBlocked(_ bytes: [UInt8], quietSeconds: Double = Deadline.quietSeconds, bytesMax: Int) throws -> Int {
        var sent = 0
        while sent < bytesMax {
            let count = Glibc.send(descriptor, bytes, min(bytes.count, bytesMax - sent), Int32(MSG_NOSIGNAL))
            if count >= 0 {
                sent += count
            } else if errno == EAGAIN {
                do { try wait(for: POLLOUT, until: Deadline(seconds: quietSeconds), "") } catch TestError.timedOut { return sent }
            } else if errno != EINTR {
                throw TestError.lastError("send")
            }
        }
        return sent
    }

    public func receiveSome(until deadline: Deadline) throws -> [UInt8] {
        try withUnsafeTemporaryAllocation(byteCount: 65536, alignment: 16) { buffer in
            while true {
                let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
                if count >= 0 {
                    let bytes = Array(buffer.prefix(count))
                    if count > 0 { onReceive?(bytes) }
                    return bytes
                } else if errno == EAGAIN {
                    try wait(for: POLLIN, until: deadline, "the peer sends nothing")
                } else if errno != EINTR {
                    throw TestError.lastError("recv")
                }
            }
        }
    }

    func wait(for event: Int32, until deadline: Deadline, _ what: String) throws {
        var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
        while true {
            let count = poll(&entry, 1, deadline.milliseconds)
            if count > 0 { return }
            if count == 0 { throw TestError.timedOut(what) }
            if errno != EINTR { throw TestError.lastError("poll") }
        }
    }

    public func halfClose() throws {
        guard shutdown(descriptor, Int32(SHUT_WR)) == 0 else { throw TestError.lastError("shutdown") }
    }

    public func close() {
        if descriptor >= 0 { Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Closes with a reset instead of a FIN (SO_LINGER of 0 seconds, socket(7)).
    public func reset() {
        var value = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &value, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func setOption(_ level: Int32, _ name: Int32, _ value: Int32) {
        var value = value
        setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Ends the calls that wait on this socket in other threads.
    func interrupt() {
        if descriptor >= 0 { shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
}

/// A client's connection.
public final class TCPClient: TCPConnection, @unchecked Sendable {
    /// Connects to `host`, an address; from `source`, another address of this machine (any of 127.0.0.0/8), where the caller's
    /// address matters. A small `receiveBufferBytes` makes a slow reader.
    public init(
        port: UInt16, host: String = "127.0.0.1", from source: String? = nil, receiveBufferBytes: Int32? = nil,
        timeout: Double = Deadline.defaultSeconds
    ) throws {
        let address = try SocketAddress(host, port)
        super.init(descriptor: try address.makeSocket())
        if let receiveBufferBytes { setOption(SOL_SOCKET, SO_RCVBUF, receiveBufferBytes) }
        if let source { try SocketAddress(source, 0).bind(fileDescriptor) }
        if address.connect(fileDescriptor) == 0 { return }
        guard errno == EINPROGRESS else { throw TestError.system("connect to \(host):\(port)", errno: errno) }
        try wait(for: POLLOUT, until: Deadline(seconds: timeout), "connecting to \(host):\(port)")
        var failure: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(fileDescriptor, SOL_SOCKET, SO_ERROR, &failure, &size)
        if failure != 0 { throw TestError.system("connect to \(host):\(port)", errno: failure) }
    }
}
