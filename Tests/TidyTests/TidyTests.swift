import Foundation
import Testing

/// The rules of the house, held over the source text. Each failure names the places as file:line.
@Suite struct TidyTests {
    static let linesMax = 500

    /// Read once for all tests.
    private static let allSources = Result { try SourceFile.all(in: "Sources") }
    private static let allTests = Result { try SourceFile.all(in: "Tests") }

    let sources: [SourceFile]
    let tests: [SourceFile]

    init() throws {
        sources = try Self.allSources.get()
        tests = try Self.allTests.get()
    }

    /// Sources of the gateway itself; the demo origin is a program of its own with Foundation in it.
    private var gateway: [SourceFile] { sources.filter { $0.layer != "demo-upstream" } }

    private func expectNone(_ places: [String], _ rule: Comment) {
        #expect(places.isEmpty, "\(rule): \(places.joined(separator: ", "))")
    }

    // MARK: Names

    @Test func `README tells of each phase of a request once, in the order of the code`() throws {
        let exchange = try #require(sources.first { $0.path == "Sources/GatewayProxy/Exchange.swift" })
        let start = try #require(exchange.lines.firstIndex { $0.code.contains("enum Phase") })
        let phases = exchange.lines[start...].first { $0.code.contains("case ") }?.code.replacing("case", with: "")
            .split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        let readme = try String(contentsOfFile: "\(SourceFile.root)/README.md", encoding: .utf8).split(separator: "\n")
        let head = try #require(readme.firstIndex { $0.hasPrefix("| phase |") })
        let told = readme[(head + 2)...].prefix { $0.hasPrefix("|") }
            .map { $0.dropFirst().prefix { $0 != "|" }.trimmingCharacters(in: .whitespaces) }
        #expect(told == phases)
    }

    @Test func `README says nothing twice, and its prose keeps to the width of the sources`() throws {
        var isCode = false
        var told: [Substring: Int] = [:]
        for (index, line) in try String(contentsOfFile: "\(SourceFile.root)/README.md", encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        {
            if line.hasPrefix("```") { isCode.toggle() }
            if isCode || line.hasPrefix("|") { continue }
            #expect(line.count <= 140, "README.md:\(index + 1) has \(line.count) columns")
            // A point's title, or a line of prose: what two changes of the same paragraph leave there when they are put together.
            let text = line.firstRange(of: /^- \*\*[^*]+\*\*/).map { line[$0] } ?? line
            if text.count <= 40 && text.count == line.count { continue }
            let before = told.updateValue(index + 1, forKey: text)
            #expect(before == nil, "README.md:\(index + 1) stands in line \(before ?? 0) already: \(text)")
        }
    }

    // MARK: Layers

    @Test func `a layer imports only what stands above it`() {
        for file in sources {
            let allowed = Architecture.layers[file.layer, default: []].union(Architecture.systemModules)
            let wrong = file.places { line in importedModule(line.code).map { !allowed.contains($0) } ?? false }
            expectNone(wrong, "\(file.layer) may import \(allowed.sorted().joined(separator: ", "))")
        }
    }

    @Test func `every layer that has sources is known here`() {
        let unknown = Set(sources.map(\.layer)).subtracting(Architecture.layers.keys)
        expectNone(unknown.map { "Sources/\($0)" }, "name the layer in Architecture.swift")
    }

    @Test func `no layer stands on itself by way of others`() {
        for (layer, allowed) in Architecture.layers {
            for above in allowed { #expect(Architecture.layers[above]?.contains(layer) != true, "\(layer) and \(above) import each other") }
        }
    }

    private func importedModule(_ code: String) -> String? {
        guard code.contains("import") else { return nil }
        let declaration =
            /^\s*(?:@\w+(?:\([^)]*\))?\s+)*(?:(?:public|package|internal|private|fileprivate)\s+)?import\s+(?:(?:struct|class|enum|protocol|typealias|func|let|var)\s+)?(\w+)/
        return code.firstMatch(of: declaration).map { String($0.1) }
    }

    // MARK: What stays off the data path

    @Test func `nothing prints`() {
        for file in gateway { expectNone(file.places { $0.code.containsWord("print(", "debugPrint(", "dump(") }, "log it instead") }
    }

    @Test func `no error is ignored by stopping the program`() {
        for file in sources {
            expectNone(file.places { $0.code.contains("try!") }, "handle the error")
            expectNone(file.places { $0.text.contains("fatalError(\"not") }, "write it, or leave it out")
        }
    }

    @Test func `nothing is left for later`() {
        for file in sources + tests where !file.path.hasPrefix("Tests/TidyTests/") {
            expectNone(file.places { $0.text.containsWord("TODO", "FIXME", "XXX", "HACK") }, "do it, or open an issue")
        }
    }

    // MARK: Safety

    @Test func `unsafe stands only where the list says why`() {
        for file in sources where !isListed(file) {
            expectNone(file.places { saysUnsafe($0) }, "read through RawSpan, or name the file in Architecture.swift with its reason")
        }
    }

    @Test func `the list of unsafe files holds none that needs no place in it`() {
        for file in sources where Architecture.unsafeFiles[file.pathInSources] != nil && !file.lines.contains(where: saysUnsafe) {
            Issue.record("\(file.path):1: says no unsafe: take it off the list")
        }
    }

    private func isListed(_ file: SourceFile) -> Bool {
        Architecture.unsafeFiles.keys.contains { $0.hasSuffix("/") ? file.pathInSources.hasPrefix($0) : file.pathInSources == $0 }
    }

    private func saysUnsafe(_ line: SourceFile.Line) -> Bool {
        line.code.containsWord("unsafe")
    }

    @Test func `every check of the compiler is on in every build`() throws {
        let manifest = try SourceFile("Package.swift")
        for wrong in ["-Ounchecked", "enforce-exclusivity", "-unchecked", "unsafeFlags", ".v5", "swiftLanguageMode(", "suppressWarnings"] {
            expectNone(manifest.places { $0.text.contains(wrong) }, "no '\(wrong)'")
        }
        let text = manifest.lines.map(\.text).joined(separator: "\n")
        for needed in [".strictMemorySafety()", ".treatAllWarnings(as: .error)", "swiftLanguageModes: [.v6]"] {
            #expect(text.contains(needed), "Package.swift:1: \(needed) is missing")
        }
        for path in ["Makefile", ".ci/run"] {
            let file = try SourceFile(path)
            expectNone(file.places { $0.text.contains(/-Ounchecked|enforce-exclusivity|-disable-.*-checks/) }, "the checks stay on")
        }
    }

    // MARK: Shape

    @Test func `a file has one head's worth of lines`() {
        for file in sources + tests where file.lines.count > Self.linesMax {
            Issue.record("\(file.path):\(file.lines.count): more than \(Self.linesMax) lines")
        }
    }

    /// One place polls: the helper that waits for a state.
    @Test func `tests wait for a state and never sleep`() {
        for file in tests where file.path != "Tests/TestSupport/Deadline.swift" {
            expectNone(
                file.places { $0.code.containsWord("sleep(", "usleep(", "nanosleep(") }, "wait with eventually, or for a line or a byte")
        }
    }

    @Test func `a test's name is a sentence`() {
        for file in tests {
            expectNone(
                file.places { $0.code.contains("@Test") && $0.code.contains(/@Test\b.*\bfunc\s+\w/) },
                "write the name as a sentence between backticks")
        }
    }
}
