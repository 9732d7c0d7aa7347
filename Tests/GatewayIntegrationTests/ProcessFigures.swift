import Foundation
import TestSupport

/// What the kernel says of a running program (proc(5)).
struct ProcessFigures {
    let processID: pid_t

    init(_ program: Program) {
        processID = program.processID
    }

    /// A line of /proc/PID/status that is in kB: VmHWM, VmRSS.
    private func statusBytes(_ name: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(processID)/status", encoding: .utf8)
        guard let line = text.split(separator: "\n").first(where: { $0.hasPrefix(name + ":") }),
            let kilobytes = Int(line.filter(\.isNumber))
        else { throw TestError.invalid("no \(name) in the status of \(processID)") }
        return kilobytes * 1024
    }

    /// 0 of a program with a sanitizer in it, which keeps several bytes for each of the gateway's, and what was freed.
    func residentBytes() throws -> Int { SanitizerReports.areWanted ? 0 : try statusBytes("VmRSS") }
    func residentBytesMax() throws -> Int { SanitizerReports.areWanted ? 0 : try statusBytes("VmHWM") }

    /// Addresses, whether there is memory behind them or not.
    func addressBytes() throws -> Int { try statusBytes("VmSize") }

    /// Lets the program have so much more memory of its own than it has now, or as much as there is (RLIMIT_DATA, the soft limit alone).
    func limitData(addingBytes more: Int?) throws {
        let limit = try more.map { "\(try statusBytes("VmData") + $0)" } ?? "unlimited"
        _ = try Program.run("/usr/bin/prlimit", ["--pid", "\(processID)", "--data=\(limit):"])
    }

    func openFiles() throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/\(processID)/fd").count
    }

    /// Whether a signal has stopped every thread: they stop one after the other.
    func isStopped() throws -> Bool { try isEveryThread("T") }

    /// Whether every thread waits for something to happen: what has happened before is dealt with.
    func isAsleep() throws -> Bool { try isEveryThread("S") }

    private func isEveryThread(_ state: String) throws -> Bool {
        let threads = "/proc/\(processID)/task"
        return try FileManager.default.contentsOfDirectory(atPath: threads).allSatisfy {
            let text = try String(contentsOfFile: "\(threads)/\($0)/stat", encoding: .utf8)
            return text[(text.lastIndex(of: ")") ?? text.startIndex)...].hasPrefix(") \(state)")
        }
    }

    /// User and system time spent.
    func cpuSeconds() throws -> Double {
        let text = try String(contentsOfFile: "/proc/\(processID)/stat", encoding: .utf8)
        // Behind the name in parentheses the third field comes first; 14 and 15 are utime and stime.
        let fields = text.drop { $0 != ")" }.split(separator: " ").dropFirst()
        let ticks = fields.dropFirst(11).prefix(2).compactMap { Double($0) }
        return ticks.reduce(0, +) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }
}

extension Program {
    /// Stops it, until it gets SIGCONT: what happens meanwhile it finds all at once. (A thread that was still running would have seen a part.)
    func suspend() throws {
        send(SIGSTOP)
        let figures = ProcessFigures(self)
        try eventually("the stop of every thread") { try figures.isStopped() }
    }
}
