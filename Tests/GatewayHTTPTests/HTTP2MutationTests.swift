import GatewayCore
import GatewayHTTP
import Testing

/// Frames that were damaged at random: nothing traps, whatever comes, and how the bytes are cut changes nothing.
@Suite struct HTTP2MutationTests {
    private static let frames: [HTTP2Frame] = [
        .headers(1, requestFields(method: "POST", ("cookie", "a"), ("content-length", "5")), ends: false), .data(1, "hello", ends: true),
        HTTP2Frame(1, flags: 0x2d, 3, [2] + big32(1) + [15] + HTTP2Frame.block(requestFields()) + [0, 0]), .windowUpdate(3, 100),
        HTTP2Frame(1, flags: 0, 5, HTTP2Frame.block(requestFields(method: "PUT"))), .continuation(5, HTTP2Frame.block([("x", "y")])),
        .settings([(4, 1000), (1, 100)]), .ping(), .data(5, "abc"), .priority(5, on: 3), .headers(5, [("x-sum", "1")]), .reset(1),
        .windowUpdate(0, 1000), HTTP2Frame(0x42, 0, [1]), .headers(7, requestFields(("priority", "u=1"))), .goaway(0),
    ]

    /// Everything that can be told from outside.
    private func transcript(_ bytes: [UInt8], step: Int) throws -> String {
        let server = try HTTP2TestSession()
        var text = ""
        var start = 0
        while start < bytes.count && server.give(Array(bytes[start..<min(start + step, bytes.count)])) { start += step }
        for stream in server.seen where server.streams.slab.contains(stream) {
            let request = try? server.request(stream)
            text += "\(request.map { "\($0)" } ?? "none") \(server.error(stream).map { "\($0)" } ?? "-") \(server.input(stream))"
            text += " \(server.trailers(stream)) \(server.hasInputEnded(stream)) \(server.isReset(stream))\n"
            server.respond(stream, "HTTP/1.1 200 OK\n")
            server.write(stream, "answer", ends: true)
            server.session.release(stream)
        }
        let sent = server.sent()
        text += "\(sent.filter { $0.type == 3 || $0.type == 7 }) \(server.session.failure.map { "\($0.type)" } ?? "-")"
        return text
    }

    @Test func `frames that were damaged end streams or connections, and nothing else`() throws {
        var random = SystemRandomNumberGenerator()
        let whole = HTTP2Frame.settings().bytes + HTTP2Frame.settingsAnswer.bytes + Self.frames.flatMap(\.bytes)
        for _ in 0..<500 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let at = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes[at] = UInt8.random(in: 0...255, using: &random)
                case 2: bytes.remove(at: at)
                default: bytes.insert(UInt8.random(in: 0...9, using: &random), at: at)
                }
            }
            let wire = http2Preface + bytes
            let expected = try transcript(wire, step: wire.count)
            let cut = Int.random(in: 1...40, using: &random)
            let actual = try transcript(wire, step: cut)
            #expect(actual == expected, "\(bytes) in pieces of \(cut)")
        }
    }
}
