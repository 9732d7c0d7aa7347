import GatewayConfig
import GatewayCore

/// What a bucket has to say to the client: constant text, encoded once. The two numbers that change go behind it.
struct LimitText: Sendable {
    /// `"per_ip";q=50;w=15`: a bucket of 50 that fills up in 15 seconds.
    let policy: [UInt8]
    /// `"per_ip";r=`
    let state: [UInt8]
    let burst: UInt64

    init(name: String, _ bucket: TokenBucket) {
        policy = Array("\"\(name)\";q=\(bucket.burst);w=\((bucket.capacityNs + 999_999_999) / 1_000_000_000)".utf8)
        state = Array("\"\(name)\";r=".utf8)
        burst = bucket.burst
    }
}

/// The fields by which clients learn of limits, as lines. Limits on trial are not mentioned.
public enum LimitFields {
    /// What `outcomes` say, in the form of `style`.
    public static func append(_ outcomes: [LimitOutcome], of limits: [RateLimit], _ style: LimitHeaderStyle, into queue: inout ByteQueue) {
        switch style {
        case .off: break
        case .ietf: appendLists(outcomes, limits, into: &queue)
        case .legacy, .openai:
            guard let tightest = tightest(outcomes, limits) else { return }
            let burst = limits[tightest.limit].texts[tightest.bucket].burst
            if style == .legacy {
                appendLegacy(burst, tightest.verdict, into: &queue)
            } else {
                appendOpenAI(burst, tightest.verdict, into: &queue)
            }
        }
    }

    /// Whether a response's field of this name would say the same as ours, or contradict it.
    public static func replaces(_ name: RawSpan, _ style: LimitHeaderStyle) -> Bool {
        switch style {
        case .off: false
        case .ietf: name.equalsIgnoringCase("ratelimit") || name.equalsIgnoringCase("ratelimit-policy")
        case .legacy:
            name.equalsIgnoringCase("ratelimit-limit") || name.equalsIgnoringCase("ratelimit-remaining")
                || name.equalsIgnoringCase("ratelimit-reset")
        case .openai:
            name.equalsIgnoringCase("x-ratelimit-limit-requests") || name.equalsIgnoringCase("x-ratelimit-remaining-requests")
                || name.equalsIgnoringCase("x-ratelimit-reset-requests")
        }
    }

    /// draft-ietf-httpapi-ratelimit-headers: lists of policies and of what is left of each. `t` is the same moment as Retry-After where
    /// the limit refuses, else the one at which all is back.
    private static func appendLists(_ outcomes: [LimitOutcome], _ limits: [RateLimit], into queue: inout ByteQueue) {
        var isFirst = true
        for outcome in outcomes where !limits[outcome.limit].isDryRun {
            if isFirst { queue.append("RateLimit-Policy: ") } else { queue.append(", ") }
            isFirst = false
            queue.append(limits[outcome.limit].texts[outcome.bucket].policy)
        }
        if isFirst { return }
        isFirst = true
        for outcome in outcomes where !limits[outcome.limit].isDryRun {
            if isFirst { queue.append("\r\nRateLimit: ") } else { queue.append(", ") }
            isFirst = false
            queue.append(limits[outcome.limit].texts[outcome.bucket].state)
            queue.append(decimal: outcome.verdict.remaining)
            queue.append(";t=")
            queue.append(decimal: outcome.verdict.waitS)
        }
        queue.append("\r\n")
    }

    /// For the forms that speak of one limit: of those that refuse the one that does so for longest, else the one with the least left.
    private static func tightest(_ outcomes: [LimitOutcome], _ limits: [RateLimit]) -> LimitOutcome? {
        var best: LimitOutcome?
        for outcome in outcomes where !limits[outcome.limit].isDryRun {
            guard let known = best?.verdict else {
                best = outcome
                continue
            }
            let verdict = outcome.verdict
            let isTighter =
                if verdict.isTaken != known.isTaken {
                    known.isTaken
                } else {
                    verdict.isTaken ? verdict.remaining < known.remaining : verdict.waitNs > known.waitNs
                }
            if isTighter { best = outcome }
        }
        return best
    }

    private static func appendLegacy(_ burst: UInt64, _ verdict: TokenBucket.Verdict, into queue: inout ByteQueue) {
        queue.append("RateLimit-Limit: ")
        queue.append(decimal: burst)
        queue.append("\r\nRateLimit-Remaining: ")
        queue.append(decimal: verdict.remaining)
        queue.append("\r\nRateLimit-Reset: ")
        queue.append(decimal: verdict.waitS)
        queue.append("\r\n")
    }

    private static func appendOpenAI(_ burst: UInt64, _ verdict: TokenBucket.Verdict, into queue: inout ByteQueue) {
        queue.append("x-ratelimit-limit-requests: ")
        queue.append(decimal: burst)
        queue.append("\r\nx-ratelimit-remaining-requests: ")
        queue.append(decimal: verdict.remaining)
        queue.append("\r\nx-ratelimit-reset-requests: ")
        appendDuration(verdict.waitNs, into: &queue)
        queue.append("\r\n")
    }

    /// As Go writes durations: "120ms", "17s", "6m0s", "1h0m0s"; rounded up.
    private static func appendDuration(_ nanoseconds: UInt64, into queue: inout ByteQueue) {
        let milliseconds = (nanoseconds + 999_999) / 1_000_000
        if milliseconds < 1_000 {
            queue.append(decimal: milliseconds)
            queue.append("ms")
            return
        }
        let seconds = (milliseconds + 999) / 1_000
        if seconds >= 3_600 {
            queue.append(decimal: seconds / 3_600)
            queue.append("h")
        }
        if seconds >= 60 {
            queue.append(decimal: seconds / 60 % 60)
            queue.append("m")
        }
        queue.append(decimal: seconds % 60)
        queue.append("s")
    }
}

extension TokenBucket.Verdict {
    /// In seconds, as Retry-After counts: rounded up, so that who waits so long gets through.
    public var waitS: UInt64 { (waitNs + 999_999_999) / 1_000_000_000 }
}
