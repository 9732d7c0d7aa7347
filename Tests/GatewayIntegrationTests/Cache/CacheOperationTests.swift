import TestSupport
import Testing

/// `gateway cache` and reloads: what an operator does with a zone that is in use.
@Suite struct CacheOperationTests {
    private struct Command {
        let status: Int32?
        let output: String
    }

    private func command(_ cached: CachedOrigin, _ arguments: String...) throws -> Command {
        let port = try #require(cached.gateway.adminPort)
        let program = try Program("gateway", ["cache"] + arguments + ["--admin", "127.0.0.1:\(port)"])
        let ending = try program.waitForExit()
        try program.stdout.waitForEnd()
        try program.stderr.waitForEnd()
        guard case .exited(let status) = ending else { return Command(status: nil, output: "\(ending)") }
        return Command(status: status, output: program.stdout.text + program.stderr.text)
    }

    private func entries(_ cached: CachedOrigin) throws -> Double { try cached.gateway.metrics().sum("gateway_cache_entries") }

    @Test func `show tells what is in a zone, and how often it is of use`() throws {
        let cached = try CachedOrigin()
        for _ in 0..<4 { for target in ["/a", "/b"] { _ = try cached.ask(target) } }
        let table = try command(cached, "show")
        #expect(table.status == 0)
        let rows = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        let (head, row) = (rows[0], rows[1])
        #expect(rows.count == 2 && head.first == "zone" && row.count == head.count - 1 && row[0] == "ai" && row[1] == "2")
        #expect(row.last == "75.0%" && row[5] == "6" && row[6] == "0" && row[7] == "2", "\(table.output)")
        let json = try command(cached, "show", "--json", "ai")
        #expect(json.output.contains("\"entries\":2") && json.output.contains("\"hit_rate\":0.7500"))
        #expect(try command(cached, "show", "other").status == 1)
    }

