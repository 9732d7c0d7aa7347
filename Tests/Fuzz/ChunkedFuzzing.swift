import GatewayCore
import GatewayHTTP

/// The chunked coding is taken off in the same way however the bytes arrive, and what ends is what a plain reader of the grammar finds.
enum ChunkedFuzzing {
    struct Outcome: Equatable {
        enum Ending { case incomplete, ended, refused }
        var ending = Ending.incomplete
        /// What the coding has taken; 0 unless it ended.
        var consumed = 0
        var body: [UInt8] = []
        var trailers = Transcript()
    }

    static func run(_ input: RawSpan) {
        let whole = outcome(input, [input.byteCount])
        for cuts in Cuts(of: input) {
            let cut = outcome(input, cuts)
            precondition(cut.ending == whole.ending, "the verdict depends on the cuts")
            precondition(cut == whole || whole.ending == .refused, "the body depends on the cuts")
        }
        let reference = ReferenceChunks.read(input.array)
        precondition((whole.ending == .ended) == (reference != nil), "not what the grammar says")
        guard let reference else { return }
        precondition(whole.body == reference.body && whole.consumed == reference.consumed)
        var fields = Transcript()
        for field in reference.trailers {
            fields.add(field.name.rawSpan)
            fields.add(field.value.rawSpan)
            fields.add(FieldName(field.name.rawSpan).isHopByHop)
        }
        precondition(whole.trailers == fields, "other trailer fields than the grammar's")
        checkEncoded(reference.body)
    }

    private static func outcome(_ input: RawSpan, _ cuts: [Int]) -> Outcome {
        var outcome = Outcome()
        var trailers = HeaderFields(pool: FuzzTarget.pool)
        var decoder = ChunkedDecoder(errorType: .chunkInvalid)
        var start = 0
        for cut in cuts {
            while outcome.ending == .incomplete {
                do throws(GatewayError) {
                    let piece = input.extracting(start..<cut)
                    let step = try decoder.next(piece, trailers: &trailers)
                    precondition(step.data.lowerBound >= 0 && step.data.upperBound <= step.consumed && step.consumed <= piece.byteCount)
                    for index in step.data { outcome.body.append(piece[byte: index]) }
                    start += step.consumed
                    if step.isEnd {
                        outcome.ending = .ended
                        outcome.consumed = start
                    } else if step.consumed == 0 {
                        break
                    }
                } catch {
                    outcome.ending = .refused
                }
            }
        }
        trailers.check()
        outcome.trailers.add(trailers)
        return outcome
    }

    /// What the encoder writes, in one chunk and in two, is read back.
    private static func checkEncoded(_ body: [UInt8]) {
        var queue = ByteQueue(pool: FuzzTarget.pool)
        HTTP1Encoder.chunk(body.rawSpan.extracting(0..<(body.count / 3)), into: &queue)
        HTTP1Encoder.chunk(body.rawSpan.extracting((body.count / 3)..<body.count), into: &queue)
        let none = HeaderFields(pool: FuzzTarget.pool)
        HTTP1Encoder.lastChunk(trailers: none, of: none, into: &queue)
        let again = outcome(queue.bytes, [queue.count])
        precondition(again.ending == .ended && again.body == body && again.consumed == queue.count)
    }
}
