import GatewayCore
import Logging
import Synchronization
import Testing

@testable import GatewayTelemetry

/// Lines that are said again and again.
@Suite struct RepeatedLinesTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    private func key(_ message: String, line: UInt = 1) -> RepeatedLines.Key {
        RepeatedLines.Key(message: message, file: "F.swift", line: line)
    }

    @Test func `of the same line from the same place so many pass, and the rest is told of once`() {
        let wakes = Mutex(0)
        let repeats = RepeatedLines { wakes.withLock { $0 += 1 } }
        let passed = (0..<Limits.logRepeatsMax + 312).count { _ in repeats.passes(key("a"), .warning, now: start) }
        #expect(passed == Limits.logRepeatsMax)
        #expect(repeats.passes(key("a", line: 2), .warning, now: start))
        #expect(repeats.passes(key("b"), .warning, now: start))
        #expect(wakes.withLock { $0 } == 1)
        let end = start.adding(milliseconds: Limits.logRepeatMs)
        #expect(repeats.nextDue == end)
        #expect(repeats.takeEnded(now: start).isEmpty)
        let ended = repeats.takeEnded(now: end)
        #expect(ended.map(\.message) == ["a"] && ended.map(\.count) == [312] && ended.map(\.level) == [.warning])
        #expect(repeats.nextDue.isNever && repeats.takeEnded(now: end).isEmpty)
        #expect(repeats.passes(key("a"), .warning, now: end))
    }

    @Test func `a period that is over begins anew, also where nobody has asked`() {
        let repeats = RepeatedLines {}
        for _ in 0..<Limits.logRepeatsMax { _ = repeats.passes(key("a"), .info, now: start) }
        #expect(repeats.passes(key("a"), .info, now: start.adding(milliseconds: Limits.logRepeatMs)))
    }

    @Test func `places beyond the table are counted together`() {
        let repeats = RepeatedLines {}
        for line in 0..<UInt(Limits.logRepeatPlacesMax) { #expect(repeats.passes(key("a", line: line), .info, now: start)) }
        let passed = (0..<500).count { repeats.passes(key("further \($0)"), .info, now: start) }
        #expect(passed == Limits.logRepeatsMax)
        let ended = repeats.takeEnded(now: start.adding(milliseconds: Limits.logRepeatMs))
        #expect(ended.map(\.message) == ["further lines"] && ended.map(\.count) == [500 - Limits.logRepeatsMax])
    }

    @Test func `the log says what was kept back, and keeps nothing back of debug lines`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        let repeats = RepeatedLines {}
        let logger = Logger(label: "test") { _ in OperationalLogHandler(sink: sink, level: .debug, repeats: repeats) }
        for number in 0..<Limits.logRepeatsMax + 7 {
            logger.warning("it fails", metadata: ["number": "\(number)"])
            logger.debug("it is so")
        }
        repeats.report(to: sink, now: .never)
        sink.close()
        let lines = directory.contents("log").split(separator: "\n")
        #expect(lines.count { $0.contains("warning it fails number=") } == Limits.logRepeatsMax)
        #expect(lines.count { $0.contains("debug it is so") } == Limits.logRepeatsMax + 7)
        #expect(lines.last?.hasSuffix("warning it fails … and 7 more") == true)
    }
}
