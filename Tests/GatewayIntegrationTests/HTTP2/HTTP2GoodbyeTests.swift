import Glibc
import TestSupport
import Testing

/// The two GOAWAYs of a connection that is to end, where something is in their way.
@Suite struct HTTP2GoodbyeTests {
    private func conf(_ origin: String, extra: String = "") -> String {
        """
        workers 1;
        shutdown_timeout 30s;
        access_log off;
        admin 127.0.0.1:0 { }
        server { listen 127.0.0.1:0; location / { proxy_pass http://\(origin); } }
        \(extra)
        """
    }

    private func removed(_ origin: String) -> String {
        "server { listen 127.0.0.2:0; location / { proxy_pass http://\(origin); } }"
    }

    @Test func `the second GOAWAY goes out although the client read nothing when it was due`() throws {
        let bytes = 16 << 20
        let mayEnd = Signal()
        let progress = Monitor(0)
        let origin = try ScriptedOrigin(keepsReceived: false) { connection, _ in
            guard try connection.readNextRequest() != nil else { return }
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\(String(bytes, radix: 16))\r\n")
            try connection.sendPattern(bytes) { sent in progress.update { $0 = sent } }
            try mayEnd.wait(timeout: 120)
            try connection.send("\r\n0\r\n\r\n")
        }
        let address = "127.0.0.1:\(origin.port)"
        let gateway = try Gateway(conf: conf(address, extra: removed(address)))
        let (host, port) = (gateway.addresses[1].host, gateway.addresses[1].port)
        let reader = try HTTP2Client.open(TCPClient(port: port, host: host, receiveBufferBytes: 4096)) {
            $0.settings = [(HTTP2Setting.initialWindowSize, UInt32(bytes + 1))]
        }
        let clock = try HTTP2Client.open(gateway.connect(1))
        try reader.send(.windowUpdate(0, UInt32(bytes)))
        let stream = try reader.request(.get)
        // Until the client's side is full, and the origin's with it.
        var last = -1
        while let now = progress.wait(until: Deadline(seconds: 1), for: { $0 > last ? $0 : nil }) { last = now }
        #expect(last < bytes)
        try gateway.reload(conf: conf(address))
        // Its end says that the second was due on the other one, too.
        try clock.waitForEnd()
        try reader.wait("the second GOAWAY", timeout: 60) { $0.goAways.count == 2 }
        #expect(reader.goAways.last?.last == stream && !reader.response(stream).isOver)
        mayEnd.send()
        #expect(try reader.response(on: stream, timeout: 60).body.count == bytes)
        try reader.waitForEnd()
    }

    @Test func `a connection that was just opened may still send its first request after SIGTERM`() throws {
        // It has two seconds, and a stall of the machine may take them away: only then is it tried again.
        var isServed = false
        for _ in 0..<5 where !isServed { isServed = try servesFirstRequestAfterSIGTERM() }
        #expect(isServed)
    }

    /// False if it was not served, and that was seen when its time was over.
    private func servesFirstRequestAfterSIGTERM() throws -> Bool {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address))
        let used = try HTTP2Client.open(gateway.connect())
        #expect(try used.get("/x").text == "/x")
        let fresh = try HTTP2Client.open(gateway.connect())
        let time = Deadline(seconds: 2)
        gateway.program.send(SIGTERM)
        // The one that has had its requests ends at once: the time between the two GOAWAYs is over.
        try used.waitForEnd()
        do {
            #expect(try fresh.get("/first").text == "/first")
        } catch {
            if time.hasPassed { return false }
            throw error
        }
        try fresh.waitForEnd()
        #expect(fresh.goAways.map(\.last) == [0x7fff_ffff, 1])
        #expect(try gateway.program.waitForExit() == .exited(0))
        return true
    }

    @Test func `requests of a configuration that is given up are answered, and the connection says which was the last`() throws {
        let held = try HeldOrigin()
        let gateway = try Gateway(conf: conf(held.address, extra: removed(held.address)))
        let client = try HTTP2Client.open(gateway.connect(1))
        let streams = try (0..<3).map { _ in try client.request(.request("GET", "/late")) }
        try held.origin.waitForConnections(3)
        // Each configuration is kept by a request, until there are too many.
        var keepers: [HTTP2Client] = []
        for index in 0..<20 {
            try gateway.reload(conf: conf(held.address))
            let keeper = try HTTP2Client.open(gateway.connect())
            _ = try keeper.request(.request("GET", "/late"))
            try held.origin.waitForConnections(4 + index)
            keepers.append(keeper)
        }
        for stream in streams {
            let response = try client.response(on: stream)
            #expect(response.status == 503 && response.text.contains("snapshot_retired"))
        }
        try client.waitForEnd()
        #expect(client.goAways.last?.last == streams.last && client.goAways.last?.code == 0)
        held.release()
    }
}
