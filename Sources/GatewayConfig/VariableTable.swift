/// The variables of a request, each declared once: this makes their names, the suggestions and the reference.
enum VariableTable {
    struct Entry: Sendable {
        let name: String
        let variable: Variable
        let summary: String
    }

    static let entries: [Entry] = [
        Entry(name: "api_key_name", variable: .apiKeyName, summary: "The name of the client's API key, where one is asked for."),
        Entry(name: "args", variable: .args, summary: "The query, without its `?`."),
        Entry(name: "host", variable: .host, summary: "The host that the request names, in lower case, without a port."),
        Entry(name: "hostname", variable: .hostname, summary: "The name of the machine."),
        Entry(name: "is_args", variable: .isArgs, summary: "`?` if the request has a query, otherwise nothing."),
        Entry(
            name: "proxy_add_x_forwarded_for", variable: .proxyAddXForwardedFor,
            summary: "X-Forwarded-For with the client's address added."),
        Entry(name: "remote_addr", variable: .remoteAddr, summary: "The client's address."),
        Entry(name: "remote_port", variable: .remotePort, summary: "The client's port."),
        Entry(name: "request_id", variable: .requestID, summary: "The request's id, as in X-Request-ID and the logs."),
        Entry(name: "request_method", variable: .requestMethod, summary: "GET, POST and so on."),
        Entry(name: "request_uri", variable: .requestURI, summary: "Path and query as the client sent them."),
        Entry(name: "scheme", variable: .scheme, summary: "`http` or `https`."),
        Entry(name: "server_addr", variable: .serverAddr, summary: "The address that the client connected to."),
        Entry(name: "server_name", variable: .serverName, summary: "The first name of the server that answers."),
        Entry(name: "server_port", variable: .serverPort, summary: "The port that the client connected to."),
        Entry(name: "server_protocol", variable: .serverProtocol, summary: "`HTTP/1.1`, `HTTP/2.0`."),
        Entry(name: "ssl_cipher", variable: .sslCipher, summary: "The cipher of the connection; nothing without TLS."),
        Entry(
            name: "ssl_client_fingerprint", variable: .sslClientFingerprint,
            summary: "SHA-1 of the client's certificate, in hexadecimal, as in nginx."),
        Entry(
            name: "ssl_client_fingerprint_sha256", variable: .sslClientFingerprintSHA256,
            summary: "SHA-256 of the client's certificate, in hexadecimal."),
        Entry(
            name: "ssl_client_i_dn", variable: .sslClientIssuer,
            summary: "Who issued the client's certificate, after RFC 2253: `CN=Example CA,O=Example`."),
        Entry(
            name: "ssl_client_s_dn", variable: .sslClientSubject,
            summary: "The subject of the client's certificate, after RFC 2253; nothing without one."),
        Entry(name: "ssl_client_serial", variable: .sslClientSerial, summary: "The serial number of the client's certificate."),
        Entry(
            name: "ssl_client_verify", variable: .sslClientVerify,
            summary: "`SUCCESS`, `FAILED:reason`, or `NONE` without a certificate; nothing where none is asked for."),
        Entry(name: "ssl_protocol", variable: .sslProtocol, summary: "`TLSv1.3`; nothing without TLS."),
        Entry(name: "ssl_server_name", variable: .sslServerName, summary: "The name that the client asked for in its TLS hello."),
        Entry(name: "uri", variable: .uri, summary: "The path, decoded and normalized."),
    ]

    /// By nginx's rules: the case of letters does not matter.
    static func variable(named name: String) -> Variable? {
        let lower = name.lowercased()
        if lower.hasPrefix("http_"), lower.utf8.count > 5 {
            return .http(String(lower.dropFirst(5).map { $0 == "_" ? "-" : $0 }))
        }
        if lower.hasPrefix("arg_"), lower.utf8.count > 4 { return .argument(String(name.dropFirst(4))) }
        return entries.first { $0.name == lower }?.variable
    }

    static func hint(for name: String) -> String {
        Suggestion.nearest(to: name, among: entries.map(\.name)).map { "did you mean \"$\($0)\"?" }
            ?? "expected a variable of the request, such as $host, $request_uri, $http_NAME or $arg_NAME"
    }
}
