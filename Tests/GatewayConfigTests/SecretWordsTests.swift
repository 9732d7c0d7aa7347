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
        "server { maintenance off { bypass_header X-P \"key=s3cret\"; nonsense; } }",
        "server { maintenance off { bypass_header X-P \"rate=s3cret\" nonsense; } }",
        "proxy_set_header Authorization \"Bearer s3cret\" nonsense;",
        "proxy_set_header Authorization Bearer s3cret;",
        "proxy_set_header authorization \"key=s3cret\" nonsense;",
        "proxy_set_header Cookie 'session=s3cret; a=b'x;",
        "proxy_set_header Proxy-Authorization env:NONE:-s3cret more;",
        "proxy_set_header X-API-Key s3cret",
        "proxy_set_header X-Auth-Token \"$s3cret\";",
        "proxy_set_header Client-Secret \"a${s3cret\";",
        "proxy_set_headr Client-Secret s3cret;",
        "proxy_set_header \"Authorization: Bearer s3cret\";",
        "proxy_set_header \"X-API-Key: s3cret\" more;",
        "server { location / { proxy_pass http://x proxy_set_header Authorization s3cret; } }",
        "proxy_set_header Authorization \"s3cret\u{1}\";",
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

    @Test func `a field for the origin is shown where its name is none of a secret`() {
        #expect(
            diagnose("proxy_set_header X-Served-By \"gate$way\" more;\n" + aServer).first?
                .contains("proxy_set_header X-Served-By \"gate$way\" more;") == true)
        #expect(messages("proxy_set_header X-API-Key $ky;\n" + aServer) == ["1:28: error: unknown variable"])
        #expect(messages("proxy_set_header X-Served-By $ky;\n" + aServer) == ["1:30: error: unknown variable \"$ky\""])
    }

    @Test func `other words are shown as they are`() {
        #expect(
            diagnose("rate_limit a key=api_key rate=1r/s burst=1 { kem rate=abc; }\n" + aServer).first?.contains("kem rate=abc;") == true)
    }
}
