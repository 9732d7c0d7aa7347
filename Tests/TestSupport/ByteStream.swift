import CTestSupport

/// A connection, plain or TLS, from the client's or the origin's side. Every call ends at its deadline.
public protocol ByteStream: AnyObject {
    /// What was received and not yet taken.
    var unread: [UInt8] { get set }
    func send(_ bytes: [UInt8], timeout: Double) throws
    /// The next bytes, however many come; none at the peer's end.
    func receiveSome(until deadline: Deadline) throws -> [UInt8]
    /// No more bytes from here; the peer may still send (for TLS: close_notify).
    func halfClose() throws
    func close()
}

extension ByteStream {
    public func send(_ bytes: [UInt8]) throws {
        try send(bytes, timeout: Deadline.defaultSeconds)
    }

    public func send(_ text: String) throws {
        try send(Array(text.utf8))
    }

    /// Receives until `find` finds a length in the bytes that are there, and takes so many.
    public func receive(_ what: String, until deadline: Deadline, _ find: ([UInt8]) throws -> Int?) throws -> [UInt8] {
        while true {
            if let length = try find(unread) {
                defer { unread.removeFirst(length) }
                return Array(unread[..<length])
            }
            let bytes: [UInt8]
            do {
                bytes = try receiveSome(until: deadline)
            } catch TestError.timedOut {
                throw TestError.timedOut(
                    "waiting for \(what), with \(unread.count) bytes: \(String(decoding: unread.prefix(500), as: UTF8.self))")
            }
            if bytes.isEmpty {
                throw TestError.ended("before \(what), with \(unread.count) bytes: \(String(decoding: unread.prefix(500), as: UTF8.self))")
            }
            unread += bytes
        }
    }

    public func receive(_ count: Int, timeout: Double = Deadline.defaultSeconds) throws -> [UInt8] {
        try receive("\(count) bytes", until: Deadline(seconds: timeout)) { $0.count >= count ? count : nil }
    }

    /// Up to and with `delimiter`.
    public func receive(through delimiter: String, timeout: Double = Deadline.defaultSeconds) throws -> String {
        let pattern = Array(delimiter.utf8)
        let bytes = try receive("'\(delimiter)'", until: Deadline(seconds: timeout)) { $0.endIndex(of: pattern) }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Everything until the peer's end. A reset throws.
    public func receiveToEnd(timeout: Double = Deadline.defaultSeconds) throws -> [UInt8] {
        let deadline = Deadline(seconds: timeout)
        while true {
            let bytes = try receiveSome(until: deadline)
            if bytes.isEmpty { break }
            unread += bytes
        }
        defer { unread = [] }
        return unread
    }

    /// Whether the peer ends or resets the connection within `timeout`, sending nothing more.
    public func isEndedByPeer(timeout: Double = Deadline.defaultSeconds) -> Bool {
        guard unread.isEmpty else { return false }
        do {
            let bytes = try receiveSome(until: Deadline(seconds: timeout))
            unread += bytes
            return bytes.isEmpty
        } catch TestError.reset {
            return true
        } catch {
            return false
        }
    }
}

extension [UInt8] {
    /// Behind the first occurrence of `pattern`, searched from `start` on.
    func endIndex(of pattern: [UInt8], from start: Int = 0) -> Int? {
        guard count >= pattern.count, start <= count else { return nil }
        let found: Int? = withUnsafeBytes { bytes in
            pattern.withUnsafeBytes { pattern in
                guard let base = bytes.baseAddress, let wanted = pattern.baseAddress else { return nil }
                guard let place = memmem(base + start, bytes.count - start, wanted, pattern.count) else { return nil }
                return UnsafeRawPointer(place) - base
            }
        }
        return found.map { $0 + pattern.count }
    }
}
