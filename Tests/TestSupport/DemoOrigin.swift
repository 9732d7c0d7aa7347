/// demo-upstream on a free port.
public final class DemoOrigin: Sendable {
    public let program: Program
    public let port: UInt16

    public init(name: String = "stable", _ arguments: [String] = []) throws {
        program = try Program("demo-upstream", ["--port", "0", "--name", name] + arguments)
        let line = try program.stdout.waitForLine(containing: "listening on")
        guard let port = UInt16(line.split(separator: ":").last ?? "") else { throw TestError.invalid("no port in: \(line)") }
        self.port = port
    }
}
