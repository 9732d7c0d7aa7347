import Foundation

/// The gateway's own program, run on a configuration of the test's, on free ports.
///
/// In the text of the configuration `{DIR}` stands for a directory of its own, `{CERT}` and `{KEY}` for the certificate's files,
/// `{NAME}` for what `values` say of NAME. Listeners take port 0, and the log tells which they got; as an address may stand once
/// only, a second listener takes 127.0.0.2:0, which is this machine as well.
public final class Gateway {
    public let program: Program
    public let directory: TemporaryDirectory
    public struct Address: Equatable, Sendable {
        public let host: String
        public let port: UInt16

        public init(host: String, port: UInt16) {
            self.host = host
            self.port = port
        }
    }

    /// In the order of the log, which is that of the configuration.
    public private(set) var addresses: [Address]
    public let adminAddress: Address?
    private let values: [String: String]

    public init(
        conf: String, certificate: TestCertificates.Leaf? = nil, values: [String: String] = [:], environment: [String: String] = [:],
        nameServer: NameServer? = nil, timeout: Double = 2 * Deadline.defaultSeconds
    ) throws {
        directory = try TemporaryDirectory()
        var values = values
        values["DIR"] = directory.path
        values["CERT"] = certificate?.certificatePath
        values["KEY"] = certificate?.keyPath
        self.values = values
        let file = try directory.write(Self.fill(conf, values), to: "gateway.conf")
        var command = (path: "gateway", arguments: ["-c", file])
        if let nameServer { command = nameServer.command(try Program.find("gateway"), command.arguments) }
        program = try Program(command.path, command.arguments, environment: environment, directory: directory.path)
        try program.stderr.waitForLine("'ready'", timeout: timeout) { $0.split { !$0.isLetter }.contains("ready") }
        addresses = Self.addresses(in: program.stderr.lines)
        adminAddress = Self.adminAddress(in: program.stderr.lines)
    }

    public var ports: [UInt16] { addresses.map(\.port) }
    /// The first listener's.
    public var port: UInt16 { ports.first ?? 0 }
    public var adminPort: UInt16? { adminAddress?.port }

    private static func fill(_ conf: String, _ values: [String: String]) -> String {
        values.reduce(conf) { $0.replacingOccurrences(of: "{\($1.key)}", with: $1.value) }
    }

    // MARK: What it logs about itself

    private static func addresses(in lines: [String]) -> [Address] {
        lines.filter { !$0.contains("admin listening") }.compactMap(address(in:))
    }

    private static func adminAddress(in lines: [String]) -> Address? {
        lines.first { $0.contains("admin listening") }.flatMap(address(in:))
    }

    /// From `listening address=127.0.0.1:8080` or `listening address="[::1]:8080"`.
    private static func address(in line: String) -> Address? {
        guard let found = line.range(of: "listening address=") else { return nil }
        let value = line[found.upperBound...].prefix { !$0.isWhitespace }.filter { !"\"[]".contains($0) }
        guard let colon = value.lastIndex(of: ":"), let port = UInt16(value[value.index(after: colon)...]) else { return nil }
        return Address(host: String(value[..<colon]), port: port)
    }

    // MARK: Reload and end

    /// Rewrites the configuration, sends SIGHUP and waits for the verdict: the line of the log that says `reloaded` or `reload failed`.
    @discardableResult
    public func reload(conf: String, timeout: Double = Deadline.defaultSeconds) throws -> String {
        try directory.write(Self.fill(conf, values), to: "gateway.conf")
        return try reload(timeout: timeout)
    }

    /// Reloads the files as they are now.
    @discardableResult
    public func reload(timeout: Double = Deadline.defaultSeconds) throws -> String {
        let start = program.stderr.count
        program.send(SIGHUP)
        let verdict = try program.stderr.waitForLine("'reloaded' or 'reload failed'", from: start, timeout: timeout) {
            $0.contains("reloaded") || $0.contains("reload failed")
        }
        let logged = Self.addresses(in: Array(program.stderr.lines.dropFirst(start)))
        addresses += logged.filter { !addresses.contains($0) }
        return verdict
    }

    /// Asks for a graceful end, and waits for it.
    @discardableResult
    public func stop(_ signal: Int32 = SIGTERM, timeout: Double = Deadline.defaultSeconds) throws -> Program.Ending {
        program.send(signal)
        return try program.waitForExit(timeout: timeout)
    }

    // MARK: Clients

    public func connect(_ listener: Int = 0, from source: String? = nil) throws -> TCPClient {
        try TCPClient(port: addresses[listener].port, host: addresses[listener].host, from: source)
    }

    public func connectTLS(_ listener: Int = 0, _ configure: (inout TLSClient.Options) -> Void = { _ in }) throws -> TLSClient {
        try TLSClient(port: addresses[listener].port, host: addresses[listener].host, configure)
    }

    /// One request on a connection of its own.
    public func get(_ target: String, host: String = "localhost", fields: [String] = []) throws -> HTTPResponse {
        try connect().get(target, host: host, fields: fields)
    }

    // MARK: Metrics and logs

    public func admin(_ target: String) throws -> HTTPResponse {
        guard let adminAddress else { throw TestError.invalid("the configuration has no admin listener") }
        return try TCPClient(port: adminAddress.port, host: adminAddress.host).get(target, fields: ["Connection: close"])
    }

    public func metrics() throws -> Metrics {
        let answer = try admin("/metrics")
        guard answer.status == 200 else { throw TestError.invalid("/metrics answered \(answer.startLine)") }
        return try Metrics(text: answer.text)
    }

    /// Waits until the metrics are as wanted: a counter moves when its exchange has ended, a moment after the client's last byte.
    public func waitForMetrics(_ what: String, _ holds: (Metrics) -> Bool) throws {
        try eventually(what) { holds(try metrics()) }
    }

    /// The lines of the access log in `{DIR}/access.log`, as soon as there are `count`.
    public func accessLog(waitingFor count: Int, name: String = "access.log") throws -> [LogEntry] {
        try eventually("\(count) lines in \(name)") { try accessLogLines(name).count >= count }
        return try accessLogLines(name).map(LogEntry.init)
    }

    public func accessLogLines(_ name: String = "access.log") throws -> [String] {
        // The last piece is a line only when its end has been written.
        try directory.read(name).components(separatedBy: "\n").dropLast()
    }
}
