import CLinux
import GatewayCore
import Glibc

/// What came of a read or a write.
public enum IOResult: Sendable {
    /// So many bytes of ours moved.
    case moved(Int)
    /// Nothing now; epoll will tell.
    case wouldBlock
    /// The peer has ended its side.
    case ended
    case failed(IOFailure)
}

public enum IOFailure: Error, Sendable {
    case system(SystemError)
    case tls(TLSFailure)
    /// The peer has ended the connection without TLS's own end (close_notify, RFC 8446 § 6.1): what came before may be cut short.
    case truncated
}

/// A connected socket, with TLS or without: bytes to and from queues, and what epoll last said of it.
public struct Stream: ~Copyable {
    private var descriptor: FileDescriptor
    private var tls: TLSConnection?
    /// Kept beside `tls`: to ask that from another module a call is made, for which the whole stream is copied.
    public private(set) var isTLS = false
    /// Whether a read may bring something. Stays true after a read that filled its buffer, and when TLS holds bytes back.
    public private(set) var canRead = false
    public private(set) var canWrite = false
    /// The peer's FIN has arrived, behind whatever is still to be read.
    public private(set) var peerFinished = false

    /// The connection is no more: reset, or ended on both sides.
    public private(set) var isGone = false

    init(descriptor: consuming FileDescriptor) {
        self.descriptor = descriptor
        tls = nil
    }

    public var fileDescriptor: Int32 { descriptor.number }

