import GatewayPolicy
import Testing

@Suite struct RequestIDGeneratorTests {
    @Test func `ids differ, within a generator and between two`() {
        var generators = [RequestIDGenerator(), RequestIDGenerator()]
        var seen: Set<[UInt64]> = []
        var ones = 0
        for index in 0..<20_000 {
            let id = generators[index % 2].next()
            seen.insert([id.0, id.1])
            ones += id.0.nonzeroBitCount + id.1.nonzeroBitCount
        }
        #expect(seen.count == 20_000)
        #expect(abs(ones - 64 * 20_000) < 20_000)
    }
}
