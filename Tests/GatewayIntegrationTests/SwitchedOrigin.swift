import TestSupport

/// An origin that answers everything with the status that it is told at any time.
final class SwitchedOrigin {
    private let current: Monitor<Int>
    private let origin: ScriptedOrigin
    var address: String { "127.0.0.1:\(origin.port)" }
    var port: UInt16 { origin.port }

    var status: Int {
        get { current.value }
        set { current.update { $0 = newValue } }
    }

    init(status: Int, host: String = "127.0.0.1", port: UInt16 = 0) throws {
        let current = Monitor(status)
        self.current = current
        origin = try ScriptedOrigin(host: host, port: port) { connection, _ in
            while let request = try connection.readNextRequest() {
                let closes = request.startLine.hasSuffix("HTTP/1.0") || request["Connection"] == "close"
                try connection.send("HTTP/1.1 \(current.value) Told\r\nContent-Length: 2\r\n\(closes ? "Connection: close\r\n" : "")\r\nok")
                if closes { return }
            }
        }
    }

    func received(_ connection: Int = 0) -> String { origin.received(connection) }
    var connectionCount: Int { origin.connectionCount }
}
