@testable import GatewayConfig
import Testing

@Suite struct IncludeTests {
    private let files = TemporaryDirectory()

    private func load(_ main: String, environment: [String: String] = [:]) -> ConfigResult {
        ConfigLoader.load(path: files.write("gateway.conf", main), environment: environment)
    }

    /// The diagnostics, with the directory taken out of them.
    private func told(_ result: ConfigResult) -> [String] {
        result.diagnostics.map { $0.text.replacing(files.path + "/", with: "") }
    }

    @Test func `a pattern's files stand in their order in the place of the include`() {
        files.write("conf.d/20.conf", "upstream b { server b:1; }")
        files.write("conf.d/10.conf", "upstream a { server a:1; }")
        files.write("conf.d/30.txt", "nonsense")
        let result = load("include conf.d/*.conf; upstream c { server c:1; } " + aServer)
        #expect(result.snapshot?.upstreams.map(\.name) == ["a", "b", "c"])
    }

    @Test func `a pattern without files is fine, a plain file that is missing is not`() {
        #expect(load("include conf.d/*.conf; " + aServer).snapshot != nil)
        #expect(
            told(load("include conf.d/a.conf;\n" + aServer)) == [
                """
                gateway.conf:1:9: error: "conf.d/a.conf" can't be read: No such file or directory
                    include conf.d/a.conf;
                            ^~~~~~~~~~~~~
                """
            ])
    }

    @Test func `an include may stand in any block, and is relative to its own file`() {
        files.write("sites/api.conf", "server { listen 80; include parts/locations.conf; }")
        files.write("sites/parts/locations.conf", "location / { include answer.conf; }")
        files.write("sites/parts/answer.conf", "return 200 deep;")
        let action = load("include sites/api.conf;").snapshot?.servers.first?.locations.first?.action
        #expect(action == .return(status: 200, body: .text(Template("deep"))))
    }

    @Test func `an error in an included file is told at its place there`() {
        files.write("a.conf", "\n  workers many;")
        #expect(
            told(load("include a.conf;\nworker_connections few;\n" + aServer)) == [
                """
                gateway.conf:2:20: error: "few" is not a number
                    worker_connections few;
                                       ^~~
                    expected a number from 1 to 1048576
                """,
                """
                a.conf:2:11: error: "many" is not a number
                    workers many;
                            ^~~~
                    expected a number from 1 to 1024
                """,
            ])
    }

    @Test func `a circle of includes is an error that shows it`() {
        files.write("a.conf", "include b.conf;")
        files.write("b.conf", "include a.conf;")
        #expect(
            told(load("include a.conf; " + aServer)) == [
                """
                b.conf:1:9: error: this file includes itself
                    include a.conf;
                            ^~~~~~
                    a.conf → b.conf → a.conf
                """
            ])
    }

    @Test func `a circle that spellings hide ends too`() {
        files.write("a/a.conf", "include ../a/a.conf;")
        let found = told(load("include a/a.conf; " + aServer))
        #expect(found.count == 1 && found[0].contains("error: includes are nested deeper than 16"))
    }

    @Test func `the number of files and their size are bounded`() {
        files.write("big.conf", [UInt8](repeating: 0x20, count: 1024 * 1024 + 1))
        files.write("small.conf", "")
        let many = String(repeating: "include small.conf;\n", count: 1001)
        #expect(
            told(load(many + aServer)).map { $0.prefix { $0 != "\n" } } == ["gateway.conf:1001:9: error: more than 1000 files are included"]
        )
        #expect(told(load("include big.conf; " + aServer)).first?.contains("it is larger than 1024 KB") == true)
    }

    @Test func `a directory is not a file`() {
        files.write("conf.d/a.conf", "")
        #expect(told(load("include conf.d; " + aServer)).first?.contains("can't be read: Is a directory") == true)
    }

    @Test func `files of certificates and logs are seen from the main file's directory`() {
        files.write(
            "sites/api.conf", "server { listen 443 ssl; ssl_certificate certs/a.pem; ssl_certificate_key /k/a.key; return 200 ok; }")
        let snapshot = load("include sites/*.conf; error_log logs/error.log; access_log logs/access.log json;").snapshot
        let certificate = snapshot?.servers.first?.tls?.certificates.first
        #expect(certificate?.certificatePath == files.path + "/certs/a.pem")
        #expect(certificate?.keyPath == "/k/a.key")
        #expect(certificate?.position.path == files.path + "/sites/api.conf")
        #expect(snapshot?.errorLog == ErrorLog(path: files.path + "/logs/error.log", level: .error))
        #expect(snapshot?.accessLog == .json(path: files.path + "/logs/access.log"))
    }

    @Test func `an include's path may come from the environment`() {
        files.write("prod.conf", "workers 3;")
        #expect(load("include env:STAGE_CONF; " + aServer, environment: ["STAGE_CONF": "prod.conf"]).snapshot?.workers == 3)
    }
}
