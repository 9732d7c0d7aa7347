import TestSupport
import Testing

/// Bodies that have no one meaning: the origin gets them byte for byte, nothing is kept, and the reason is counted.
@Suite struct CacheBadBodyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let bytes: [UInt8]

        init(_ name: String, _ reason: String, _ bytes: [UInt8]) {
            testDescription = name
            self.reason = reason
            self.bytes = bytes
        }

        init(_ name: String, _ reason: String, _ text: String) {
            self.init(name, reason, Array(text.utf8))
        }
    }

    static let cases = [
        Case("nothing", "json_invalid", ""),
        Case("white space", "json_invalid", " \n"),
        Case("half a document", "json_invalid", #"{"a":"#),
        Case("two documents", "json_invalid", "{}{}"),
        Case("a comma too many", "json_invalid", #"{"a":1,}"#),
        Case("a comment", "json_invalid", "{}//"),
        Case("single quotes", "json_invalid", "{'a':1}"),
        Case("NaN", "json_invalid", "[NaN]"),
        Case("a leading zero", "json_invalid", "[01]"),
        Case("a leading plus", "json_invalid", "[+1]"),
        Case("a fraction without digits", "json_invalid", "[1.]"),
        Case("an unknown escape", "json_invalid", #"["\x41"]"#),
        Case("a line end in a string", "json_invalid", "[\"a\nb\"]"),
        Case("NUL in a string", "json_invalid", [0x5b, 0x22, 0x00, 0x22, 0x5d]),
        Case("NUL behind the document", "json_invalid", [0x7b, 0x7d, 0x00]),
        Case("BOM", "json_invalid", [0xef, 0xbb, 0xbf, 0x7b, 0x7d]),
        Case("UTF-16", "json_invalid", [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
        Case("a name twice", "json_duplicate_name", #"{"a":1,"a":1}"#),
        Case("a name twice, escaped", "json_duplicate_name", #"{"a":1,"\u0061":2}"#),
        Case("a name twice, deep inside", "json_duplicate_name", #"[{"b":[{"":1,"":2}]}]"#),
        Case("lists 10,000 deep", "json_too_deep", String(repeating: "[", count: 10_000) + String(repeating: "]", count: 10_000)),
        Case("lists 10,000 deep that don't end", "json_too_deep", String(repeating: "[", count: 10_000)),
        Case(
            "objects 10,000 deep", "json_too_deep",
            String(repeating: "{\"a\":", count: 10_000) + "1" + String(repeating: "}", count: 10_000)),
        Case("a high surrogate alone", "json_invalid_unicode", #"["\ud83d"]"#),
        Case("a low surrogate alone", "json_invalid_unicode", #"["\ude00"]"#),
        Case("surrogates the wrong way round", "json_invalid_unicode", #"["\ude00\ud83d"]"#),
        Case("a surrogate in a name", "json_invalid_unicode", #"{"\ud83d":1}"#),
        Case("invalid UTF-8", "json_invalid_unicode", [0x5b, 0x22, 0xff, 0x22, 0x5d]),
        Case("overlong UTF-8", "json_invalid_unicode", [0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d]),
        Case("a surrogate in UTF-8", "json_invalid_unicode", [0x5b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x5d]),
        Case("UTF-8 that breaks off", "json_invalid_unicode", [0x5b, 0x22, 0xe2, 0x82, 0x22, 0x5d]),
        Case("900 kB of digits", "json_number_too_long", "[" + String(repeating: "7", count: 900_000) + "]"),
    ]

    @Test(arguments: cases, [Way.http1, .http2]) func `a body without a meaning reaches the origin byte for byte`(_ test: Case, _ way: Way)
        throws
    {
        let cached = try CachedOrigin { number, request, connection in
            try connection.send(ScriptedOrigin.message("\(number)"))
        }
        let client = try cached.client(way)
        for number in 1...2 {
            let answer = try client.ask("/", "POST", ["Content-Type: application/json"], bytes: test.bytes)
            #expect(answer.status == 200 && answer.text == "\(number)")
            #expect(answer.cacheStatus == "fwd=bypass; detail=\(test.reason)")
            #expect(cached.received.last?.body == test.bytes)
        }
        // The connection, and the cache, go on.
        #expect(try client.post("{}").isMiss)
        #expect(try client.post("{}").isHit)
        try cached.expectBypass(test.reason, 2)
    }

    @Test(arguments: Way.allCases) func `10 MB of digits go on whole, whether or not body_max is larger`(_ way: Way) throws {
        let bytes = Array("[".utf8) + [UInt8](repeating: 0x37, count: 10_000_000) + Array("]".utf8)
        for (cache, reason) in [("", "body_too_large"), ("body_max=12m", "json_number_too_long")] {
            let cached = try CachedOrigin(cache) { number, request, connection in
                try connection.send(ScriptedOrigin.message("\(number) \(request.body == bytes)"))
            }
            let answer = try cached.client(way).ask("/", "POST", ["Content-Type: application/json"], bytes: bytes)
            #expect(answer.text == "1 true" && answer.cacheStatus == "fwd=bypass; detail=\(reason)")
            try cached.expectBypass(reason, 1)
        }
    }

    @Test func `chunks of a body without a meaning go on as chunks`() throws {
        let cached = try CachedOrigin()
        let client = try cached.edge.connect(.plain)
        try client.send(
            "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                + "2\r\n{\"\r\n3\r\na\":\r\n0\r\n\r\n"
        )
        let answer = try client.readResponse(to: "POST")
        #expect(answer.text == "1 POST / {\"a\":" && answer["Cache-Status"] == "gateway; fwd=bypass; detail=json_invalid")
        #expect(cached.received[0]["Transfer-Encoding"] == "chunked")
    }
}
