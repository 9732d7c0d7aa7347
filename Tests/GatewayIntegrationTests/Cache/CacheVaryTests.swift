import TestSupport
import Testing

/// Vary: which fields of a request an answer depends on (RFC 9111 § 4.1).
@Suite struct CacheVaryTests {
    @Test(arguments: Way.allCases) func `each value of a field that Vary names has an answer of its own`(_ way: Way) throws {
        let cached = try CachedOrigin(fields: "Vary: Accept-Language, X-A\r\n")
        let client = try cached.client(way)
        let variants = [
            [], ["Accept-Language: de"], ["Accept-Language: en"], ["Accept-Language: de", "X-A: b"], ["X-A: b"], ["X-A: de"],
            ["Accept-Language: b"],
        ]
        let texts = try variants.map { fields in
            let answer = try client.ask("/", fields)
            #expect(answer.isMiss, "\(fields)")
            return answer.text
        }
        #expect(Set(texts).count == variants.count)
        for (fields, text) in zip(variants, texts).reversed() {
            let answer = try client.ask("/", fields.map { $0.lowercased() } + ["X-B: c"])
            #expect(answer.isHit && answer.text == text && answer["Vary"] == "Accept-Language, X-A")
        }
        #expect(cached.count == variants.count)
    }

    @Test func `several lines of Vary are one list, in any case of letters`() throws {
        let cached = try CachedOrigin(fields: "Vary: x-a\r\nvary:  , X-B ,\r\n")
        for fields in [["X-A: 1"], ["X-A: 2"], ["X-B: 1"], ["X-A: 1", "X-B: 1"]] {
            #expect(try cached.ask("/", fields).isMiss)
            #expect(try cached.ask("/", fields).isHit)
        }
        #expect(cached.count == 4)
    }

    @Test(arguments: ["*", "X-A, *", "X-A\r\nVary: *", "\"X-A\"", "X-A;q=1", "X-B, X-A X-C"])
    func `what varies by anything is asked anew each time`(value: String) throws {
        let cached = try CachedOrigin(fields: "Vary: \(value)\r\n")
        for number in 1...3 { #expect(try cached.ask().text == "\(number) GET / ") }
        try cached.expectNotStored("vary", 3)
    }

    @Test(arguments: [
        "X-Request-ID", "x-forwarded-for", "X-Forwarded-Proto", "X-Forwarded-Host", "Host", "X-Real-IP", "Forwarded", "X-Set", "X-A, X-SET",
    ])
    func `what varies by a field that the gateway sets is not stored`(name: String) throws {
        let cached = try CachedOrigin(fields: "Vary: \(name)\r\n", location: "proxy_set_header X-Set $remote_port;")
        for number in 1...2 { #expect(try cached.ask().text == "\(number) GET / ") }
        try cached.expectNotStored("vary", 2)
    }

    @Test func `Accept-Encoding makes no variants, as coding is the gateway's business`() throws {
        let cached = try CachedOrigin(fields: "Vary: Accept-Encoding\r\n")
        #expect(try cached.ask("/", ["Accept-Encoding: gzip"]).isMiss)
        #expect(try cached.ask("/", ["Accept-Encoding: br"]).isHit)
        #expect(try cached.ask()["Vary"] == "Accept-Encoding")
        #expect(cached.count == 1)
    }

    @Test func `an origin that names other fields later is believed`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let names = ["X-A", "X-B", ""][min(number, 3) - 1]
            try connection.send(CachedOrigin.answer(number, request, fields: names.isEmpty ? "" : "Vary: \(names)\r\n"))
        }
        #expect(try cached.ask("/", ["X-A: 1"]).text == "1 GET / ")
        #expect(try cached.ask("/", ["X-A: 1"]).isHit)
        #expect(try cached.ask("/", ["X-A: 2", "X-B: 2"]).text == "2 GET / ")
        #expect(try cached.ask("/", ["X-A: 1", "X-B: 2"]).text == "2 GET / ")
        #expect(try cached.ask("/", ["X-A: 2", "X-B: 1"]).text == "3 GET / ")
        #expect(try cached.ask("/", ["X-B: 1"]).text == "3 GET / ")
    }

