import GatewayCore
import GatewayPolicy
import Testing

/// What is counted by address, over all workers.
@Suite struct AddressLimitTests {
    private static func address(_ number: UInt32) -> IPAddress { IPAddress(v4: number) }
    private static func moment(_ seconds: Double) -> MonotonicTime { MonotonicTime(nanoseconds: 1 << 40 + UInt64(seconds * 1e9)) }

    // MARK: Connections

    @Test func `an address has as many as it may, and a place for each that leaves`() {
        let counts = AddressCounts()
        for _ in 0..<3 { #expect(counts.enter(Self.address(1), max: 3)) }
        #expect(!counts.enter(Self.address(1), max: 3))
        #expect(counts.enter(Self.address(2), max: 3))
        counts.leave(Self.address(1))
        #expect(counts.enter(Self.address(1), max: 3))
        #expect(!counts.enter(Self.address(1), max: 3))
    }

    @Test func `addresses without connections are forgotten`() {
        let counts = AddressCounts()
        for number in 0..<1_000 as Range<UInt32> {
            #expect(counts.enter(Self.address(number), max: 1))
            #expect(counts.enter(Self.address(number), max: 2))
        }
        #expect(counts.addressCount == 1_000)
        for _ in 0..<2 { for number in 0..<1_000 as Range<UInt32> { counts.leave(Self.address(number)) } }
        #expect(counts.addressCount == 0)
        counts.leave(Self.address(5))
        #expect(counts.enter(Self.address(5), max: 1))
    }

    @Test func `an IPv6 network is one caller, an IPv4 address is one`() throws {
        let first = try #require(IPAddress("2001:db8:1:2::1"))
        let second = try #require(IPAddress("2001:db8:1:2:ffff::9"))
        let other = try #require(IPAddress("2001:db8:1:3::1"))
        #expect(first.caller(v6PrefixBits: 64) == second.caller(v6PrefixBits: 64))
        #expect(first.caller(v6PrefixBits: 64) != other.caller(v6PrefixBits: 64))
        #expect(first.caller(v6PrefixBits: 48) == other.caller(v6PrefixBits: 48))
        #expect(first.caller(v6PrefixBits: 128) == first)
        #expect(Self.address(1).caller(v6PrefixBits: 64) == Self.address(1))
    }

    // MARK: Rates

    private func taken(_ rates: AddressRates, _ count: Int, at seconds: Double, perSecond: Int = 10, burst: Int = 20) -> Int {
        (0..<count).count { _ in rates.take(Self.address(1), perSecond: perSecond, burst: burst, now: Self.moment(seconds)) }
    }

    @Test func `a bucket gives its burst at once, then its rate`() {
        let rates = AddressRates()
        #expect(taken(rates, 50, at: 0) == 20)
        #expect(taken(rates, 50, at: 0.5) == 5)
        #expect(taken(rates, 50, at: 0.55) == 0)
        #expect(taken(rates, 50, at: 1.5) == 10)
        // Full again, and not more than full.
        #expect(taken(rates, 50, at: 100) == 20)
    }

    @Test func `what was refused costs nothing`() {
        let rates = AddressRates()
        #expect(taken(rates, 1_000, at: 0, burst: 1) == 1)
        #expect(taken(rates, 1, at: 0.1, burst: 1) == 1)
    }

    @Test func `a bucket outlives the turns of the generations as long as it is not full`() {
        let rates = AddressRates()
        #expect(taken(rates, 20, at: 0) == 20)
        // The generations turn every two seconds; a bucket that is used gains nothing by it.
        var total = 0
        for step in 1...100 { total += taken(rates, 5, at: Double(step) * 0.1) }
        #expect(total == 100)
    }

    @Test func `a clock that goes back and forth counts as standing still at the latest moment that it has shown`() {
        let rates = AddressRates()
        var walk = ClockWalk(seed: 1)
        var fullAt = 0
        var (wrong, passed) = (0, 0)
        for _ in 0..<20_000 {
            walk.step()
            if walk.dice.next() % 2 == 0 { continue }
            let now = walk.read()
            let isAllowed = max(fullAt, walk.latest) + 1_000 <= walk.latest + 5_000
            if rates.take(Self.address(1), perSecond: 1, burst: 5, now: now) != isAllowed { wrong += 1 }
            if isAllowed {
                passed += 1
                fullAt = max(fullAt, walk.latest) + 1_000
            }
        }
        #expect(wrong == 0 && passed > 100, "\(wrong) verdicts are wrong, \(passed) passed in \(walk.latest) ms")
    }

    @Test func `other addresses have buckets of their own`() {
        let rates = AddressRates()
        #expect(taken(rates, 50, at: 0) == 20)
        #expect(rates.take(Self.address(2), perSecond: 10, burst: 20, now: Self.moment(0)))
    }

    @Test func `the table stays within its bound, whoever comes`() {
        let rates = AddressRates(addressesMax: 1_600)
        for number in 0..<100_000 as Range<UInt32> {
            #expect(rates.take(Self.address(number), perSecond: 10, burst: 20, now: Self.moment(0)))
        }
        #expect(rates.addressCount <= 3_200)
        // After a while nobody is remembered but who came last.
        for number in 0..<200 as Range<UInt32> { _ = rates.take(Self.address(number), perSecond: 10, burst: 20, now: Self.moment(10)) }
        for number in 0..<200 as Range<UInt32> { _ = rates.take(Self.address(number), perSecond: 10, burst: 20, now: Self.moment(20)) }
        #expect(rates.addressCount <= 400)
    }
}
