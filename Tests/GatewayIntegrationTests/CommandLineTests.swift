import TestSupport
import Testing

/// The program's command line: what it prints, and its exit status.
@Suite struct CommandLineTests {
    private let directory: TemporaryDirectory
    private let certificates: TestCertificates

    init() throws {
        directory = try TemporaryDirectory()
        certificates = try TestCertificates()
    }

    private struct Outcome {
        let status: Int32?
        let output: String
        let errors: String
    }

    private func gateway(_ arguments: String...) throws -> Outcome {
        let program = try Program("gateway", arguments, directory: directory.path)
        let ending = try program.waitForExit()
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        guard case .exited(let status) = ending else { return Outcome(status: nil, output: "", errors: "\(ending)") }
        return Outcome(status: status, output: program.stdout.text, errors: program.stderr.text)
    }

    private func check(_ conf: String) throws -> Outcome {
        try gateway("check", "-c", directory.write(conf, to: "gateway.conf"))
    }

    private func conf(_ leaf: TestCertificates.Leaf) -> String {
        """
        server {
            listen 127.0.0.1:0 ssl;
            ssl_certificate \(leaf.certificatePath);
            ssl_certificate_key \(leaf.keyPath);
            return 200;
        }
        """
    }

    // MARK: check

    @Test func `check accepts a good file with status 0 and says so`() throws {
        let outcome = try check("server { listen 127.0.0.1:0; return 200 ok; }")
        #expect(outcome.status == 0 && outcome.output.contains("good") && outcome.errors.isEmpty)
    }

    @Test func `check reads gateway.conf where it is started`() throws {
        #expect(try gateway("check").status == 1)
        try directory.write("server { listen 127.0.0.1:0; return 200 ok; }", to: "gateway.conf")
        #expect(try gateway("check").status == 0)
    }

    @Test func `check binds no port`() throws {
        let holder = try ScriptedOrigin.answering("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(try check("server { listen 127.0.0.1:\(holder.port); return 200 ok; }").status == 0)
    }

    @Test func `check tells all errors by file, line and column, each with its line and a caret`() throws {
        let outcome = try check("wrkers 2;\nserver {\n    listen 127.0.0.1:99999;\n    return 200 ok;\n}\nupstream a { servr b; }\n")
        #expect(outcome.status == 1)
        let file = directory.file("gateway.conf")
        #expect(outcome.errors.contains("\(file):1:1: error:"))
        #expect(outcome.errors.contains("workers"), "the nearest known word")
        #expect(outcome.errors.contains("\(file):3:12: error:"))
        #expect(outcome.errors.contains("\(file):6:14: error:"))
        let lines = outcome.errors.split(separator: "\n")
        let shown = try #require(lines.firstIndex { $0.contains("wrkers 2;") })
        #expect(lines[shown + 1].contains("^"))
    }

    @Test func `check names a key that belongs to another certificate, at the key`() throws {
        let (one, two) = (try certificates.leaf(["a.localhost"]), try certificates.leaf(["b.localhost"]))
        let outcome = try check(conf(one).replacing(one.keyPath, with: two.keyPath))
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("gateway.conf:4:25: error:") && outcome.errors.contains("match"))
    }

    @Test func `check names a certificate or key that is missing`() throws {
        let leaf = try certificates.leaf(["localhost"])
        let noCertificate = try check(conf(leaf).replacing(leaf.certificatePath, with: "none.pem"))
        #expect(noCertificate.status == 1 && noCertificate.errors.contains("gateway.conf:3:21: error:"))
        #expect(noCertificate.errors.contains("none.pem") && noCertificate.errors.contains("No such file"))
        let noKey = try check(conf(leaf).replacing(leaf.keyPath, with: "none.key"))
        #expect(noKey.status == 1 && noKey.errors.contains("gateway.conf:4:25: error:") && noKey.errors.contains("none.key"))
    }

    @Test func `check names a file that is no certificate`() throws {
        let leaf = try certificates.leaf(["localhost"])
        try directory.write("not a certificate\n", to: "bad.pem")
        let outcome = try check(conf(leaf).replacing(leaf.certificatePath, with: "bad.pem"))
        #expect(outcome.status == 1 && outcome.errors.contains("gateway.conf:3:21: error:"))
    }

    @Test func `an expired certificate is a warning of check, and served`() throws {
        let leaf = try certificates.expiredLeaf(["localhost"])
        let outcome = try check(conf(leaf))
        #expect(outcome.status == 0)
        #expect(outcome.errors.contains("gateway.conf:3:21: warning:") && outcome.errors.contains("expired"))
        let gateway = try Gateway(conf: conf(leaf))
        #expect(gateway.program.stderr.text.contains("expired"))
        #expect(try gateway.connectTLS().get("/").status == 200)
    }