    @Test func `variants are revalidated each by its own tag, and fetched anew each for itself`() throws {
        let cached = try CachedOrigin { number, request, connection in
            let fields = "Cache-Control: max-age=0\r\nVary: X-A\r\nETag: \"\(request["X-A"] ?? "")\"\r\n"
            if request["If-None-Match"] == "\"\(request["X-A"] ?? "")\"" {
                try connection.send("HTTP/1.1 304 Not Modified\r\n\(fields)\r\n")
            } else {
                try connection.send(CachedOrigin.answer(number, request, fields: fields))
            }
        }
        for value in ["1", "2"] { #expect(try cached.ask("/", ["X-A: \(value)"]).isMiss) }
        for value in ["1", "2", "1"] {
            let answer = try cached.ask("/", ["X-A: \(value)"])
            #expect(answer.text == "\(value) GET / " && answer.cacheStatus == "fwd=stale; fwd-status=304; ttl")
        }
        #expect(try cached.ask("/", ["X-A: 1", "Cache-Control: no-cache"]).text == "6 GET / ")
        #expect(try cached.ask("/", ["X-A: 1", "Cache-Control: max-stale"]).text == "6 GET / ")
        #expect(try cached.ask("/", ["X-A: 2", "Cache-Control: max-stale"]).text == "2 GET / ")
        #expect(try cached.ask("/", ["X-A: 3", "Cache-Control: only-if-cached"]).status == 504)
        #expect(cached.count == 6)
    }

    @Test func `HEAD finds the variant that GET would`() throws {
        let cached = try CachedOrigin(fields: "Vary: X-A\r\n")
        let first = try cached.ask("/", ["X-A: 1"])
        let head = try cached.client().ask("/", "HEAD", ["X-A: 1"])
        #expect(head.isHit && head["Content-Length"] == "\(first.body.count)")
        #expect(try cached.client().ask("/", "HEAD", ["X-A: 2"]).cacheStatus == "fwd=bypass; detail=head_miss")
    }

    // MARK: POST

    @Test(arguments: ["", "obey_origin"]) func `an answer to POST is for those with the same values in what Vary names`(_ options: String)
        throws
    {
        let cached = try CachedOrigin(options, fields: "Vary: X-A\r\nSet-Cookie: a=b\r\n")
        for value in ["1", "2"] {
            #expect(try cached.post("{}", "/", ["X-A: \(value)"])["Set-Cookie"] == nil)
            #expect(try cached.post("{}", "/", ["X-A: \(value)"]).isHit)
        }
        #expect(try cached.post("{}").isMiss)
        #expect(try cached.post("{}").isHit)
        #expect(cached.count == 3)
    }

    @Test func `what depends on anything is kept for nobody, by POST either`() throws {
        let cached = try CachedOrigin(fields: "Vary: X-A, *\r\n")
        for number in 1...2 { #expect(try cached.post("{}").text.hasPrefix("\(number) ")) }
        try cached.expectNotStored("vary", 2)
    }

    @Test(arguments: ["$remote_addr", "a$remote_port", "$proxy_add_x_forwarded_for", "$request_id"])
    func `what the origin makes of who asks is kept for nobody, where the gateway names him`(value: String) throws {
        let cached = try CachedOrigin(fields: "Vary: X-Client\r\n", location: "proxy_set_header X-Client \(value);")
        for number in 1...2 { #expect(try cached.post("{}").text.hasPrefix("\(number) ")) }
        try cached.expectNotStored("vary", 2)
    }

    @Test(arguments: Way.allCases) func `no site is given what an origin has allowed another`(_ way: Way) throws {
        let cached = try CachedOrigin { number, request, connection in
            let allowed = request["Origin"].map { "Access-Control-Allow-Origin: \($0)\r\n" } ?? ""
            let vary = request.target == "/silent" ? "" : "Vary: Origin, Accept-Encoding\r\n"
            try connection.send(CachedOrigin.answer(number, request, fields: allowed + vary))
        }
        let client = try cached.client(way)
        // Nobody says so of each answer that mirrors the field.
        for target in ["/", "/silent"] {
            for site in ["https://a.example", "https://b.example", nil] {
                let fields = site.map { ["Origin: \($0)"] } ?? []
                let answers = try (0..<2).map { _ in try client.post("{}", target, fields) }
                #expect(answers[0].isMiss && answers[1].isHit)
                #expect(answers.allSatisfy { $0["Access-Control-Allow-Origin"] == site })
            }
        }
        #expect(cached.count == 6)
    }

    @Test func `where force lets nothing else count, Origin does`() throws {
        let cached = try CachedOrigin("ttl=1h force", fields: "Vary: Origin, X-A\r\n")
        #expect(try cached.ask("/", ["Origin: https://a.example", "X-A: 1"]).isMiss)
        #expect(try cached.ask("/", ["Origin: https://a.example", "X-A: 2"]).isHit)
        #expect(try cached.ask("/", ["Origin: https://b.example", "X-A: 2"]).isMiss)
    }

    @Test func `what Vary names of the fields that count anyhow makes no variants`() throws {
        let cached = try CachedOrigin("headers=x-b", fields: "Vary: X-B, Accept-Encoding, Origin\r\n")
        #expect(try cached.post("{}", "/", ["X-B: 1"]).isMiss)
        #expect(try cached.post("{}", "/", ["X-B: 1"]).isHit)
        #expect(try cached.post("{}", "/", ["X-B: 2"]).isMiss)
        try cached.expect("gateway_cache_entries", 2)
    }

    @Test func `what is purged while a variant is fetched is not stored by that`() throws {
        let released = Signal()
        let cached = try CachedOrigin { number, request, connection in
            let answer = CachedOrigin.answer(number, request, fields: "Vary: X-A\r\n")
            try connection.send(String(answer.dropLast()))
            if number == 1 { try released.wait() }
            try connection.send(String(answer.suffix(1)))
        }
        let client = try cached.edge.connect(.plain)
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        _ = try client.readHead()
        let admin = try TCPClient(port: #require(cached.gateway.adminPort))
        let purge = try admin.request("POST", "/cache/purge?zone=ai&all", fields: ["X-Gateway-Admin: 1", "Connection: close"])
        #expect(purge.status == 200)
        released.send()
        try cached.expectNotStored("superseded", 1)
        #expect(try cached.ask("/").isMiss)
        #expect(try cached.ask("/").isHit)
    }

    // MARK: Many at once

    /// What `gateway cache show` tells.
    private func misses(_ cached: CachedOrigin) throws -> Int? {
        let zones = try cached.gateway.admin("/cache").json()["zones"] as? [[String: Any]]
        return zones?.first?["misses"] as? Int
    }

    private func varying(_ released: Signal?) throws -> CachedOrigin {
        try CachedOrigin(workers: 2) { _, request, connection in
            let round = Int(request.target.dropFirst()) ?? 0
            try released?.wait(round + 1)
            try connection.send(
                ScriptedOrigin.message("\(request.target) \(request["X-V"] ?? "")", fields: "Vary: X-V\r\n"))
        }
    }

    @Test func `those who wait for an answer that turns out to be another variant's get their own`() throws {
        let released = Signal()
        let cached = try varying(released)
        let clients = try (0..<16).map { _ in try cached.edge.connect(.plain) }
        for round in 0..<8 {
            for (index, client) in clients.enumerated() {
                try client.send("GET /\(round) HTTP/1.1\r\nHost: localhost\r\nX-V: \(index % 8)\r\n\r\n")
            }
            try cached.gateway.waitForMetrics("all wait") { $0.sum("gateway_connections", ["state": "active"]) == 16 }
            released.send()
            for (index, client) in clients.enumerated() {
                let answer = try client.readResponse()
                #expect(answer.status == 200 && answer.text == "/\(round) \(index % 8)", "\(answer.rawHead)")
            }
        }
        // Who waited for another variant has gone to the origin alone.
        try eventually("as many misses as requests to the origin") {
            let alone = try cached.gateway.metrics().sum("gateway_cache_bypasses_total", ["reason": "not_shared"])
            return try misses(cached).map { $0 + Int(alone) } == cached.count
        }
    }

    @Test func `those who wait for the same variant get it by one request`() throws {
        let released = Signal()
        let cached = try CachedOrigin(workers: 2) { number, request, connection in
            if number == 1 { try released.wait() }
            let fields = "Vary: Origin, X-Origin, Referer\r\n"
            try connection.send(ScriptedOrigin.message("\(number) \(request["Referer"] ?? "")", fields: fields))
        }
        let clients = try (0..<16).map { _ in try cached.edge.connect(.plain) }
        let lines = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        for (index, client) in clients.enumerated() {
            let other = index == 15 ? "Referer: https://a.example/\r\n" : ""
            try client.send("\(lines)\(other)Content-Length: 2\r\n\r\n{}")
            if index == 0 { try eventually("the origin has the first") { cached.count == 1 } }
        }
        try cached.gateway.waitForMetrics("all wait") { $0.sum("gateway_connections", ["state": "active"]) == 16 }
        released.send()
        for client in clients[..<15] { #expect(try client.readResponse().text == "1 ") }
        #expect(try clients[15].readResponse().text == "2 https://a.example/")
        #expect(cached.count == 2)
        try cached.expectBypass("not_shared", 1)
        #expect(try cached.post("{}").isHit)
    }

    @Test func `many who ask for many variants of many URLs at once each get what they asked for`() throws {
        let cached = try varying(nil)
        let address = cached.edge.address(.plain)
        let asking = (0..<16).map { index in
            Background {
                let client = try WayClient(.http1, address)
                return try (0..<150).compactMap { number -> String? in
                    let (target, value) = ("/\(number)", "\((index + number) % 8)")
                    let answer = try client.ask(target, ["X-V: \(value)"])
                    return answer.status == 200 && answer.text == "\(target) \(value)" ? nil : "\(target) \(value): \(answer)"
                }
            }
        }
        for client in asking { #expect(try client.value(timeout: 4 * Deadline.defaultSeconds) == []) }
        // Who waited for another variant has gone to the origin alone.
        try eventually("as many misses as requests to the origin") {
            let alone = try cached.gateway.metrics().sum("gateway_cache_bypasses_total", ["reason": "not_shared"])
            return try misses(cached).map { $0 + Int(alone) } == cached.count
        }
    }
}
