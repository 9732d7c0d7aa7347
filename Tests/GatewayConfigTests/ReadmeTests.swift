import Foundation
import GatewayConfig
import Testing

@Suite struct ReadmeDirectivesTests {
    @Test func `the README holds the reference of the directives as the table makes it`() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let readme = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let reference = DirectiveReference.markdown().trimmingCharacters(in: .newlines)
        #expect(readme.contains("<!-- directives -->\n" + reference + "\n<!-- /directives -->"))
    }
}
