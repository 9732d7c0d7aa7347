/// Smooth weighted round-robin (nginx, "Upstream: smooth weighted round-robin balancing.", 2012): each pick adds every member's
/// weight to its credit, takes the member with the greatest, and takes the sum of the weights off it. So 1 % is exactly 1 in 100,
/// and evenly spread. One worker owns a selector.
///
/// Weights are scaled so that their sum is near 2⁴⁰, whatever the configuration says: the shares stay exact, and a credit can be
/// carried over to other weights without losing fractions of a pick that would add up over reloads.
public struct WeightedSelector: Sendable {
    @usableFromInline
    struct Member: BitwiseCopyable, Sendable {
        @usableFromInline let weight: Int
        /// What the member is behind (positive) or ahead of (negative) its share of the first choices, in 1/total picks.
        @usableFromInline var credit = 0
        /// The same for retries. They have an account of their own: so they don't disturb the first choices, and still spread over
        /// the rest by weight instead of all falling to whoever comes after the one that failed.
        @usableFromInline var retryCredit = 0
        @usableFromInline var isAvailable = true
        /// Requests that are at the member now, where somebody counts them.
        @usableFromInline var load = 0

        init(weight: Int) { self.weight = weight }
    }

    private static let scaledTotal = 1 << 40

    @usableFromInline var members: [Member]
    /// The sum of the scaled weights.
    @usableFromInline let total: Int
    @usableFromInline var unavailableCount = 0
    private let names: [String]

    /// - Parameters:
    ///   - names: what ``carryOver(from:)`` knows the members by.
    ///   - weights: one for each name, 0 or more; their sum stays below 2⁴⁰.
    public init(names: [String], weights: [Int]) {
        precondition(names.count == weights.count && weights.allSatisfy { $0 >= 0 })
        let sum = weights.reduce(0, +)
        precondition(sum <= Self.scaledTotal)
        let scale = sum == 0 ? 0 : Self.scaledTotal / sum
        self.names = names
        members = weights.map { Member(weight: $0 * scale) }
        total = sum * scale
    }

    /// The index of the member whose turn it is; nil if all that remain have weight 0 or are not available. With `excluded` it is a
    /// retry.
    @inlinable
    public mutating func next(excluding excluded: ExclusionSet = ExclusionSet()) -> Int? {
        if total == 0 { return nil }
        if !excluded.isEmpty { return retry(excluding: excluded) }
        return unavailableCount == 0 ? firstChoice() : firstChoiceOfAvailable()
    }

    /// Whether a member may be picked at all. One that may not leaves its share to the others, by their weights; when it comes back it
    /// gets its share again, and nothing for the time between.
    @inlinable
    public mutating func setAvailable(_ index: Int, _ isAvailable: Bool) {
        if members[index].isAvailable == isAvailable { return }
        members[index].isAvailable = isAvailable
        unavailableCount += isAvailable ? -1 : 1
    }

    /// The index of the member with the least load for its weight; among equals whose turn it is, by weight (nginx's least_conn). nil as
    /// for ``next(excluding:)``.
    public mutating func nextLeastLoaded(excluding excluded: ExclusionSet = ExclusionSet()) -> Int? {
        var least = -1
        var isTied = false
        for index in members.indices where mayTake(index, excluded) {
            if least < 0 || isLessLoaded(index, than: least) {
                least = index
                isTied = false
            } else if !isLessLoaded(least, than: index) {
                isTied = true
            }
        }
        return isTied ? nextAmongEquals(of: least, excluding: excluded) : least < 0 ? nil : least
    }

    private mutating func nextAmongEquals(of least: Int, excluding excluded: ExclusionSet) -> Int {
        var best = -1
        var sum = 0
        for index in members.indices where mayTake(index, excluded) && !isLessLoaded(least, than: index) {
            members[index].credit += members[index].weight
            sum += members[index].weight
            if best < 0 || members[index].credit > members[best].credit { best = index }
        }
        members[best].credit -= sum
        return best
    }

