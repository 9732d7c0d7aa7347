import Foundation
import TestSupport
import Testing

/// Connections to origins over TLS: kept, resumed, and made anew when what was verified is no longer what is asked for.
@Suite struct UpstreamTLSSessionTests {
    private static let versions = [TLSClient.Version.tls12, .tls13]

    private func origin(_ version: TLSClient.Version, closes: Bool = true) throws -> ScriptedOrigin {
        try SecureUpstream.telling(
            {
                $0.minimum = version
                $0.maximum = version
            }, fields: closes ? "Connection: close\r\n" : "")
    }

    @Test(arguments: versions) func `a new connection resumes the session of one before it`(version: TLSClient.Version) throws {
        let secure = try SecureUpstream(origin(version))
        #expect(try secure.gateway.get("/").text.contains("resumed=false"))
        for _ in 0..<6 { #expect(try secure.gateway.get("/").text.contains("resumed=true")) }
        #expect(try secure.handshakes(["resumed": "true"]) == 6)
        #expect(try secure.handshakes(["resumed": "false"]) == 1)
    }

    @Test(arguments: versions) func `connections are kept alive over TLS`(version: TLSClient.Version) throws {
        let secure = try SecureUpstream(origin(version, closes: false))
        let client = try secure.gateway.connect()
        for _ in 0..<5 { #expect(try client.get("/").text.contains("connection=0")) }
        #expect(try secure.handshakes() == 1)
    }

    @Test(arguments: versions)
    func `a reload that changes nothing keeps connections and sessions`(version: TLSClient.Version) throws {
        let kept = try SecureUpstream(origin(version, closes: false))
        #expect(try kept.gateway.get("/").text.contains("connection=0"))
        #expect(try kept.gateway.reload().contains("reloaded"))
        #expect(try kept.gateway.get("/").text.contains("connection=0"))
        let closing = try SecureUpstream(origin(version))
        #expect(try closing.gateway.get("/").text.contains("resumed=false"))
        #expect(try closing.gateway.reload().contains("reloaded"))
        #expect(try closing.gateway.get("/").text.contains("resumed=true"))
    }

    @Test(arguments: versions)
    func `other authorities end what was verified by the ones before`(version: TLSClient.Version) throws {
        let files = try TemporaryDirectory()
        let authority = try SecureUpstream.authority.get()
        let stranger = try SecureUpstream.stranger.get()
        func install(_ path: String) throws { try files.write(String(contentsOfFile: path, encoding: .utf8), to: "ca.pem") }
        try install(authority.authorityPath)
        for closes in [false, true] {
            try install(authority.authorityPath)
            let secure = try SecureUpstream(origin(version, closes: closes), tls: "tls name=origin.test ca=\(files.file("ca.pem"));")
            #expect(try secure.gateway.get("/").status == 200)
            try install(stranger.authorityPath)
            #expect(try secure.gateway.get("/").status == 200, "nothing is read before SIGHUP")
            #expect(try secure.gateway.reload().contains("reloaded"))
            #expect(try secure.gateway.get("/").status == 502, "neither a kept connection nor a session may be used")
            try install(authority.authorityPath)
            #expect(try secure.gateway.reload().contains("reloaded"))
            #expect(try secure.gateway.get("/").status == 200)
        }
    }

    @Test func `another name ends what was verified for the one before`() throws {
        let secure = try SecureUpstream(origin(.tls13, closes: false))
        #expect(try secure.gateway.get("/").status == 200)
        #expect(try secure.gateway.reload(conf: SecureUpstream.conf(tls: "tls name=other.test ca={CA};")).contains("reloaded"))
        #expect(try secure.gateway.get("/").status == 502)
    }

    @Test func `an upstream that gets TLS by a reload leaves its plain connections alone`() throws {
        let plain = try ScriptedOrigin.answering(ScriptedOrigin.message("plain"))
        let secure = try SecureUpstream(plain, tls: "", upstream: "keepalive_timeout 60s;")
        #expect(try secure.gateway.get("/").text == "plain")
        let tls = "tls name=origin.test ca={CA}; connect_timeout 200ms;"
        #expect(try secure.gateway.reload(conf: SecureUpstream.conf(tls: tls)).contains("reloaded"))
        #expect(try secure.gateway.get("/").text.contains("TLS handshake"))
    }

    @Test func `a ticket on an idle connection leaves it idle, and can be used`() throws {
        let side = try TLSServerSide(SecureUpstream.leaf.get())
        let ticketed = Monitor(0)
        let origin = try ScriptedOrigin.overTLS(side) { connection, index in
            while let request = try connection.readNextRequest() {
                try connection.send(ScriptedOrigin.message("\(request.target) connection=\(index)"))
                // Behind the answer, when the connection is idle.
                try connection.sendTicket()
                ticketed.update { $0 += 1 }
            }
        }
        let secure = try SecureUpstream(origin, upstream: "keepalive_timeout 60s;")
        for count in 1...5 {
            #expect(try secure.gateway.get("/\(count)").text == "/\(count) connection=0")
            try eventually("ticket \(count)") { ticketed.value == count }
        }
        #expect(try secure.handshakes() == 1)
    }

    @Test func `keys that the origin updates at any time are no content`() throws {
        let side = try TLSServerSide(SecureUpstream.leaf.get())
        let updated = Monitor(0)
        let origin = try ScriptedOrigin.overTLS(side) { connection, index in
            while try connection.readNextRequest() != nil {
                try connection.updateKeys()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
                try connection.updateKeys()
                try connection.send("here is connection \(index)")
                try connection.updateKeys()
                updated.update { $0 += 1 }
            }
        }
        let secure = try SecureUpstream(origin, upstream: "keepalive_timeout 60s;")
        for count in 1...5 {
            #expect(try secure.gateway.get("/").text == "here is connection 0")
            try eventually("update \(count)") { updated.value == count }
        }
    }

    @Test func `an idle connection that the origin ends is not used again`() throws {
        let side = try TLSServerSide(SecureUpstream.leaf.get())
        let origin = try ScriptedOrigin.overTLS(side) { connection, index in
            guard try connection.readNextRequest() != nil else { return }
            try connection.send(ScriptedOrigin.message("connection=\(index)"))
            if index % 2 == 0 { connection.close() } else { connection.truncate() }
        }
        let secure = try SecureUpstream(origin, upstream: "keepalive_timeout 60s;")
        for index in 0..<6 { #expect(try secure.gateway.get("/").text == "connection=\(index)") }
    }

    @Test func `the origin is told of the end of a connection`() throws {
        let ends = Monitor<[String]>([])
        let side = try TLSServerSide(SecureUpstream.leaf.get())
        let origin = try ScriptedOrigin.overTLS(side) { connection, _ in
            _ = try connection.readNextRequest()
            try connection.send(ScriptedOrigin.message("ok"))
            let result = Result { try connection.receiveSome(until: Deadline(seconds: 60)) }
            ends.update { $0.append((try? result.get()).map { "\($0.count)" } ?? "truncated") }
        }
        let secure = try SecureUpstream(origin, upstream: "keepalive_timeout 50ms;")
        #expect(try secure.gateway.get("/").status == 200)
        try eventually("close_notify") { ends.value == ["0"] }
    }
}
