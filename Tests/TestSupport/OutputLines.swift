import Glibc

/// What a program has written to one of its outputs, line by line, as it comes.
public final class OutputLines: Sendable {
    private struct State {
        var lines: [String] = []
        var isEnded = false
    }

    private let state = Monitor(State())

    /// Reads `descriptor` to its end on a thread of its own, and closes it.
    init(reading descriptor: Int32) {
        let state = state
        startThread("output") {
            var rest: [UInt8] = []
            var buffer = [UInt8](repeating: 0, count: 65536)
            while true {
                let count = read(descriptor, &buffer, buffer.count)
                if count < 0 && errno == EINTR { continue }
                if count <= 0 { break }
                rest += buffer[..<count]
                let pieces = rest.split(separator: 0x0a, omittingEmptySubsequences: false)
                let lines = pieces.dropLast().map { String(decoding: $0, as: UTF8.self) }
                rest = pieces.last.map(Array.init) ?? []
                state.update { $0.lines += lines }
            }
            close(descriptor)
            let last = rest.isEmpty ? [] : [String(decoding: rest, as: UTF8.self)]
            state.update {
                $0.lines += last
                $0.isEnded = true
            }
        }
    }

    public var lines: [String] { state.value.lines }
    public var text: String { lines.joined(separator: "\n") }
    /// Where the next line will stand: for waits that must not see what was there before.
    public var count: Int { state.value.lines.count }

    /// The first line from position `start` on that fits; fails at once when the output has ended without it.
    @discardableResult
    public func waitForLine(
        _ what: String, from start: Int = 0, timeout: Double = Deadline.defaultSeconds, matching fits: (String) -> Bool
    ) throws -> String {
        let found: Result<String, TestError>? = state.wait(until: Deadline(seconds: timeout)) { state in
            if let line = state.lines.dropFirst(start).first(where: fits) { return .success(line) }
            return state.isEnded ? .failure(.ended("no line with \(what) in:\n\(state.lines.suffix(30).joined(separator: "\n"))")) : nil
        }
        guard let found else { throw TestError.timedOut("no line with \(what) in:\n\(lines.suffix(30).joined(separator: "\n"))") }
        return try found.get()
    }

    @discardableResult
    public func waitForLine(containing text: String, from start: Int = 0, timeout: Double = Deadline.defaultSeconds) throws -> String {
        try waitForLine("'\(text)'", from: start, timeout: timeout) { $0.contains(text) }
    }

    /// Waits until the program has closed this output.
    public func waitForEnd(timeout: Double = Deadline.defaultSeconds) throws {
        guard state.wait(until: Deadline(seconds: timeout), for: { $0.isEnded ? true : nil }) != nil else {
            throw TestError.timedOut("the output did not end")
        }
    }
}