    private func mayTake(_ index: Int, _ excluded: ExclusionSet) -> Bool {
        members[index].weight > 0 && members[index].isAvailable && !excluded.contains(index)
    }

    /// Compares load / weight without a division. Weights are below 2⁴¹ and loads below 2²¹, so products fit.
    private func isLessLoaded(_ left: Int, than right: Int) -> Bool {
        members[left].load * members[right].weight < members[right].load * members[left].weight
    }

    /// One request more at the member, or one less.
    public mutating func addLoad(_ difference: Int, to index: Int) {
        members[index].load += difference
    }

    public func hasWeight(_ index: Int) -> Bool { members[index].weight > 0 }

    public func name(_ index: Int) -> String { names[index] }

    public func index(of name: String) -> Int? { names.firstIndex(of: name) }

    @inlinable
    mutating func firstChoice() -> Int? {
        var best = -1
        var bestCredit = 0
        var index = 0
        while index < members.count {
            let weight = members[index].weight
            let credit = members[index].credit + weight
            members[index].credit = credit
            if weight > 0, best < 0 || credit > bestCredit {
                best = index
                bestCredit = credit
            }
            index += 1
        }
        if best < 0 { return nil }
        members[best].credit = bestCredit - total
        return best
    }

    @inlinable
    mutating func firstChoiceOfAvailable() -> Int? {
        var best = -1
        var bestCredit = 0
        var remaining = 0
        var index = 0
        while index < members.count {
            let weight = members[index].weight
            if weight > 0, members[index].isAvailable {
                let credit = members[index].credit + weight
                members[index].credit = credit
                remaining += weight
                if best < 0 || credit > bestCredit {
                    best = index
                    bestCredit = credit
                }
            }
            index += 1
        }
        if best < 0 { return nil }
        members[best].credit = bestCredit - remaining
        return best
    }

    @inlinable
    mutating func retry(excluding excluded: ExclusionSet) -> Int? {
        var best = -1
        var bestCredit = 0
        var remaining = 0
        var index = 0
        while index < members.count {
            let weight = members[index].weight
            if weight > 0, members[index].isAvailable, !excluded.contains(index) {
                let credit = members[index].retryCredit + weight
                members[index].retryCredit = credit
                remaining += weight
                if best < 0 || credit > bestCredit {
                    best = index
                    bestCredit = credit
                }
            }
            index += 1
        }
        if best < 0 { return nil }
        members[best].retryCredit = bestCredit - remaining
        return best
    }

    /// Takes over the credits of the members that `old` has under the same names, so that a member with a small weight comes to
    /// its turn however often the configuration is read again. Members that have no weight now or that are new begin with none.
    public mutating func carryOver(from old: borrowing WeightedSelector) {
        var oldIndices: [String: Int] = [:]
        for (index, name) in old.names.enumerated() where oldIndices[name] == nil { oldIndices[name] = index }
        if total == 0 || old.total == 0 { return }
        let ratio = Double(total) / Double(old.total)
        for (index, name) in names.enumerated() where members[index].weight > 0 {
            guard let oldIndex = oldIndices[name] else { continue }
            members[index].credit = Int((Double(old.members[oldIndex].credit) * ratio).rounded())
            members[index].retryCredit = Int((Double(old.members[oldIndex].retryCredit) * ratio).rounded())
        }
        settle(\.credit)
        settle(\.retryCredit)
    }

    /// Makes the credits add up to 0 again, after rounding and when members went: each gives by its weight, as with a pick, so that
    /// nobody gains on another.
    private mutating func settle(_ account: WritableKeyPath<Member, Int>) {
        let surplus = members.reduce(0) { $0 + $1[keyPath: account] }
        let share = Double(surplus) / Double(total)
        var rest = surplus
        for index in members.indices {
            let part = Int((Double(members[index].weight) * share).rounded())
            members[index][keyPath: account] -= part
            rest -= part
        }
        if let heaviest = members.indices.max(by: { members[$0].weight < members[$1].weight }) {
            members[heaviest][keyPath: account] -= rest
        }
    }
}