    /// Begins a connection; ``connectFailure()`` says how it went once the socket is writable.
    ///
    /// A descriptor from `mark` on is not used: EMFILE, as if there were none.
    public static func connect(to address: SocketAddress, below mark: Int) throws(SystemError) -> Stream {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let socket = FileDescriptor(try Syscall.check("socket") { Glibc.socket(address.family, type, 0) })
        let number = socket.number
        if number >= mark { throw SystemError("socket", EMFILE) }
        var one: Int32 = 1
        Syscall.attempt { unsafe setsockopt(number, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size)) }
        let result = unsafe address.withSockaddr { unsafe Glibc.connect(number, $0, $1) }
        if result < 0 && errno != EINPROGRESS && errno != EINTR { throw SystemError("connect") }
        return Stream(descriptor: socket)
    }

    /// Takes the lowest number that is free, if that is lower than its own. Before TLS, which keeps the number.
    public mutating func takeLowestNumber() {
        precondition(tls == nil)
        let number = fcntl(descriptor.number, F_DUPFD_CLOEXEC, 0)
        if number < 0 { return }
        let lowest = FileDescriptor(number)
        if number < descriptor.number { descriptor = lowest }
    }

    /// How the connecting went: nil for well (SO_ERROR, socket(7)).
    public func connectFailure() -> SystemError? {
        var code: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        let result = unsafe getsockopt(descriptor.number, SOL_SOCKET, SO_ERROR, &code, &length)
        if result < 0 { return SystemError("getsockopt") }
        return code == 0 ? nil : SystemError("connect", code)
    }

    /// Puts the server's side of TLS on the stream.
    public mutating func acceptTLS(_ context: TLSServerContext) {
        tls = TLSConnection(accepting: context, socket: descriptor.number)
        isTLS = true
    }

    /// Puts the client's side of TLS on the stream, resuming a session if there is one.
    public mutating func connectTLS(_ origin: TLSOrigin, resuming session: TLSSession?, now: MonotonicTime) {
        tls = TLSConnection(connecting: origin, socket: descriptor.number, session: session, now: now)
        isTLS = true
    }

    /// The sessions that the origin has offered since this was last asked.
    public mutating func takeSessions() -> [TLSSession] { tls?.takeSessions() ?? [] }

    /// Whether a handshake has begun on the client's side.
    public var hasHandshakeBegun: Bool { mutating get { tls?.hasReceived ?? false } }

    /// Why nothing more is read from the client, if that is so.
    public var abuse: TLSAbuse? { mutating get { tls?.abuse } }

    /// Takes in what epoll says.
    public mutating func note(_ readiness: Readiness) {
        if readiness.canRead {
            canRead = true
            tls?.noteReadable()
        }
        if readiness.canWrite {
            canWrite = true
            // TLS may have to write before it can read on: an answer to a KeyUpdate that found the socket full.
            if tls != nil { canRead = true }
        }
        if readiness.peerFinished || readiness.isGone { peerFinished = true }
        if readiness.isGone { isGone = true }
    }

    /// Goes on with the handshake; `.moved` when it is done.
    public mutating func handshake() -> IOResult {
        guard tls != nil else { return .moved(0) }
        let result = tls?.handshake() ?? .moved(0)
        if case .wouldBlock = result {
            canRead = false
            canWrite = false
        } else {
            // What follows the handshake may have been read with it.
            canRead = true
            canWrite = true
        }
        return result
    }

    /// Appends to `queue` what there is, `byteCount` bytes or a little more.
    public mutating func read(into queue: inout ByteQueue, atMost byteCount: Int = Limits.readBytes) -> IOResult {
        if tls != nil { return readTLS(into: &queue, byteCount) }
        var asked = 0
        let number = descriptor.number
        let count = unsafe queue.appendFrom(reserving: byteCount) { buffer in
            asked = buffer.count
            return unsafe gateway_recv(number, buffer.baseAddress, buffer.count)
        }
        if count > 0 {
            // A short read has emptied the socket (epoll(7)), unless the end stands behind it.
            if count < asked && !peerFinished { canRead = false }
            return .moved(count)
        }
        canRead = false
        if count == 0 { return .ended }
        if errno == EAGAIN { return .wouldBlock }
        if errno == EINTR {
            canRead = true
            return .moved(0)
        }
        return .failed(.system(SystemError("recv")))
    }

    private mutating func readTLS(into queue: inout ByteQueue, _ byteCount: Int) -> IOResult {
        let result = tls?.read(into: &queue, atMost: byteCount) ?? .ended
        if case .moved = result { canRead = tls?.mayHoldMore ?? false || peerFinished } else { canRead = false }
        return result
    }

    /// Appends to `queue` what has come, `byteCount` bytes at the most, and leaves it in the socket. Before TLS, which reads the socket itself.
    /// After `.moved` nothing more can be read until epoll tells, or ``drop(_:)`` is called.
    public mutating func peek(into queue: inout ByteQueue, atMost byteCount: Int) -> IOResult {
        precondition(tls == nil)
        canRead = false
        let number = descriptor.number
        var count = 0
        repeat {
            count = unsafe queue.appendFrom(reserving: byteCount) { buffer in
                unsafe recv(number, buffer.baseAddress, min(byteCount, buffer.count), Int32(MSG_PEEK | MSG_DONTWAIT))
            }
        } while count < 0 && errno == EINTR
        if count > 0 { return .moved(count) }
        if count == 0 { return .ended }
        return errno == EAGAIN ? .wouldBlock : .failed(.system(SystemError("recv")))
    }

    /// Drops so many of the bytes that ``peek(into:atMost:)`` has seen.
    public mutating func drop(_ byteCount: Int) {
        let number = descriptor.number
        unsafe withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) { buffer in
            var rest = byteCount
            while rest > 0 {
                let count = unsafe recv(number, buffer.baseAddress, rest, Int32(MSG_DONTWAIT))
                // They wait in the socket: only its failure takes them away, and the next read tells of that.
                if count == 0 || (count < 0 && errno != EINTR) { break }
                rest -= max(0, count)
            }
        }
        canRead = true
    }

    /// Writes from `queue` until it is empty or the socket is full; what is written leaves the queue.
    public mutating func write(from queue: inout ByteQueue) -> IOResult {
        var written = 0
        while !queue.isEmpty {
            let step = tls != nil ? (tls?.write(queue.bytes) ?? .ended) : send(queue.bytes)
            guard case .moved(let count) = step else {
                note(step)
                if case .wouldBlock = step, written > 0 { return .moved(written) }
                return step
            }
            queue.consume(count)
            written += count
        }
        // Room that came since the socket was full, of which epoll has not told yet, and never will if this has filled it again.
        if written > 0 { canWrite = true }
        return .moved(written)
    }

    /// Writes once, what it can of the bytes from `offset` on, which stay in the queue.
    public mutating func write(_ queue: borrowing ByteQueue, from offset: Int) -> IOResult {
        write(queue.bytes.extracting(offset...))
    }

    /// Writes once, what it can of `bytes`.
    public mutating func write(_ bytes: RawSpan) -> IOResult {
        let result = tls != nil ? (tls?.write(bytes) ?? .ended) : send(bytes)
        note(result)
        return result
    }

    private mutating func note(_ result: IOResult) {
        switch result {
        case .moved: break
        case .wouldBlock: canWrite = false
        // The reason shows on the reading side, and epoll may have told of it before.
        case .ended, .failed: canRead = true
        }
    }

    private func send(_ bytes: RawSpan) -> IOResult {
        let number = descriptor.number
        let count = unsafe bytes.withUnsafeBytes { buffer in
            unsafe gateway_send(number, buffer.baseAddress, buffer.count)
        }
        if count >= 0 { return .moved(count) }
        if errno == EAGAIN { return .wouldBlock }
        if errno == EINTR { return .moved(0) }
        return .failed(.system(SystemError("send")))
    }

    /// Ends our side: the peer reads all that was written, then the end (close_notify where there is TLS, then FIN).
    public mutating func finishWriting() {
        tls?.sendCloseNotify()
        Syscall.attempt { Glibc.shutdown(descriptor.number, Int32(SHUT_WR)) }
    }

    /// Makes the close a reset, so that nobody mistakes a broken body for a whole one.
    public mutating func breakOff() {
        var option = linger(l_onoff: 1, l_linger: 0)
        let number = descriptor.number
        Syscall.attempt { unsafe setsockopt(number, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size)) }
    }

    /// Whether nothing has come that was not read, asked of the socket itself: epoll may have something to tell that was not fetched.
    public func isSilent() -> Bool {
        if tls != nil && canRead { return false }
        var byte: UInt8 = 0
        let number = descriptor.number
        return unsafe recv(number, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) <= 0
    }

    /// The address on our side, for which a system call is made.
    public func localAddress() -> SocketAddress? {
        try? Listener.localAddress(descriptor.number)
    }

    /// What TLS agreed on; nil for plain connections.
    public mutating func tlsInfo() -> TLSInfo? { tls?.info }
}
