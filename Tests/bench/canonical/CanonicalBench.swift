import GatewayCache
import GatewayCore
import GatewayNet
import Glibc

struct CanonicalBench: ~Copyable {
    private let seconds: Double
    private var json: CanonicalJSON
    private var maker: CacheKeyMaker
    private var sha256 = SHA256()
    private var output: ByteQueue
    /// Something of all that was made, so that nothing can be left out.
    private var seen: UInt64 = 0

    init(seconds: Double) {
        self.seconds = seconds
        let pool = BufferPool()
        json = CanonicalJSON(pool: pool)
        maker = CacheKeyMaker(pool: pool)
        output = ByteQueue(pool: pool)
    }

    mutating func measure(_ body: [UInt8]) -> (form: Int, key: Int, hash: Int) {
        let form = megabytesPerSecond(body.count) { bench in
            bench.canonical(body)
            bench.output.removeAll()
        }
        let key = megabytesPerSecond(body.count) { bench in
            bench.canonical(body)
            bench.maker.begin()
            let form = bench.output.take()
            bench.maker.add(.canonicalBody, form.bytes)
            bench.seen &+= bench.maker.finish().first
        }
        let hash = megabytesPerSecond(body.count) { bench in bench.seen &+= bench.sha256.digest(of: body.rawSpan).first }
        precondition(seen != 0)
        return (form, key, hash)
    }

    private mutating func canonical(_ body: [UInt8]) {
        do throws(CanonicalJSONFailure) {
            try json.encode(body.rawSpan, into: &output)
        } catch {
            preconditionFailure("no canonical form: \(error)")
        }
        seen &+= UInt64(output.count)
    }

    /// The best of three runs: others use the machine, too.
    private mutating func megabytesPerSecond(_ byteCount: Int, _ run: (inout CanonicalBench) -> Void) -> Int {
        let start = cpuSeconds
        run(&self)
        let rounds = max(1, Int(seconds / 3 / max(cpuSeconds - start, 1e-7)))
        var best = Double.infinity
        for _ in 0..<3 {
            let start = cpuSeconds
            for _ in 0..<rounds { run(&self) }
            best = min(best, cpuSeconds - start)
        }
        return Int(Double(byteCount * rounds) / best / 1e6)
    }

    private var cpuSeconds: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}
