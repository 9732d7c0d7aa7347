import GatewayCore
import GatewayHTTP
import GatewayNet

/// A client of the admin listener.
struct AdminConnection: ~Copyable {
    var stream: Stream
    let peer: SocketAddress
    var input: ByteQueue
    var output: ByteQueue
    var head: RequestHead
    private var parser = HTTP1RequestParser()
    var isClosing = false
    /// Until then all of its requests have to be answered; a reader of events is told anew each time it has taken one.
    var deadline: MonotonicTime
    /// Whether it waits for its turn.
    var hasTurn = false
    /// Whether it has asked for anything.
    private(set) var hasAsked = false
    /// When it came, was answered, or took some of an answer last.
    var movedAt = MonotonicTime.now()
    /// Whether it reads `/events`: it is told until it leaves.
    private(set) var isEventStream = false

    init(stream: consuming Stream, peer: SocketAddress, pool: BufferPool, deadline: MonotonicTime) {
        self.stream = stream
        self.peer = peer
        self.deadline = deadline
        input = ByteQueue(pool: pool)
        output = ByteQueue(pool: pool)
        head = RequestHead(pool: pool)
    }

    /// Whether a whole head was there; it is consumed.
    mutating func parse() throws(GatewayError) -> Bool {
        guard let length = try Self.parse(input, &parser, &head) else { return false }
        input.consume(length)
        hasAsked = true
        movedAt = .now()
        try head.normalisePath(mergeSlashes: true)
        return true
    }

    private static func parse(
        _ input: borrowing ByteQueue, _ parser: inout HTTP1RequestParser, _ head: inout RequestHead
    ) throws(GatewayError) -> Int? {
        try parser.parse(input.bytes, into: &head)
    }

    func request() -> AdminRequest {
        let adminField = Array(AdminRequest.adminField.utf8)
        return AdminRequest(
            method: head.method, path: head.path.string, query: head.query.string, host: head.hostname.string,
            hasBody: head.framing.hasBody, hasOrigin: head.fields.contains(.origin),
            hasAdminField: head.fields.firstIndex(named: adminField.rawSpan) != nil)
    }

    mutating func respond(_ page: AdminPage, keepsAlive: Bool) {
        HTTP1Encoder.statusLine(page.status, into: &output)
        HTTP1Encoder.field("Content-Type", page.contentType, into: &output)
        if page.isGzip { HTTP1Encoder.field("Content-Encoding", "gzip", into: &output) }
        if let vary = page.vary { HTTP1Encoder.field("Vary", vary, into: &output) }
        HTTP1Encoder.field("Content-Length", decimal: UInt64(page.body.count), into: &output)
        appendFields(page.fields)
        if !keepsAlive { HTTP1Encoder.field("Connection", "close", into: &output) }
        HTTP1Encoder.endLine(into: &output)
        if head.method != .head { output.append(page.body) }
        isClosing = !keepsAlive
        head.removeAll()
        parser = HTTP1RequestParser()
    }

    /// Begins an answer without an end (HTML, § 9.2, "Server-sent events"). `retryMs`: when a reader that was cut off asks again.
    mutating func beginEvents(retryMs: Int) {
        HTTP1Encoder.statusLine(200, into: &output)
        HTTP1Encoder.field("Content-Type", "text/event-stream", into: &output)
        appendFields([])
        HTTP1Encoder.field("Connection", "close", into: &output)
        HTTP1Encoder.endLine(into: &output)
        isEventStream = true
        output.append("retry: ")
        output.append(decimal: retryMs)
        output.append("\n\n")
    }

    /// One event (HTML Living Standard, § 9.2.6).
    mutating func tell(_ data: [UInt8], named name: StaticString? = nil) {
        if let name {
            output.append("event: ")
            output.append(name)
            output.append("\n")
        }
        output.append("data: ")
        output.append(data)
        output.append("\n\n")
    }

    /// What every answer has: nothing is kept, nothing is taken for what it is not, and no other page learns where its reader came from.
    private mutating func appendFields(_ fields: [(name: StaticString, value: String)]) {
        HTTP1Encoder.field("Cache-Control", "no-store", into: &output)
        HTTP1Encoder.field("X-Content-Type-Options", "nosniff", into: &output)
        HTTP1Encoder.field("Referrer-Policy", "no-referrer", into: &output)
        for field in fields { HTTP1Encoder.field(field.name, Array(field.value.utf8).rawSpan, into: &output) }
    }
}
