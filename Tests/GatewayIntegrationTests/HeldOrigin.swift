import TestSupport

/// An origin whose answers wait for the test: "/late" gets its head only after ``release()``, "/stream" a head and a chunk "a" at
/// once and the chunk "b" after it. All else is answered at once, with the request's target as the body.
struct HeldOrigin {
    let origin: ScriptedOrigin
    private let isReleased: Monitor<Bool>
    var address: String { "127.0.0.1:\(origin.port)" }

    init() throws {
        let isReleased = Monitor(false)
        self.isReleased = isReleased
        origin = try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                switch request.target {
                case "/stream":
                    try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
                    try Self.wait(isReleased)
                    try connection.send("1\r\nb\r\n0\r\n\r\n")
                case "/late":
                    try Self.wait(isReleased)
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
                default:
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(request.target.utf8.count)\r\n\r\n\(request.target)")
                }
            }
        }
    }

    func release() {
        isReleased.update { $0 = true }
    }

    /// What comes from now on waits again.
    func hold() {
        isReleased.update { $0 = false }
    }

    private static func wait(_ isReleased: Monitor<Bool>) throws {
        guard isReleased.wait(until: Deadline(seconds: 60), for: { $0 ? true : nil }) != nil else {
            throw TestError.timedOut("nobody released the answer")
        }
    }
}

/// A response of "/stream" that has begun and not ended.
struct RunningStream {
    let client: any ByteStream
    let head: HTTPResponse

    init(_ client: any ByteStream) throws {
        self.client = client
        try client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        head = try client.readHead()
        guard try client.readChunk() == Array("a".utf8) else { throw TestError.invalid("not the stream's first chunk") }
    }

    /// Reads the rest, which the origin has been told to send.
    func finish() throws {
        guard try client.readChunk() == Array("b".utf8), try client.readChunk() == nil, try client.readTrailers().isEmpty else {
            throw TestError.invalid("not the stream's end")
        }
    }
}
