import TestSupport
import Testing

/// Floods over HTTP/2, at least one for each that the gateway knows: each is stopped at its limit, counted, logged, and harms nobody else.
@Suite struct HTTP2FloodTests {
    private static let enhanceYourCalm: UInt32 = 0xb

    /// A gateway whose origin answers only what the sibling asks; /endless it begins to answer.
    private struct Site {
        let origin: ScriptedOrigin
        let deaf: DeafListener
        let gateway: Gateway
        let sibling: HTTP2FloodConnection

        init(server: String = "") throws {
            deaf = try DeafListener()
            origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
                while let request = try connection.readNextRequest() {
                    if request.target == "/endless" {
                        try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n")
                        while true { try connection.send([UInt8](repeating: 120, count: 65_536), timeout: 600) }
                    }
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                }
            }
            gateway = try Gateway(
                conf: """
                    workers 1;
                    error_log stderr debug;
                    access_log {DIR}/access.log json;
                    admin 127.0.0.1:0 { }
                    client_max_body_size 0;
                    server {
                        listen 127.0.0.1:0; \(server)
                        location / { proxy_pass http://127.0.0.1:{DEAF}; }
                        location = /good { proxy_pass http://127.0.0.1:{ORIGIN}; }
                        location = /endless { proxy_pass http://127.0.0.1:{ORIGIN}; }
                    }
                    """, values: ["ORIGIN": "\(origin.port)", "DEAF": "\(deaf.port)"])
            sibling = HTTP2FloodConnection(try gateway.connect())
            try sibling.tcp.send(HTTP2FloodCase.preface)
        }

        func expectNoted(_ reason: String, withRequests: Bool) throws {
            try gateway.waitForMetrics("the flood's count") {
                $0.sum("gateway_http2_connection_errors_total", ["reason": reason]) == 1
                    && $0.sum("gateway_http2_connection_errors_total") == 1
            }
            try gateway.program.stderr.waitForLine("the flood in the log") {
                $0.contains("HTTP/2 connections ended") && $0.contains("reason=\(reason)") && $0.contains("remote_addr=127.0.0.1")
            }
            if withRequests {
                try eventually("the flood in the access log") {
                    try gateway.accessLogLines().contains { try LogEntry($0)["error_type"] == "http2_flood" }
                }
            }
        }
    }

    @Test(arguments: HTTP2FloodCase.all) func `a flood is stopped at its limit, and its sibling is served`(_ flood: HTTP2FloodCase) throws {
        let site = try Site()
        try site.sibling.expectAnswer()
        let client = HTTP2FloodConnection(try site.gateway.connect())
        // What is sent behind the connection's end finds nobody.
        try? client.tcp.send(HTTP2FloodCase.preface + flood.bytes())
        #expect(try client.receiveGoAway() == Self.enhanceYourCalm)
        try site.sibling.expectAnswer()
        try site.expectNoted(flood.reason, withRequests: flood.hasRequests)
    }

    @Test func `each reason has a line of its own, however soon it follows another, with the client's address`() throws {
        let site = try Site()
        let floods = HTTP2FloodCase.all.filter { ["ping", "settings", "unknown_frame"].contains($0.reason) }
            .map { (reason: $0.reason, bytes: $0.bytes()) }
        let mistakes = [
            (reason: "protocol_error", bytes: HTTP2FloodCase.frame(0, 0, 0, [1])),
            (reason: "frame_size_error", bytes: HTTP2FloodCase.frame(6, 0, 0, [1])),
        ]
        #expect(floods.count == 3)
        for (reason, bytes) in floods + mistakes {
            let client = HTTP2FloodConnection(try site.gateway.connect())
            // What is sent behind the connection's end finds nobody.
            try? client.tcp.send(HTTP2FloodCase.preface + bytes)
            _ = try client.receiveGoAway()
            try site.gateway.program.stderr.waitForLine("the end in the log") {
                $0.contains("HTTP/2 connections ended") && $0.contains("reason=\(reason)") && $0.contains("remote_addr=127.0.0.1")
            }
        }
    }

    @Test func `a client that doesn't read its answer is given up, and its sibling is served`() throws {
        let site = try Site(server: "send_timeout 2s;")
        try site.sibling.expectAnswer()
        let client = HTTP2FloodConnection(try TCPClient(port: site.gateway.port, receiveBufferBytes: 4096))
        // Nothing but the socket is in the way of the answer: no window is.
        let windows = HTTP2FloodCase.frame(4, 0, 0, [0, 4, 0x7f, 0xff, 0xff, 0xff]) + HTTP2FloodCase.windowUpdate(0, 0x7fff_0000 - 65_535)
        try client.tcp.send(HTTP2FloodCase.preface + windows + HTTP2FloodCase.head(1, HTTP2FloodCase.get(path: "/endless")))
        try eventually("the end of the stream in the access log", timeout: 60) {
            try site.gateway.accessLogLines().contains { try LogEntry($0)["error_type"] == "send_timeout" }
        }
        try site.sibling.expectAnswer()
        #expect(try site.gateway.metrics().sum("gateway_http2_connection_errors_total") == 0)
    }

    @Test func `every flood that has a counter is tested`() throws {
        let site = try Site()
        // The codes of RFC 9113 § 7 have counters of the same name.
        let codes = [
            "no_error", "protocol_error", "internal_error", "flow_control_error", "settings_timeout", "stream_closed", "frame_size_error",
            "refused_stream", "cancel", "compression_error", "connect_error", "enhance_your_calm", "inadequate_security",
            "http_1_1_required",
        ]
        let tested = Set(HTTP2FloodCase.all.map(\.reason))
        // A worker that has just begun may still have to announce what it counts.
        try eventually("counters") { try !counted(site).isEmpty }
        #expect(try counted(site).subtracting(codes) == tested.subtracting(codes))
    }

    private func counted(_ site: Site) throws -> Set<String> {
        let series = try site.gateway.metrics().series.keys.filter { $0.hasPrefix("gateway_http2_connection_errors_total{") }
        return Set(series.compactMap { $0.split(separator: "\"").dropFirst().first.map(String.init) })
    }
}

