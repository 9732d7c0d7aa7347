import TestSupport

/// An origin for many small requests: it answers every head with the same few bytes, and its version's name.
struct QuickOrigin {
    let origin: ScriptedOrigin
    var port: UInt16 { origin.port }
    var address: String { "127.0.0.1:\(port)" }

    /// On a free port of `host`, unless `port` says which.
    init(_ name: String, host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let answer = Array("HTTP/1.1 200 OK\r\nX-Version: \(name)\r\nContent-Length: 3\r\n\r\nok\n".utf8)
        origin = try ScriptedOrigin(host: host, port: port) { connection, _ in
            while true {
                let bytes = try connection.receiveSome(until: Deadline(seconds: 600))
                if bytes.isEmpty { return }
                connection.unread += bytes
                // Requests without a body come one at a time: a head's end is the end of the bytes.
                if connection.unread.suffix(4) == [13, 10, 13, 10] {
                    connection.unread = []
                    try connection.send(answer)
                }
            }
        }
    }
}