    @Test func `purge by path takes what is below it, of every host and method, and leaves the rest`() throws {
        let cached = try CachedOrigin()
        let client = try cached.client()
        let targets = ["/v1/a", "/v1/b?c", "/v1", "/v10", "/v2/v1/", "/%76%31/d"]
        for target in targets { #expect(try client.ask(target).isMiss) }
        #expect(try client.post("{}", "/v1/a").isMiss)
        #expect(try client.ask("/v1/a", host: "other.test").isMiss)
        let purged = try command(cached, "purge", "ai", "--path", "/v1/")
        #expect(purged.status == 0 && purged.output == "5 answers purged", "\(purged.output)")
        #expect(try entries(cached) == 3)
        for target in targets {
            #expect(try client.ask(target).isHit == ["/v1", "/v10", "/v2/v1/"].contains(target), "\(target)")
        }
        #expect(try client.post("{}", "/v1/a").isMiss)
        #expect(try command(cached, "purge", "ai", "--path", "/none").output == "0 answers purged")
    }

    @Test func `purge of all empties the zone, variants too`() throws {
        let cached = try CachedOrigin(fields: "Vary: X-A\r\n")
        for value in ["1", "2"] { #expect(try cached.ask("/", ["X-A: \(value)"]).isMiss) }
        #expect(try command(cached, "purge", "ai", "--all").status == 0)
        #expect(try entries(cached) == 0)
        for value in ["1", "2"] { #expect(try cached.ask("/", ["X-A: \(value)"]).isMiss) }
        #expect(try command(cached, "purge", "other", "--all").status == 1)
    }

    @Test func `an answer is purged by the key that the log tells`() throws {
        let cached = try CachedOrigin()
        #expect(try cached.ask("/a").isMiss)
        #expect(try cached.ask("/b").isMiss)
        let lines = try cached.gateway.accessLog(waitingFor: 2)
        let key = try #require(lines.first { $0["uri"] == "/a" }?["cache_key"])
        #expect(key.count == 64)
        #expect(try command(cached, "purge", "ai", "--key", key).output == "1 answer purged")
        #expect(try command(cached, "purge", "ai", "--key", key).output == "0 answers purged")
        #expect(try cached.ask("/a").isMiss)
        #expect(try cached.ask("/b").isHit)
    }

    @Test func `the key of an answer that has variants purges all of them`() throws {
        let cached = try CachedOrigin(fields: "Vary: X-A\r\n")
        for value in ["1", "2"] {
            #expect(try cached.ask("/", ["X-A: \(value)"]).isMiss)
            #expect(try cached.ask("/", ["X-A: \(value)"]).isHit)
        }
        let key = try #require(try cached.gateway.accessLog(waitingFor: 4).first { $0["cache"] == "miss" }?["cache_key"])
        #expect(try command(cached, "purge", "ai", "--key", key).output == "1 answer purged")
        // From here on it is known again that there are variants.
        for value in ["3", "1", "2"] {
            #expect(try cached.ask("/", ["X-A: \(value)"]).isMiss)
            #expect(try cached.ask("/", ["X-A: \(value)"]).isHit)
        }
        #expect(cached.count == 5)
    }

    @Test(arguments: Way.allCases) func `an answer under way at a purge is given to who waits, and not kept`(_ way: Way) throws {
        let goesOn = Signal()
        let cached = try CachedOrigin { number, request, connection in
            if number == 1 { try goesOn.wait() }
            try connection.send(CachedOrigin.answer(number, request))
        }
        let address = cached.edge.address(way.transport)
        let asking = Background { try WayClient(way, address).ask("/") }
        try eventually("the request at the origin") { cached.count == 1 }
        #expect(try command(cached, "purge", "ai", "--all").status == 0)
        goesOn.send()
        #expect(try asking.value().text == "1 GET / ")
        #expect(try cached.ask("/", [], way).text == "2 GET / ")
        #expect(try cached.ask("/", [], way).isHit)
    }

    // MARK: Reloads

    private static func conf(_ zone: String, _ cache: String = "cache ai;") -> String {
        """
        workers 2;
        admin 127.0.0.1:0 { }
        \(zone)
        server { listen 127.0.0.1:0; location / { proxy_pass http://127.0.0.1:{ORIGIN}; \(cache) } }
        """
    }

    @Test func `a reload keeps what is stored, as long as the zone keeps its name and its size`() throws {
        let origin = try CachedOrigin.origin { try $2.send(CachedOrigin.answer($0, $1)) }
        let zone = "cache_zone ai memory=16m;"
        let gateway = try Gateway(conf: Self.conf(zone), values: ["ORIGIN": "\(origin.port)"])
        #expect(try gateway.get("/").text == "1 GET / ")
        for conf in [Self.conf(zone), Self.conf(zone + "cache_zone other memory=16m;", "cache ai ttl=5h; add_header A b;")] {
            #expect(try gateway.reload(conf: conf).contains("reloaded"))
            #expect(try gateway.get("/").text == "1 GET / ")
        }
        for (number, zone) in [(2, "cache_zone ai memory=32m;"), (3, "cache_zone ai memory=32m entry_max=64k;")] {
            #expect(try gateway.reload(conf: Self.conf(zone)).contains("reloaded"))
            for _ in 0..<2 { #expect(try gateway.get("/").text == "\(number) GET / ") }
        }
        #expect(try gateway.reload(conf: Self.conf("cache_zone b memory=32m entry_max=64k;", "cache b;")).contains("reloaded"))
        #expect(try gateway.get("/").text == "4 GET / ")
        #expect(try gateway.reload(conf: Self.conf("cache_zone ai memory=1m entry_max=64k;")).contains("reloaded"))
        #expect(try gateway.get("/").text == "5 GET / ")
        #expect(try gateway.reload(conf: Self.conf("cache_zone ai memory=1;")).contains("reload failed"))
        #expect(try gateway.get("/").text == "5 GET / ")
    }

    @Test func `a reload that takes the cache away leaves an answer under way to its reader`() throws {
        let goesOn = Signal()
        let origin = try CachedOrigin.origin { number, request, connection in
            if number == 1 {
                try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n1 a\r\n")
                try goesOn.wait()
                return try connection.send("3\r\n b \r\n0\r\n\r\n")
            }
            try connection.send(CachedOrigin.answer(number, request))
        }
        let gateway = try Gateway(conf: Self.conf("cache_zone ai memory=16m;"), values: ["ORIGIN": "\(origin.port)"])
        let client = try gateway.connect()
        try client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try client.receive(through: "1 a\r\n").hasSuffix("1 a\r\n"))
        #expect(try gateway.reload(conf: Self.conf("", "")).contains("reloaded"))
        let other = try gateway.get("/")
        #expect(other.text == "2 GET / " && other["Cache-Status"] == nil)
        goesOn.send()
        #expect(try client.receive(through: "0\r\n\r\n").contains(" b "))
    }
}
