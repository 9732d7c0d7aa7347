import TestSupport
import Testing

/// Commands that ask the running gateway, while the file that they read for its address has errors.
@Suite struct BrokenFileTests {
    private let gateway: Gateway

    init() throws {
        gateway = try Gateway(
            conf: "workers 1; access_log off; admin 127.0.0.1:0 { } server { listen 127.0.0.1:0; return 200 ok; }")
    }

    private var admin: String { "127.0.0.1:\(gateway.adminPort ?? 0)" }

    private func run(_ arguments: String..., environment: [String: String] = [:]) throws -> (
        ending: Program.Ending, output: String, errors: String
    ) {
        let program = try Program("gateway", arguments, environment: environment, directory: gateway.directory.path)
        let ending = try program.waitForExit()
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        return (ending, program.stdout.text, program.stderr.text)
    }

    private func refuse(_ conf: String) throws {
        #expect(try gateway.reload(conf: conf).contains("reload failed"))
    }

    @Test(arguments: [
        "wrokers 1; admin ADDRESS { }",
        "workers 1\nadmin ADDRESS { }",
        "workers 1; upstream u { server 127.0.0.1:1; admin ADDRESS { allow 127.0.0.1; }",
        "admin ADDRESS { allow 127.0.0.1/33; }",
        "server { listen 127.0.0.1:0; return 200 env:GATEWAY_TEST_UNSET; } admin env:GATEWAY_TEST_UNSET:-ADDRESS { }",
        "admin ADDRESS;",
    ])
    func `the running gateway is asked at the address that a refused file names`(conf: String) throws {
        try refuse(conf.replacing("ADDRESS", with: admin))
        for arguments in [["cache", "show"], ["top", "--once"]] {
            let (ending, output, errors) = try run(arguments[0], arguments[1])
            #expect(ending == .exited(0) && !output.isEmpty)
            #expect(errors.hasPrefix("gateway.conf has ") && errors.contains("--admin"))
        }
    }

    @Test func `a file that names no address is told of with the way around it`() throws {
        for conf in ["wrokers 1;", "admin 127.0.0.1:x { }", "admin"] {
            try refuse(conf)
            for arguments in [["cache", "show"], ["top", "--once"]] {
                let (ending, output, errors) = try run(arguments[0], arguments[1])
                #expect(ending == .exited(1) && output.isEmpty)
                #expect(errors.contains("gateway.conf:1:") && errors.contains("expected --admin ADDRESS, which needs no file"))
            }
            #expect(try run("top", "--once", "--admin", admin).errors.isEmpty)
            #expect(try run("cache", "show", "--admin", admin).ending == .exited(0))
        }
    }

    @Test func `a listener that is no longer where the file names it is sought with the address in hand`() throws {
        try refuse("wrokers 1; admin 127.0.0.1:1 { }")
        let (ending, _, errors) = try run("cache", "show")
        #expect(ending == .exited(1) && errors.contains("127.0.0.1:1: ") && errors.contains("--admin ADDRESS"))
    }
}
