/// Requests in order, mutated at random: bytes changed, left out, put in twice, lines exchanged, framings added. The seed makes them the
/// same at each run.
struct MutatedRequests {
    private static let seeds: [String] = [
        "GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x\r\nAccept: */*\r\n\r\n",
        "GET http://a.example:81/b HTTP/1.1\r\nHost: b\r\nX-A: 1\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
        "POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
        "PUT /%61/../b//c HTTP/1.1\r\nHost: [::1]:80\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n3;x=\"y\"\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
        "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhiGET /3 HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    ]

    private static let bytes: [UInt8] = Array("\0\u{01}\t\n\u{0b}\r \"#%,-./0159:;=?@Aafx[\\]_{}~\u{7f}".utf8) + [0x80, 0xa0, 0xad, 0xff]

    private static let words = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", "\r\n ", "\r\n\t", " ", "\t", "\0", ":", ",", ";", "chunked", "0\r\n\r\n", "1\r\na\r\n",
        "ffffffffffffffff\r\n", "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length:\r\n", "Transfer-Encoding: chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding:\u{0b}chunked\r\n", "Transfer_Encoding: chunked\r\n",
        "transfer-encoding : chunked\r\n", "Host: b\r\n", "Connection: close\r\n", "Connection: Content-Length\r\n", "Connection: x-a\r\n",
        "Upgrade: h2c\r\n", "Expect: 100-continue\r\n", "X-Forwarded-For: 6.6.6.6\r\n", "HTTP/1.1\r\n", "HTTP/1.0", "HTTP/2.0", "GET / ",
        "GET /evil HTTP/1.1\r\nHost: evil\r\n\r\n", "/../", "%00", "%2e%2e/", "http://", "*", "-1", "+5", "0x5", "5, 5",
    ]

    private var random: SplitMix64

    init(seed: UInt64) {
        random = SplitMix64(state: seed)
    }

    mutating func next() -> [UInt8] {
        var request = Array(pick(Self.seeds).utf8)
        for _ in 0..<Int.random(in: 1...3, using: &random) { mutate(&request) }
        return request
    }

    private mutating func mutate(_ request: inout [UInt8]) {
        guard !request.isEmpty else { return }
        let position = Int.random(in: 0..<request.count, using: &random)
        switch Int.random(in: 0..<10, using: &random) {
        case 0, 1: request[position] = pick(Self.bytes)
        case 2: request.insert(pick(Self.bytes), at: position)
        case 3: request.remove(at: position)
        case 4: request.insert(request[position], at: position)
        case 5: request.insert(contentsOf: pick(Self.words).utf8, at: position)
        case 6: request.insert(contentsOf: pick(Self.words).utf8, at: lineStart(in: request, from: position))
        case 7: request.removeSubrange(position..<min(request.count, position + Int.random(in: 1...12, using: &random)))
        case 8: doubleLine(at: lineStart(in: request, from: position), &request)
        default: request = Array(request[..<position]) + Array(pick(Self.seeds).utf8.suffix(80))
        }
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0..<elements.count, using: &random)]
    }

    /// Behind the next LF; at the end if there is none.
    private func lineStart(in request: [UInt8], from position: Int) -> Int {
        request[position...].firstIndex(of: 0x0a).map { $0 + 1 } ?? request.count
    }

    private func doubleLine(at start: Int, _ request: inout [UInt8]) {
        let end = start < request.count ? lineStart(in: request, from: start) : start
        request.insert(contentsOf: Array(request[start..<end]), at: start)
    }
}

/// Vigna's SplitMix64: small, and the same on every machine.
private struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
