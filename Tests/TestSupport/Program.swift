import CTestSupport
import Foundation

/// A program that runs beside the tests. It ends with its owner, by its own id.
public final class Program: Sendable {
    public enum Ending: Equatable, Sendable {
        case exited(Int32)
        case signalled(Int32)
    }

    public let processID: pid_t
    public let stdout: OutputLines
    public let stderr: OutputLines
    private let ending = Monitor<Ending?>(nil)
    private let reports = SanitizerReports()

    /// Starts the executable at `path`, or found by its name beside the test bundle.
    public init(_ name: String, _ arguments: [String] = [], environment: [String: String] = [:], directory: String? = nil) throws {
        let path = name.contains("/") ? name : try Self.find(name)
        let output = try Self.makePipe()
        let errors = try Self.makePipe()
        defer {
            close(output.write)
            close(errors.write)
        }
        let environment = environment.merging(reports?.environment ?? [:]) { $1 }
        processID = try Self.spawn(path, arguments, environment, directory, stdout: output.write, stderr: errors.write)
        stdout = OutputLines(reading: output.read)
        stderr = OutputLines(reading: errors.read)
        reapOnExit()
    }

    deinit {
        if reports != nil { endGracefully() }
        send(SIGKILL)
        _ = ending.wait(until: Deadline(seconds: 5)) { $0 }
        reports?.record()
    }

    /// LeakSanitizer looks when a program ends by itself. The second signal ends what waits for open connections.
    private func endGracefully() {
        for seconds in [1.0, 20] {
            send(SIGTERM)
            if ending.wait(until: Deadline(seconds: seconds), for: { $0 }) != nil { return }
        }
    }

    /// GATEWAY_BINARY names another gateway than the one built with the tests, a release build for example.
    public static func find(_ name: String) throws -> String {
        if name == "gateway", let path = ProcessInfo.processInfo.environment["GATEWAY_BINARY"], !path.isEmpty { return path }
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let path = URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name).path
        guard access(path, X_OK) == 0 else { throw TestError.invalid("there is no program at \(path)") }
        return path
    }

    /// Runs a program to its end; throws if that is not exit status 0. Returns its standard output.
    @discardableResult
    public static func run(_ name: String, _ arguments: [String], timeout: Double = 60) throws -> String {
        let program = try Program(name, arguments)
        let ending = try program.waitForExit(timeout: timeout)
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        guard ending == .exited(0) else { throw TestError.invalid("\(name) \(arguments) \(ending):\n\(program.stderr.text)") }
        return program.stdout.text
    }

    /// Runs a shell's command line and returns all that it prints, whatever its exit status.
    public static func shell(_ command: String, timeout: Double = 120) throws -> String {
        let program = try Program("/bin/sh", ["-c", command + " 2>&1"])
        try program.waitForExit(timeout: timeout)
        try program.stdout.waitForEnd()
        return program.stdout.text
    }

    /// Whether Debian has put a program of this name where it belongs.
    public static func isInstalled(_ name: String) -> Bool { FileManager.default.isExecutableFile(atPath: "/usr/bin/" + name) }

    // MARK: Signals and the end

    public func send(_ signal: Int32) {
        // Until it is reaped, which happens under this lock, the id is its own.
        ending.update { if $0 == nil { kill(processID, signal) } }
    }

    @discardableResult
    public func waitForExit(timeout: Double = Deadline.defaultSeconds) throws -> Ending {
        guard let ending = ending.wait(until: Deadline(seconds: timeout), for: { $0 }) else {
            throw TestError.timedOut("the program has not ended:\n\(stderr.lines.suffix(30).joined(separator: "\n"))")
        }
        return ending
    }

    public var isRunning: Bool { ending.value == nil }

    private func reapOnExit() {
        let ending = ending
        let processID = processID
        startThread("reaper") {
            var information = siginfo_t()
            while waitid(P_PID, id_t(processID), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
            ending.update {
                var status: Int32 = 0
                waitpid(processID, &status, 0)
                $0 = status & 0x7f == 0 ? .exited((status >> 8) & 0xff) : .signalled(status & 0x7f)
            }
        }
    }

    // MARK: The start

    private static func makePipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw TestError.lastError("pipe") }
        return (ends[0], ends[1])
    }

    private static func spawn(
        _ path: String, _ arguments: [String], _ environment: [String: String], _ directory: String?, stdout: Int32, stderr: Int32
    ) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, stdout, 1)
        posix_spawn_file_actions_adddup2(&actions, stderr, 2)
        // Sockets of tests that run at the same time would stay open in the child, and their peers would see no end.
        posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        if let directory { posix_spawn_file_actions_addchdir_np(&actions, directory) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // The program starts as a shell would start it: no signal ignored, none blocked.
        var everySignal = sigset_t()
        sigfillset(&everySignal)
        posix_spawnattr_setsigdefault(&attributes, &everySignal)
        var noSignal = sigset_t()
        sigemptyset(&noSignal)
        posix_spawnattr_setsigmask(&attributes, &noSignal)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

        let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        return try withCStrings([path] + arguments) { arguments in
            try withCStrings(merged.map { "\($0)=\($1)" }) { environment in
                var id: pid_t = 0
                let result = posix_spawnp(&id, path, &actions, &attributes, arguments, environment)
                guard result == 0 else { throw TestError.system("posix_spawn \(path)", errno: result) }
                return id
            }
        }
    }

    private static func withCStrings<Result>(_ strings: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result) rethrows
        -> Result
    {
        let pointers = strings.map { strdup($0) } + [nil]
        defer { pointers.forEach { free($0) } }
        return try body(pointers)
    }
}
