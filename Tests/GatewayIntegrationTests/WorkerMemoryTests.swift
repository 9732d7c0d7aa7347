import TestSupport
import Testing

/// What becomes of a reload when the kernel gives no memory for more workers.
@Suite struct WorkerMemoryTests {
    private func conf(workers: Int) -> String {
        "workers \(workers); access_log off; server { listen 127.0.0.1:0; location / { return 200 \(workers); } }"
    }

    @Test(.disabled(if: SanitizerReports.areWanted, "a sanitizer's own addresses are more than any limit"))
    func `a reload that wants more workers than there are addresses for fails, and changes nothing`() throws {
        let gateway = try Gateway(conf: conf(workers: 1))
        // A worker takes 1.9 GB of them.
        try limitAddresses(of: gateway, to: String(ProcessFigures(gateway.program).addressBytes() + 1_000_000_000))
        #expect(try gateway.reload(conf: conf(workers: 4)).contains("reload failed"))
        #expect(gateway.program.stderr.text.contains("mmap: Cannot allocate memory"))
        #expect(try gateway.get("/").text == "1")
        try limitAddresses(of: gateway, to: "unlimited")
        #expect(try gateway.reload().contains("reloaded"))
        #expect(try gateway.get("/").text == "4")
        try gateway.reload(conf: conf(workers: 1))
        #expect(try gateway.stop() == .exited(0))
    }

    /// The soft limit alone, which may be lifted again.
    private func limitAddresses(of gateway: Gateway, to limit: String) throws {
        _ = try Program.run("/usr/bin/prlimit", ["--pid", "\(gateway.program.processID)", "--as=\(limit):"])
    }
}
