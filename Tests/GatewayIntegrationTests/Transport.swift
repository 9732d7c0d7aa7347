import TestSupport

/// How a client reaches the gateway, for what must hold either way.
enum Transport: String, CaseIterable, Sendable {
    case plain, tls
}

/// A gateway with a plain and a TLS listener before one origin.
struct Edge {
    /// Made once: a key for each test would take its time.
    private static let authority = Result { try TestCertificates() }
    private static let leaf = Result { try authority.get().leaf(["localhost"]) }

    /// Lives as long as the gateway before it.
    let origin: ScriptedOrigin
    let gateway: Gateway

    init(_ origin: ScriptedOrigin, main: String = "", server: String = "", location: String = "", workers: Int = 1) throws {
        self.origin = origin
        gateway = try Gateway(
            conf: """
                workers \(workers);
                error_log stderr debug;
                access_log {DIR}/access.log json;
                admin 127.0.0.1:0 { allow 127.0.0.0/8; }
                client_max_body_size 0;
                \(main)
                server {
                    listen 127.0.0.1:0;
                    listen 127.0.0.2:0 ssl;
                    server_name localhost;
                    ssl_certificate {CERT};
                    ssl_certificate_key {KEY};
                    \(server)
                    location / { proxy_pass http://127.0.0.1:{ORIGIN}; \(location) }
                }
                """, certificate: Self.leaf.get(), values: ["ORIGIN": "\(origin.port)"])
    }

    func connect(_ transport: Transport, receiveBufferBytes: Int32? = nil) throws -> any ByteStream {
        try address(transport).connect(receiveBufferBytes: receiveBufferBytes)
    }

    /// For threads, which cannot share the gateway.
    func address(_ transport: Transport) -> EdgeAddress {
        EdgeAddress(address: gateway.addresses[transport == .plain ? 0 : 1], transport: transport)
    }

    var figures: ProcessFigures { ProcessFigures(gateway.program) }

    /// Waits until one exchange has ended as `errorType`, in the log and in the metrics.
    @discardableResult
    func waitForEnd(_ errorType: String) throws -> LogEntry {
        try gateway.waitForMetrics("one \(errorType)") { $0.sum("gateway_refusals_total", ["error_type": errorType]) == 1 }
        var found: LogEntry?
        try eventually("a line with \(errorType)") {
            found = try gateway.accessLogLines().map(LogEntry.init).first { $0["error_type"] == errorType }
            return found != nil
        }
        guard let found else { throw TestError.invalid("no line with \(errorType)") }
        return found
    }
}

struct EdgeAddress: Sendable {
    let address: Gateway.Address
    let transport: Transport

    func connect(receiveBufferBytes: Int32? = nil) throws -> any ByteStream {
        let tcp = try TCPClient(port: address.port, host: address.host, receiveBufferBytes: receiveBufferBytes)
        return transport == .plain ? tcp : try TLSClient(over: tcp)
    }
}

extension ByteStream {
    /// Ends the connection with a reset, whatever it is.
    func breakOff() {
        (self as? TLSClient)?.reset()
        (self as? TCPConnection)?.reset()
    }
}
