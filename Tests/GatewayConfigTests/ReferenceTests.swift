import Testing

@testable import GatewayConfig

/// The table of directives, and what is made of it.
@Suite struct ReferenceTests {
    @Test func `every directive stands in the reference with all its forms`() {
        let markdown = DirectiveReference.markdown()
        for directive in DirectiveTable.all {
            for form in directive.syntax { #expect(markdown.contains("`\(form.replacing("|", with: "\\|"))`"), "\(form)") }
            #expect(markdown.contains(directive.summary))
        }
        for variable in VariableTable.entries { #expect(markdown.contains("`$\(variable.name)`")) }
    }

    @Test func `forms are made of the declared arguments`() throws {
        func syntax(_ name: String, _ context: Context) -> [String]? { DirectiveTable.directive(named: name, in: context)?.syntax }
        #expect(syntax("listen", .server) == ["listen ADDRESS [ssl] [default_server] [proxy_protocol];"])
        #expect(syntax("location", .server) == ["location [=] PATH { ... }"])
        #expect(syntax("version", .upstream) == ["version NAME weight=NUMBER { ... }"])
        #expect(syntax("trusted_proxies", .main) == ["trusted_proxies NETWORK ...;"])
        #expect(
            syntax("access_log", .main) == [
                "access_log stdout|FILE json|combined [sample=PERCENT] [slow=TIME] [hide=NAME[,NAME ...]] [hide_headers=user-agent,referer];",
                "access_log off;",
            ])
        #expect(syntax("server", .main) == ["server { ... }"])
    }

    @Test func `every directive's example is right in each of its places`() {
        for directive in DirectiveTable.all where !["include", "page"].contains(directive.name) {
            for context in directive.contexts.single {
                let text = Self.text(around: directive, in: context)
                let result = ConfigLoader.load(text: text, path: "gateway.conf", environment: [:])
                #expect(result.diagnostics.isEmpty, "\(directive.name) in \(context.name): \(result.diagnostics.map(\.text))")
            }
        }
    }

    @Test func `every default is right`() {
        for directive in DirectiveTable.all where directive.fallback != nil {
            #expect(!Defaults.arguments(of: directive).items.isEmpty)
        }
    }

    @Test func `no name has two meanings in one place, and each is one sentence`() {
        for context in Context.anywhere.single {
            let names = Array(DirectiveTable.names(in: context))
            #expect(Set(names).count == names.count)
        }
        for directive in DirectiveTable.all {
            #expect(directive.summary.hasSuffix(".") && !directive.summary.dropLast().contains(". "), "\(directive.name)")
        }
    }

    private static var zone: String { DirectiveTable.directive(named: "cache_zone", in: .main)?.example ?? "" }
    private static var keyExample: String { DirectiveTable.directive(named: "key", in: .apiKeys)?.example ?? "" }

    /// The example in a configuration that is right without it.
    private static func text(around directive: Directive, in context: Context) -> String {
        let certificate = "ssl_certificate a.pem; ssl_certificate_key a.key;"
        let pair = directive.name.hasPrefix("ssl_certificate")
        // They say something together only.
        let clients = ["ssl_client_certificate", "ssl_verify_client", "ssl_crl"].contains(directive.name)
        let asking = "ssl_client_certificate a.pem; ssl_verify_client on; ssl_crl a.pem; \(certificate)"
        let example = pair ? certificate : clients ? asking : directive.example
        let listen = pair || clients || directive.example.contains(" ssl;") ? "listen 443 ssl;" : "listen 8080;"
        let certificates = directive.name == "listen" ? certificate : ""
        switch context {
        case .admin: return "admin 127.0.0.1:9145 { \(example) } " + aServer
        case .apiKeys: return "api_keys { \(directive.name == "key" ? "" : keyExample) \(example) } " + aServer
        case .rateLimit:
            let key = keyExample.replacing("mobile", with: "partner")
            return "api_keys { \(key) } rate_limit a key=api_key rate=1r/s { \(example) } " + aServer
        case .upstream:
            let needsVersion = ["sticky", "version_header"].contains(directive.name)
            let servers =
                needsVersion ? "version v weight=1 { server b:1; } " : ["server", "version"].contains(directive.name) ? "" : "server b:1; "
            return "upstream a { \(servers)\(example) } " + aServer
        case .version: return "upstream a { version v weight=1 { \(example) } } " + aServer
        case .server:
            let answer = ["return", "location"].contains(directive.name) ? "" : "return 200 ok;"
            return "server { \(directive.name == "listen" ? "" : listen) \(certificates) \(example) \(answer) }"
        case .securityHeaders:
            return "server { listen 443 ssl; \(certificate) security_headers { \(example) } return 200 ok; }"
        case .cors:
            let origins = directive.name == "origins" ? "" : "origins https://a.example;"
            return server("cors { \(origins) \(example) } return 200 ok;")
        case .maintenance:
            return server("maintenance off { \(example) } return 200 ok;")
        case .location:
            if directive.name == "cache" { return zone + location(example + "proxy_pass http://127.0.0.1:9001;") }
            let answer = ["return", "proxy_pass"].contains(directive.name) ? "" : "return 200 ok;"
            return location(example + answer)
        default:
            if directive.name == "cache_zone" { return example + location("cache ai scope=shared; proxy_pass http://127.0.0.1:9001;") }
            return directive.name == "server" ? example : "\(example) server { \(listen) return 200 ok; }"
        }
    }
}

extension Context {
    /// The places it is made of.
    var single: [Context] {
        [.main, .admin, .upstream, .version, .server, .location, .apiKeys, .rateLimit, .securityHeaders, .cors, .maintenance]
            .filter { contains($0) }
    }
}
