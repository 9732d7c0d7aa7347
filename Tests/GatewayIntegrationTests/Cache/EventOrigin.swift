import TestSupport

/// An origin that streams events as the test releases them, and counts what it is asked.
struct EventOrigin {
    /// One request, by its number from 0 on.
    typealias Answer = @Sendable (_ connection: TCPConnection, _ number: Int) throws -> Void

    static let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    static let done = "data: [DONE]\n\n"

    let origin: ScriptedOrigin
    private let requests: Monitor<Int>

    /// Each request is answered by `answer`, or ends the connection with what that throws.
    init(_ answer: @escaping Answer) throws {
        let requests = Monitor(0)
        self.requests = requests
        origin = try ScriptedOrigin { connection, _ in
            while try connection.readNextRequest() != nil {
                let number = requests.update { count in
                    count += 1
                    return count - 1
                }
                try answer(connection, number)
            }
        }
    }

    /// Every request gets the same `count` events and the last one, each when `released` has been sent once more.
    static func streaming(_ count: Int, _ released: Signal) throws -> EventOrigin {
        try EventOrigin { connection, _ in try stream(count, released, connection) }
    }

    static func stream(_ count: Int, _ released: Signal, _ connection: TCPConnection) throws {
        try connection.send(head)
        for number in 0..<count {
            try released.wait(number + 1)
            try connection.send(chunk(event(number)))
        }
        try released.wait(count + 1)
        try connection.send(chunk(done) + "0\r\n\r\n")
    }

    static func event(_ number: Int) -> String { "data: {\"choices\":[{\"delta\":{\"content\":\"word\(number) \"}}]}\n\n" }
    static func text(_ count: Int) -> String { (0..<count).map(event).joined() + done }
    static func chunk(_ text: String) -> String { "\(String(text.utf8.count, radix: 16))\r\n\(text)\r\n" }

    var requestCount: Int { requests.value }

    func waitForRequests(_ count: Int) throws {
        if requests.wait(until: Deadline(seconds: Deadline.defaultSeconds), for: { $0 >= count ? true : nil }) == nil {
            throw TestError.timedOut("\(count) requests; the origin has \(requestCount)")
        }
    }

    /// A gateway with a zone before it. `cache` is what the location says besides.
    func edge(
        _ cache: String = "", main: String = "", upstream: String? = nil, location: String = "", zone: String = "memory=16m",
        workers: Int = 2
    ) throws -> Edge {
        try Edge(
            origin,
            main: """
                cache_zone answers \(zone);
                \(main)
                upstream model { \(upstream ?? "server 127.0.0.1:\(origin.port);") }
                """,
            server: "location /v1/ { proxy_pass http://model; api openai; cache answers scope=shared \(cache); \(location) }",
            workers: workers)
    }
}