    @Test func `of several certificates the expired one is named, and the key that does not match`() throws {
        let rsa = try certificates.leaf(["localhost"], key: .rsa2048)
        let expired = try certificates.expiredLeaf(["localhost"])
        func conf(_ pairs: [(certificate: String, key: String)]) -> String {
            let lines = pairs.map { "ssl_certificate \($0.certificate);\nssl_certificate_key \($0.key);\n" }.joined()
            return "server {\n\(lines)listen 127.0.0.1:0 ssl;\nreturn 200;\n}\n"
        }
        let good = (rsa.certificatePath, rsa.keyPath)
        let old = (expired.certificatePath, expired.keyPath)
        #expect(try check(conf([old, good])).errors.contains("gateway.conf:2:17: warning: the certificate \"\(old.0)\" has expired"))
        #expect(try check(conf([good, old])).errors.contains("gateway.conf:4:17: warning: the certificate \"\(old.0)\" has expired"))
        let swapped = try check(conf([(old.0, good.1), (good.0, old.1)]))
        #expect(swapped.status == 1 && swapped.errors.contains(": error: "))
        let second = try check(conf([good, (old.0, good.1)]))
        #expect(second.status == 1 && second.errors.contains("gateway.conf:5:21: error: "), "\(second.errors)")
    }

    // MARK: Other words

    @Test func `--version names the gateway and its libraries`() throws {
        let outcome = try gateway("--version")
        #expect(outcome.status == 0)
        for word in ["gateway ", "OpenSSL 3.", "nghttp2 1.", "zlib 1."] { #expect(outcome.output.contains(word)) }
    }

    @Test func `--help tells of the subcommands and the signals`() throws {
        let outcome = try gateway("--help")
        #expect(outcome.status == 0)
        for word in ["check", "directives", "SIGHUP", "serve"] { #expect(outcome.output.contains(word), "\(word)") }
    }

    @Test func `directives prints the reference`() throws {
        let outcome = try gateway("directives")
        #expect(outcome.status == 0)
        for word in ["proxy_pass", "version", "shutdown_timeout", "ssl_certificate"] {
            #expect(outcome.output.contains(word), "\(word)")
        }
    }

    @Test func `key new prints a new random key, and the line for the file`() throws {
        let outcome = try gateway("key", "new", "mobile")
        #expect(outcome.status == 0 && outcome.errors.isEmpty)
        let lines = outcome.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 2)
        #expect(lines[0].count == 64 && lines[0].allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(lines[1].hasPrefix("key mobile sha256=") && lines[1].hasSuffix(";") && !lines[1].contains(lines[0]))
        #expect(try check("api_keys { \(lines[1]) } server { listen 127.0.0.1:0; return 200 ok; authenticate api_key; }").status == 0)
        #expect(try gateway("key", "new", "mobile").output.prefix(64) != outcome.output.prefix(64))
        let wrong = try gateway("key", "new", "mo bile")
        #expect(wrong.status == 64 && wrong.output.isEmpty && wrong.errors.contains("64 letters"))
    }

    @Test(arguments: [["--nonsense"], ["check", "--nonsense"], ["nonsense"], ["-c"]])
    func `what is not known is an error with status 64`(arguments: [String]) throws {
        let program = try Program("gateway", arguments, directory: directory.path)
        #expect(try program.waitForExit() == .exited(64))
        try program.stderr.waitForEnd()
        #expect(program.stderr.text.contains("Usage") && program.stderr.text.contains("rror"))
    }

    // MARK: The start

    @Test func `without a configuration file it says which one it looked for, and does not start`() throws {
        let outcome = try gateway()
        #expect(outcome.status == 1 && outcome.errors.contains("gateway.conf") && outcome.errors.contains("No such file"))
    }

    @Test func `with a broken file it tells the errors and does not start`() throws {
        let outcome = try gateway("-c", directory.write("server { listn 1; }", to: "broken.conf"))
        #expect(outcome.status == 1 && outcome.errors.contains("broken.conf:1:10: error:") && outcome.errors.contains("listen"))
    }

    @Test func `with a certificate that cannot be used it does not start`() throws {
        let leaf = try certificates.leaf(["localhost"])
        let outcome = try gateway("-c", directory.write(conf(leaf).replacing(leaf.keyPath, with: "none.key"), to: "gateway.conf"))
        #expect(outcome.status == 1 && outcome.errors.contains("gateway.conf:4:25: error:"))
    }

    @Test func `with a log that cannot be opened it does not start`() throws {
        let outcome = try gateway(
            "-c", directory.write("access_log none/access.log json;\nserver { listen 127.0.0.1:0; return 200; }", to: "gateway.conf"))
        #expect(outcome.status == 1 && outcome.errors.contains("none/access.log"))
    }
}
