import GatewayConfig
import GatewayCore
import GatewayPolicy
import Testing

@Suite struct CompiledTemplateTests {
    private func spelled(_ template: CompiledTemplate) -> [String] {
        (0..<template.partCount).map { index in
            let part = template.part(index)
            return "\(part.kind):\(template.bytes(of: part).string)"
        }
    }

    @Test func `parts keep their order, their kinds and their names`() {
        let template = CompiledTemplate(
            Template(parts: [
                .literal("https://"), .variable(.host), .literal(":"), .literal("84"), .literal("43"), .variable(.requestURI), .literal(""),
                .variable(.http("User_Agent")), .variable(.argument("Key_1")), .literal("\u{e9}"),
            ]))
        #expect(
            spelled(template) == [
                "literal:https://", "host:", "literal::8443", "requestURI:", "http:user-agent", "argument:key_1", "literal:\u{e9}",
            ])
        #expect(!template.isConstant)
    }

    @Test func `a template without variables is constant`() {
        let constant = CompiledTemplate(Template(parts: [.literal("a"), .literal("b")]))
        #expect(constant.isConstant && spelled(constant) == ["literal:ab"])
        let empty = CompiledTemplate(Template(parts: []))
        #expect(empty.isConstant && empty.partCount == 0)
    }

    @Test func `every variable has a kind of its own`() {
        let variables: [Variable] = [
            .host, .remoteAddr, .remotePort, .serverAddr, .serverPort, .serverName, .serverProtocol, .scheme, .requestMethod, .requestURI,
            .uri,
            .args, .isArgs, .requestID, .hostname, .proxyAddXForwardedFor, .sslProtocol, .sslCipher, .sslServerName, .http("a"),
            .argument("a"),
        ]
        let kinds = variables.map { CompiledTemplate(Template(parts: [.variable($0)])).part(0).kind }
        #expect(Set(kinds).count == variables.count && !kinds.contains(.literal))
        for (variable, kind) in zip(variables, kinds) { #expect("\(variable)".hasPrefix("\(kind)")) }
    }
}

@Suite struct QueryParameterTests {
    private func value(_ name: String, _ query: String) -> String? {
        let text = bytes(query)
        return QueryParameter.value(named: bytes(name).rawSpan, in: text.rawSpan).map { String(decoding: text[$0], as: UTF8.self) }
    }

    @Test func `the first value counts, verbatim`() {
        #expect(value("key", "key=a%20b+c&key=d") == "a%20b+c")
        #expect(value("key", "x=key&monkey=1&keys=2&key=3&y=4") == "3")
        #expect(value("key", "KEY=1") == "1")
        #expect(value("key", "a=1&&key=x=y") == "x=y")
        #expect(value("a", "a=") == "")
    }

    @Test func `a parameter without an equals sign is passed over`() {
        #expect(value("key", "key&key=2") == "2")
        #expect(value("key", "key") == nil)
        #expect(value("key", "ke&y=1") == nil)
        #expect(value("a&b", "a&b=1") == nil)
        #expect(value("key", "") == nil)
    }
}
