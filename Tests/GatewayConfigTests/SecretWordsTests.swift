import Testing

@testable import GatewayConfig

@Suite struct SecretWordsTests {
    /// Each with one mistake or more, and a secret for which the log is no place.
    @Test(arguments: [
        "api_keys { key a\n  sha256=s3cret;\n}",
        "api_keys { key a sha256=s3cret; }",
        "api_keys { key a sha256=\"s3cret s3cret\"; }",
        "api_keys { key a 'sha256=s3cret'; }",
        "api_keys { key a sha256=env:NONE:-s3cret; }",
        "api_keys { key a sha256 = s3cret; }",
        "api_keys { key a s3cret; }",
        "api_keys { key a SHA256=s3cret; }",
        "api_keys { key a; sha256=s3cret; }",
        "api_keys { ky a s3cret; }",
        "api_keys { key a sha256=s3cret }",
        "api_keys { header X-A\n key a s3cret; }",
        "api_keys { nonsense; key a sha256=s3cret expires=never; key b sha256=s3cret; nonsense; }",
        "api_keys { key a sha256=s3cret;",
        "server { maintenance off { bypass_header X-P \"s3cret-pässword\"; } }",
        "server { maintenance off { bypass_header X-P \"a \\\"s3cret\"; nonsense; } }",
        "server { maintenance off { bypass_header X-P\n \"s3cret\n s3cret\"x; nonsense; } }",
        "server { maintenance off { bypass_header X-P \"s3cret; } }",
        "server { maintenance off { bypass_header X-P a s3cret s3cret; } }",
        "server { maintenance off { bypas_header X-P s3cret; } }",
        "server { maintenance off { flag /x bypass_header X-P s3cret; } }",
        "server { maintenance off { bypass_header X/P s3cret; } }",
        "bypass_header X-P s3cret;",
    ])
    func `no diagnostic repeats a key or a password, wherever in the line the mistake is`(_ text: String) {
        let told = diagnose(text + "\n" + aServer)
        #expect(!told.isEmpty)
        for text in told { #expect(!text.contains("s3cret")) }
    }

    @Test func `what stands around a secret is shown, and the caret stands where it stood`() {
        #expect(
            diagnose("api_keys { key a sha256=s3cret expires=2020-01-01 more; }\n" + aServer) == [
                """
                gateway.conf:1:25: error: this is no SHA-256
                    api_keys { key a sha256=****** expires=2020-01-01 ****; }
                                            ^~~~~~
                    expected 64 hexadecimal digits, as "gateway key new NAME" or sha256sum print them
                """
            ])
        #expect(
            diagnose("server { maintenance off { bypass_header X-P env:NONE; bypass_header X-P env:NONE:-ä; } }\n" + aServer).first
                == """
                gateway.conf:1:46: error: NONE is not set in the environment
                    server { maintenance off { bypass_header X-P env:NONE; bypass_header X-P env:NONE:-*; } }
                                                                 ^~~~~~~~
                    set it, or give a default: env:NONE:-default
                """)
    }

    @Test func `a byte order mark moves no stars`() {
        #expect(diagnose("\u{feff}api_keys { key a sha256=s3cret; }\n" + aServer).first?.contains("key a sha256=******; }") == true)
    }

    @Test func `messages name a secret word by what is none of it`() {
        #expect(
            messages("server { listen 80; maintenance off { bypass_header X-P \"ä\"; } return 200 a; }") == [
                "1:57: error: \"…\" is not the value of a header field"
            ])
        #expect(
            messages("api_keys { key a sha256=\(String(repeating: "0", count: 64)); sha256=abc; }\n" + aServer) == [
                "1:91: error: unknown directive \"sha256=…\""
            ])
    }

    @Test func `other words are shown as they are`() {
        #expect(
            diagnose("rate_limit a key=api_key rate=1r/s burst=1 { kem rate=abc; }\n" + aServer).first?.contains("kem rate=abc;") == true)
    }
}
