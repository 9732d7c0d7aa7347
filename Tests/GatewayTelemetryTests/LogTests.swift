import GatewayCore
import Glibc
import Logging
import Testing

@testable import GatewayTelemetry

/// A directory of its own, removed at the end.
final class TemporaryDirectory {
    let path: String

    init() {
        var template = Array("/tmp/telemetry-XXXXXX\0".utf8).map { CChar($0) }
        path = String(cString: mkdtemp(&template))
    }

    func file(_ name: String) -> String { path + "/" + name }

    func contents(_ name: String) -> String { Descriptor.contents(of: file(name)) ?? "" }

    deinit {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(file(name))
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

@Suite(.timeLimit(.minutes(10))) struct LogSinkTests {
    private func line(_ text: String) -> [UInt8] { Array((text + "\n").utf8) }

    /// A pipe whose ends block, as standard output's may.
    private func blockingPipe() -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        return (ends[0], ends[1])
    }

    private func readAll(_ reader: Int32) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = read(reader, &piece, piece.count)
            if count <= 0 { return bytes }
            bytes += piece[..<count]
        }
    }

    @Test func `lines stand in the file in the order they came, and closing loses none`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        var expected = ""
        for number in 0..<5_000 {
            expected += "line \(number)\n"
            sink.submit(line("line \(number)"), lines: 1)
        }
        sink.close()
        #expect(directory.contents("log") == expected)
        #expect(sink.droppedLines == 0)
    }

    @Test func `lines of many threads are whole, and each thread's in order`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        let threads = (0..<4).map { name in
            TestThread {
                for number in 0..<2_000 { sink.submit(Array("\(name) \(number)\n".utf8), lines: 1) }
            }
        }
        for thread in threads { thread.join() }
        sink.close()
        var next = [0, 0, 0, 0]
        for line in directory.contents("log").split(separator: "\n") {
            let words = line.split(separator: " ").compactMap { Int($0) }
            try #require(words.count == 2)
            #expect(words[1] == next[words[0]])
            next[words[0]] += 1
        }
        #expect(next == [2_000, 2_000, 2_000, 2_000])
    }

    @Test func `a log is appended to, never overwritten`() throws {
        let directory = TemporaryDirectory()
        for text in ["first", "second"] {
            let sink = try LogSink(path: directory.file("log"))
            sink.submit(line(text), lines: 1)
            sink.close()
        }
        #expect(directory.contents("log") == "first\nsecond\n")
    }

    @Test func `after a rename and reopen, later lines go to a new file and earlier ones to the old`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        sink.submit(line("before"), lines: 1)
        rename(directory.file("log"), directory.file("log.1"))
        try sink.reopen()
        sink.submit(line("after"), lines: 1)
        sink.close()
        #expect(directory.contents("log.1") == "before\n")
        #expect(directory.contents("log") == "after\n")
    }

    @Test func `however often it is reopened while nothing is written, one new destination waits`() throws {
        let directory = TemporaryDirectory()
        let queue = try LogQueue(bytesMax: 1024)
        var first = line("first")
        var second = line("second")
        queue.append(&first, lines: 1)
        for name in ["a", "b", "c"] { queue.append(try Descriptor.open(log: directory.file(name))) }
        queue.append(&second, lines: 1)
        _ = queue.close(deadline: .now())
        #expect(queue.take([]).entries.count == 3)
    }

    @Test func `when the path cannot be opened again, the error says so and the old file stays`() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("log")
        let sink = try LogSink(path: path)
        rename(path, directory.file("log.1"))
        mkdir(path, 0o755)
        let error = #expect(throws: LogSinkError.self) { try sink.reopen() }
        #expect(error?.description == "open \(path): is a directory")
        sink.submit(line("still here"), lines: 1)
        sink.close()
        rmdir(path)
        #expect(directory.contents("log.1") == "still here\n")
    }

    @Test func `a log that cannot be opened is an error at once`() {
        let error = #expect(throws: LogSinkError.self) { try LogSink(path: "/nonexistent/log") }
        #expect(error?.description == "open /nonexistent/log: no such file or directory")
    }

    @Test func `when nobody reads, lines are dropped and counted, and those taken arrive whole once somebody does`() throws {
        let (reader, writer) = blockingPipe()
        let sink = try LogSink(Descriptor(number: writer, isOwned: true), path: nil, queueBytesMax: 64 * 1024)
        let count = 4_000
        for number in 0..<count { sink.submit(line("line \(number) " + String(repeating: "x", count: 90)), lines: 1) }
        let dropped = Int(sink.droppedLines)
        #expect(dropped > count / 2 && dropped < count)

        // The reader wakes up: what was taken comes, and there is room for new lines.
        var received: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        var droppedBefore: UInt64
        repeat {
            let length = read(reader, &piece, piece.count)
            received += piece[..<length]
            droppedBefore = sink.droppedLines
            sink.submit(line("last"), lines: 1)
        } while sink.droppedLines > droppedBefore
        let closer = TestThread { sink.close() }
        // The sink's end of the pipe closes with the sink's thread, so this ends.
        received += readAll(reader)
        closer.join()
        close(reader)

        let lines = String(decoding: received, as: UTF8.self).split(separator: "\n")
        let numbers = lines.filter { $0 != "last" }.map { $0.split(separator: " ") }
        #expect(numbers.allSatisfy { $0.count == 3 && $0[2].count == 90 })
        #expect(numbers.count == count - dropped)
        #expect(lines.last == "last")
    }

    @Test func `closing gives up on a destination that nobody reads, and counts what it could not write`() throws {
        let (reader, writer) = blockingPipe()
        let sink = try LogSink(Descriptor(number: writer, isOwned: true), path: nil, queueBytesMax: 1024 * 1024, closeMs: 20)
        for _ in 0..<2_000 { sink.submit(line(String(repeating: "x", count: 99)), lines: 1) }
        sink.close()
        let received = readAll(reader)
        close(reader)
        #expect(received.last == 0x0a)
        #expect(received.count / 100 + Int(sink.droppedLines) == 2_000)
    }

    @Test func `when the reader has gone, lines are dropped and the program lives`() throws {
        let (reader, writer) = blockingPipe()
        let sink = try LogSink(Descriptor(number: writer, isOwned: true), path: nil, queueBytesMax: 64 * 1024)
        close(reader)
        for _ in 0..<10 { sink.submit(line("to nobody"), lines: 1) }
        sink.close()
        #expect(sink.droppedLines == 10)
    }

    @Test func `when the disk is full, lines are dropped and counted`() throws {
        let sink = try LogSink(path: "/dev/full")
        sink.submit(line("one") + line("two"), lines: 2)
        sink.submit(line("three"), lines: 1)
        sink.close()
        #expect(sink.droppedLines == 3)
    }

    @Test func `after a line that was cut by a full disk the next one begins on its own`() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("log")
        // RLIMIT_FSIZE would hold for the whole process, so the failure is a destination's that took half a line.
        let queue = try LogQueue(bytesMax: 1024)
        var writer = LogWriter(queue: queue, destination: try Descriptor.open(log: path), isWithinLine: true)
        var next = line("next")
        queue.append(&next, lines: 1)
        _ = queue.close(deadline: .now())
        writer.run()
        #expect(directory.contents("log") == "\nnext\n")
    }

    @Test func `after the end lines are dropped, and closing again does nothing`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        sink.close()
        sink.close()
        sink.submit(line("late"), lines: 1)
        #expect(sink.droppedLines == 1)
        #expect(directory.contents("log").isEmpty)
    }
}

