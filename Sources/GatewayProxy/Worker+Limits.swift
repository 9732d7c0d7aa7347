import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// Token buckets. All that a request meets have to have tokens for it; if one has not, the others get back what they gave.
extension Worker {
    // MARK: limitAddress

    /// Before anybody is asked for a key, so that keys can't be tried at will.
    func limitAddress(_ id: Handle) -> Verdict {
        guard let limits = exchanges[id].location?.policies?.limits else { return .next(.authenticate) }
        limitOutcomes.value.removeAll(keepingCapacity: true)
        return take(id, limits, 0..<limits.addressCount) ?? .next(.authenticate)
    }

    // MARK: limitCaller

    func limitCaller(_ id: Handle) -> Verdict {
        guard let limits = exchanges[id].location?.policies?.limits else { return .next(.answer) }
        if let refusal = take(id, limits, limits.addressCount..<limits.limits.count) { return refusal }
        for outcome in limitOutcomes.value where outcome.verdict.isTaken { shard.increment(limits.routes[outcome.limit].passed) }
        exchanges[id].hasPassedLimits = true
        tellLimits(id)
        return .next(.answer)
    }

    /// The refusal; nil if all had tokens. What one phase took stands in ``limitOutcomes`` until the next, which follows at once.
    private func take(_ id: Handle, _ limits: RouteLimits, _ range: Range<Int>) -> Verdict? {
        var refused = -1
        for index in range {
            let limit = limits.limits[index]
            let (caller, bucket) = exchanges[id].caller(of: limit)
            let cost = limits.routes[index].cost
            let (verdict, place) = limit.take(cost, of: caller, bucket: bucket, now: now)
            limitOutcomes.value.append(
                LimitOutcome(limit: index, cost: cost, caller: caller, bucket: bucket, verdict: verdict, place: place))
            if place == .shared { shard.increment(limits.routes[index].shared) }
            if verdict.isTaken { continue }
            if limit.isDryRun {
                shard.increment(limits.routes[index].refused)
                exchanges[id].limitOnTrial = Int8(index)
            } else if refused < 0 || verdict.waitNs > limitOutcomes.value[refused].verdict.waitNs {
                refused = limitOutcomes.value.count - 1
            }
        }
        return refused < 0 ? nil : .refuse(refuseByLimit(id, limits, refused))
    }

    private func refuseByLimit(_ id: Handle, _ limits: RouteLimits, _ refused: Int) -> GatewayError {
        let time = MonotonicTime.now()
        for index in limitOutcomes.value.indices where limitOutcomes.value[index].verdict.isTaken {
            limits.limits[limitOutcomes.value[index].limit].giveBack(&limitOutcomes.value[index], now: time)
        }
        let outcome = limitOutcomes.value[refused]
        shard.increment(limits.routes[outcome.limit].refused)
        exchanges[id].limitedBy = Int8(outcome.limit)
        tellLimits(id)
        exchanges[id].tellWait(outcome.verdict)
        return GatewayError(.rateLimited, "there were more requests than the rate limit allows")
    }

    /// Whatever the answer will be, it says what the limits have left.
    func tellLimits(_ id: Handle) {
        guard let limits = exchanges[id].location?.policies?.limits else { return }
        exchanges[id].tell(limitOutcomes.value, limits)
    }
}

extension Exchange {
    fileprivate func caller(of limit: RateLimit) -> (caller: CallerHash, bucket: Int) {
        limit.caller(client, keyName: Int(keyName), head.fields)
    }

    fileprivate mutating func tell(_ outcomes: [LimitOutcome], _ limits: RouteLimits) {
        LimitFields.append(outcomes, of: limits.limits, limits.style, into: &policyFields)
    }

    /// RFC 9110 § 10.2.3. The longest of the waits: who has waited so long finds tokens in every bucket.
    fileprivate mutating func tellWait(_ verdict: TokenBucket.Verdict) {
        HTTP1Encoder.field("Retry-After", decimal: max(1, verdict.waitS), into: &policyFields)
    }

    /// Whether ours takes the place of a field of the origin's.
    func replacesField(_ name: RawSpan) -> Bool {
        guard let limits = location?.policies?.limits else { return false }
        return LimitFields.replaces(name, limits.style)
    }

    /// The operator's words for who is refused by a limit; empty where there are none.
    var limitMessage: [UInt8] {
        guard limitedBy >= 0, let limits = location?.policies?.limits else { return [] }
        return limits.limits[Int(limitedBy)].message
    }

    func encodeLimits(into line: inout ByteQueue) {
        guard let limits = location?.policies?.limits else { return }
        if limitedBy >= 0 {
            line.append(#""limit":"refused","#)
            line.append(limits.routes[Int(limitedBy)].logMember)
        } else if limitOnTrial >= 0 {
            line.append(#""limit":"dry_run","#)
        } else {
            line.append(#""limit":"passed","#)
        }
        if limitOnTrial >= 0 { line.append(limits.routes[Int(limitOnTrial)].logMember) }
    }
}
