import Glibc
import TestSupport
import Testing

/// A request that is sent again on a new connection carries its whole body, or it is not sent again.
@Suite struct ReplayedBodyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let bytes: Int
        let pieceBytes: Int
        let isChunked: Bool
        /// How much of the body has reached the origin before it resets the connection.
        let before: Int

        var testDescription: String { "\(isChunked ? "chunked" : "length") \(before) of \(bytes) in \(pieceBytes)" }

        static let all = [false, true].flatMap { isChunked in
            [40_000, 60_000, 80_000, 200_000].flatMap { bytes in
                [0, 5_000, 30_000].map { Case(bytes: bytes, pieceBytes: 5_000, isChunked: isChunked, before: $0) }
            }
        }

        func piece(at offset: Int) -> [UInt8] {
            let content = Pattern.bytes(min(pieceBytes, bytes - offset), at: offset)
            return isChunked ? Array("\(String(content.count, radix: 16))\r\n".utf8) + content + [13, 10] : content
        }
    }

    @Test(arguments: Case.all) func `a reset of the kept connection leaves no hole in the body`(_ test: Case) throws {
        let mayReset = Signal()
        let isReset = Signal()
        let origin = try ScriptedOrigin { connection, index in
            if index == 0 {
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nkept")
                try mayReset.wait()
                connection.reset()
                isReset.send()
                return
            }
            while let request = try connection.readNextRequest() {
                let isWhole = request.body.count == test.bytes && Pattern.matches(request.body)
                let body = isWhole ? "whole" : "\(request.body.count) bytes, not as they were sent"
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
            }
        }
        let edge = try Edge(origin)
        #expect(try edge.gateway.get("/").text == "kept")
        try edge.gateway.waitForMetrics("an idle connection") { $0.sum("gateway_upstream_connections", ["state": "idle"]) == 1 }

        let client = try edge.gateway.connect()
        try client.send("PUT /again HTTP/1.1\r\nHost: localhost\r\n")
        try client.send(test.isChunked ? "Transfer-Encoding: chunked\r\n\r\n" : "Content-Length: \(test.bytes)\r\n\r\n")
        for offset in stride(from: 0, to: test.before, by: test.pieceBytes) { try client.send(test.piece(at: offset)) }
        try edge.gateway.waitForMetrics("the request on its way") { $0.sum("gateway_upstream_connections", ["state": "active"]) == 1 }
        // Stopped, the gateway finds the rest of the body first, and the reset as it writes.
        try edge.gateway.program.suspend()
        for offset in stride(from: test.before, to: test.bytes, by: test.pieceBytes) { try client.send(test.piece(at: offset)) }
        if test.isChunked { try client.send("0\r\n\r\n") }
        mayReset.send()
        try isReset.wait()
        edge.gateway.program.send(SIGCONT)

        let answer = try client.readResponse(to: "PUT", timeout: 5)
        #expect(answer.status == 200 && answer.text == "whole" || answer.status == 502, "\(answer.startLine) \(answer.text)")
        #expect(origin.errors == [])
        #expect(edge.gateway.program.isRunning)
    }
}