@Suite struct LogBufferTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000)

    @Test func `lines leave the buffer when it is flushed, and are due 50 ms after the first`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        let pool = BufferPool()
        var buffer = LogBuffer(sink: sink, pool: pool)
        var due = buffer.flushDue
        #expect(due.isNever)
        buffer.withLine(now: start) { $0.append("one") }
        buffer.withLine(now: start.adding(milliseconds: 20)) { $0.append("two") }
        due = buffer.flushDue
        #expect(due == start.adding(milliseconds: 50))
        buffer.flush()
        due = buffer.flushDue
        #expect(due.isNever)
        sink.close()
        #expect(directory.contents("log") == "one\ntwo\n")
    }

    @Test func `a full buffer goes to the sink by itself, and nothing is lost or out of order`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        let pool = BufferPool()
        var expected = ""
        do {
            var buffer = LogBuffer(sink: sink, pool: pool)
            for number in 0..<10_000 {
                buffer.withLine(now: start) { line in
                    line.append("a line with the number ")
                    line.append(decimal: number)
                }
                expected += "a line with the number \(number)\n"
            }
        }
        sink.close()
        #expect(directory.contents("log") == expected)
        #expect(sink.droppedLines == 0)
    }

    @Test func `a line longer than the buffer is written whole`() throws {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        let pool = BufferPool()
        var buffer = LogBuffer(sink: sink, pool: pool)
        let long = [UInt8](repeating: 0x61, count: 100_000)
        buffer.withLine(now: start) { $0.append(long) }
        buffer.withLine(now: start) { $0.append("short") }
        buffer.flush()
        sink.close()
        #expect(directory.contents("log") == String(repeating: "a", count: 100_000) + "\nshort\n")
    }
}

@Suite struct OperationalLogTests {
    private func logged(level: Logger.Level = .info, _ body: (Logger) -> Void) throws -> [Substring] {
        let directory = TemporaryDirectory()
        let sink = try LogSink(path: directory.file("log"))
        body(Logger(label: "test") { _ in OperationalLogHandler(sink: sink, level: level) })
        sink.close()
        return directory.contents("log").split(separator: "\n")
    }

    @Test func `a line has its time, level, message and fields in order`() throws {
        let lines = try logged { logger in
            var logger = logger
            logger[metadataKey: "worker"] = "1"
            logger.warning("an origin failed", metadata: ["b": "two words", "a": "1", "empty": "", "pair": "x=y", "path": "C:\\\"q\""])
        }
        try #require(lines.count == 1)
        #expect(lines[0].wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z .*/) != nil)
        #expect(lines[0].dropFirst(25) == #"warning an origin failed a=1 b="two words" empty="" pair="x=y" path="C:\\\"q\"" worker=1"#)
    }

    @Test func `a peer's bytes cannot begin a line or hide in one`() throws {
        let lines = try logged { logger in
            logger.info("path\n2026-01-01T00:00:00.000Z error forged", metadata: ["host": "a\r\nb\u{1b}[2J\u{2028}\u{85}\u{202e}\u{7f}é"])
        }
        try #require(lines.count == 1)
        #expect(
            lines[0].dropFirst(25)
                == #"info path\n2026-01-01T00:00:00.000Z error forged host="a\r\nb\u{1b}[2J\u{2028}\u{85}\u{202e}\u{7f}é""#)
    }

    @Test func `lines below the level are not written`() throws {
        let lines = try logged(level: .warning) { logger in
            logger.info("quiet")
            logger.error("loud")
        }
        #expect(lines.count == 1 && lines[0].hasSuffix("error loud"))
    }
}