/// A connection that reads frames and looks at hardly more than their heads.
private final class HTTP2FloodConnection {
    let tcp: TCPClient
    private var stream: UInt32 = 1

    init(_ tcp: TCPClient) {
        self.tcp = tcp
    }

    private func receiveFrame() throws -> (type: UInt8, flags: UInt8, stream: UInt32, payload: [UInt8]) {
        let head = try tcp.receive(9)
        let payload = try tcp.receive(Self.number(head[0..<3]))
        return (head[3], head[4], UInt32(Self.number(head[5..<9])), payload)
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

    /// A request on the next stream is answered with 200 and `ok`.
    func expectAnswer() throws {
        try tcp.send(HTTP2FloodCase.head(stream, HTTP2FloodCase.get(path: "/good")))
        var status: UInt8?
        var content: [UInt8] = []
        while true {
            let frame = try receiveFrame()
            if frame.type == 4 && frame.flags == 0 { try tcp.send(HTTP2FloodCase.frame(4, 1)) }
            guard frame.stream == stream else { continue }
            if frame.type == 1 { status = frame.payload.first }
            if frame.type == 0 { content += frame.payload }
            if frame.type == 3 || frame.flags & 1 == 1 { break }
        }
        stream += 2
        // :status 200 by the static table (RFC 7541 appendix A).
        #expect(status == 0x88)
        #expect(content == Array("ok".utf8))
    }

    /// The code of the GOAWAY that comes, whatever comes before.
    func receiveGoAway() throws -> UInt32 {
        while true {
            let frame = try receiveFrame()
            if frame.type == 7 { return UInt32(Self.number(frame.payload[4..<8])) }
        }
    }
}
