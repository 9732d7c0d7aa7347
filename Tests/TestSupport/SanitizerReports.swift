import Foundation
import Testing

/// What AddressSanitizer or ThreadSanitizer says of a program that was built with it. `make test-asan` and `make test-tsan` name a
/// directory for such reports; the exit status would not do, as many tests don't look at it, and a report may come long before the end.
public struct SanitizerReports: Sendable {
    /// Whether the gateway is one built with a sanitizer: its figures of memory and time are not those of the gateway.
    public static var areWanted: Bool { wantedDirectory != nil }

    /// For tests of memory alone.
    public static var memoryIsMeasured: ConditionTrait {
        .disabled(if: areWanted, "a sanitizer keeps several bytes for each of the gateway's, and what was freed")
    }

    private static let wantedDirectory = ProcessInfo.processInfo.environment["GATEWAY_SANITIZER_REPORTS"].flatMap { $0.isEmpty ? nil : $0 }

    private let directory: String
    private let name = UUID().uuidString

    /// nil unless GATEWAY_SANITIZER_REPORTS names a directory.
    init?() {
        guard let directory = Self.wantedDirectory else { return nil }
        self.directory = directory
    }

    /// What the program needs to write its reports to files of its own, besides the options that are set already.
    var environment: [String: String] {
        let outer = ProcessInfo.processInfo.environment
        return ["ASAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS"].reduce(into: [:]) { variables, variable in
            variables[variable] = [outer[variable], "log_path=\(directory)/\(name)"].compactMap(\.self).joined(separator: ":")
        }
    }

    /// Fails the test if there are any. The program must have ended.
    func record() {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        for file in files where file.hasPrefix(name) {
            let text = (try? String(contentsOfFile: "\(directory)/\(file)", encoding: .utf8)) ?? "it can't be read"
            Issue.record("a sanitizer's report, \(directory)/\(file):\n\(text)")
        }
    }
}
