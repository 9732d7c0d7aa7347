import TestSupport

/// A relay of TCP between a client and the gateway, which cuts what the client sends, and keeps what the gateway sends. `header` goes
/// before the client's first bytes, in one write with them if they are not cut.
final class Relay: Sendable {
    private let entrance: ScriptedOrigin
    private let answered: Monitor<[UInt8]>

    init(to address: Gateway.Address, header: [UInt8] = [], pieceBytes: Int = 1) throws {
        let answered = Monitor<[UInt8]>([])
        self.answered = answered
        entrance = try ScriptedOrigin(keepsReceived: false) { client, _ in
            let server = try TCPClient(port: address.port, host: address.host)
            let answers = Background {
                while case let bytes = try server.receiveSome(until: Deadline(seconds: 60)), !bytes.isEmpty {
                    answered.update { $0 += bytes }
                    try client.send(bytes)
                }
                try client.halfClose()
            }
            var header = header
            while case let received = try client.receiveSome(until: Deadline(seconds: 60)), !received.isEmpty {
                let bytes = header + received
                header = []
                for start in stride(from: 0, to: bytes.count, by: pieceBytes) {
                    try server.send(Array(bytes[start..<min(start + pieceBytes, bytes.count)]))
                }
            }
            try server.halfClose()
            try answers.value(timeout: 60)
        }
    }

    var port: UInt16 { entrance.port }

    /// The lengths of the TLS records of application data that the gateway has sent (RFC 8446 § 5.1).
    func recordLengths() -> [Int] {
        let bytes = answered.value
        var lengths: [Int] = []
        var position = 0
        while position + 5 <= bytes.count {
            let length = Int(bytes[position + 3]) << 8 | Int(bytes[position + 4])
            if bytes[position] == 23 { lengths.append(length) }
            position += 5 + length
        }
        return lengths
    }

    /// The type of the last record.
    func lastRecordType() -> UInt8? {
        let bytes = answered.value
        var position = 0
        var type: UInt8?
        while position + 5 <= bytes.count {
            type = bytes[position]
            position += 5 + (Int(bytes[position + 3]) << 8 | Int(bytes[position + 4]))
        }
        return type
    }
}
