import GatewayCore
import GatewayHTTP
import GatewayPolicy

/// What a route answers at its edge, before it asks who is there.
extension Worker {
    /// nil lets the request go on.
    func answerAtEdge(_ id: Handle, _ edge: EdgePolicy) -> Verdict? {
        if let access = edge.access, !access.allows(exchanges[id].client) {
            return .refuse(GatewayError(.accessDenied, "the client's address is not one that may ask here"))
        }
        if let cors = edge.cors, let counters = edge.corsCounters {
            if exchanges[id].isPreflight { return answerPreflight(id, cors, counters) }
            if let isAllowed = exchanges[id].allowsPage(cors) { shard.increment(isAllowed ? counters.allowed : counters.refused) }
        }
        if let maintenance = edge.maintenance, maintenance.isUnderWay, !exchanges[id].isExempt(from: maintenance) {
            return .refuse(GatewayError(.maintenance, "the service is being maintained"))
        }
        return nil
    }

    /// A browser asks without cookies and keys (WHATWG Fetch § 4.9), so this comes before authentication. It understands a 204 with the
    /// fields that allow, or without them.
    private func answerPreflight(_ id: Handle, _ cors: CORSPolicy, _ counters: EdgePolicy.CORSCounters) -> Verdict {
        if let error = dropRequestBody(id) { return .refuse(error) }
        var fields = ByteQueue(pool: pool)
        exchanges[id].error = exchanges[id].refusal(by: cors)
        let isAllowed = exchanges[id].error == nil
        shard.increment(isAllowed ? counters.preflight : counters.preflightRefused)
        if isAllowed { exchanges[id].encodePreflight(cors, into: &fields) }
        respond(id, 204, fields: fields.bytes, body: RawSpan(), vary: .preflight)
        return .next(.finish)
    }
}

extension Exchange {
    fileprivate var isPreflight: Bool { CORSPolicy.isPreflight(head) }

    fileprivate func allowsPage(_ cors: CORSPolicy) -> Bool? { cors.allowsPage(of: head) }

    fileprivate func isExempt(from maintenance: Maintenance) -> Bool { maintenance.exempts(client, head) }

    fileprivate func refusal(by cors: CORSPolicy) -> GatewayError? { cors.refusal(of: head) }

    fileprivate func encodePreflight(_ cors: CORSPolicy, into queue: inout ByteQueue) { cors.appendPreflightFields(to: head, into: &queue) }

    /// What the edge adds to every final response.
    func encodeEdge(_ edge: EdgePolicy, overTLS isTLS: Bool, into queue: inout ByteQueue) {
        edge.securityHeaders.append(overTLS: isTLS, isBuiltInPage: response.isBuiltInPage, to: &queue)
        if let cors = edge.cors, error?.type != .corsRefused { cors.appendAnswerFields(to: head, into: &queue) }
    }
}
