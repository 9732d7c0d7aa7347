import GatewayCore
import GatewayTelemetry
import Testing

/// What a collector says of the spans that it did not take.
@Suite struct SpanAnswerTests {
    private func rejected(_ answer: String) -> Int { SpanAnswer.rejectedSpans(in: Array(answer.utf8).rawSpan) }

    @Test(arguments: [
        (#"{"partialSuccess":{"rejectedSpans":7}}"#, 7), (#"{"partialSuccess":{"rejectedSpans":"7"}}"#, 7),
        ("{\"partialSuccess\" : {\n\t\"errorMessage\": \"full\",\r\n \"rejectedSpans\" : \"12\"\n}}", 12),
        (#"{"errorMessage":"rejectedSpans","rejectedSpans":3}"#, 3), (#"{"errorMessage":"\"rejectedSpans\":5","rejectedSpans":4}"#, 4),
        (#"{"rejectedSpans":70000000000000000000000}"#, 1_000_000_000), (#"{"rejectedSpans":8"#, 8),
    ])
    func `so many were rejected`(answer: String, count: Int) {
        #expect(rejected(answer) == count)
    }

    @Test(arguments: [
        "", "{}", #"{"partialSuccess":{}}"#, #"{"partialSuccess":{"rejectedSpans":"0"}}"#, #"{"rejectedSpans"#, #"{"rejectedSpans""#,
        #"{"rejectedSpans":"#, #"{"rejectedSpans":""#, #"{"rejectedSpans":null}"#, #"{"rejectedSpans":-1}"#, #"{"rejectedLogRecords":7}"#,
        #"{"errorMessage":"rejectedSpans: 7"}"#,
    ])
    func `none was rejected, or nothing is said of it`(answer: String) {
        #expect(rejected(answer) == 0)
    }
}
