import GatewayConfig
import GatewayCore
import GatewayHTTP
import GatewayNet

/// Asks the admin listener of a running gateway: one request on a connection of its own, for commands.
struct AdminClient {
    struct Failure: Error {
        let text: String
    }

    struct Answer {
        let status: Int
        let text: String
    }

    let address: SocketAddress

    init(address: SocketAddress) {
        self.address = address
    }

    /// An operator who waits longer than this wants to know why.
    private static let waitMs = 10_000
    private static let answerBytesMax = 4 * 1024 * 1024

    func ask(_ method: Method, _ target: String) throws(Failure) -> Answer {
        do {
            return try exchange(method, target)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(text: "\(address): \(error)")
        }
    }

    private func exchange(_ method: Method, _ target: String) throws -> Answer {
        let pool = BufferPool()
        var stream = try Stream.connect(to: address, below: .max)
        var epoll = try Epoll()
        try epoll.add(stream.fileDescriptor, EventToken(word: 0))
        var output = ByteQueue(pool: pool)
        output.append(
            Array(
                "\(method.name) \(target) HTTP/1.1\r\nHost: \(address)\r\n\(AdminRequest.adminField): 1\r\nConnection: close\r\n\r\n".utf8))
        var input = ByteQueue(pool: pool)
        var reader = AnswerReader(method: method, pool: pool)
        let deadline = MonotonicTime.now().adding(milliseconds: Self.waitMs)
        while true {
            let left = deadline.milliseconds(after: .now())
            if left <= 0 { throw Failure(text: "\(address): no answer in \(Self.waitMs / 1_000) seconds") }
            epoll.wait(timeoutMs: left)
            for index in 0..<epoll.eventCount { stream.note(epoll.event(index).readiness) }
            if let failure = stream.connectFailure() { throw failure }
            if stream.canWrite, !output.isEmpty, case .failed(let failure) = stream.write(from: &output) { throw failure }
            while stream.canRead {
                let result = stream.read(into: &input)
                if let answer = try reader.read(&input) { return answer }
                if input.count > Self.answerBytesMax { throw Failure(text: "\(address): the answer is too long") }
                switch result {
                case .moved, .wouldBlock: continue
                case .ended: throw Failure(text: "\(address): the connection ended before the answer")
                case .failed(let failure): throw failure
                }
            }
        }
    }

    /// A head, then as many bytes as it says.
    private struct AnswerReader: ~Copyable {
        private var parser: HTTP1ResponseParser
        private var head: ResponseHead

        init(method: Method, pool: BufferPool) {
            parser = HTTP1ResponseParser(requestMethod: method)
            head = ResponseHead(pool: pool)
        }

        /// nil as long as more is needed.
        mutating func read(_ input: inout ByteQueue) throws(Failure) -> Answer? {
            if !head.isComplete {
                do throws(GatewayError) {
                    guard let length = try Self.parse(input, &parser, &head) else { return nil }
                    input.consume(length)
                } catch {
                    throw Failure(text: "this is no gateway's admin listener: \(error.detail)")
                }
            }
            guard case .length(let length) = head.framing else { throw Failure(text: "this is no gateway's admin listener") }
            if UInt64(input.count) < length { return nil }
            return Answer(status: head.status, text: input.slice(0, Int(length)).string)
        }

        private static func parse(
            _ input: borrowing ByteQueue, _ parser: inout HTTP1ResponseParser, _ head: inout ResponseHead
        ) throws(GatewayError) -> Int? {
            if input.isEmpty { return nil }
            return try parser.parse(input.bytes, into: &head)
        }
    }
}

extension AdminClient {
    init(_ listener: ListenAddress) {
        self.init(listener.address, port: listener.port, isV6: listener.isV6)
    }

    /// Who listens on all addresses is asked on the loopback.
    private init(_ listener: IPAddress, port: UInt16, isV6: Bool) {
        let isAny = listener == IPAddress("0.0.0.0") || listener == IPAddress("::")
        let address = isAny ? IPAddress(isV6 ? "::1" : "127.0.0.1") ?? listener : listener
        self.init(address: SocketAddress(address: address, port: port, isV6: isV6))
    }

    /// At `127.0.0.1:9145`, `[::1]:9145` or `localhost:9145`.
    init(text: String) throws(Failure) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]), port > 0,
            let address = Self.address(of: text[..<colon])
        else { throw Failure(text: "\(text) is no address with a port, such as 127.0.0.1:9145") }
        self.init(address, port: port, isV6: !address.isV4)
    }

    private static func address(of host: Substring) -> IPAddress? {
        if host.hasPrefix("["), host.hasSuffix("]") { return IPAddress(String(host.dropFirst().dropLast())) }
        if host.isEmpty || host.contains(":") { return nil }
        if let address = IPAddress(String(host)) { return address }
        guard case .addresses(let found) = Resolver.resolve(host: String(host)) else { return nil }
        return found.first
    }
}
