import TestSupport
import Testing

/// What the admin listener and `gateway cache` say of the cache, and whom they let empty it.
@Suite struct CacheAdminTests {
    private static let key = "6ca13d52ca70c883e0f0bb101e425a89e8624de51db2d2392593af6a84118090"

    private let gateway: Gateway

    init() throws {
        gateway = try Gateway(
            conf: """
                workers 1;
                access_log off;
                admin 127.0.0.1:0 { allow 127.0.0.1; }
                server { listen 127.0.0.1:0; return 200 ok; }
                """)
    }

    private func ask(_ method: String, _ target: String, fields: [String] = [], from source: String? = nil) throws -> HTTPResponse {
        try TCPClient(port: gateway.adminPort ?? 0, from: source).request(method, target, fields: fields + ["Connection: close"])
    }

    private func purge(_ query: String, fields: [String] = ["X-Gateway-Admin: 1"]) throws -> HTTPResponse {
        try ask("POST", "/cache/purge?" + query, fields: fields)
    }

    // MARK: Pages

    @Test func `without zones there is nothing to tell, and nothing to purge`() throws {
        let page = try ask("GET", "/cache")
        #expect(page.status == 200 && page["Content-Type"] == "application/json" && page.text == #"{"zones":[]}"# + "\n")
        #expect(try ask("GET", "/cache?zone=ai").status == 404)
        #expect(try ask("HEAD", "/cache").status == 200)
        for what in ["all", "key=\(Self.key)", "path=%2Fv1%2F", "path=/a+b"] { #expect(try purge("zone=ai&\(what)").status == 404) }
    }

    @Test(arguments: [
        "", "zone=ai", "all", "zone=ai&all=1", "zone=ai&all&key=\(key)", "zone=ai&key=\(key)0", "zone=ai&key=\(key.dropLast())g",
        "zone=ai&path=", "zone=ai&path=v1", "zone=ai&path=%2", "zone=ai&path=%2Fa%FF", "zone=ai&zone=b&all", "zone=ai&all&force=1",
        "zone&all",
    ])
    func `what does not say which answers are meant purges none`(query: String) throws {
        #expect(try purge(query).status == 400)
    }

    @Test func `pages that a browser shows can't empty a cache`() throws {
        let query = "zone=ai&all"
        // A form, or a request without a preflight.
        #expect(try purge(query, fields: []).status == 403)
        #expect(try purge(query, fields: ["Origin: https://evil.example"]).status == 403)
        #expect(try purge(query, fields: ["Origin: null"]).status == 403)
        // A page whose host name has come to mean this address is of this origin, and may send any field.
        #expect(try purge(query, fields: ["Origin: http://evil.example", "X-Gateway-Admin: 1"]).status == 403)
        // The answer to a preflight allows nothing.
        let preflight = try ask(
            "OPTIONS", "/cache/purge",
            fields: [
                "Origin: https://evil.example", "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: x-gateway-admin",
            ])
        #expect(preflight.status == 405 && preflight["Access-Control-Allow-Origin"] == nil)
        // An image's or a link's request.
        #expect(try ask("GET", "/cache/purge?\(query)", fields: ["X-Gateway-Admin: 1"]).status == 405)
        #expect(try ask("POST", "/cache", fields: ["X-Gateway-Admin: 1"]).status == 405)
    }

    @Test func `an address that is not allowed gets 403 here too`() throws {
        #expect(try ask("GET", "/cache", from: "127.0.0.8").status == 403)
        #expect(try ask("POST", "/cache/purge?zone=ai&all", fields: ["X-Gateway-Admin: 1"], from: "127.0.0.8").status == 403)
    }

    // MARK: gateway cache

    private func command(_ arguments: String...) throws -> (status: Int32?, output: String, errors: String) { try command(arguments) }

    private func command(_ arguments: [String]) throws -> (status: Int32?, output: String, errors: String) {
        let program = try Program("gateway", ["cache"] + arguments, directory: gateway.directory.path)
        let ending = try program.waitForExit()
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        guard case .exited(let status) = ending else { return (nil, program.stdout.text, program.stderr.text) }
        return (status, program.stdout.text, program.stderr.text)
    }

    private var admin: String { "127.0.0.1:\(gateway.adminPort ?? 0)" }

    @Test func `the command asks the listener whose address it is given, or that of the configuration`() throws {
        for arguments in [["--admin", admin, "show"], ["show", "--admin", admin], ["--admin", admin]] {
            let shown = try command(arguments)
            #expect(shown.status == 0 && shown.output.contains("no cache zone") && shown.errors.isEmpty)
        }
        #expect(try command("show", "--json", "--admin", admin).output.contains(#"{"zones":[]}"#))
        let file = try gateway.directory.write("admin \(admin) { } server { listen 127.0.0.1:0; return 200 ok; }", to: "other.conf")
        #expect(try command("show", "-c", file).status == 0)
        #expect(try command("-c", file, "show").status == 0)
    }

    @Test func `what is refused is said, with status 1`() throws {
        let unknown = try command("--admin", admin, "purge", "ai", "--all")
        #expect(unknown.status == 1 && unknown.output.isEmpty && unknown.errors.contains("no cache zone"))
        #expect(try command("--admin", admin, "purge", "ai", "--path", "/café & more?").errors.contains("no cache zone"))
        #expect(try command("--admin", admin, "purge", "ai", "--key", Self.key).errors.contains("no cache zone"))
        let alone = try gateway.directory.write("server { listen 127.0.0.1:0; return 200 ok; }", to: "alone.conf")
        #expect(try command("show", "-c", alone).errors.contains("has no admin listener"))
        #expect(try command("show", "-c", "missing.conf").errors.contains("missing.conf"))
        #expect(try command("show", "--admin", "127.0.0.1").errors.contains("no address with a port"))
        #expect(try command("show", "--admin", "127.0.0.1:1").errors.contains("refused"))
    }

    @Test func `an answer is whole before it is shown`() throws {
        func shown(_ text: String) throws -> (status: Int32?, output: String, errors: String) {
            let listener = try ScriptedOrigin { connection, _ in
                _ = try connection.readNextRequest()
                try connection.send(text)
            }
            return try command("show", "--admin", "127.0.0.1:\(listener.port)")
        }
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nzones: 1"
        #expect(try shown(answer).output.hasPrefix("zones: 1"))
        for count in [0, 12, 30, answer.utf8.count - 1] {
            #expect(try shown(String(answer.unicodeScalars.prefix(count).map(Character.init))).errors.contains("ended before the answer"))
        }
        #expect(try shown("HTTP/1.1 200 OK\r\n\r\nzones: 1").status == 1)
        #expect(try shown("SSH-2.0-OpenSSH_9\r\n").errors.contains("no gateway's admin listener"))
    }

    @Test func `a command that does not say what is meant asks nobody`() throws {
        for arguments in [
            ["purge", "ai"], ["purge", "ai", "--all", "--path", "/"], ["purge", "--all"], ["purge", "ai", "--key", "abc"],
        ] {
            #expect(try command(["--admin", "127.0.0.1:1"] + arguments).status == 64)
        }
        #expect(try command("--admin", "127.0.0.1:1", "purge", "ai", "--path", "v1").status == 64)
    }
}
