import GatewayConfig
import Testing

/// Words, quotes, blocks: nginx's grammar.
@Suite struct SyntaxTests {
    /// The text that `return 200` answers with.
    private func text(_ written: String) -> Template? {
        guard case .return(_, .text(let template)) = snapshot(server("return 200 \(written);"))?.servers.first?.fallback.action else {
            return nil
        }
        return template
    }

    @Test(arguments: [
        ("ok", "ok"), ("\"a b\"", "a b"), ("'a \"b\"'", "a \"b\""), ("\"a \\\"b\\\"\"", "a \"b\""), ("'it\\'s'", "it's"),
        ("\"a\\nb\\tc\\rd\"", "a\nb\tc\rd"), ("\"a\\\\n\"", "a\\n"), ("\"\\d\\.\"", "\\d\\."), ("a\\;b", "a\\;b"), ("a\\ b", "a\\ b"),
        ("\"a;{}#b\"", "a;{}#b"), ("a#b", "a#b"), ("a\"b", "a\"b"), ("a'b'", "a'b'"), ("\"a\nb\"", "a\nb"), ("a}b", "a}b"),
        ("\"größe\"", "größe"), ("h3=\":443\"", "h3=\":443\""), ("a=\"b c\"", "a=\"b c\""), ("a='b;{c'", "a='b;{c'"),
        ("a=b\"c", "a=b\"c"), ("a=\"b", "a=\"b"),
    ])
    func `a word is what nginx takes it for`(written: String, meant: String) {
        #expect(text(written) == Template(meant))
    }

    @Test func `the value of a pair may be quoted`() {
        func message(_ written: String) -> String? {
            snapshot("rate_limit a key=ip rate=1r/s message=\(written); \(aServer)")?.rateLimits.first?.message
        }
        #expect(message("\"Too many, please wait\"") == "Too many, please wait")
        #expect(message("'it; is {\"so\"}'") == "it; is {\"so\"}")
        #expect(message("\"say \\\"no\\\"\"") == "say \"no\"")
        #expect(message("plain") == "plain")
        #expect(messages("rate_limit a key=ip rate=1r/s message=\"Too many; \(aServer)").isEmpty == false)
        #expect(messages("rate_limit a key=ip rate=1r/s message=\"a b\"c; \(aServer)").count == 1)
    }

    @Test func `variables stand in words with and without braces`() {
        #expect(text("$host") == Template(parts: [.variable(.host)]))
        #expect(text("${scheme}s") == Template(parts: [.variable(.scheme), .literal("s")]))
        #expect(
            text("\"a ${host}:$server_port/\"")
                == Template(parts: [
                    .literal("a "), .variable(.host), .literal(":"), .variable(.serverPort), .literal("/"),
                ]))
        #expect(text("$http_user_agent$arg_Page") == Template(parts: [.variable(.http("user-agent")), .variable(.argument("Page"))]))
        #expect(text("$HOST") == Template(parts: [.variable(.host)]))
    }

    @Test(arguments: [
        ("$", "\"$\" without a name"), ("\"a$ b\"", "\"$\" without a name"), ("${}", "\"$\" without a name"),
        ("${host", "\"${\" without \"}\""), ("\"${ho st}\"", "\"${\" without \"}\""), ("$1", "unknown variable \"$1\""),
        ("$http_", "unknown variable \"$http_\""), ("$arg_", "unknown variable \"$arg_\""),
    ])
    func `a variable that is none is an error`(written: String, message: String) {
        let text = server("return 200 \(written);")
        let found = ConfigLoader.load(text: text, path: "gateway.conf", environment: [:]).diagnostics
        #expect(found.map(\.message) == [message])
        #expect(found.first?.line == 1 && 34...39 ~= found.first?.column ?? 0)
    }

    @Test func `comments, carriage returns and a byte order mark are skipped`() {
        #expect(diagnose("\u{feff}# first\r\nworkers 1; # second { ; }\r\n\(aServer)\r\n#last").isEmpty)
    }

    @Test func `a word may follow a block at once`() {
        #expect(diagnose("upstream a{server b:1;}server{listen 80;location /{proxy_pass http://a;}}").isEmpty)
    }

    @Test(arguments: [
        ("workers 1;;", ["1:11: error: unexpected \";\""]),
        ("{ a b; }", ["1:1: error: unexpected \"{\""]),
        ("workers \"1\"2;", ["1:12: error: unexpected character after a string", "1:12: error: \"2\" is one argument too many"]),
        ("error_log \"a.log;", ["1:11: error: unterminated string"]),
        ("error_log 'a.log;\nworkers x;", ["1:11: error: unterminated string", "2:9: error: \"x\" is not a number"]),
        ("server { listen 80; return 200 ok}", ["1:34: error: missing \";\""]),
        ("workers 1", ["1:10: error: missing \";\""]),
        ("admin 127.0.0.1:9145;", ["1:1: error: \"admin\" needs a block"]),
        ("workers 1 { }", ["1:1: error: \"workers\" takes no block"]),
        ("server 127.0.0.1:80;", ["1:1: error: \"server\" needs a block", "1:8: error: \"127.0.0.1:80\" is one argument too many"]),
        ("workers 1\nserver { listen 80; return 200 ok; }", ["1:10: error: missing \";\""]),
        ("workers 1\\\r", ["1:9: error: \"1\\\" is not a number", "1:11: error: missing \";\""]),
        ("\"workers\" 1; # \0", ["1:16: error: NUL byte"]),
    ])
    func `what is not well formed is told where it is`(text: String, expected: [String]) {
        #expect(messages(text) == expected)
    }

    @Test func `a string that ends in another's beginning tells where it began`() {
        let text = "server { listen 80; return 200 \"ok;\nadd_header A \"b\"; }"
        #expect(
            diagnose(text).first == """
                gateway.conf:2:15: error: unexpected character after a string
                    add_header A "b"; }
                                  ^
                    the string begins in line 1: is its closing quote missing?
                """)
    }

    @Test func `blocks nest to a depth`() {
        let text = String(repeating: "server {", count: 100_000)
        #expect(diagnose(text).contains { $0.contains("blocks are nested deeper than 16") })
    }

    @Test func `bytes that are not UTF-8 are an error with a place`() {
        let bytes: [UInt8] = Array("workers 1;\n  # ä".utf8) + [0xff, 0x0a] + Array(aServer.utf8)
        let file = TemporaryDirectory()
        let path = file.write("gateway.conf", bytes)
        let found = ConfigLoader.load(path: path, environment: [:]).diagnostics.map { "\($0.line):\($0.column): \($0.message)" }
        #expect(found == ["2:6: invalid UTF-8"])
    }
}
