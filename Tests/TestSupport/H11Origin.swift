import Foundation

/// The origin in Tests/h11-origin: it parses with h11, which is not the gateway's own parser, and tells what it received.
///
/// One process serves all tests of a run, each on a port of its own. It ends with the connection that controls it, so with the run.
public final class H11Origin: Sendable {
    /// What came on one connection.
    public struct Connection: Decodable, Sendable {
        private let raw: Data
        public let requests: [Request]
        /// What h11 could not parse, if anything.
        public let error: String?
        public let ended: Bool
        /// Whether a part of a request has come, and its end has not.
        public let waiting: Bool

        /// Every byte as it came.
        public var bytes: [UInt8] { Array(raw) }
    }

    /// A request as h11 understood it. Bytes are characters from U+0000 to U+00FF.
    public struct Request: Decodable, Sendable, Equatable {
        public let method: String
        public let target: String
        /// Names as they were spelled.
        public let fields: [[String]]
        public let body: String
        public let trailers: [[String]]
        /// Whether its end has come.
        public let complete: Bool
        /// Counts the requests of all connections in the order in which they began.
        public let number: Int

        public func values(_ name: String) -> [String] {
            fields.filter { $0[0].lowercased() == name.lowercased() }.map { $0[1] }
        }
    }

    private struct Opened: Decodable { let port: UInt16 }
    private struct Report: Decodable { let connections: [Connection] }

    private static let shared = Result { try Process() }

    /// The process and the connection that controls it.
    private final class Process: Sendable {
        private let program: Program
        private let control: Monitor<TCPClient>

        init() throws {
            let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            // Debian's own Python, for which `make test` installs h11, whichever comes first in PATH.
            program = try Program("/usr/bin/python3", ["-B", root.appendingPathComponent("h11-origin/h11_origin.py").path])
            let line = try program.stdout.waitForLine("the control port of the h11 origin (make test installs its package)", timeout: 30) {
                $0.hasPrefix("control port ")
            }
            guard let port = UInt16(line.split(separator: " ").last ?? "") else { throw TestError.invalid(line) }
            control = Monitor(try TCPClient(port: port))
        }

        func ask<Answer: Decodable>(_ question: String, for type: Answer.Type) throws -> Answer {
            let line = try control.update {
                try $0.send(question + "\n")
                return try $0.receive(through: "\n", timeout: 30)
            }
            return try JSONDecoder().decode(type, from: Data(line.utf8))
        }
    }

    public let port: UInt16
    private let process: Process

    public init() throws {
        process = try Self.shared.get()
        port = try process.ask("open", for: Opened.self).port
    }

    /// Everything until now, as soon as no request is under way: what the gateway breaks off ends a moment after its client knows.
    public func connections() throws -> [Connection] {
        var connections: [Connection] = []
        do {
            try eventually("the ends of requests") {
                connections = try process.ask("report \(port)", for: Report.self).connections
                return connections.allSatisfy { $0.ended || !$0.waiting }
            }
        } catch TestError.timedOut {
            // For the caller to report.
        }
        return connections
    }
}
