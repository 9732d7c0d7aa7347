import Glibc
import TestSupport
import Testing

/// Reloads and signals under a steady load: nothing is lost.
extension LoadTests {
    @Suite struct ReloadLoadTests {
        let certificates: TestCertificates
        let first: TestCertificates.Leaf
        let stable: QuickOrigin
        let canary: QuickOrigin

        init() throws {
            certificates = try TestCertificates()
            first = try certificates.leaf(["localhost"])
            stable = try QuickOrigin("stable")
            canary = try QuickOrigin("canary")
        }

        private func conf(canary weight: Int, workers: Int = 2, certificate: TestCertificates.Leaf? = nil) -> String {
            """
            workers \(workers);
            access_log {DIR}/access.log json;
            admin 127.0.0.1:0 { }
            upstream api {
                version stable weight=\(100 - weight) { server \(stable.address); }
                version canary weight=\(weight) { server \(canary.address); }
            }
            server {
                listen 127.0.0.1:0 ssl;
                ssl_certificate \(certificate?.certificatePath ?? "{CERT}");
                ssl_certificate_key \(certificate?.keyPath ?? "{KEY}");
                location / { proxy_pass http://api; }
            }
            """
        }

        /// Fifty connections over TLS, each with a request on it at almost any time.
        private func startLoad(_ gateway: Gateway) -> LoadClient {
            let port = gateway.port
            return LoadClient(connections: 50) { try TLSClient(port: port, timeout: 30) }
        }

        /// No answer is missing for the client, nor in the log.
        private func expectNothingLost(_ load: LoadClient, _ gateway: Gateway) throws -> LoadClient.Tally {
            let tally = try load.stop()
            #expect(tally.failures.isEmpty, "\(tally.failures.count) failures: \(tally.failures.prefix(5))")
            #expect(tally.refusedConnects == 0)
            #expect(try gateway.accessLog(waitingFor: tally.answered).count == tally.answered)
            return tally
        }

        @Test func `twenty reloads that move weights, one with a new certificate and two with a broken file fail no request`() throws {
            let gateway = try Gateway(conf: conf(canary: 0), certificate: first)
            let second = try certificates.leaf(["localhost"])
            let load = startLoad(gateway)
            for reload in 1...20 {
                try load.waitForAnswers(200)
                #expect(try gateway.reload(conf: conf(canary: reload * 5)).contains("reloaded"))
                if reload == 7 || reload == 14 { try reloadBroken(gateway) }
                if reload == 10 {
                    #expect(try gateway.reload(conf: conf(canary: 50, certificate: second)).contains("reloaded"))
                    #expect(try gateway.connectTLS().peerSerial == second.serial)
                }
            }
            try load.waitForAnswers(200)
            let tally = try expectNothingLost(load, gateway)
            #expect(tally.connects == 50 && tally.closes == 0, "every connection lived through all reloads")
            #expect(tally.versions["stable", default: 0] > 0 && tally.versions["canary", default: 0] > 0)
            let metrics = try gateway.metrics()
            #expect(metrics["gateway_config_last_reload_successful"] == 1)
            #expect(metrics.sum("gateway_config_reloads_total", ["result": "success"]) == 21)
            #expect(metrics.sum("gateway_config_reloads_total", ["result": "failure"]) == 2)
            #expect(metrics.sum("http_requests_total", ["status": "200"]) == Double(tally.answered))
            #expect(try gateway.connectTLS().get("/")["X-Version"] == "canary")
        }

        private func reloadBroken(_ gateway: Gateway) throws {
            let start = gateway.program.stderr.count
            let broken = conf(canary: 50).replacing("location / {", with: "location / { proxy_pas x;")
            #expect(try gateway.reload(conf: broken).contains("reload failed"))
            try gateway.program.stderr.waitForLine(containing: "gateway.conf:12:", from: start)
            #expect(try gateway.metrics()["gateway_config_last_reload_successful"] == 0)
        }

        @Test func `workers come and go under load with nothing lost`() throws {
            let gateway = try Gateway(conf: conf(canary: 50, workers: 1), certificate: first)
            let load = startLoad(gateway)
            for workers in [4, 1, 3, 2, 1, 2] {
                try load.waitForAnswers(400)
                #expect(try gateway.reload(conf: conf(canary: 50, workers: workers)).contains("workers=\(workers)"))
            }
            try load.waitForAnswers(400)
            _ = try expectNothingLost(load, gateway)
            #expect(try gateway.metrics().sum("gateway_connections", ["state": "active"]) == 0)
        }

        @Test func `SIGUSR1 goes on in a new file after a rename, with no line lost or torn`() throws {
            let gateway = try Gateway(conf: conf(canary: 50), certificate: first)
            let load = startLoad(gateway)
            var files: [String] = []
            for turn in 1...4 {
                try load.waitForAnswers(400)
                try eventually("lines in the file") { try !gateway.accessLogLines().isEmpty }
                files.append("access.log.\(turn)")
                try Program.run("/bin/mv", [gateway.directory.file("access.log"), gateway.directory.file(files[turn - 1])])
                gateway.program.send(SIGUSR1)
                try eventually("a new file") { try !gateway.accessLogLines().isEmpty }
            }
            let tally = try load.stop()
            #expect(tally.failures.isEmpty, "\(tally.failures.prefix(5))")
            let old = try files.map { try gateway.accessLogLines($0).map(LogEntry.init).count }
            #expect(!old.contains(0))
            let rest = tally.answered - old.reduce(0, +)
            #expect(try gateway.accessLog(waitingFor: rest).count == rest)
        }

        @Test func `SIGTERM during load loses no request`() throws {
            let gateway = try Gateway(conf: conf(canary: 50), certificate: first)
            let load = startLoad(gateway)
            try load.waitForAnswers(1_000)
            #expect(try gateway.stop(SIGTERM) == .exited(0))
            let tally = try load.waitForEnd()
            #expect(tally.failures.isEmpty, "\(tally.failures.count) failures: \(tally.failures.prefix(5))")
            #expect(tally.refusedConnects > 0 && tally.closes > 0)
            #expect(try gateway.accessLogLines().count == tally.answered)
        }

        private func plainConf(workers: Int) -> String {
            """
            workers \(workers);
            access_log off;
            server { listen 127.0.0.1:0; keepalive_timeout 0; location / { return 200 ok; } }
            """
        }

        /// A connection for each request: whichever worker's queue it waits in, and whatever becomes of that worker.
        @Test func `new connections are served by whichever worker there is`() throws {
            let gateway = try Gateway(conf: plainConf(workers: 4))
            let port = gateway.port
            let load = LoadClient(connections: 20) { try TCPClient(port: port) }
            for workers in [1, 4, 2, 3, 1, 4, 1, 2] {
                try load.waitForAnswers(200)
                #expect(try gateway.reload(conf: plainConf(workers: workers)).contains("reloaded"))
            }
            try load.waitForAnswers(200)
            #expect(try gateway.stop() == .exited(0))
            let tally = try load.waitForEnd()
            #expect(tally.failures.isEmpty, "\(tally.failures.count) failures: \(tally.failures.prefix(5))")
            #expect(tally.refusedConnects == 20 && tally.closes == tally.answered)
        }
    }
}
