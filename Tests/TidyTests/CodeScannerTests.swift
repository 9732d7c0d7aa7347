import Testing

@Suite struct CodeScannerTests {
    private func code(_ text: String) -> [String] {
        SourceFile(path: "a.swift", text: text).lines.map(\.code)
    }

    @Test func `comments are no code`() {
        #expect(code("a // print(\n/* b\n /* c */ d */ e") == ["a ", "", " e"])
    }

    @Test func `what a string holds is no code`() {
        #expect(code(#"f("unsafe \" // x") // y"#) == [#"f("") "#])
        #expect(code("g(#\"a\"b\"#) + h") == ["g(\"\") + h"])
        #expect(code("let a = \"\"\"\n  unsafe \"x\"\n  \"\"\" + b") == ["let a = ", "", " + b"])
    }

    @Test func `a word is no part of a longer name`() {
        #expect("a unsafe b".containsWord("unsafe") && "unowned(unsafe)".containsWord("unsafe") && "Task.sleep(1)".containsWord("sleep("))
        #expect(!"unsafeBitCast(notunsafe, unsafe_)".containsWord("unsafe") && !"fingerprint(a)".containsWord("print("))
    }

    @Test func `a place is named by file and line`() {
        let file = SourceFile(path: "Sources/x/a.swift", text: "a\nunsafe b\n\"unsafe\"")
        #expect(file.places { $0.code.contains("unsafe") } == ["Sources/x/a.swift:2"])
    }
}
