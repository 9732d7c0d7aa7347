import GatewayPolicy
import Testing

@Suite struct WeightedSelectorTests {
    private func selector(_ weights: [Int]) -> WeightedSelector {
        WeightedSelector(names: weights.indices.map { "m\($0)" }, weights: weights)
    }

    private func picks(_ selector: inout WeightedSelector, _ count: Int) -> [Int] {
        (0..<count).compactMap { _ in selector.next() }
    }

    private func counts(_ picks: some Sequence<Int>, of memberCount: Int) -> [Int] {
        picks.reduce(into: Array(repeating: 0, count: memberCount)) { $0[$1] += 1 }
    }

    private func excluding(_ members: Int...) -> ExclusionSet {
        members.reduce(into: ExclusionSet()) { $0.insert($1) }
    }

    @Test func `nginx's example is spread as nginx spreads it`() {
        var selector = selector([5, 1, 1])
        #expect(picks(&selector, 7) == [0, 0, 1, 0, 2, 0, 0])
    }

    @Test(arguments: [[1], [5, 1, 1], [95, 5], [100, 300, 600], [7, 3, 0, 2, 1], [1, 1, 1, 1], [0, 4], [999_983, 17]])
    func `every period gives each member its weight exactly`(weights: [Int]) {
        var selector = selector(weights)
        let divisor = weights.reduce(0) { left, right in
            var (a, b) = (left, right)
            while b != 0 { (a, b) = (b, a % b) }
            return a
        }
        let expected = weights.map { $0 / divisor }
        let period = expected.reduce(0, +)
        for _ in 0..<3 { #expect(counts(picks(&selector, period), of: weights.count) == expected) }
    }

    @Test func `95 to 5 is 9500 and 500 in 10,000, and 99 to 1 is one in each hundred`() {
        var canary = selector([95, 5])
        #expect(counts(picks(&canary, 10_000), of: 2) == [9500, 500])
        var rare = selector([99, 1])
        for _ in 0..<100 { #expect(counts(picks(&rare, 100), of: 2) == [99, 1]) }
    }

    @Test(arguments: [[95, 5], [99, 1], [50, 50], [999_999, 1], [2, 3], [1_000_000, 999_999]])
    func `two members are never a whole pick away from their shares`(weights: [Int]) {
        var selector = selector(weights)
        let share = Double(weights[1]) / Double(weights[0] + weights[1])
        var chosen = 0
        var worst = 0.0
        for pick in 1...20_000 {
            chosen += selector.next() ?? 0
            worst = max(worst, abs(Double(chosen) - share * Double(pick)))
        }
        #expect(worst < 1)
    }

    @Test func `who is not available leaves the share to the others by weight, and has it again afterwards`() {
        var selector = selector([50, 30, 20])
        selector.setAvailable(0, false)
        #expect(counts(picks(&selector, 500), of: 3) == [0, 300, 200])
        selector.setAvailable(0, true)
        #expect(counts(picks(&selector, 1000), of: 3) == [500, 300, 200])
        for member in 0..<3 { selector.setAvailable(member, false) }
        #expect(selector.next() == nil && selector.next(excluding: excluding(1)) == nil)
    }

    @Test func `a retry is not for who is not available`() {
        var selector = selector([1, 1, 1])
        selector.setAvailable(1, false)
        for _ in 0..<5 { #expect(selector.next(excluding: excluding(0)) == 2) }
    }

    @Test func `the least loaded for its weight is chosen, equals in turn by weight`() {
        var selector = selector([5, 1, 1])
        // Nobody has a load: the turns are those of round robin.
        #expect((0..<7).compactMap { _ in selector.nextLeastLoaded() } == [0, 0, 1, 0, 2, 0, 0])
        for (member, load) in [(0, 4), (1, 1), (2, 1)] { selector.addLoad(load, to: member) }
        // 4/5 is less than 1/1.
        #expect(selector.nextLeastLoaded() == 0)
        selector.addLoad(2, to: 0)
        #expect(Set((0..<4).compactMap { _ in selector.nextLeastLoaded() }) == [1, 2])
        #expect(selector.nextLeastLoaded(excluding: excluding(1)) == 2)
        #expect(selector.nextLeastLoaded(excluding: excluding(1, 2)) == 0)
        #expect(selector.nextLeastLoaded(excluding: excluding(0, 1, 2)) == nil)
    }

    @Test func `requests that take as long as they like end up by weight`() {
        var selector = selector([3, 2, 0, 1])
        var running: [Int] = []
        for _ in 0..<60 {
            let choice = selector.nextLeastLoaded() ?? -1
            running.append(choice)
            selector.addLoad(1, to: choice)
        }
        #expect(counts(running, of: 4) == [30, 20, 0, 10])
        for choice in running { selector.addLoad(-1, to: choice) }
        #expect(counts((0..<6).compactMap { _ in selector.nextLeastLoaded() }, of: 4) == [3, 2, 0, 1])
    }

    @Test func `loads are not carried over: who counts them knows them`() {
        var old = WeightedSelector(names: ["a", "b"], weights: [1, 1])
        old.addLoad(3, to: 0)
        var new = WeightedSelector(names: ["a", "b"], weights: [1, 1])
        new.addLoad(3, to: 0)
        new.carryOver(from: old)
        new.addLoad(-3, to: 0)
        #expect(Set((0..<2).compactMap { _ in new.nextLeastLoaded() }) == [0, 1])
    }

    /// Each step gives the weights of the stable versions and the canary; the canary's share is always 5 %.
    @Test func `a canary of 5 % keeps its share although the weights are read again every 7 picks`() {
        let steps: [[(String, Int)]] = [
            [("stable", 95), ("canary", 5)], [("stable", 19), ("canary", 1)], [("canary", 50), ("stable", 950)],
            [("stable", 94), ("next", 1), ("canary", 5)], [("other", 19), ("canary", 1)], [("stable", 950_000), ("canary", 50_000)],
        ]
        var selector = WeightedSelector(names: ["stable", "canary"], weights: [95, 5])
        var canary = 1
        var chosen = 0
        for pick in 0..<10_000 {
            if pick % 7 == 0 {
                let step = steps[pick / 7 % steps.count]
                var next = WeightedSelector(names: step.map(\.0), weights: step.map(\.1))
                next.carryOver(from: selector)
                selector = next
                canary = step.firstIndex { $0.0 == "canary" } ?? -1
            }
            if selector.next() == canary { chosen += 1 }
        }
        #expect((495...505).contains(chosen))
    }

    @Test func `twenty reloads with small changes starve nobody`() {
        var selector = selector([99, 1])
        var chosen = 0
        for reload in 0..<20 {
            chosen += picks(&selector, 50).reduce(0, +)
            var next = self.selector([99 + reload % 2, 1])
            next.carryOver(from: selector)
            selector = next
        }
        #expect((9...11).contains(chosen))
    }

    @Test func `reloads that change nothing change no pick`() {
        var steady = selector([5, 3, 2, 1])
        var reloaded = selector([5, 3, 2, 1])
        for _ in 0..<500 {
            var next = selector([5, 3, 2, 1])
            next.carryOver(from: reloaded)
            reloaded = next
            #expect(reloaded.next() == steady.next())
        }
    }

    @Test func `weight 0 is never chosen, also right after it had another weight`() {
        for warmUp in 0..<30 {
            var before = selector([3, 1, 5])
            _ = picks(&before, warmUp)
            var after = selector([3, 0, 5])
            after.carryOver(from: before)
            let chosen = counts(picks(&after, 80), of: 3)
            #expect(chosen[1] == 0 && abs(chosen[0] - 30) <= 1)
            var restored = selector([3, 1, 5])
            restored.carryOver(from: after)
            #expect(abs(counts(picks(&restored, 90), of: 3)[1] - 10) <= 1)
        }
    }

    @Test func `without any weight there is no member, also for a retry`() {
        var none = selector([0, 0])
        #expect(none.next() == nil)
        #expect(none.next(excluding: excluding(0)) == nil)
        var empty = selector([])
        #expect(empty.next() == nil)
        var reloaded = selector([0, 0])
        reloaded.carryOver(from: selector([1, 2]))
        #expect(reloaded.next() == nil)
        var revived = selector([1, 2])
        revived.carryOver(from: none)
        #expect(counts(picks(&revived, 3), of: 2) == [1, 2])
    }

    @Test func `a retry goes to the rest, and to none that has weight 0`() {
        var selector = selector([5, 0, 1])
        for _ in 0..<10 {
            #expect(selector.next(excluding: excluding(0)) == 2)
            #expect(selector.next(excluding: excluding(2)) == 0)
            #expect(selector.next(excluding: excluding(0, 2)) == nil)
        }
    }

    @Test func `retries disturb no first choice, and spread over the rest by weight`() {
        var steady = selector([2, 6, 2])
        var failing = selector([2, 6, 2])
        var retried = [0, 0, 0]
        for _ in 0..<10_000 {
            let first = failing.next()
            #expect(first == steady.next())
            if first == 0, let other = failing.next(excluding: excluding(0)) { retried[other] += 1 }
        }
        #expect(retried == [0, 1500, 500])
    }

    @Test func `retries from whatever member leave the shares of the others as they are`() {
        var selector = selector([4, 3, 2, 1])
        var dice = Dice(state: 3)
        var chosen = [0, 0, 0, 0]
        for _ in 0..<100_000 {
            var tried = ExclusionSet()
            for _ in 0..<Int.random(in: 1...3, using: &dice) { tried.insert(Int.random(in: 0..<4, using: &dice)) }
            if let member = selector.next(excluding: tried) {
                #expect(!tried.contains(member))
                chosen[member] += 1
            }
        }
        #expect(chosen == chosen.sorted(by: >))
        #expect(counts(picks(&selector, 10), of: 4) == [4, 3, 2, 1])
    }

    @Test func `the largest weights do not overflow`() {
        let weights = Array(repeating: 1_000_000, count: 1000)
        var selector = selector(weights)
        #expect(counts(picks(&selector, 2000), of: 1000).allSatisfy { $0 == 2 })
        for _ in 0..<100 {
            var next = self.selector(weights)
            next.carryOver(from: selector)
            selector = next
            #expect(selector.next() != nil)
            #expect(selector.next(excluding: excluding(0, 1)) != nil)
        }
    }
}

@Suite struct ExclusionSetTests {
    @Test func `a set holds eight members, each once`() {
        var set = ExclusionSet()
        #expect(set.isEmpty && !set.contains(0) && !set.contains(-1))
        for member in [3, 1, 4, 1, 5, 9, 2, 6, 8, 3] { set.insert(member) }
        #expect(set.count == 8)
        #expect(set.contains(9) && !set.contains(7))
    }
}
