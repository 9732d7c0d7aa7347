import Foundation
import TestSupport
import Testing

/// A configuration of Tests/examples, as it is; the environment puts it in front of origins of the test's.
enum Example {
    /// Made once: a key for each test would take its time.
    private static let authority = Result { try TestCertificates() }
    private static let leaf = Result { try authority.get().leaf(["localhost"]) }

    static func text(_ name: String) throws -> String {
        let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return try String(contentsOf: tests.appendingPathComponent("examples/\(name).conf"), encoding: .utf8)
    }

    /// The text with one piece of it replaced, wherever it stands.
    static func text(_ name: String, _ piece: String, by other: String) throws -> String {
        let text = try text(name)
        try #require(text.contains(piece), "\(name).conf doesn't say \(piece)")
        return text.replacingOccurrences(of: piece, with: other)
    }

    /// What a file of keys says of one.
    static func line(_ name: String, _ key: String) -> String { "key \(name) sha256=\(sha256(key));" }

    static func certificate() throws -> [String: String] {
        try ["CERTIFICATE": leaf.get().certificatePath, "CERTIFICATE_KEY": leaf.get().keyPath]
    }
}

/// How many requests a bucket lets through that is full to begin with: those that it holds, and what comes back while they are sent.
struct BucketCount {
    private let size: Int
    private let start = ContinuousClock.now
    var passed = 0

    /// A bucket of so many requests that fills up within a minute.
    init(perMinute size: Int) {
        self.size = size
    }

    /// Asks until it is refused, and returns the refusal.
    @discardableResult
    mutating func drain(_ ask: () throws -> HTTPResponse) throws -> HTTPResponse {
        let deadline = Deadline(seconds: 120)
        while !deadline.hasPassed {
            let answer = try ask()
            if answer.status == 429 { return answer }
            try #require(answer.status == 200, "\(answer.rawHead)")
            passed += 1
        }
        throw TestError.timedOut("a refusal; \(passed) requests have passed")
    }

    /// Whether neither too few have passed nor too many, in the time that it took.
    var isExact: Bool {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return passed >= size && Double(passed) <= Double(size) * (1 + seconds / 60)
    }
}
