import GatewayCache
import GatewayConfig
import GatewayCore

/// What is said of an answer does not depend on how it is cut, and an error isn't forgotten.
enum EventStreamFuzzing {
    static func run(_ input: RawSpan) {
        for api in APIStyle.allCases {
            let (stream, answer) = (ofStream(input, api, [input.byteCount]), ofAnswer(input, api, [input.byteCount]))
            for cuts in Cuts(of: input) {
                precondition(ofStream(input, api, cuts) == stream, "what is said of a stream depends on the cuts")
                precondition(ofAnswer(input, api, cuts) == answer, "what is said of an answer depends on the cuts")
            }
        }
    }

    private static func ofStream(_ input: RawSpan, _ api: APIStyle, _ cuts: [Int]) -> Transcript {
        var scanner = EventStreamScanner(api: api)
        var hasFailed = false
        var start = 0
        for cut in cuts {
            scanner.scan(input.extracting(start..<cut))
            precondition(!hasFailed || scanner.hasFailed, "an error is forgotten")
            precondition(!scanner.hasFailed || !scanner.isComplete, "complete in spite of an error")
            hasFailed = scanner.hasFailed
            start = cut
        }
        var transcript = Transcript()
        transcript.add(scanner.isComplete, hasFailed)
        add(scanner.usage, to: &transcript)
        transcript.add(scanner.model)
        return transcript
    }

    private static func ofAnswer(_ input: RawSpan, _ api: APIStyle, _ cuts: [Int]) -> Transcript {
        var answer = AnswerUsage(api: api)
        var start = 0
        for cut in cuts {
            answer.scan(input.extracting(start..<cut))
            start = cut
        }
        var transcript = Transcript()
        transcript.add(answer.hasFailed)
        add(answer.usage, to: &transcript)
        transcript.add(answer.model)
        return transcript
    }

    private static func add(_ usage: TokenUsage, to transcript: inout Transcript) {
        for count in [usage.input, usage.output] {
            transcript.add(count != nil)
            if let count { transcript.add(Int(truncatingIfNeeded: count)) }
        }
    }
}
