import TestSupport

/// Behind a server under test: what is asked for by path.
enum ConformanceOrigin {
    static let largeBytes = 200_000

    /// "/held" is never answered, "/large" with 200 kB, "/empty" with none, all else with the request's line and content's length.
    static func make() throws -> ScriptedOrigin {
        try ScriptedOrigin { connection, _ in
            while let request = try connection.readNextRequest() {
                switch request.target {
                case "/held":
                    _ = try connection.receiveSome(until: Deadline(seconds: 600))
                    return
                case "/large":
                    try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(largeBytes)\r\n\r\n")
                    if request.method != "HEAD" { try connection.sendPattern(largeBytes) }
                case "/empty": try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
                default:
                    let text = "\(request.method) \(request.target) \(request.body.count)"
                    let head = "HTTP/1.1 200 OK\r\nContent-Length: \(text.utf8.count)\r\n\r\n"
                    try connection.send(request.method == "HEAD" ? head : head + text)
                }
            }
        }
    }
}
